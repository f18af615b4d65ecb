"""The vault and its command: what is stored, how, and what it never shows."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from infra.database.pool import Pool
from infra.settings import WorkerSettings
from infra.vault.references import Secrets
from infra.vault.uses import Use
from infra.vault.vault import Cipher, Vault, VaultError, secret_text
from tests.support.services import Services

KEY = bytes(range(32))
PASSWORD = "pässword: 1 & 2"


def command(
    database_url: str, *arguments: str, stdin: str = "", key: bytes | None = KEY, directory: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs the command as an operator does."""
    environ = {
        **os.environ,
        "DATABASE_URL": database_url,
        "MAILROOM_KEY": base64.b64encode(key).decode() if key else "",
        "MAILROOM_SECRET_DIR": str(directory or ""),
    }
    environ.pop("MAILROOM_KEY_FILE", None)
    return subprocess.run(
        [sys.executable, "-m", "infra.vault", *arguments],
        input=stdin,
        env=environ,
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=60,
    )


async def test_a_secret_comes_back_and_is_nowhere_in_its_row(pool: Pool) -> None:
    vault, cipher = Vault(pool), Cipher(KEY)
    assert await vault.put("jane", PASSWORD, cipher) == 1
    stored = await vault.get("jane")
    assert stored is not None
    assert cipher.open(stored) == PASSWORD
    async with pool.connection() as connection:
        row = await (await connection.execute("select vault::text from vault")).fetchone()
    assert row is not None
    assert PASSWORD not in row[0]
    assert PASSWORD.encode().hex() not in row[0]
    assert PASSWORD not in repr(stored)


async def test_the_same_secret_is_never_encrypted_the_same_way_twice(pool: Pool) -> None:
    vault, cipher = Vault(pool), Cipher(KEY)
    await vault.put("jane", PASSWORD, cipher)
    first = await vault.get("jane")
    assert await vault.put("jane", PASSWORD, cipher) == 2
    second = await vault.get("jane")
    assert first is not None
    assert second is not None
    assert first.nonce != second.nonce
    assert first.ciphertext != second.ciphertext


async def test_a_secret_moved_to_another_name_does_not_open(pool: Pool) -> None:
    vault, cipher = Vault(pool), Cipher(KEY)
    await vault.put("jane", PASSWORD, cipher)
    async with pool.connection() as connection:
        await connection.execute("update vault set name = 'joe'")
    moved = await vault.get("joe")
    assert moved is not None
    with pytest.raises(VaultError, match="row was changed"):
        cipher.open(moved)


async def test_another_key_is_told_which_key_is_wanted(pool: Pool) -> None:
    vault, cipher = Vault(pool), Cipher(KEY)
    await vault.put("jane", PASSWORD, cipher)
    stored = await vault.get("jane")
    assert stored is not None
    with pytest.raises(VaultError, match=f"under key {cipher.key_id}"):
        Cipher(bytes(32)).open(stored)


async def test_the_list_says_at_which_servers_a_secret_is_used_also_after_it_is_set_again(pool: Pool) -> None:
    vault, cipher = Vault(pool), Cipher(KEY)
    await vault.put("jane", PASSWORD, cipher)
    use = Use("default", "jane@example.com", "pop.example.com", 995)
    await Secrets(pool, WorkerSettings(database_url="")).accept("vault:jane", use)
    assert [entry.used_at for entry in await vault.entries()] == [("pop.example.com:995",)]
    await vault.put("jane", PASSWORD, cipher)
    assert [entry.used_at for entry in await vault.entries()] == [("pop.example.com:995",)]
    await vault.delete("jane")
    await vault.put("jane", PASSWORD, cipher)
    assert [entry.used_at for entry in await vault.entries()] == [()]


@pytest.mark.parametrize(
    ("typed", "secret"),
    [(b"x", "x"), (b"x\n", "x"), (b"x\r\n", "x"), (b"x\n\n", "x\n"), (b" x \n", " x "), ("ü\n".encode(), "ü")],
)
def test_one_trailing_line_end_is_no_part_of_a_secret(typed: bytes, secret: str) -> None:
    assert secret_text(typed) == secret


