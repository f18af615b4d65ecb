"""Access tokens out of the vault: renewed in time, once for everybody, and never lost on the way back."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from activities.pop.session import now_utc
from domain.core.refusal import Refused, WorkerLacks
from domain.failures.failure import Diagnosed, Kind
from domain.oauth import Grant
from infra.database.pool import Pool, open_pool
from infra.vault.references import Secrets
from infra.vault.vault import Cipher, Vault
from tests.servers.oauth_server import OAuthServer
from tests.support.granted import KEY, USE, access_tokens, settings, store, stored

WORKER = """
import asyncio, json, sys
from infra.database.pool import open_pool
from tests.support.granted import USE, access_tokens

async def main():
    pool = await open_pool(sys.argv[1])
    tokens = access_tokens(pool)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    got = await asyncio.gather(*(tokens.get("vault:jane", use=USE) for _ in range(10)))
    print(json.dumps([grant.access_token for grant in got]), flush=True)
    await pool.close()

asyncio.run(main())
"""


@pytest.fixture
def server(oauth_server: OAuthServer) -> OAuthServer:
    return oauth_server


@pytest.fixture
async def other_pool(database_url: str) -> AsyncIterator[Pool]:
    """Another worker's pool on the same database."""
    opened = await open_pool(database_url)
    yield opened
    await opened.close()


async def until_asked(server: OAuthServer) -> None:
    assert await asyncio.to_thread(server.arrived.wait, 30)


async def diagnosis_of(asked: asyncio.Future[Grant] | asyncio.Task[Grant]) -> Diagnosed:
    with pytest.raises(Diagnosed) as diagnosed:
        await asked
    return diagnosed.value


async def test_a_token_that_lives_is_used_without_asking_anybody(pool: Pool, server: OAuthServer) -> None:
    grant = server.issue()
    got = await access_tokens(pool).get(await store(pool, grant), use=USE)
    assert got.access_token == grant["access_token"]
    assert server.requests == {}


async def test_a_token_is_renewed_some_time_before_it_expires_and_both_tokens_are_kept(
    pool: Pool, server: OAuthServer
) -> None:
    grant = server.issue(expires_in=240)
    reference = await store(pool, grant)
    await Secrets(pool, settings()).accept(reference, USE)
    got = await access_tokens(pool).get(reference, use=USE)
    assert got.access_token == server.tokens[-1].access_token != grant["access_token"]
    kept = await stored(pool)
    assert kept == got
    assert kept.refresh_token == server.tokens[-1].refresh_token != grant["refresh_token"]
    entry = await Vault(pool).get("jane")
    assert entry is not None
    assert entry.version == 1, "nobody has set it"
    with pytest.raises(Refused):
        await Secrets(pool, settings()).resolve(reference, use=replace(USE, host="pop.example.net"))
    assert server.bodies[0]["scope"] == grant["scope"]


async def test_a_server_that_does_not_rotate_leaves_the_refresh_token(pool: Pool, server: OAuthServer) -> None:
    server.rotates = False
    grant = server.issue(expires_in=0)
    reference = await store(pool, grant)
    for hours in 0, 2:
        moment = now_utc() + timedelta(hours=hours)
        got = await access_tokens(pool, clock=lambda: moment).get(reference, use=USE)  # noqa: B023 -- called at once
        assert got.refresh_token == grant["refresh_token"]
    assert server.refreshes == 2


async def test_a_grant_without_an_access_token_and_without_a_client_secret_gets_one(
    pool: Pool, server: OAuthServer
) -> None:
    server.client.secret = None
    grant = server.issue() | {"access_token": None, "expires_at": None}
    got = await access_tokens(pool).get(await store(pool, grant), use=USE)
    assert got.access_token == server.tokens[-1].access_token
    assert "client_secret" not in server.bodies[0]


async def test_a_rejected_token_is_renewed_once_and_a_newer_one_is_not(pool: Pool, server: OAuthServer) -> None:
    grant = server.issue()
    reference, tokens = await store(pool, grant), access_tokens(pool)
    fresh = await tokens.get(reference, use=USE, rejected=grant["access_token"])
    again = await tokens.get(reference, use=USE, rejected=grant["access_token"])
    assert fresh.access_token == again.access_token
    assert server.refreshes == 1


