"""What the commands `python -m ...` share: how they speak on a terminal, and how they end.

What they say may hold the name of a file, a setting or an answer, which somebody else has chosen: it is one line, and nothing
in it is obeyed by the terminal.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys
from collections.abc import Coroutine
from typing import Any, NoReturn

import psycopg

from domain.core.foreign_text import one_log_line
from domain.core.refusal import Refused
from infra.database.errors import without_values
from infra.settings import SettingsError

INTERRUPTED = 130  # as shells have it, of SIGINT


class Parser(argparse.ArgumentParser):
    """Says what is wrong with arguments as the commands say anything."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.format_usage()}{self.prog}: {one_log_line(message)}\n")


def say(text: str) -> None:
    sys.stdout.write(f"{one_log_line(text)}\n")
    sys.stdout.flush()


def system_user() -> str:
    """Who runs the command, as the log is told where nobody says it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without users
        return "operator"


def complain(text: str) -> None:
    sys.stderr.write(f"{one_log_line(text)}\n")


def run(name: str, command: Coroutine[Any, Any, int], *expected: type[Exception], after: str = "") -> int:
    """The exit status of a command, with a line that says why where it did not come to one; `after` is that line's end.

    `expected` are the errors besides those of settings and the database whose texts are for people.
    """
    told: tuple[type[Exception], ...] = (*expected, Refused, SettingsError, TimeoutError)
    try:
        return asyncio.run(command)
    except told as error:
        complain(f"{name}: {error}{after}")
    except psycopg.Error as error:
        without_values(error)  # of what was to be written, which may be somebody's mail
        complain(f"{name}: the database of DATABASE_URL does not work: {error}{after}")
    except KeyboardInterrupt:
        complain(f"{name}: interrupted{after}")
        return INTERRUPTED
    return 1
