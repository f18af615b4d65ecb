"""Prose is read in a terminal beside the shell that it is about: a line of it has at most 120 characters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

WIDTH = 120
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# What has no place to be broken at: words, code in the line, where a link leads to.
UNBREAKABLE = re.compile(r"(?: *(?:[-*+]|\d+\.) +)? *(?:`[^`]*`|\]\([^)]*\)|\S)+\s*")


def too_wide(text: str) -> Iterator[tuple[int, str]]:
    """The lines of prose that are wider, with their numbers; no tables, and nothing between fences."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced and not line.lstrip().startswith("|") and len(line) > WIDTH and not UNBREAKABLE.fullmatch(line):
            yield number, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_line_of_prose_is_not_wider_than_a_terminal(page: Path) -> None:
    places = [f"{page.relative_to(ROOT)}:{number}" for number, _ in too_wide(page.read_text("utf-8"))]
    assert places == [], f"wider than {WIDTH} characters: " + ", ".join(places)


@pytest.mark.parametrize(
    ("text", "wide"),
    [
        ("word " * 24, []),
        ("word " * 25, [1]),
        (f"fine\n\n- {'word ' * 25}", [3]),
        (f"```\n{'word ' * 25}\n```\n{'word ' * 25}", [4]),
        (f"| {'word ' * 25} |", []),
        (f"`{'word ' * 25}`.", []),
        (f"  1. [link]({'x' * 120})", []),
        (f"two `{'word ' * 25}`", [1]),
    ],
)
def test_what_can_be_broken_and_is_wider_is_named_by_its_line(text: str, wide: list[int]) -> None:
    assert [number for number, _ in too_wide(text)] == wide
