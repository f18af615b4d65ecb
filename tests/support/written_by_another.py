"""Notices in HTML, reasons and subjects that somebody wrote who knew nothing of the rules: half of what they wrote, by which the
rules were mended. What of it was right at first, and of the other half, stands in docs/performance.md."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.support.notices import HEADER

DATA = Path(__file__).parents[1] / "data"


class Page(NamedTuple):
    """A notice in HTML: whom it says not to have reached, and its bytes."""

    name: str
    failed: frozenset[str]
    raw: bytes


class Reason(NamedTuple):
    """What a server said of a recipient, and whether the address is bad."""

    said: str
    hard: bool


def pages() -> Iterator[Page]:
    header = HEADER.replace("text/plain", "text/html")
    for number, row in enumerate(_rows("notices_in_html.tsv"), 1):
        failed = frozenset(one.strip().lower() for one in row["failed"].split(",") if one.strip())
        page = row["page"].replace("\\n", "\n")
        yield Page(f"page {number}", failed, f"{header}{page}\n".replace("\n", "\r\n").encode())


def reasons() -> Iterator[Reason]:
    """Those of another, and those in ten languages that the project wrote."""
    for name in ("bounce_reasons_another.tsv", "bounce_reasons_written.tsv"):
        for row in _rows(name):
            yield Reason(row["said"].replace("\\n", "\n"), row["severity"] == "hard")


def subjects() -> Iterator[tuple[str, bool]]:
    """Subjects, and whether an automatic answer bears them."""
    for row in _rows("automatic_subjects.tsv"):
        yield row["subject"], row["automatic"] == "yes"


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
