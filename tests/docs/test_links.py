"""A link in the pages leads to a page that is there, and to a heading of it; a file that they name is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]+))?\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
FILE = re.compile(r"`((?:[\w.-]+/)*[\w-]+\.(?:py|sql|toml|tsv|txt))`")  # a path, or the name alone
PARTS = ("activities", "bench", "console", "domain", "infra", "tests", "workflows")
FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """The fragments of a page's headings, as GitHub and most viewers make them."""
    headings = HEADING.findall(FENCED.sub("", text))
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def dead_links(page: Path) -> Iterator[str]:
    for target, fragment in LINK.findall(FENCED.sub("", page.read_text("utf-8"))):
        there = page.parent / target if target else page
        if not there.exists():
            yield target
        elif fragment and fragment not in anchors(there.read_text("utf-8")):
            yield f"{target}#{fragment}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_leads_somewhere(page: Path) -> None:
    assert list(dead_links(page)) == []


def test_a_heading_with_code_and_commas_has_its_fragment() -> None:
    assert anchors("## `provider_locked`, `web_login_required`\n\n### Why is it not?\n```\n# no heading\n```") == {
        "provider_locked-web_login_required",
        "why-is-it-not",
    }


def test_a_file_of_the_project_that_a_page_names_is_there() -> None:
    files = [file.relative_to(ROOT) for part in PARTS for file in (ROOT / part).rglob("*") if file.is_file()]
    places = {*map(str, files), *(file.name for file in (*files, *ROOT.iterdir()))}
    named = {(page.name, name) for page in PAGES for name in FILE.findall(page.read_text("utf-8"))}
    assert len(named) > 100
    assert {(page, name) for page, name in named if name not in places} == set()
