"""Sessions with a CRM: what comes of every kind of failure, and of answers that were lost."""

from __future__ import annotations

import asyncio

import pytest

from activities.crm import sync as sessions
from activities.crm.adapters.protocol import CrmFailure
from activities.crm.outbox import CALL_SECONDS, HOLDS_BACK
from activities.mailbox.leases import Lease, Leases
from domain.crm.commands import Counts
from domain.crm.settings import CrmSettings
from domain.directory.records import Record
from domain.failures.failure import Kind
from infra.database.pool import Pool
from tests.support.crm_sessions import serving, settles, stores
from tests.support.mailboxes import local_worker, mail
from tests.support.scripted_crm import NAME, Dies, Script, Serving, script, settings

__all__ = ["script", "serving"]


@pytest.mark.parametrize(("kind", "text"), [(Kind.CRM_REJECTED, "its words"), (Kind.CRM_GONE, "its words")])
async def test_what_the_crm_will_not_have_is_failed_with_its_words_and_holds_back_nothing(
    serving: Serving, script: Script, pool: Pool, kind: Kind, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    await stores(pool, mail(1), mail(2))
    script.fail("push", kind)
    report = await serving.sync()
    assert (report.pushed, report.counts.delivered) == (1, 1)
    first, second = await serving.outbox()
    assert second["state"] == "delivered"
    if kind is Kind.CRM_REJECTED:
        assert (first["state"], first["failure"], text in first["last_error"]) == ("failed", kind, True)
    entry, _ = await serving.seen.column("select id from outbox where crm = %s order by id", NAME)
    said = [record.getMessage() for record in caplog.records if "is rejected" in record.getMessage()]
    assert said == [f"crm/{NAME}: entry {entry} is rejected: {kind}"]


async def test_a_session_that_fails_says_so_before_it_gives_its_lease_back(
    serving: Serving, script: Script, pool: Pool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stores(pool, mail(1))
    script.fail("push", Kind.CRM_UNAVAILABLE)
    end, before = Leases._end, list[str]()

    async def ends(leases: Leases, lease: Lease, renewing: asyncio.Task[None]) -> None:
        before.extend(record.getMessage() for record in caplog.records if record.levelname == "WARNING")
        await end(leases, lease, renewing)

    monkeypatch.setattr(Leases, "_end", ends)
    await serving.fails()
    [said] = before
    assert said.startswith(f"crm/{NAME}: crm_unavailable")


async def test_a_record_that_is_gone_is_off_the_directory(serving: Serving, script: Script, pool: Pool) -> None:
    await stores(pool, mail(1))
    script.fail("push", Kind.CRM_GONE)
    await serving.sync()
    assert await serving.seen.column("select record_id from directory where crm = %s", NAME) == ["2"]
    await serving.sync()
    assert await serving.seen.column("select id from correspondence where unlinked_at is null") == []
    assert await serving.states() == ["delivered"]  # there is nothing to show any more
    assert script.shows == {}


@pytest.mark.parametrize(
    ("kind", "counts"),
    [
        (Kind.CRM_AUTHENTICATION, "authentication"),
        (Kind.CRM_UNAVAILABLE, "connection"),
        (Kind.CRM_RATE_LIMITED, None),
    ],
)
async def test_a_failure_of_the_crm_ends_the_session_and_leaves_the_entry_as_it_was(
    serving: Serving, script: Script, pool: Pool, kind: Kind, counts: str | None
) -> None:
    await stores(pool, mail(1))
    script.fail("push", kind, retry_after=77.0)
    failure, more = await serving.fails()
    assert (failure.kind, failure.counts, failure.server_said) == (kind, counts, "its words")
    assert failure.reference.startswith("MR-")
    assert failure.support == "help@mailroom.example"
    assert failure.remedy
    assert (more["retry_after"], more["counts"]["backlog"]) == (77.0, 1)
    assert await serving.states() == ["queued"]
    assert (await serving.sync()).pushed == 1


@pytest.mark.parametrize(("asked", "told"), [(0.0, 10.0), (1.0, 10.0), (11.0, 11.0), (None, None)])
async def test_a_crm_that_asks_for_hardly_any_wait_is_not_asked_again_at_once(
    serving: Serving, script: Script, asked: float | None, told: float | None
) -> None:
    script.fail("check", Kind.CRM_RATE_LIMITED, retry_after=asked)
    _, more = await serving.fails()
    assert more["retry_after"] == told


async def test_a_right_that_only_one_record_lacks_parks_its_entry_and_one_that_all_lack_ends_the_session(
    serving: Serving, script: Script, pool: Pool
) -> None:
    await stores(pool, mail(1), mail(2, sender="bo@example.org"))
    script.fail("push", Kind.CRM_PERMISSION)
    await serving.sync()
    assert sorted(await serving.states()) == ["delivered", "failed"]
    script.down = CrmFailure(Kind.CRM_PERMISSION, "scope")
    failure, _ = await serving.fails()
    assert (failure.kind, failure.cause) == (Kind.CRM_PERMISSION, "scope")


@pytest.mark.parametrize("committed", [True, False])
async def test_an_answer_that_was_lost_is_found_out_before_anything_is_pushed_again(
    serving: Serving, script: Script, pool: Pool, committed: bool
) -> None:
    await stores(pool, mail(1), mail(2))
    script.fail("push", Kind.CRM_UNCERTAIN, after_commit=committed)
    await serving.sync()
    assert await serving.states() == ["uncertain", "queued"]  # and what follows of its record waits
    assert script.calls["push"] == 1
    await settles(pool)
    await serving.sync()
    assert script.calls["find"] == 1
    assert await serving.states() == ["delivered", "delivered"]
    assert script.calls["push"] == (2 if committed else 3)
    assert len(script.shows) == 2


async def test_what_is_uncertain_is_not_asked_for_while_the_crm_may_still_be_at_it(
    serving: Serving, script: Script, pool: Pool
) -> None:
    await stores(pool, mail(1))
    script.fail("push", Kind.CRM_UNCERTAIN)
    await serving.sync()
    assert await serving.states() == ["uncertain"]
    assert (await serving.sync()).counts == Counts(backlog=1, uncertain=1)
    assert script.calls["find"] == 0


async def test_what_a_worker_was_cut_off_at_is_not_asked_for_before_its_longest_call_must_have_ended(
    serving: Serving, script: Script, pool: Pool
) -> None:
    await stores(pool, mail(1))
    script.fail("push", Dies())
    with pytest.raises(Dies):
        await serving.sync()
    for seconds, asked in ((CALL_SECONDS, 0), (CALL_SECONDS + 40, 1)):
        async with pool.connection() as connection:
            await connection.execute("delete from leases")
            await connection.execute(
                "update entries set claimed_at = clock_timestamp() - make_interval(secs => %s)", [seconds]
            )
        await Serving(pool, worker=local_worker(minute_seconds=60.0), name="worker-2").sync()
        assert script.calls["find"] == asked


@pytest.mark.parametrize("says", [True, False])
@pytest.mark.parametrize("call", ["turn", "remove"])
async def test_a_change_whose_answer_was_lost_is_found_out_too(
    serving: Serving, script: Script, pool: Pool, call: str, says: bool
) -> None:
    await stores(pool, mail(1))
    await serving.sync()
    script.says_directions = says
    direction = "'Sent'" if call == "turn" else "null"
    async with pool.connection() as connection:
        await connection.execute(f"update entries set direction = {direction}, state = 'queued'".encode())
    script.fail(call, Kind.CRM_UNCERTAIN, after_commit=True)
    await serving.sync()
    assert await serving.states() == ["uncertain"]
    await settles(pool)
    await serving.sync()
    assert await serving.states() == ["delivered"]
    assert [entry.direction for entry in script.shows.values()] == (["Sent"] if call == "turn" else [])


async def test_a_worker_that_dies_between_claim_and_delivery_leaves_nothing_doubled(
    serving: Serving, script: Script, pool: Pool
) -> None:
    await stores(pool, mail(1))
    script.fail("push", Dies(), after_commit=True)
    with pytest.raises(Dies):
        await serving.sync()
    assert len(script.shows) == 1
    async with pool.connection() as connection:
        await connection.execute("delete from leases")
    next_worker = Serving(pool, name="worker-2")
    assert await next_worker.states() == ["queued"]
    await next_worker.sync()
    await settles(pool)
    await next_worker.sync()
    assert await next_worker.states() == ["delivered"]
    assert (script.calls["push"], script.calls["find"]) == (1, 1)


async def test_silence_is_bounded_and_leaves_the_entry_uncertain(
    serving: Serving, script: Script, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stores(pool, mail(1))
    script.fail("push", TimeoutError("the adapter's own"), after_commit=True)
    await serving.sync()
    (row,) = await serving.outbox()
    assert (row["state"], row["failure"]) == ("uncertain", "crm_uncertain")
    script.silent = asyncio.Event()
    monkeypatch.setattr(sessions, "CALL_SECONDS", 0.2)
    failure, _ = await serving.fails()
    assert (failure.kind, failure.cause) == (Kind.CRM_UNAVAILABLE, "no answer within 0 s")
    script.silent.set()


async def test_a_crm_that_never_answers_clearly_is_left_alone_for_a_while(
    serving: Serving, script: Script, pool: Pool
) -> None:
    await stores(pool, *(mail(number, sender=f"p{number}@example.org") for number in range(8)))
    script.pages.append([Record("contact", f"p{n}", f"P{n}", (f"p{n}@example.org",)) for n in range(8)])
    script.fail("push", Kind.CRM_UNCERTAIN, times=20)
    failure, _ = await serving.fails()
    assert (failure.kind, failure.counts) == (Kind.CRM_UNCERTAIN, None)
    assert script.calls["push"] <= sessions.MOST_UNCERTAIN + sessions.AT_ONCE


async def test_a_message_at_which_the_crm_always_breaks_holds_back_its_record_only_for_a_while(
    serving: Serving, script: Script, pool: Pool
) -> None:
    await stores(pool, mail(1), mail(2), mail(3))
    script.fail("push", Kind.CRM_UNCERTAIN, times=HOLDS_BACK)
    while script.steps["push"]:
        assert (await serving.states())[1:] == ["queued", "queued"]
        await settles(pool)
        await serving.sync()
    assert await serving.states() == ["uncertain", "delivered", "delivered"]
    await settles(pool)
    await serving.sync()
    await settles(pool)
    await serving.sync()
    assert await serving.states() == ["delivered"] * 3
    assert len(script.shows) == 3


async def test_a_fault_of_the_adapter_is_no_worse_than_a_lost_answer_and_stops_nobody_else(
    serving: Serving, script: Script, pool: Pool
) -> None:
    await stores(pool, mail(1), mail(2, sender="bo@example.org"))
    script.fail("push", KeyError("a bug"))
    await serving.sync()
    assert sorted(await serving.states()) == ["delivered", "uncertain"]


@pytest.mark.requirement("R97")
async def test_a_secret_that_is_no_more_has_to_be_mended_by_somebody(serving: Serving, script: Script) -> None:
    script.wants_the_secret = True
    serving.settings = CrmSettings.model_validate(settings(secret="vault:gone"))
    failure, more = await serving.fails()
    assert (failure.kind, failure.cause) == (Kind.CRM_PERMISSION, "secret_not_found")
    assert failure.remedy.startswith("secret: there is no secret 'gone'")
    assert "mailroom vault set gone" in failure.remedy
    assert more["authenticated"] is False
