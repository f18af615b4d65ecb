"""Attaches messages by hand, from .eml files, to an account or to an address that has none (R46).

mailroom attach ADDRESS FILE.eml... [--folder Inbox|Sent] [--crm NAME ...] [--by WHO]

A message goes the way of retrieved mail, without a session: the same transaction stores, files and links it, and tells the
log. In the ledger it stands in an epoch of its own, before the first one of any server, under a UIDL made of what it is, so
that it is stored once however often and by how many it is attached, and recognised where a server brings it, too.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from activities.attach.attach import Attaching, Crms
from domain.core.redaction import cleaned
from domain.core.refusal import Refused
from domain.core.validation import parse
from domain.mailbox.settings import normal_account_address
from infra import commands
from infra.commands import Parser, complain, say, system_user
from infra.database.migrate import migrate
from infra.database.pool import Pool, open_pool
from infra.settings import WorkerSettings

# The command ------------------------------------------------------------------------------------------------------------


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = Parser(prog="mailroom attach", description="Stores messages from .eml files as mail of an address.")
    parser.add_argument("address", metavar="ADDRESS", help="whose mail it is; an account is not needed")
    parser.add_argument("files", metavar="FILE", nargs="+", help="a message as .eml; - is standard input")
    parser.add_argument(
        "--folder", type=str.capitalize, choices=("Inbox", "Sent"), help="where it is filed, whatever the filters say"
    )
    parser.add_argument(
        "--crm", nargs="+", action="extend", default=[], metavar="NAME", help="of an address without account: its CRMs"
    )
    parser.add_argument(
        "--by", default=None, metavar="WHO", help="who does it, for the log (default: the system's user)"
    )
    return parser.parse_intermixed_args(arguments)


def _read(file: str, most: int) -> bytes:
    """At most one byte more than a message may have."""
    if file == "-":
        return sys.stdin.buffer.read(most + 1)
    with Path(file).open("rb") as opened:
        return opened.read(most + 1)


async def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Attaches all files; one that cannot be attached stops no other. The exit status: 1 where there was one."""
    asked = _arguments(arguments)
    settings = WorkerSettings.from_environment(environ)
    try:
        address = normal_account_address(asked.address)
        crms = parse(Crms, {"crm": asked.crm}, what="--crm").crm
    except ValueError as error:
        raise Refused("invalid_field", f"ADDRESS {error}", field="address") from None
    await migrate(settings.database_url)  # mail may be attached before the first worker starts
    refused = 0
    async with _pool(settings) as pool:
        attaching = Attaching(pool, settings)
        account = await attaching.account(address, crms)
        for file in asked.files:
            try:
                raw = await asyncio.to_thread(_read, file, settings.max_message_bytes)
                done = await attaching.attach(account, raw, asked.folder, cleaned(asked.by or system_user())[:200])
            except OSError as error:
                refused += 1
                complain(f"{file}: not attached: it cannot be read ({error.strerror})")
            except Refused as error:
                refused += 1
                complain(f"{file}: not attached: {error.message}")
            else:
                records = f"{done.links} CRM record{'' if done.links == 1 else 's'}"
                what = "attached as" if done.new else "already there as"
                place = f"{'moved to' if done.moved else 'in'} {done.folder}"
                say(f"{file}: {what} message {done.message}, {place}, linked to {records}")
        await attaching.count(account)
    return 1 if refused else 0


@asynccontextmanager
async def _pool(settings: WorkerSettings) -> AsyncIterator[Pool]:
    pool = await open_pool(settings.database_url, most=2)
    try:
        yield pool
    finally:
        await pool.close()


def main() -> int:
    return commands.run("attach", run(sys.argv[1:], os.environ))


if __name__ == "__main__":
    sys.exit(main())
