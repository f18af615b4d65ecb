"""Secret references: `vault:NAME`, `env:NAME` and `file:NAME`, turned into secrets within the limits of each."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shlex
import stat
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import NoReturn

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from domain.core.refusal import Refused, WorkerLacks
from infra.database.pool import Pool
from infra.settings import SettingsError, WorkerSettings
from infra.vault import uses
from infra.vault.uses import Names, Use
from infra.vault.vault import LARGEST_SECRET, NAME, NAME_RULE, Cipher, Stored, Vault, VaultError, secret_text

ENVIRONMENT_NAME = re.compile(r"MAILROOM_SECRET_[A-Za-z0-9_]+")

# Longer than anybody who is alive holds a secret (oauth/endpoint.py, ANSWER_SECONDS); then PostgreSQL ends the transaction.
LIMITS = "set local lock_timeout = '45s'; set local idle_in_transaction_session_timeout = '60s'"
LATER = (0.1, 0.5, 2.0, 5.0, 10.0)  # seconds: a database that restarts, or fails over


class Secrets:
    """Looks secrets up, and renews those of the vault. Nothing is kept: a change is seen by the next look-up.

    `field` is the setting that holds the references: what a refusal names as the culprit.
    """

    def __init__(
        self,
        pool: Pool,
        settings: WorkerSettings,
        *,
        field: str = "incoming.secret",
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.field = field
        self._pool = pool
        self._vault = Vault(pool)
        self._settings = settings
        self._environ = environ

    async def resolve(self, reference: str, *, use: Use) -> str:
        """The secret that `reference` stands for, to be used for `use` and nothing else.

        Raises Refused: `secret_not_allowed` for what is no reference, reaches beyond the limits or belongs to another
        login; `secret_not_found` when there is no such secret or it cannot be read. psycopg errors pass through.
        """
        kind, separator, name = reference.partition(":")
        if separator and kind in ("vault", "env", "file") and "\0" not in name:
            names = await self._names(reference)
            async with self._pool.connection() as connection:
                await self._check(connection, names, use)
        if separator and kind == "vault":
            return await self._from_vault(name)
        if separator and kind == "env":
            return self._from_environment(name)
        if separator and kind == "file":
            return await asyncio.to_thread(self._from_file, name)
        return self._not_allowed(
            "this is not a reference to a secret; if it is the password itself, consider it known to others and change "
            "it, store the new one with `mailroom vault set NAME`, and give vault:NAME here"
        )

    async def accept(self, reference: str, use: Use) -> None:
        """Called once the secret has opened something: from then on it belongs to that organisation, login, host and port.

        Raises Refused: `secret_not_allowed` when another was quicker, `secret_not_found` when it is gone from the vault.
        """
        names = await self._names(reference)
        async with self._pool.connection() as connection:
            if await self._check(connection, names, use):
                return
            async with connection.transaction():
                await uses.lock(connection, names)
                kind, _, name = reference.partition(":")
                if kind == "vault" and await self._vault.lock(connection, name) is None:
                    self._not_found(_no_such_secret(name))
                await self._check(connection, names, use)
                await uses.bind(connection, names, use)
                await self._check(connection, names, use)

    async def _names(self, reference: str) -> Names:
        return await asyncio.to_thread(Names.of, reference, self._settings.secret_dir)

    async def _check(self, connection: AsyncConnection[TupleRow], names: Names, use: Use) -> bool:
        """True where the secret is this login's, False where it is nobody's yet; raises Refused where it is another's.

        Whose it is, is not said: who may start an account is not to learn of others' by it.
        """
        theirs = await uses.is_of(connection, names, use)
        if theirs is False:
            self._not_allowed(_belongs_to_another(names.spelled))
        return bool(theirs)

    @contextlib.asynccontextmanager
    async def renewing(self, reference: str, *, use: Use) -> AsyncIterator[Renewal]:
        """A vault secret that nobody else can change for as long as the block lasts; raises as `resolve` does.

        What the block saves is committed when it ends. A worker that freezes in it loses the secret after a minute.
        """
        name = reference.removeprefix("vault:")
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(LIMITS)
            await self._check(connection, Names(reference, reference), use)
            stored = await self._vault.lock(connection, name)
            value = self._opened(name, stored)
            assert stored is not None
            yield Renewal(self._pool, self._vault, connection, self._cipher(name), stored, value)

    async def _from_vault(self, name: str) -> str:
        if not NAME.fullmatch(name):
            self._not_allowed(f"the name after vault: is not one; names are {NAME_RULE}")
        return self._opened(name, await self._vault.get(name))

    def _opened(self, name: str, stored: Stored | None) -> str:
        if stored is None:
            self._not_found(_no_such_secret(name))
        try:
            return self._cipher(name).open(stored)
        except VaultError as error:
            raise WorkerLacks("secret_not_found", f"vault:{name} cannot be read: {error}", field=self.field) from None

    def _cipher(self, name: str) -> Cipher:
        try:
            return Cipher(self._settings.vault_key())
        except SettingsError as error:
            raise WorkerLacks("secret_not_found", f"vault:{name} cannot be read: {error}", field=self.field) from None

    def _from_environment(self, name: str) -> str:
        if not ENVIRONMENT_NAME.fullmatch(name):
            self._not_allowed(
                "env: reads only variables whose names begin with MAILROOM_SECRET_: name it so in the worker's "
                "environment, or use vault:NAME"
            )
        value = self._environ.get(name)
        if not value:
            raise WorkerLacks(
                "secret_not_found",
                f"{self.field}: {name} is not set in the environment of this worker: set it and start the worker again",
                field=self.field,
            )
        return value

    def _from_file(self, name: str) -> str:
        directory = self._settings.secret_dir
        if directory is None:
            raise WorkerLacks(
                "secret_not_allowed",
                f"{self.field}: file: needs MAILROOM_SECRET_DIR, the directory of secret files, in the worker's environment",
                field=self.field,
            )
        path = PurePosixPath(name)
        if not path.parts or path.is_absolute() or ".." in path.parts or not name.isprintable():
            self._not_allowed(
                "file: takes the name of a file below MAILROOM_SECRET_DIR, without .. and without a leading /"
            )
        try:
            return secret_text(_read_below(directory, path))
        except _Outside:
            self._not_allowed(f"file:{name} leads out of MAILROOM_SECRET_DIR")
        except FileNotFoundError as error:
            self._not_found(f"file:{name} cannot be read below MAILROOM_SECRET_DIR: {error.strerror}")
        except OSError as error:
            raise WorkerLacks(
                "secret_not_found",
                f"{self.field}: file:{name} cannot be read below MAILROOM_SECRET_DIR: {error.strerror}",
                field=self.field,
            ) from None
        except VaultError as error:
            self._not_found(f"file:{name} holds no secret: {error}")

    def _not_allowed(self, message: str) -> NoReturn:
        raise Refused("secret_not_allowed", f"{self.field}: {message}", field=self.field) from None

    def _not_found(self, message: str) -> NoReturn:
        raise Refused("secret_not_found", f"{self.field}: {message}", field=self.field) from None


class Renewal:
    """A locked vault secret; `value` is what it is, `save` what it is to be."""

    def __init__(
        self,
        pool: Pool,
        vault: Vault,
        connection: AsyncConnection[TupleRow],
        cipher: Cipher,
        stored: Stored,
        value: str,
    ) -> None:
        self.value = value
        self._pool = pool
        self._vault = vault
        self._connection = connection
        self._cipher = cipher
        self._stored = stored
        self._sealed: Stored | None = None

    async def save(self, value: str) -> None:
        """Replaces the secret when the block of `Secrets.renewing` ends. psycopg errors pass through."""
        ciphertext, nonce = self._cipher.seal(self._stored.name, value)
        self._sealed = replace(self._stored, ciphertext=ciphertext, nonce=nonce, key_id=self._cipher.key_id)
        await self._vault.rewrite(self._connection, self._stored, self._sealed)

    async def save_late(self) -> None:
        """After the block has failed: what was to be saved, on a connection of its own, for a while until that works.

        It changes nothing where the secret is another by now: then somebody has set it, or the commit had got through
        after all. The last psycopg error is raised when the database stays away.
        """
        assert self._sealed is not None
        for pause in LATER:
            try:
                async with self._pool.connection() as connection:
                    await self._vault.rewrite(connection, self._stored, self._sealed)
                return
            except psycopg.Error:
                await asyncio.sleep(pause)
        async with self._pool.connection() as connection:
            await self._vault.rewrite(connection, self._stored, self._sealed)


class _Outside(Exception):
    """A path that leads out of the directory it must stay in."""


def _read_below(directory: Path, path: PurePosixPath) -> bytes:
    """The first LARGEST_SECRET + 1 bytes of a regular file below `directory`.

    Symlinks that stay inside are followed (Kubernetes mounts secrets so). Once resolved, the path is opened part by
    part without following any, so a link that appears in between cannot lead out. Raises OSError and _Outside.
    """
    root = directory.resolve(strict=True)
    resolved = Path(os.path.realpath(root / path))
    if not resolved.is_relative_to(root) or resolved == root:
        raise _Outside
    *folders, last = resolved.relative_to(root).parts
    here = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in folders:
            inner = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
            os.close(here)
            here = inner
        # O_NONBLOCK: a FIFO without a writer must not hold the worker
        file = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=here)
    finally:
        os.close(here)
    with open(file, "rb") as opened:
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            raise FileNotFoundError(None, "it is not a regular file")
        return opened.read(LARGEST_SECRET + 1)


def _no_such_secret(name: str) -> str:
    return f"there is no secret {name!r} in the vault: store it with `mailroom vault set {name}`"


def _belongs_to_another(reference: str) -> str:
    kind, _, name = reference.partition(":")
    own, free, moved = "NAME", f"`mailroom vault free {shlex.quote(reference)}`", ""
    if kind == "vault":
        own = f"NAME, another than {name}," if NAME.fullmatch(name) else own
        free = f"`mailroom vault delete {shlex.quote(name)}`, and `set` again,"
        moved = f"Where the same login has moved to another server, `mailroom vault set {shlex.quote(name)}` again. "
    return (
        f"{reference} belongs to the login that it opened first, and this is another: a secret is for one organisation, user "
        f"name, host and port. Store this login's own with `mailroom vault set NAME`, and give vault:{own} here in the "
        f"same command. {moved}Where it is to change hands: once the other login has another secret or is closed, {free} has it "
        "belong to the next login that it opens"
    )
