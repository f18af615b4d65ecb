"""How much memory a worker takes, whatever lies in a mailbox: measured in a worker of its own."""

from __future__ import annotations

import random

from tests.end_to_end.operating import Operator
from tests.servers.dovecot import Dovecot
from tests.support.running import a_new_address

MIB = 1 << 20
MOST = 400 * MIB


async def test_a_message_of_ninety_megabytes_among_many_is_retrieved_within_bounds(
    operator: Operator, dovecot: Dovecot
) -> None:
    address = a_new_address()
    dovecot.add_user(address, "secret")
    chance = random.Random(1)
    line = b"".join(chance.randbytes(38).hex().encode() + b"\r\n" for _ in range(1000))
    head = f"From: Ann <ann@example.org>\r\nTo: {address}\r\nSubject: a film\r\n\r\n".encode()
    for number in range(2000):
        dovecot.deliver(
            address, b"Message-ID: <%d@example.org>\r\n%s%s" % (number, head, line[: chance.randrange(60_000)])
        )
    dovecot.deliver(address, head + line * (90 * 1000 * 1000 // len(line)))
    worker = await operator.worker()
    await operator.connect(address, dovecot.port, await operator.store_secret("jane", "secret"))
    await operator.until_stored(address, 2001)
    assert await operator.number("select max(size) from messages") > 89_000_000
    assert await operator.number("select max(octet_length(raw)) from raw_messages") > 89_000_000
    assert worker.peak_memory() < MOST
