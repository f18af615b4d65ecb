"""Secret references: where each kind may reach, and that no error text holds a secret."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from domain.core.refusal import Refused
from infra.database.pool import Pool
from infra.settings import WorkerSettings
from infra.vault.references import Secrets
from infra.vault.uses import Use
from infra.vault.vault import Cipher, Vault

KEY = bytes(range(32))
PASSWORD = "correct horse"
USE = Use("default", "jane@example.com", "pop.example.com", 995)


def secrets(pool: Pool, *, key: bytes | None = KEY, directory: Path | None = None, **environ: str) -> Secrets:
    settings = WorkerSettings(database_url="", key=key.hex() if key else None, secret_dir=directory)
    return Secrets(pool, settings, environ=environ)


async def refusal_of(secrets: Secrets, reference: str, *, use: Use = USE) -> Refused:
    with pytest.raises(Refused) as refused:
        await secrets.resolve(reference, use=use)
    assert refused.value.refusal.field == "incoming.secret"
    assert PASSWORD not in str(refused.value)
    assert PASSWORD not in repr(refused.value.__context__)
    return refused.value


OTHERS = [
    replace(USE, organisation="other"),
    replace(USE, login="joe@example.com"),
    replace(USE, host="pop.example.net"),
    replace(USE, port=110),
]


@pytest.mark.parametrize("other", OTHERS, ids=["organisation", "login", "host", "port"])
@pytest.mark.parametrize("reference", ["vault:jane", "env:MAILROOM_SECRET_JANE", "file:mail/jane"])
async def test_a_secret_belongs_to_the_organisation_login_host_and_port_that_it_opened_first(
    pool: Pool, tmp_path: Path, reference: str, other: Use
) -> None:
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "jane").write_text(PASSWORD)
    await Vault(pool).put("jane", PASSWORD, Cipher(KEY))
    lookup = secrets(pool, directory=tmp_path, MAILROOM_SECRET_JANE=PASSWORD)
    assert await lookup.resolve(reference, use=other) == PASSWORD, "it has opened nothing yet"
    await lookup.accept(reference, replace(USE, host="Pop.Example.com."))
    assert await lookup.resolve(reference, use=USE) == PASSWORD
    refused = await refusal_of(lookup, reference, use=other)
    assert refused.refusal.code == "secret_not_allowed"
    assert "mailroom vault set NAME" in refused.message
    assert not any(of_the_owner in refused.message for of_the_owner in ("jane@example.com", "pop.example.com", "995"))
    with pytest.raises(Refused):
        await lookup.accept(reference, other)
    await lookup.accept(reference, USE)


@pytest.mark.parametrize(
    "spelling",
    ["./mail//jane", "mail/./jane", "mail/jane/", "alias", "folder/jane", "..data/jane", "..2026_01_01/jane", "far"],
)
async def test_another_spelling_of_a_file_and_another_link_to_it_are_the_same_secret(
    pool: Pool, tmp_path: Path, spelling: str
) -> None:
    (tmp_path / "..2026_01_01").mkdir()
    (tmp_path / "..2026_01_01" / "jane").write_text(PASSWORD)
    (tmp_path / "..data").symlink_to("..2026_01_01")
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "jane").symlink_to("../..data/jane")
    (tmp_path / "alias").symlink_to("mail/jane")
    (tmp_path / "folder").symlink_to("mail")
    (tmp_path / "far").symlink_to(tmp_path / "alias")
    lookup = secrets(pool, directory=tmp_path)
    await lookup.accept("file:mail/jane", USE)
    assert (await refusal_of(lookup, f"file:{spelling}", use=OTHERS[0])).refusal.code == "secret_not_allowed"
    assert await lookup.resolve(f"file:{spelling}", use=USE) == PASSWORD
    with pytest.raises(Refused):
        await lookup.accept(f"file:{spelling}", OTHERS[0])


async def test_a_file_that_kubernetes_replaced_stays_its_logins(pool: Pool, tmp_path: Path) -> None:
    for at in ("..2026_01_01", "..2026_02_01"):
        (tmp_path / at).mkdir()
        (tmp_path / at / "jane").write_text(PASSWORD)
    (tmp_path / "..data").symlink_to("..2026_01_01")
    (tmp_path / "jane").symlink_to("..data/jane")
    lookup = secrets(pool, directory=tmp_path)
    await lookup.accept("file:jane", USE)
    (tmp_path / "..new").symlink_to("..2026_02_01")
    (tmp_path / "..new").rename(tmp_path / "..data")
    for spelling in ("jane", "..data/jane", "..2026_02_01/jane", "..2026_01_01/jane"):
        await refusal_of(lookup, f"file:{spelling}", use=OTHERS[0])
    await lookup.accept("file:jane", USE)


async def test_a_vault_secret_that_is_set_again_stays_its_logins_until_it_is_deleted(pool: Pool) -> None:
    """The attack: another organisation waits for the password to be changed, and logs in first."""
    vault, cipher, lookup = Vault(pool), Cipher(KEY), secrets(pool)
    await vault.put("jane", "the old one", cipher)
    await lookup.accept("vault:jane", USE)
    await vault.put("jane", PASSWORD, cipher)
    for other in OTHERS:
        refused = await refusal_of(lookup, "vault:jane", use=other)
        assert "mailroom vault set NAME`, and give vault:NAME, another than jane" in refused.message
        assert "mailroom vault delete jane" in refused.message
        with pytest.raises(Refused):
            await lookup.accept("vault:jane", other)
    assert await lookup.resolve("vault:jane", use=USE) == PASSWORD
    await vault.delete("jane")
    await vault.put("jane", PASSWORD, cipher)
    assert await lookup.resolve("vault:jane", use=OTHERS[0]) == PASSWORD
    await lookup.accept("vault:jane", OTHERS[0])
    await refusal_of(lookup, "vault:jane", use=USE)


async def test_who_sets_a_vault_secret_again_lets_its_login_alone_use_it_at_another_server(pool: Pool) -> None:
    vault, cipher, lookup = Vault(pool), Cipher(KEY), secrets(pool)
    shares_it = replace(USE, login="bob@example.com")
    await vault.put("jane", "the old one", cipher)
    await lookup.accept("vault:jane", USE)
    async with pool.connection() as connection:  # as an earlier release has left it, to several logins
        await connection.execute(
            "insert into secret_uses values ('vault:jane', %s, %s, %s, %s)",
            [shares_it.host, shares_it.port, shares_it.login, shares_it.organisation],
        )
    await vault.put("jane", PASSWORD, cipher, elsewhere=True)
    moved = replace(USE, host="pop.example.org", port=110)
    for stranger in (
        replace(moved, login="eve@example.com"),
        replace(moved, organisation="other"),
        replace(USE, organisation="other"),
    ):
        await refusal_of(lookup, "vault:jane", use=stranger)
    await lookup.accept("vault:jane", moved)
    assert await lookup.resolve("vault:jane", use=moved) == PASSWORD
    await refusal_of(lookup, "vault:jane", use=USE)
    await lookup.accept("vault:jane", shares_it)
    await refusal_of(lookup, "vault:jane", use=replace(shares_it, host="pop.example.org"))
    assert await lookup.resolve("vault:jane", use=moved) == PASSWORD


async def test_what_a_refusal_gives_to_paste_is_quoted_for_the_shell(pool: Pool, tmp_path: Path) -> None:
    (tmp_path / "jane;id").write_text(PASSWORD)
    lookup = secrets(pool, directory=tmp_path)
    await lookup.accept("file:jane;id", USE)
    assert "mailroom vault free 'file:jane;id'" in (await refusal_of(lookup, "file:jane;id", use=OTHERS[0])).message


async def test_of_two_logins_at_the_same_moment_one_alone_is_the_first(pool: Pool) -> None:
    await Vault(pool).put("jane", PASSWORD, Cipher(KEY))
    lookup = secrets(pool)
    outcomes = await asyncio.gather(
        *(lookup.accept("vault:jane", use) for use in (USE, *OTHERS)), return_exceptions=True
    )
    assert sum(outcome is None for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Refused) for outcome in outcomes) == 4


async def test_a_vault_secret_that_is_not_there_says_how_to_store_it(pool: Pool) -> None:
    refused = await refusal_of(secrets(pool), "vault:jane")
    assert refused.refusal.code == "secret_not_found"
    assert "mailroom vault set jane" in refused.message
    with pytest.raises(Refused):
        await secrets(pool).accept("vault:jane", USE)


async def test_a_worker_without_a_key_or_with_another_names_the_setting(pool: Pool) -> None:
    await Vault(pool).put("jane", PASSWORD, Cipher(KEY))
    for lookup in (secrets(pool, key=None), secrets(pool, key=bytes(32))):
        refused = await refusal_of(lookup, "vault:jane")
        assert refused.refusal.code == "secret_not_found"
        assert "MAILROOM_KEY_FILE" in refused.message


async def test_only_variables_that_are_named_as_secrets_are_read(pool: Pool) -> None:
    lookup = secrets(
        pool, MAILROOM_SECRET_JANE=PASSWORD, MAILROOM_KEY=PASSWORD, PATH=PASSWORD, MAILROOM_SECRET_=PASSWORD
    )
    assert await lookup.resolve("env:MAILROOM_SECRET_JANE", use=USE) == PASSWORD
    await lookup.accept("env:MAILROOM_SECRET_JANE", USE)
    for name in ("MAILROOM_KEY", "PATH", "mailroom_secret_jane", " MAILROOM_SECRET_JANE", "MAILROOM_SECRET_", ""):
        assert (await refusal_of(lookup, f"env:{name}")).refusal.code == "secret_not_allowed"
    assert (await refusal_of(lookup, "env:MAILROOM_SECRET_JOE")).refusal.code == "secret_not_found"


@pytest.mark.parametrize(
    "reference", [PASSWORD, "", "vault", "VAULT:jane", "https://x:y@z", "vault :jane", "plain:" + PASSWORD]
)
async def test_what_is_no_reference_is_taken_for_a_password_that_must_be_changed(pool: Pool, reference: str) -> None:
    refused = await refusal_of(secrets(pool), reference)
    assert refused.refusal.code == "secret_not_allowed"
    assert "change it" in refused.message
    assert "vault:NAME" in refused.message


@pytest.mark.parametrize("name", ["", "a b", "jane;drop", "-jane", "x" * 201, "jane\n"])
async def test_a_vault_name_that_cannot_be_one_is_not_repeated(pool: Pool, name: str) -> None:
    refused = await refusal_of(secrets(pool), f"vault:{name}")
    assert refused.refusal.code == "secret_not_allowed"
    assert not name or name not in refused.message


async def test_files_are_read_below_the_directory_of_secrets(pool: Pool, tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "jane").write_text(PASSWORD + "\n")
    lookup = secrets(pool, directory=tmp_path)
    assert await lookup.resolve("file:mail/jane", use=USE) == PASSWORD
    assert await lookup.resolve("file:./mail//jane", use=USE) == PASSWORD


async def test_links_that_stay_inside_are_followed(pool: Pool, tmp_path: Path) -> None:
    """Kubernetes mounts a secret as jane -> ..data/jane, ..data -> ..2026_01_01."""
    (tmp_path / "..2026_01_01").mkdir()
    (tmp_path / "..2026_01_01" / "jane").write_text(PASSWORD)
    (tmp_path / "..data").symlink_to("..2026_01_01")
    (tmp_path / "jane").symlink_to("..data/jane")
    assert await secrets(pool, directory=tmp_path).resolve("file:jane", use=USE) == PASSWORD


async def test_no_path_and_no_link_leads_out_of_the_directory(pool: Pool, tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (tmp_path / "inside-too").mkdir()
    for folder in (outside, tmp_path / "inside-too"):
        (folder / "jane").write_text(PASSWORD)
    (inside / "link").symlink_to(outside / "jane")
    (inside / "relative").symlink_to("../outside/jane")
    (inside / "folder").symlink_to(outside)
    (inside / "dangling").symlink_to(outside / "gone")
    lookup = secrets(pool, directory=inside)
    escapes = (
        "../outside/jane", f"{outside}/jane", "x/../../outside/jane", "..", ".", "", "../inside-too/jane", "jane\0",
        "link", "relative", "folder/jane", "dangling",
    )  # fmt: skip
    for name in escapes:
        assert (await refusal_of(lookup, f"file:{name}")).refusal.code == "secret_not_allowed", name


async def test_what_is_no_readable_file_is_not_found(pool: Pool, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff" * 10)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "huge").write_bytes(b"x" * 100_000)
    for name in ("gone", "fifo", "folder", "empty", "binary", "loop", "huge", "x" * 300, "gone/jane"):
        refused = await refusal_of(secrets(pool, directory=tmp_path), f"file:{name}")
        assert refused.refusal.code == "secret_not_found", name
    for directory, code in ((tmp_path / "gone", "secret_not_found"), (None, "secret_not_allowed")):
        refused = await refusal_of(secrets(pool, directory=directory), "file:jane")
        assert refused.refusal.code == code
        assert "MAILROOM_SECRET_DIR" in refused.message