async def test_twenty_sessions_of_one_entry_make_one_refresh(pool: Pool, server: OAuthServer) -> None:
    reference, tokens = await store(pool, server.issue(expires_in=0)), access_tokens(pool)
    got = await asyncio.gather(*(tokens.get(reference, use=USE) for _ in range(20)))
    assert len({grant.access_token for grant in got}) == 1
    assert server.refreshes == 1


async def test_two_workers_make_one_refresh_between_them(pool: Pool, other_pool: Pool, server: OAuthServer) -> None:
    reference = await store(pool, server.issue(expires_in=0))
    server.gate.clear()
    workers = [access_tokens(pool), access_tokens(other_pool)]
    asked = [asyncio.create_task(worker.get(reference, use=USE)) for worker in workers for _ in range(10)]
    await until_asked(server)
    server.gate.set()
    got = await asyncio.gather(*asked)
    assert len({grant.access_token for grant in got}) == 1
    assert server.refreshes == 1


async def test_two_processes_make_one_refresh_between_them(pool: Pool, database_url: str, server: OAuthServer) -> None:
    await store(pool, server.issue(expires_in=0))
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            WORKER,
            database_url,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout
        assert await process.stdout.readline() == b"ready\n"
    printed = await asyncio.gather(*(process.communicate(b"\n") for process in processes))
    assert len({token for out, _ in printed for token in json.loads(out)}) == 1
    assert server.refreshes == 1


async def test_tokens_that_live_shorter_than_the_margin_are_still_shared(pool: Pool, server: OAuthServer) -> None:
    server.expires_in = 100
    reference, tokens = await store(pool, server.issue(expires_in=0)), access_tokens(pool)
    await asyncio.gather(*(tokens.get(reference, use=USE) for _ in range(20)))
    assert server.refreshes == 1


async def test_whoever_sets_the_entry_anew_meanwhile_comes_after_the_renewal(pool: Pool, server: OAuthServer) -> None:
    reference = await store(pool, server.issue(expires_in=0))
    server.gate.clear()
    asked = asyncio.create_task(access_tokens(pool).get(reference, use=USE))
    await until_asked(server)
    anew = server.issue()
    setting = asyncio.create_task(store(pool, anew))
    server.gate.set()
    await asyncio.gather(asked, setting)
    assert (await stored(pool)).refresh_token == anew["refresh_token"]


async def test_an_answer_is_kept_even_if_whoever_asked_is_cancelled(pool: Pool, server: OAuthServer) -> None:
    reference = await store(pool, server.issue(expires_in=0))
    server.gate.clear()
    asked = asyncio.create_task(access_tokens(pool).get(reference, use=USE))
    await until_asked(server)
    asked.cancel()
    server.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert (await stored(pool)).refresh_token == server.tokens[-1].refresh_token


async def test_a_cancellation_before_the_endpoint_is_asked_takes_effect_at_once(
    pool: Pool, other_pool: Pool, server: OAuthServer
) -> None:
    reference, tokens = await store(pool, server.issue(expires_in=0)), access_tokens(pool)
    async with other_pool.connection() as connection, connection.transaction():
        await Vault(other_pool).lock(connection, "jane")
        asked = asyncio.create_task(tokens.get(reference, use=USE))
        waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
        while (await (await connection.execute(waiting)).fetchone()) == (0,):
            await connection.execute("select pg_sleep(0.02)")
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
    assert server.refreshes == 0
    assert (await tokens.get(reference, use=USE)).access_token == server.tokens[-1].access_token


async def test_an_answer_survives_a_database_connection_that_breaks_before_the_commit(
    pool: Pool, database_url: str, server: OAuthServer
) -> None:
    reference = await store(pool, server.issue(expires_in=0))
    server.gate.clear()
    asked = asyncio.create_task(access_tokens(pool).get(reference, use=USE))
    await until_asked(server)
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and state like 'idle in%'"
        )
    server.gate.set()
    got = await asked
    assert (await stored(pool)) == got
    assert got.refresh_token == server.tokens[-1].refresh_token


