"""The command that fills the vault, and says whose its secrets are: `mailroom vault`."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from infra import commands
from infra.commands import say
from infra.database.migrate import migrate
from infra.database.pool import Pool, open_pool
from infra.settings import WorkerSettings
from infra.vault import uses
from infra.vault.uses import Names
from infra.vault.vault import LARGEST_SECRET, NAME, NAME_RULE, Cipher, Vault, VaultError, secret_text


class _Parser(argparse.ArgumentParser):
    """Does not repeat what was typed: a password given by mistake as an argument stays out of logs."""

    def error(self, message: str) -> NoReturn:
        self.exit(
            2,
            f"{self.format_usage()}NAME is {NAME_RULE}. The secret itself is read from standard input, never from an "
            "argument: if you typed one, it is now in your shell's history, and other users could see it; change it.\n",
        )


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise ValueError
    return text


def _outside(text: str) -> str:
    kind, _, name = text.partition(":")
    if kind not in ("env", "file") or not name.isprintable():
        raise ValueError
    return text


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(prog="mailroom vault", description="Keeps the secrets that accounts refer to as vault:NAME.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    put = commands.add_parser("set", help="store the secret that standard input holds; set again, it stays whose it is")
    put.add_argument("name", metavar="NAME", type=_name)
    commands.add_parser("list", help="names, versions and the servers they belong to; never a secret")
    delete = commands.add_parser("delete", help="forget a secret, and whose it is")
    delete.add_argument("name", metavar="NAME", type=_name)
    free = commands.add_parser("free", help="have env:NAME or file:NAME belong to the next login that it opens")
    free.add_argument("reference", metavar="env:NAME|file:NAME", type=_outside)
    return parser.parse_args(arguments)


def _read_secret() -> str:
    if sys.stdin.isatty():
        return secret_text(getpass.getpass("secret: ").encode())
    return secret_text(sys.stdin.buffer.read(LARGEST_SECRET + 1))


async def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Does one command; returns the exit status."""
    asked = _arguments(arguments)
    settings = WorkerSettings.from_environment(environ)
    if asked.command == "set":
        cipher = Cipher(settings.vault_key())
        secret = _read_secret()
        await migrate(settings.database_url)  # secrets are stored before the first worker starts
    pool = await open_pool(settings.database_url, most=1)
    try:
        vault = Vault(pool)
        if asked.command == "set":
            version = await vault.put(asked.name, secret, cipher, elsewhere=True)
            whose = "it belongs to the first login that it opens"
            if version > 1:
                whose = "it stays whose it is, and belongs to the next server that lets them in"
            say(f"stored: refer to it as vault:{asked.name} (version {version}); {whose}")
        elif asked.command == "list":
            for entry in await vault.entries():
                say(f"{entry.name}\tversion {entry.version}\t{entry.whose}\t{entry.updated_at:%FT%TZ}")
            async with pool.connection() as connection:
                for reference, places, accepted_at in await uses.outside_the_vault(connection):
                    say(f"{reference}\tnot in the vault\t{', '.join(places)}\t{accepted_at:%FT%TZ}")
        elif asked.command == "free":
            await _free(pool, asked.reference, settings)
        elif not await vault.delete(asked.name):
            raise VaultError(f"there is no secret {asked.name!r}")
    finally:
        await pool.close()
    return 0


async def _free(pool: Pool, reference: str, settings: WorkerSettings) -> None:
    if reference.startswith("file:") and settings.secret_dir is None:
        raise VaultError("file: needs MAILROOM_SECRET_DIR here, the directory that it is for workers")
    async with pool.connection() as connection:
        if not await uses.free(connection, Names.of(reference, settings.secret_dir)):
            raise VaultError(f"{reference} belongs to nobody")
    say(f"freed: {reference} belongs to the next login that it opens")


def main() -> int:
    return commands.run("vault", run(sys.argv[1:], os.environ), VaultError)


if __name__ == "__main__":
    sys.exit(main())
