"""How the command `mailroom` answers: tables and lines that fit a terminal, or the same as JSON.

Mail, servers and whoever gives commands have a say in what is shown: nothing of it is obeyed by a terminal
(domain/core/foreign_text.py), and none of it is markup.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TextIO
from uuid import UUID

from rich.console import Console
from rich.filesize import decimal
from rich.markdown import Markdown
from rich.table import Table
from rich.text import Text

from domain.core.foreign_text import log_line, one_log_line

WIDTH_OF_A_FILE = 200  # columns where nobody reads on a terminal
Row = Mapping[str, Any]
Column = tuple[str, Callable[[Row], Any]]


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise


class Terminal:
    """Where one command's answer goes: to people, or with `as_json` to programs, which then get nothing else."""

    def __init__(self, out: TextIO | None = None, *, as_json: bool = False) -> None:
        self.out = out or sys.stdout
        reconfigure = getattr(self.out, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")  # a terminal that lacks a letter is shown its number
        width = None if self.out.isatty() else WIDTH_OF_A_FILE
        self.as_json = as_json
        self._answers: list[tuple[Any, Callable[[], None]]] = []
        self._console = _Console(file=self.out, width=width, highlight=False, markup=False, emoji=False)

    def answer(self, value: Any, show: Callable[[], None]) -> None:
        """Has the answer said as JSON, or shown, once all is known and the database is left: a reader may take hours."""
        self._answers.append((value, show))

    def speak(self) -> None:
        for value, show in self._answers:
            if self.as_json:
                self.out.write(json.dumps(value, ensure_ascii=True, allow_nan=False, indent=2, default=_plain) + "\n")
            else:
                show()
        self.out.flush()

    def table(self, rows: Sequence[Row], columns: Sequence[Column], *, empty: str) -> None:
        """A row each; columns without anything to show are left out. `empty` is said where there is no row."""
        if not rows:
            self.line(empty)
            return
        cells = [(title, [shown(value(row)) for row in rows]) for title, value in columns]
        filled = [(title, column) for title, column in cells if any(column)]
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for title, _ in filled:
            table.add_column(title, overflow="fold")
        for number in range(len(rows)):
            table.add_row(*(Text(column[number]) for _, column in filled))
        self._console.print(table)

    def facts(self, facts: Iterable[tuple[str, Any]]) -> None:
        """Names and values, a line each; those without a value are left out."""
        kept = [(name, shown(value)) for name, value in facts if shown(value)]
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in kept:
            table.add_row(Text(name), Text(value))
        if kept:
            self._console.print(table)

    def heading(self, text: str) -> None:
        self._console.print()
        self._console.print(Text(one_log_line(text), style="bold"))

    def line(self, text: str = "", *, indent: int = 0) -> None:
        self._console.print(Text(" " * indent + one_log_line(text)))

    def text(self, text: str) -> None:
        """Foreign text of many lines, which stay lines; too long ones are folded."""
        self._console.print(Text(log_line(text.replace("\r\n", "\n")), overflow="fold"))

    def page(self, markdown: str) -> None:
        """A page that the Temporal UI shows, too; what is foreign in it is marked as code there."""
        self._console.print(Markdown(log_line(markdown), hyperlinks=False))

    def raw(self, data: bytes) -> None:
        """Bytes as they are, for a file or another program; on a terminal what it would obey is spelled."""
        buffer = getattr(self.out, "buffer", None)
        if buffer is None or self.out.isatty():
            self.text(data.decode("utf-8", "backslashreplace"))
            return
        buffer.write(data)
        buffer.flush()


def shown(value: Any) -> str:
    """A value in one line; "" for nothing."""
    match value:
        case None | "" | [] | {}:
            return ""
        case bool():
            return "yes" if value else ""
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M")
        case list() | tuple():
            return ", ".join(filter(None, map(shown, value)))
        case _:
            return one_log_line(str(value))


def size(count: int) -> str:
    """Bytes in the unit that leaves them short: 835 B, 1.2 kB, 3.4 MB."""
    return f"{count} B" if count < 1000 else decimal(count, precision=1)


def _plain(value: object) -> Any:
    match value:
        case datetime() | date():
            return value.isoformat()
        case bytes():
            return value.hex()
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case UUID():
            return str(value)
        case tuple() | set() | frozenset():
            return list(value)
        case _:
            return str(value)
