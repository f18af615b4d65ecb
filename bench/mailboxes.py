"""Mailboxes to measure with: generated mail of 17 kB on average in a Dovecot, near or far away, the same in every run."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
from collections.abc import Iterator

from tests.servers.dovecot import Dovecot

USER, PASSWORD = "jane@example.com", "benchmark"
AVERAGE_BYTES = 17_000
ROUND_TRIP_MS = 50
FAR = f"{ROUND_TRIP_MS} ms round trip"


def fill(server: Dovecot, user: str, messages: int, *, largest: int = 0) -> int:
    """Gives the server a mailbox of that many messages, of sizes between 2 and 32 kB, no two of any mailbox the same.

    With `largest`, one of that many bytes comes last. The bytes of all of them as POP3 sends them.
    """
    server.add_user(user, PASSWORD)
    # Written as a server that has been at work for long would have them: read before, so that it need not move them at
    # the first login, and with both sizes in the name, so that it need not open them for LIST.
    folder, owner = server.maildir(user) / "cur", server.maildir(user).stat()
    total = 0
    for number, message in enumerate(mail(user, messages, largest)):
        wire = len(message) + message.count(b"\n")
        total += wire
        place = folder / f"{1_700_000_000 + number}.M{number:06}P1.bench,S={len(message)},W={wire}:2,"
        with open(place, "wb") as file:
            file.write(message)
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
    return total


def mail(user: str, messages: int, largest: int = 0) -> Iterator[bytes]:
    """Messages to that user, as they are on a disk: lines end in LF."""
    chance = random.Random(1)
    text = "".join(chance.choice("abcdefghijklmno    \n") for _ in range(2 * AVERAGE_BYTES)).encode()
    for number in range(messages):
        head = (
            f"From: Somebody <s{number % 500}@example.org>\nTo: {user}\nSubject: message {number}\n"
            f"Date: Mon, 01 Jun 2026 10:00:00 +0000\nMessage-ID: <{number}.{user}>\n\n"
        )
        if largest and number == messages - 1:
            yield head.encode() + text * (largest // len(text))
        else:
            yield head.encode() + text[: chance.randrange(2_000, 2 * AVERAGE_BYTES - 2_000)] + b"\n"


@contextlib.contextmanager
def far_away(port: int) -> Iterator[int]:
    """The port of a proxy before the server at `port`, from which it is `ROUND_TRIP_MS` away."""
    command = [sys.executable, "-m", "bench.delaying_proxy", str(port), str(ROUND_TRIP_MS / 2)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as proxy:
        assert proxy.stdout
        try:
            yield int(proxy.stdout.readline())
        finally:
            proxy.terminate()
