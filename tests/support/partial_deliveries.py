"""The reports in tests/data/partial_deliveries.tsv: mail that reached some and not others, in words alone."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.support.notices import HEADER

DELIVERIES = Path(__file__).parents[1] / "data" / "partial_deliveries.tsv"

Source = Literal["project", "another"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One report: what it says, whom the mail did not reach, whom it did, and the bytes."""

    text: str
    failed: frozenset[str]
    got: frozenset[str]
    raw: bytes


def deliveries(source: Source) -> Iterator[Delivery]:
    """Those that the project wrote, or another did who knew nothing of its rules: half of these, by which they were mended."""
    with DELIVERIES.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row["source"] == source:
                body = row["text"].replace("\\n", "\n")
                raw = f"{HEADER}{body}\n".replace("\n", "\r\n").encode()
                yield Delivery(row["text"], _addresses(row["failed"]), _addresses(row["got"]), raw)


def _addresses(written: str) -> frozenset[str]:
    return frozenset(one.strip().lower() for one in written.split(",") if one.strip())
