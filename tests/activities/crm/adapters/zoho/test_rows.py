"""What Zoho keeps of a request is found at the end of a text, however much stands before it."""

from __future__ import annotations

import pytest

from activities.crm.adapters.zoho.rows import LONGEST_MARK, marked, unmarked

KEY = "k" * 200


@pytest.mark.parametrize(
    "before", ["", "Hello", "[mailroom:" * 100_000, "[mailroom:" + "x" * 1_000_000, "[" * 1_000_000]
)
def test_a_mark_is_read_back_behind_any_text(before: str) -> None:
    assert unmarked(marked(before, KEY)) == (before, KEY)
    assert unmarked(marked(before, KEY) + " \r\n") == (before, KEY), "as Zoho's editor leaves it"
    assert unmarked(before) == (before, "")


def test_the_longest_key_is_within_what_is_looked_at() -> None:
    assert len(marked("", KEY)) <= LONGEST_MARK
