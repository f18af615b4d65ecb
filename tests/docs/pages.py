"""The shell commands of the operators' pages, as they are printed.

A block that cannot be run here says so, and why, in the line above it: `<!-- not run: it needs Google -->`.
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
        return f"docs/{self.page}.md:{self.line}"


def pages() -> list[str]:
    return sorted(path.stem for path in (ROOT / "docs").glob("*.md") if path.stem not in NOT_OF_OPERATORS)


def blocks(page: str) -> Iterator[Block]:
    text = (ROOT / "docs" / f"{page}.md").read_text("utf-8")
    for found in BLOCK.finditer(text):
        if found["kind"] in ("", "sh"):
            line = text[: found.start("body")].count("\n") + 1
            unindented = re.sub(rf"^{found['indent']}", "", found["body"], flags=re.M)
            yield Block(page, line, unindented, found["because"])
