"""Stores what is to be sent, and prints the id by which a `SendMessage` is given it.

mailroom draft ADDRESS FILE.json|FILE.eml [--attach FILE ...] [--by WHO]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from activities.sending.drafts import Drafts, Part
from domain.core.redaction import cleaned
from domain.core.refusal import Refused
from domain.mailbox.settings import normal_account_address
from domain.sending.draft import attachment, draft_of
from domain.sending.ready_made import ready_made
from infra import commands
from infra.commands import Parser, say, system_user
from infra.database.migrate import migrate
from infra.database.pool import open_pool
from infra.settings import WorkerSettings


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = Parser(prog="mailroom draft", description="Stores a message that is to be sent, and prints its id.")
    parser.add_argument("address", metavar="ADDRESS", help="who sends it: an account's address, or an alias of one")
    parser.add_argument(
        "file", metavar="FILE", help="the draft as JSON, or a ready-made message as .eml; - is standard input"
    )
    parser.add_argument(
        "--attach", nargs="+", action="extend", default=[], metavar="FILE", help="a file that goes with a draft in JSON"
    )
    parser.add_argument("--by", default=None, metavar="WHO", help="who does it (default: the system's user)")
    return parser.parse_intermixed_args(arguments)


def _read(file: str, most: int) -> bytes:
    """At most one byte more than a message may have. Raises Refused."""
    try:
        if file == "-":
            return sys.stdin.buffer.read(most + 1)
        with Path(file).open("rb") as opened:
            return opened.read(most + 1)
    except OSError as error:
        raise Refused("invalid_field", f"{file} cannot be read ({error.strerror})", field="draft") from None


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


async def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    asked = _arguments(arguments)
    settings = WorkerSettings.from_environment(environ)
    try:
        address = normal_account_address(asked.address)
    except ValueError as error:
        raise Refused("invalid_field", f"ADDRESS {error}", field="address") from None
    raw = await asyncio.to_thread(_read, asked.file, settings.max_message_bytes)
    given = _json(raw)
    if given is None:
        if asked.attach:
            raise Refused("invalid_field", "--attach goes with a draft in JSON: a ready-made message has its own files")
        ready_made(raw, address)
        parts = [Part(None, None, raw)]
    else:
        draft_of(given)
        parts = []
        for file in asked.attach:
            data = await asyncio.to_thread(_read, file, settings.max_message_bytes)
            one = attachment(Path(file).name, None, data)
            parts.append(Part(one.name, one.content_type, one.data))
    await migrate(settings.database_url)
    pool = await open_pool(settings.database_url, most=2)
    try:
        by = cleaned(asked.by or system_user())[:200]
        draft = await Drafts(pool, settings.max_message_bytes).store(address, given, parts, by)
    finally:
        await pool.close()
    say(str(draft))
    return 0


def main() -> int:
    return commands.run("draft", run(sys.argv[1:], os.environ))


if __name__ == "__main__":
    sys.exit(main())
