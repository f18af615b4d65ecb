"""Why mail did not arrive, in ten languages: words about what is not the address win over a code that says it is."""

import csv
from pathlib import Path

import pytest

from domain.bounces.reasons import STATUS, is_hard, reason_of

WRITTEN = Path(__file__).parents[2] / "data" / "bounce_reasons_written.tsv"


def _rows() -> list[dict[str, str]]:
    with WRITTEN.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize("row", _rows(), ids=lambda row: row["said"])
def test_a_bounce_is_hard_by_what_it_is_about_in_ten_languages(row: dict[str, str]) -> None:
    code = STATUS.search(row["said"])
    status = code[0] if code else None
    reason = reason_of(row["said"], status)
    assert reason in row["reason"].split(" or ")
    assert is_hard(reason, status, row["said"]) == (row["severity"] == "hard")
