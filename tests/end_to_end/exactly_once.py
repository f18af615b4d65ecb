"""Every message exactly once: the mail that tests deliver to find that out, and what all views must then agree on."""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Sequence

from tests.end_to_end.operating import Operator


def mail(number: int, chance: random.Random, *, lines: int = 20) -> bytes:
    """One message from Ann, unlike any other, of fewer than `lines` lines."""
    body = "".join(f"{chance.randbytes(chance.randrange(1, 30)).hex()}\r\n" for _ in range(chance.randrange(1, lines)))
    return (
        f"From: Ann <ann@example.org>\r\nTo: jane@example.com\r\nMessage-ID: <{number}@example.org>\r\n"
        f"Subject: number {number}\r\n\r\n{body}"
    ).encode()


async def know_ann(operator: Operator) -> None:
    """Saves Ann as a contact of the built-in CRM: every message of hers is linked to it."""
    record = {"record_kind": "contact", "name": "Ann", "addresses": ["ANN@example.org"]}
    await operator.temporal(
        *("workflow", "update", "execute", "--workflow-id", "crm/builtin", "--name", "save_record"),
        *("--input", json.dumps(record)),
    )


async def assert_stored_exactly_once(operator: Operator, address: str, delivered: Sequence[bytes]) -> None:
    """All of `delivered` is stored, linked, counted and told of once, and the account's log is whole."""
    raw = await operator.rows(
        "select r.raw, m.sha256 from raw_messages r join messages m using (id) where m.address = %s", address
    )
    assert Counter(row["raw"] for row in raw) == Counter(delivered)
    assert all(hashlib.sha256(row["raw"]).digest() == row["sha256"] for row in raw)
    assert await operator.number("select count(*) from messages where address = %s", address) == len(delivered)
    entries = "select count(*) from ledger where address = %s and state in ('stored', 'deleted')"
    assert await operator.number(entries, address) == len(delivered)
    linked = await operator.rows(
        "select message, count(*), min(direction) as direction, min(record_kind) as kind from correspondence "
        "where address = %s group by message",
        address,
    )
    assert len(linked) == len(delivered)
    assert {(row["count"], row["direction"], row["kind"]) for row in linked} == {(1, "Received", "contact")}
    stored = await operator.events(address, "MessagesStored")
    told = [message for event in stored for message in event["data"]["messages"]]
    assert Counter(told) == Counter(row["message"] for row in linked)
    assert sum(event["data"]["links"] for event in stored) == len(delivered)
    assert await operator.number("select sum(stored) from retrievals where address = %s", address) == len(delivered)
    assert await operator.number("select messages from accounts where address = %s", address) == len(delivered)
    assert await operator.number("select count(*) from uploads where address = %s", address) == 0  # parts of messages
    await operator.assert_log_is_whole(address)


async def assert_deleted_exactly_once(operator: Operator, address: str, count: int) -> None:
    """The ledger knows all `count` messages as deleted from the server, and each was told of once."""
    states = await operator.rows("select state, count(*) from ledger where address = %s group by state", address)
    assert [(row["state"], row["count"]) for row in states] == [("deleted", count)]
    told = await operator.events(address, "MessagesDeletedOnServer")
    assert sum(event["data"]["count"] for event in told) == count
    assert await operator.number("select sum(deleted) from retrievals where address = %s", address) == count


async def assert_no_failures(operator: Operator, address: str) -> None:
    """Nothing that went wrong was taken for a failure of the mail server."""
    failures = await operator.events(
        address, "RetrievalFailed", "AccountSuspended", "AccountDisabled", "CommandRefused"
    )
    assert [event["data"] for event in failures] == []
    (account,) = await operator.rows("select * from accounts where address = %s", address)
    assert (account["state"], account["authentication_failures"], account["connection_failures"]) == ("active", 0, 0)
