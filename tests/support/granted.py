"""Grants in the vault of a test, and workers that use them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from activities.pop.session import now_utc
from domain.oauth import Grant, read_grant
from infra.database.pool import Pool
from infra.oauth.tokens import AccessTokens
from infra.settings import LOOPBACK, WorkerSettings
from infra.vault.references import Secrets
from infra.vault.uses import Use
from infra.vault.vault import Cipher, Vault

KEY = bytes(range(32))
USE = Use("default", "jane@example.com", "pop.example.com", 995)


def settings(**changes: Any) -> WorkerSettings:
    return WorkerSettings(**({"database_url": "", "key": KEY.hex(), "allow_hosts": LOOPBACK} | changes))


async def store(pool: Pool, grant: dict[str, Any], name: str = "jane") -> str:
    """Puts a grant into the vault, as the command does, and answers the reference to it."""
    given = {field: value for field, value in grant.items() if value is not None}
    await Vault(pool).put(name, json.dumps(given), Cipher(KEY))
    return f"vault:{name}"


async def stored(pool: Pool, name: str = "jane") -> Grant:
    """What the vault holds now."""
    entry = await Vault(pool).get(name)
    assert entry is not None
    return read_grant(Cipher(KEY).open(entry))


def access_tokens(pool: Pool, *, clock: Callable[[], datetime] = now_utc, **changes: Any) -> AccessTokens:
    """What one worker has."""
    worker = settings(**changes)
    return AccessTokens(Secrets(pool, worker), worker, clock=clock)