@pytest.mark.parametrize("typed", [b"", b"\n", b"\r\n", b"\xff\xfe", b"x" * 70_000])
def test_what_can_be_no_secret_is_refused(typed: bytes) -> None:
    with pytest.raises(VaultError):
        secret_text(typed)


def test_the_command_sets_lists_and_deletes(database_url: str) -> None:
    set_ = command(database_url, "set", "jane@example.com", stdin=PASSWORD + "\n")
    assert set_.returncode == 0, set_.stderr
    assert "vault:jane@example.com" in set_.stdout
    listed = command(database_url, "list", key=None)
    assert listed.stdout.startswith("jane@example.com\tversion 1\tnot used yet\t")
    assert PASSWORD not in set_.stdout + set_.stderr + listed.stdout
    assert command(database_url, "delete", "jane@example.com", key=None).returncode == 0
    gone = command(database_url, "delete", "jane@example.com", key=None)
    assert gone.returncode == 1
    assert "there is no secret" in gone.stderr
    assert command(database_url, "list").stdout == ""


async def test_the_command_frees_what_is_not_in_the_vault(pool: Pool, database_url: str, tmp_path: Path) -> None:
    (tmp_path / "jane").write_text(PASSWORD)
    (tmp_path / "link").symlink_to("jane")
    worker = WorkerSettings(database_url="", secret_dir=tmp_path)
    use = Use("default", "jane@example.com", "pop.example.com", 995)
    secrets = Secrets(pool, worker, environ={"MAILROOM_SECRET_JANE": PASSWORD})
    for reference in ("env:MAILROOM_SECRET_JANE", "file:jane"):
        await secrets.accept(reference, use)
    listed = command(database_url, "list").stdout
    assert "env:MAILROOM_SECRET_JANE\tnot in the vault\tpop.example.com:995\t" in listed
    assert "file:jane\tnot in the vault\t" in listed
    assert "MAILROOM_SECRET_DIR" in command(database_url, "free", "file:jane").stderr
    for reference, spelled in (("env:MAILROOM_SECRET_JANE", "env:MAILROOM_SECRET_JANE"), ("file:jane", "file:./link")):
        freed = command(database_url, "free", spelled, directory=tmp_path)
        assert freed.returncode == 0, freed.stderr
        await secrets.accept(reference, Use("other", "joe@example.com", "pop.example.com", 995))
    assert "belongs to nobody" in command(database_url, "free", "env:MAILROOM_SECRET_JOE").stderr
    for wrong in ("vault:jane", "jane", "file:\x1b[2J"):
        assert command(database_url, "free", wrong).returncode == 2


def test_the_command_stores_a_secret_before_any_worker_has_started(services: Services, database_url: str) -> None:
    url = services.owned(database_url.rpartition("/")[2])
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("drop schema mailroom cascade")
    missing = command(database_url, "set", "jane", stdin=PASSWORD)
    assert missing.returncode == 1
    assert "python -m infra.migrate" in missing.stderr
    stored = command(url, "set", "jane", stdin=PASSWORD)
    assert stored.returncode == 0, stored.stderr


def test_the_command_refuses_without_a_key_an_empty_secret_and_a_name_that_is_none(database_url: str) -> None:
    keyless = command(database_url, "set", "jane", stdin=PASSWORD, key=None)
    assert keyless.returncode == 1
    assert "MAILROOM_KEY_FILE" in keyless.stderr
    assert "openssl rand -base64 32" in keyless.stderr
    empty = command(database_url, "set", "jane", stdin="\n")
    assert (empty.returncode, empty.stderr) == (1, "vault: the secret is empty\n")
    assert command(database_url, "set", "../jane", stdin=PASSWORD).returncode == 2


def test_a_secret_given_as_an_argument_is_refused_and_not_repeated(database_url: str) -> None:
    refused = command(database_url, "set", "jane", PASSWORD)
    assert refused.returncode == 2
    assert "standard input" in refused.stderr
    assert PASSWORD not in refused.stdout + refused.stderr
