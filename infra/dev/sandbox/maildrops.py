"""The sandbox's mailboxes: one folder of files per address, filled with the sample mail the first time."""

from __future__ import annotations

import itertools
import os
import re
import time
from pathlib import Path

SAMPLE_MAIL = Path(__file__).parent / "mail"
ADDRESSES = ("sandbox@example.com", "sales@example.com")

_DELIVERIES = itertools.count()


class Maildrop:
    """The messages of one address, as files with CRLF line ends; a file's name is its UIDL and gives its place.

    Files are written under `tmp` and renamed into `new`, as in a maildir, so a message is there whole or not at all.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def uidls(self) -> list[str]:
        return sorted(path.name for path in (self._folder / "new").iterdir())

    def size(self, uidl: str) -> int:
        return (self._folder / "new" / uidl).stat().st_size

    def read(self, uidl: str) -> bytes:
        return (self._folder / "new" / uidl).read_bytes()

    def deliver(self, raw: bytes) -> str:
        """Stores one message, whatever its line ends; returns its UIDL."""
        uidl = f"{time.time_ns():020d}.{os.getpid()}.{next(_DELIVERIES)}"
        self._store(uidl, raw)
        return uidl

    def delete(self, uidl: str) -> None:
        (self._folder / "new" / uidl).unlink(missing_ok=True)

    def fill(self, samples: Path) -> None:
        """Stores every .eml file below `samples`, named so that they stand before all that is delivered later."""
        for path in sorted(samples.glob("*.eml")):
            self._store(path.stem, path.read_bytes())

    def _store(self, uidl: str, raw: bytes) -> None:
        for name in ("tmp", "new"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        unfinished = self._folder / "tmp" / uidl
        unfinished.write_bytes(re.sub(rb"\r?\n", b"\r\n", raw))
        unfinished.replace(self._folder / "new" / uidl)


def open_maildrops(state: Path) -> dict[str, Maildrop]:
    """The maildrops below `state` by address; one that is not there yet is made, full of the sample mail."""
    maildrops = {}
    for address in ADDRESSES:
        folder = state / address
        if not folder.exists():
            # renamed when full: killed in between, the next start fills it again
            being_filled = state / f".filling.{address}"
            Maildrop(being_filled).fill(SAMPLE_MAIL / address.partition("@")[0])
            being_filled.rename(folder)
        maildrops[address] = Maildrop(folder)
    return maildrops
