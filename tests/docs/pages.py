"""The shell commands of the README and the operators' pages, as they are printed.

A block that cannot be run here says so, and why, in the line above it: `<!-- not run: it needs Google -->`. The page of the
command `mailroom` has its commands in tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(
    r"^(?P<indent> *)(?:<!-- not run: (?P<because>[^\n]+) -->\n *)?```(?P<kind>\w*)\n(?P<body>.*?)^ *```$", re.S | re.M
)
IN_TABLE = re.compile(r"^\|.*\|$", re.M)
COMMAND = re.compile(r"`(mailroom [^`]+)`")
README, OF_MAILROOM = "README", "mailroom"
GROUP = "mailroom vault"  # which only says what it is for
# What developers read, what stands in it being files, answers and drawings, and what needs a machine to itself.
NOT_OF_OPERATORS = ("crm-adapters", "design", "develop", "performance", "reference", "security")


@dataclass(frozen=True)
class Block:
    """Commands that stand together: `because` says why they are not run."""

    page: str
    line: int
    commands: str
    because: str | None

    def __str__(self) -> str:
        return f"{place(self.page).relative_to(ROOT)}:{self.line}"


def place(page: str) -> Path:
    return ROOT / "README.md" if page == README else ROOT / "docs" / f"{page}.md"


def pages() -> list[str]:
    return [README, *sorted(path.stem for path in (ROOT / "docs").glob("*.md") if path.stem not in NOT_OF_OPERATORS)]


def blocks(page: str) -> Iterator[Block]:
    text = place(page).read_text("utf-8")
    for found in BLOCK.finditer(text):
        if found["kind"] in ("", "sh"):
            line = text[: found.start("body")].count("\n") + 1
            unindented = re.sub(rf"^{found['indent']}", "", found["body"], flags=re.M)
            yield Block(page, line, unindented, found["because"])
    for row in IN_TABLE.finditer(text) if page == OF_MAILROOM else ():
        for command in COMMAND.findall(row[0]):
            if command != GROUP:
                yield Block(page, text[: row.start()].count("\n") + 1, f"{command}\n", None)
