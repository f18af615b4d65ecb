"""An upgrade from secrets that belong to a host: whoever uses one goes on with it, and nobody else comes to it."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from domain.core.refusal import Refused
from infra.database.migrate import MIGRATIONS, migrate
from infra.database.pool import Pool, open_pool
from infra.settings import WorkerSettings
from infra.vault.references import Secrets
from infra.vault.uses import Use
from infra.vault.vault import Cipher, Vault
from tests.support.services import Services

KEY = bytes(range(32))
HOST = "pop.example.com"
JANE = Use("north", "jane@example.com", HOST, 995)
JOE = Use("north", "joe@example.com", HOST, 995)
CRM = Use("north", "", "crm.example.com", 8443)
HIRING = Use("north", "", "2001:db8::1", 443)
STRANGER = Use("south", "jane@example.com", HOST, 995)
NAMES = ("jane", "shared", "closed", "moved", "left", "crm", "recent")


def settings(use: Use, secret: str, *, address: str, **incoming: object) -> str:
    """As the log of the release before has them."""
    login = {"host": use.host, "port": use.port, "secret": secret, "username": None, **incoming}
    return json.dumps(
        {"settings": {"address": address, "organisation": use.organisation, "incoming": login}, "version": 1}
    )


ACCOUNTS = [  # address, state, what was logged
    ("jane@example.com", "active", [
        ("AccountConnected", settings(replace(JANE, host="old.example.com"), "vault:old", address="jane@example.com")),
        ("SettingsChanged", settings(replace(JANE, host="Pop.Example.com."), "vault:old", address="jane@example.com")),
        ("CredentialChanged", settings(JANE, "vault:jane", address="jane@example.com")),
        ("CommandRefused", "{}"),
    ]),
    ("sales@example.com", "suspended", [
        ("AccountConnected", settings(JANE, "vault:shared", address="sales@example.com", username="jane@example.com")),
    ]),
    ("joe@example.com", "active", [("AccountConnected", settings(JOE, "vault:shared", address="joe@example.com"))]),
    ("gone@example.com", "closed", [
        ("AccountConnected", settings(JANE, "vault:closed", address="gone@example.com", username="jane@example.com")),
        ("AccountClosed", "{}"),
    ]),
    ("away@example.com", "closed", [
        ("AccountConnected", settings(STRANGER, "vault:moved", address="away@example.com", username="jane@example.com")),
    ]),
    ("here@example.com", "active", [
        ("AccountConnected", settings(JOE, "vault:moved", address="here@example.com", username="joe@example.com")),
    ]),
    ("env@example.com", "active", [
        ("AccountConnected", settings(JANE, "env:MAILROOM_SECRET_JANE", address="env@example.com", username="jane@example.com")),
    ]),
    ("env2@example.com", "closed", [
        ("AccountConnected", settings(JANE, "env:MAILROOM_SECRET_LEFT", address="env2@example.com", username="jane@example.com")),
        ("AccountClosed", "{}"),
    ]),
    ("file@example.com", "active", [
        ("AccountConnected", settings(JANE, "file:.//mail//./jane/", address="file@example.com", username="jane@example.com")),
    ]),
    ("recent@example.com", "active", [
        ("AccountConnected", settings(JANE, "vault:recent", address="recent@example.com", username="recent:jane@example.com")),
    ]),
]  # fmt: skip

CRMS = [
    ("sales", "active", "vault:crm", "https://crm.example.com:8443/db"),
    ("more-sales", "active", "env:MAILROOM_SECRET_CRM", "https://CRM.example.com.:8443/db"),
    ("hiring", "disabled", "env:MAILROOM_SECRET_CRM", "https://[2001:DB8::1]/db"),
    ("old", "closed", "file:crm//key", "https://crm.example.com:8443/old"),
    ("own", "active", None, None),
]


@pytest.fixture
def before(services: Services, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of the release before, with what it kept."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(services.postgres, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
        yield services.owned(name)
        connection.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
async def upgraded(before: str, tmp_path: Path) -> AsyncIterator[Pool]:
    for path in MIGRATIONS.glob("*.sql"):
        if path.name < "0044":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    await migrate(before, directory=tmp_path)
    cipher = Cipher(KEY)
    with psycopg.connect(before, options="-c search_path=mailroom") as connection:
        for name in NAMES:
            ciphertext, nonce = cipher.seal(name, "correct horse")
            host = CRM.host if name == "crm" else HOST
            connection.execute(
                "insert into vault (name, ciphertext, nonce, key_id, host) values (%s, %s, %s, %s, %s)",
                [name, ciphertext, nonce, cipher.key_id, host],
            )
        for address, state, events in ACCOUNTS:
            connection.execute(
                """
                insert into accounts_recorded (address, organisation, owner, host, crm, state, authentication_failures,
                    connection_failures, workflow_id, run_id)
                values (%s, 'north', 'owner', %s, '{}', %s, 0, 0, 'w', 'r')
                """,
                [address, HOST, state],
            )
            for kind, data in events:
                connection.execute(
                    "select append_event(%s, gen_random_uuid(), now(), %s, %s::jsonb, 'ops', null, null)",
                    [address, kind, data],
                )
        for name, state, secret, url in CRMS:
            connection.execute(
                """
                insert into crm_connections (name, kind, profile, organisation, state, settings)
                values (%s, 'tryton', 'crm', 'north', %s, %s)
                """,
                [name, state, json.dumps({"name": name, "kind": "tryton", "secret": secret, "url": url})],
            )
    await migrate(before)
    pool = await open_pool(before, most=2)
    yield pool
    await pool.close()


@pytest.fixture
def lookup(upgraded: Pool, tmp_path: Path) -> Secrets:
    """Secrets as workers of this release look them up."""
    for name in ("mail/jane", "crm/key"):
        file = tmp_path / "secrets" / name
        file.parent.mkdir(parents=True)
        file.write_text("correct horse")
    worker = WorkerSettings(database_url="", key=KEY.hex(), secret_dir=tmp_path / "secrets")
    variables = {f"MAILROOM_SECRET_{name}": "correct horse" for name in ("JANE", "CRM", "LEFT")}
    return Secrets(upgraded, worker, environ=variables)


async def is_refused(lookup: Secrets, reference: str, use: Use) -> bool:
    try:
        await lookup.resolve(reference, use=use)
        await lookup.accept(reference, use)
    except Refused as refused:
        return refused.refusal.code == "secret_not_allowed" or pytest.fail(refused.message)
    return False


async def test_after_an_upgrade_secrets_work_where_they_were_used_and_nowhere_else(lookup: Secrets) -> None:
    used = {
        "vault:jane": [JANE],
        "vault:shared": [JANE, JOE],
        "vault:closed": [JANE],
        "vault:moved": [JOE],
        "vault:recent": [JANE],
        "env:MAILROOM_SECRET_JANE": [JANE],
        "env:MAILROOM_SECRET_LEFT": [JANE],
        "file:mail/jane": [JANE],
        "vault:crm": [CRM],
        "env:MAILROOM_SECRET_CRM": [CRM, HIRING],
        "file:crm/key": [CRM],
    }
    others = [STRANGER, JOE, replace(JANE, port=110), replace(CRM, port=443), replace(CRM, organisation="south")]
    for reference, uses in used.items():
        for other in others:
            if other not in uses:
                assert await is_refused(lookup, reference, other), (reference, other)
        for use in uses * 2:
            assert not await is_refused(lookup, reference, use), (reference, use)


async def test_an_entry_of_which_only_the_host_is_known_is_bound_whole_to_the_next_login(
    upgraded: Pool, lookup: Secrets
) -> None:
    assert await is_refused(lookup, "vault:left", replace(JANE, host="pop.example.net"))
    assert not await is_refused(lookup, "vault:left", JANE)
    assert await is_refused(lookup, "vault:left", STRANGER)
    assert not await is_refused(lookup, "vault:left", JANE)
    [entry] = [entry for entry in await Vault(upgraded).entries() if entry.name == "left"]
    assert entry.used_at == (f"{HOST}:995",)


async def test_servers_that_share_a_secret_of_before_go_on_with_it_once_it_is_set_again(
    upgraded: Pool, lookup: Secrets
) -> None:
    """Two CRMs of one organisation with one key, and a mailbox by two ports: each takes its own part of what `set` has freed."""
    async with upgraded.connection() as connection:
        for use in (CRM, HIRING, JANE, replace(JANE, port=110)):
            name = "vault:crm" if use.login == "" else "vault:jane"
            await connection.execute(
                """
                insert into secret_uses (reference, host, port, login, organisation)
                select %(name)s, %(host)s, %(port)s, %(login)s, %(of)s
                where not exists (select from secret_uses where (reference, host, port) = (%(name)s, %(host)s, %(port)s))
                """,
                {"name": name, "host": use.host, "port": use.port, "login": use.login, "of": use.organisation},
            )
    vault = Vault(upgraded)
    for name, uses in (("crm", [CRM, HIRING]), ("jane", [JANE, replace(JANE, port=110)])):
        await vault.put(name, "correct horse", Cipher(KEY), elsewhere=True)
        assert await whose(vault, name) == "for the next server of its login"
        assert not await is_refused(lookup, f"vault:{name}", uses[0])
        assert await whose(vault, name) == f"{uses[0].host}:{uses[0].port}, for the next server of its login"
        for use in (*uses, *uses):
            assert not await is_refused(lookup, f"vault:{name}", use), use
        assert await whose(vault, name) == ", ".join(sorted(f"{use.host}:{use.port}" for use in uses))
        assert await is_refused(lookup, f"vault:{name}", replace(uses[0], port=8000)), "two servers stay two"
        assert await is_refused(lookup, f"vault:{name}", replace(uses[0], organisation="south"))


async def whose(vault: Vault, name: str) -> str:
    [entry] = [entry for entry in await vault.entries() if entry.name == name]
    return entry.whose