async def test_a_refusal_reaches_all_who_wait_and_the_next_one_asks_again(pool: Pool, server: OAuthServer) -> None:
    reference, tokens = await store(pool, server.issue(expires_in=0)), access_tokens(pool)
    server.revoke()
    outcomes = await asyncio.gather(*(tokens.get(reference, use=USE) for _ in range(20)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {Diagnosed}
    assert server.refreshes == 1
    diagnosed = await diagnosis_of(asyncio.ensure_future(tokens.get(reference, use=USE)))
    assert diagnosed.diagnosis.kind is Kind.AUTHENTICATION
    assert diagnosed.said == "invalid_grant (HTTP 400)"
    assert "mailroom oauth connect jane --provider other" in diagnosed.diagnosis.remedy.of_watching
    assert server.refreshes == 2
    assert not any(secret in diagnosed.diagnosis.remedy.of_watching for secret in server.secrets())


async def test_an_endpoint_that_is_down_is_named_and_no_authentication_failure(pool: Pool, server: OAuthServer) -> None:
    reference, tokens = await store(pool, server.issue(expires_in=0)), access_tokens(pool)
    server.down()
    diagnosed = await diagnosis_of(asyncio.ensure_future(tokens.get(reference, use=USE)))
    assert diagnosed.diagnosis.kind is Kind.SERVER_ERROR
    assert "127.0.0.1" in diagnosed.diagnosis.remedy.of_watching
    server.up()
    await tokens.get(reference, use=USE)


async def test_a_wrong_client_secret_is_a_matter_of_configuration(pool: Pool, server: OAuthServer) -> None:
    reference = await store(pool, server.issue(expires_in=0) | {"client_secret": "wr0ng-Secret"})
    diagnosed = await diagnosis_of(asyncio.ensure_future(access_tokens(pool).get(reference, use=USE)))
    assert diagnosed.diagnosis.kind is Kind.CONFIGURATION
    assert diagnosed.said
    assert diagnosed.said.startswith("invalid_client")


async def test_a_grant_belongs_to_the_login_that_it_opened_first_and_is_not_even_renewed_for_another(
    pool: Pool, server: OAuthServer
) -> None:
    reference = await store(pool, server.issue(expires_in=0))
    await Secrets(pool, settings()).accept(reference, USE)
    with pytest.raises(Refused, match="belongs to the login that it opened first"):
        await access_tokens(pool).get(reference, use=replace(USE, host="pop.example.net"))
    assert server.requests == {}


async def test_an_entry_that_is_no_grant_is_refused_by_what_it_lacks(pool: Pool) -> None:
    reference = await store(pool, {"client_id": "mailroom", "refresh_token": "t0p-Secret"})
    with pytest.raises(Refused) as refused:
        await access_tokens(pool).get(reference, use=USE)
    assert refused.value.refusal.code == "secret_not_allowed"
    assert "token_endpoint is missing; scope is missing" in refused.value.message
    assert "mailroom oauth connect jane" in refused.value.message
    assert "t0p-Secret" not in refused.value.message


async def test_a_worker_with_another_key_blames_itself(pool: Pool, server: OAuthServer) -> None:
    reference = await store(pool, server.issue(expires_in=0))
    with pytest.raises(WorkerLacks):
        await access_tokens(pool, key=bytes(32).hex()).get(reference, use=USE)


async def test_nothing_of_a_grant_is_readable_in_the_database(pool: Pool, server: OAuthServer) -> None:
    await access_tokens(pool).get(await store(pool, server.issue(expires_in=0)), use=USE)
    async with pool.connection() as connection:
        row = await (await connection.execute("select ciphertext, vault::text from vault")).fetchone()
    assert row is not None
    assert not any(secret.encode() in row[0] or secret in row[1] for secret in server.secrets())
    entry = await Vault(pool).get("jane")
    assert entry is not None
    assert server.tokens[-1].access_token in Cipher(KEY).open(entry)
