"""The vault: secrets that are encrypted at rest, by name."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from infra.database.pool import Pool

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,199}")
NAME_RULE = "letters, digits and . _ @ + - (at most 200, beginning with a letter or a digit)"
NONCE_BYTES = 12
LARGEST_SECRET = 65_536  # bytes: an OAuth grant is a few thousand, anything larger is a mistake


class VaultError(Exception):
    """The vault cannot do what was asked; the text says why and never holds a secret."""


@dataclass(frozen=True)
class Entry:
    """What may be shown of a secret. `used_at` is each host and port that it belongs to; `key_id` names its key.

    `moves`: it was set again, and its login takes it to the next server that lets it in.
    """

    name: str
    version: int
    used_at: tuple[str, ...]
    key_id: str
    updated_at: datetime
    moves: bool = False

    @property
    def whose(self) -> str:
        """Where it may be used, in words."""
        moving = ("for the next server of its login",) if self.moves else ()
        return ", ".join((*self.used_at, *moving)) or "not used yet"


@dataclass(frozen=True)
class Stored:
    """A secret as the database holds it."""

    name: str
    ciphertext: bytes = field(repr=False)
    nonce: bytes = field(repr=False)
    key_id: str
    version: int


class Cipher:
    """AES-256-GCM under one key of 32 bytes. Encrypted text opens only under the name it was made for."""

    def __init__(self, key: bytes) -> None:
        self._aes = AESGCM(key)
        self.key_id = hashlib.sha256(b"mailroom vault key id\0" + key).hexdigest()[:8]

    def seal(self, name: str, value: str) -> tuple[bytes, bytes]:
        """(ciphertext, nonce) of `value`."""
        nonce = os.urandom(NONCE_BYTES)
        return self._aes.encrypt(nonce, value.encode(), _bound_to(name)), nonce

    def open(self, stored: Stored) -> str:
        """The secret; raises VaultError when it was stored under another key or was tampered with."""
        try:
            return self._aes.decrypt(stored.nonce, stored.ciphertext, _bound_to(stored.name)).decode()
        except InvalidTag:
            cause = (
                f"was stored under key {stored.key_id}, and MAILROOM_KEY or MAILROOM_KEY_FILE holds key {self.key_id}"
                if stored.key_id != self.key_id
                else "does not decrypt: its row was changed by other means than the vault"
            )
            raise VaultError(
                f"the secret {stored.name!r} {cause}; use the right key, or store the secret again with: "
                f"mailroom vault set {stored.name}"
            ) from None


def _bound_to(name: str) -> bytes:
    return b"mailroom vault secret 1\0" + name.encode()


class Vault:
    """The table of secrets. Names must match `NAME`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def put(self, name: str, value: str, cipher: Cipher, *, elsewhere: bool = False) -> int:
        """Stores a secret; returns its version, 1 for a new name.

        A new one belongs to no login until one is let in with it. One that is set again stays whose it is: else whoever is
        quicker than its owner after a change has it. `elsewhere`: that login may use it at another host and port, once.
        """
        ciphertext, nonce = cipher.seal(name, value)
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                """
                with moves as (
                    update secret_uses set host = null, port = null
                    where %(elsewhere)s and reference = 'vault:' || %(name)s and num_nulls(login, organisation) = 0
                )
                insert into vault (name, ciphertext, nonce, key_id)
                values (%(name)s, %(ciphertext)s, %(nonce)s, %(key_id)s)
                on conflict (name) do update
                set ciphertext = excluded.ciphertext, nonce = excluded.nonce, key_id = excluded.key_id,
                    version = vault.version + 1, updated_at = now()
                returning version
                """,
                {
                    "name": name,
                    "ciphertext": ciphertext,
                    "nonce": nonce,
                    "key_id": cipher.key_id,
                    "elsewhere": elsewhere,
                },
            )
            row = await cursor.fetchone()
        assert row is not None
        return int(row[0])

    async def get(self, name: str) -> Stored | None:
        """The secret as stored, or None."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                "select ciphertext, nonce, key_id, version from vault where name = %s", [name]
            )
            row = await cursor.fetchone()
        return None if row is None else Stored(name, *row)

    async def lock(self, connection: AsyncConnection[TupleRow], name: str) -> Stored | None:
        """The secret, which nobody else can lock, rewrite or put until the transaction on `connection` ends."""
        cursor = await connection.execute(
            "select ciphertext, nonce, key_id, version from vault where name = %s for update", [name]
        )
        row = await cursor.fetchone()
        return None if row is None else Stored(name, *row)

    async def rewrite(self, connection: AsyncConnection[TupleRow], before: Stored, after: Stored) -> bool:
        """Replaces a secret by what it has become, for the same login; False when it is no longer `before`."""
        cursor = await connection.execute(
            """
            update vault set ciphertext = %s, nonce = %s, key_id = %s, updated_at = now()
            where name = %s and nonce = %s
            """,
            [after.ciphertext, after.nonce, after.key_id, before.name, before.nonce],
        )
        return cursor.rowcount == 1

    async def entries(self) -> list[Entry]:
        """What may be shown of every secret, by name."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                """
                select name, version,
                    array(
                        select distinct concat_ws(':', host, port) from secret_uses
                        where reference = 'vault:' || name and host is not null order by 1
                    ),
                    key_id, updated_at, exists (select from secret_uses where reference = 'vault:' || name and host is null)
                from vault order by name
                """
            )
            return [
                Entry(name, version, tuple(used_at), key_id, updated_at, moves)
                for name, version, used_at, key_id, updated_at, moves in await cursor.fetchall()
            ]

    async def delete(self, name: str) -> bool:
        """Forgets a secret, and whose it is; False when there was none of that name."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                """
                with freed as (delete from secret_uses where reference = 'vault:' || %(name)s)
                delete from vault where name = %(name)s
                """,
                {"name": name},
            )
            return cursor.rowcount == 1


def secret_text(raw: bytes) -> str:
    """What somebody typed or put into a file as a secret: without its one trailing line end.

    Raises VaultError when nothing is left, when it is over 64 KiB, or when it is not UTF-8.
    """
    if len(raw) > LARGEST_SECRET:
        raise VaultError(f"the secret is over {LARGEST_SECRET:,} bytes")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise VaultError("the secret is not UTF-8 text") from None
    text = text[:-1].removesuffix("\r") if text.endswith("\n") else text
    if not text:
        raise VaultError("the secret is empty")
    return text
