"""Sessions with a CRM: what they pull and push, in which order, and what comes of every kind of failure."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.crm import session as sessions
from activities.crm.adapter import CrmFailure, Record
from activities.crm.outbox import CALL_SECONDS, HOLDS_BACK
from domain.crm import CrmSettings
from domain.crm_commands import Counts
from domain.failures import Kind
from infra.database import Pool
from tests.activities.directory import record_crm, register_crm
from tests.activities.scripted_crm import NAME, Dies, Script, Serving, script, settings
from tests.activities.watching import JANE, PASSWORD, Watcher, account, local_worker, mail
from tests.running import until
from tests.servers.scripted_pop import MailboxServer

__all__ = ["script"]

ANNA = Record("contact", "1", "Anna Lind", ("anna@example.org",))
BO = Record("contact", "2", "Bo Ek", ("bo@example.org",))


@pytest.fixture
async def serving(pool: Pool, script: Script) -> Serving:
    """A CRM that knows Anna and Bo, and one that serves it."""
    await register_crm(pool, NAME, "crm")
    script.pages = [[ANNA, BO]]
    made = Serving(pool, worker=local_worker(minute_seconds=60.0))
    await made.sync()
    return made


async def stores(pool: Pool, *messages: bytes, address: str = JANE) -> None:
    """A mailbox's mail comes in."""
    numbered = {f"{address}-{number}": message for number, message in enumerate(messages)}
    async with MailboxServer(password=PASSWORD, messages=numbered) as server:
        settings = account(server.port, address=address, crm=(NAME,))
        await Watcher(pool).record(settings)
        await Watcher(pool).watch(settings)


async def files(pool: Pool, folder: str) -> None:
    """All mail is moved to a folder, with what follows from that."""
    from activities.linking import relink

    async with pool.connection() as connection, connection.transaction():
        rows = await (await connection.execute("update mail set folder = %s returning id", [folder])).fetchall()
        await relink(connection, [row[0] for row in rows])


async def calls(script: Script, name: str) -> bool:
    return script.calls[name] > 0


async def settles(pool: Pool) -> None:
    """The time passes in which the CRM may still be at what it was asked."""
    async with pool.connection() as connection:
        await connection.execute(
            "update entries set claimed_at = claimed_at - interval '1 hour', next_attempt_at = null"
        )


async def test_the_directory_is_pulled_and_mail_of_its_records_is_in_the_crm_once(
    serving: Serving, script: Script, pool: Pool
) -> None:
    await stores(pool, mail(1), mail(2, sender="bo@example.org"), mail(3, sender="stranger@example.org"))
    report = await serving.sync()
    assert (report.pushed, report.counts) == (2, Counts(delivered=2))
    again = await serving.sync()
    assert (again.pushed, again.counts) == (0, Counts(delivered=2))
    assert script.calls["push"] == 2
    told = {entry.record_id: entry for _, entry in script.told}
    assert (told["1"].direction, told["1"].subject, told["1"].text) == ("Received", "message 1", "This is message 1.")
    assert told["1"].sender == ("Somebody", "anna@example.org")
    assert told["1"].to == [("", JANE)]
    assert (told["1"].message_id, told["1"].account, len(told["1"].key)) == ("<1@example.org>", JANE, 64)


@pytest.mark.requirement("R3")
async def test_a_contact_that_comes_later_links_the_mail_that_was_stored_before(
    serving: Serving, script: Script, pool: Pool
) -> None:
    await stores(pool, mail(1, sender="carl@example.org"))
    assert (await serving.sync()).pushed == 0
    script.pages.append([Record("lead", "9", "Carl", ("Carl@Example.org",))])
    report = await serving.sync()
    assert (report.pulled, report.linked, report.pushed) == (1, 1, 1)
    assert script.cursors[-1] == {"page": 1}
    assert [entry.record_id for _, entry in script.told] == ["9"]


async def test_the_same_mail_in_two_mailboxes_is_one_entry(serving: Serving, script: Script, pool: Pool) -> None:
    await stores(pool, mail(1))
    await stores(pool, mail(1), address="bob@example.com")
    assert (await serving.sync()).counts == Counts(delivered=1)
    assert script.calls["push"] == 1


@pytest.mark.requirement("R34")
async def test_moving_mail_to_sent_turns_its_entry_and_unlinking_removes_it(
    serving: Serving, script: Script, pool: Pool
) -> None:
    own = mail(1, sender=JANE).replace(b"To: jane@example.com", b"To: anna@example.org")
    await stores(pool, own, mail(2))
    await serving.sync()
    assert [(call, entry.direction) for call, entry in script.told] == [
        ("push", "Received")
    ]  # hers; his own has no record
    await files(pool, "Sent")
    await serving.sync()
    assert sorted((call, entry.subject, entry.direction) for call, entry in script.told[1:]) == [
        ("push", "message 1", "Sent"),
        ("remove", "message 2", "Received"),
    ]
    assert [entry.direction for entry in script.shows.values()] == ["Sent"]
    async with pool.connection() as connection, connection.transaction():
        await connection.execute("update links set unlinked_at = now()")
        await connection.execute("select refresh_entries(array(select identity from mail))")
    await serving.sync()
    assert script.shows == {}
    assert set(await serving.states()) == {"delivered"}


@pytest.mark.parametrize(("kind", "text"), [(Kind.CRM_REJECTED, "its words"), (Kind.CRM_GONE, "its words")])
async def test_what_the_crm_will_not_have_is_failed_with_its_words_and_holds_back_nothing(
    serving: Serving, script: Script, pool: Pool, kind: Kind, text: str
) -> None:
    await stores(pool, mail(1), mail(2))
    script.fail("push", kind)
    report = await serving.sync()
    assert (report.pushed, report.counts.delivered) == (1, 1)
    first, second = await serving.outbox()
    assert second["state"] == "delivered"
    if kind is Kind.CRM_REJECTED:
        assert (first["state"], first["failure"], text in first["last_error"]) == ("failed", kind, True)


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


async def test_an_entry_that_changes_while_it_is_pushed_is_turned_afterwards(
    serving: Serving, script: Script, pool: Pool
) -> None:
    await stores(pool, mail(1).replace(b"To: jane@example.com", b"To: anna@example.org"))
    script.held["push"] = asyncio.Event()
    pushing = asyncio.ensure_future(serving.sync())
    await until(lambda: calls(script, "push"), "the push")
    await files(pool, "Sent")
    script.held["push"].set()
    await pushing
    assert [(call, entry.direction) for call, entry in script.told] == [("push", "Received"), ("turn", "Sent")]
    assert await serving.states() == ["delivered"]


async def test_a_session_that_is_cancelled_lets_its_calls_end(serving: Serving, script: Script, pool: Pool) -> None:
    await stores(pool, mail(1), mail(2))
    script.held["push"] = asyncio.Event()
    pushing = asyncio.ensure_future(serving.sync())
    await until(lambda: calls(script, "push"), "the push")
    serving.environment.cancel()
    script.held["push"].set()
    with pytest.raises(asyncio.CancelledError):
        await pushing
    assert await serving.states() == ["delivered", "queued"]


async def test_silence_is_bounded_and_leaves_the_entry_uncertain(
    serving: Serving, script: Script, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stores(pool, mail(1))
    monkeypatch.setattr(sessions, "CALL_SECONDS", 0.2)
    script.fail("push", TimeoutError("the adapter's own"), after_commit=True)
    await serving.sync()
    (row,) = await serving.outbox()
    assert (row["state"], row["failure"]) == ("uncertain", "crm_uncertain")
    script.silent = asyncio.Event()
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
async def test_no_more_calls_are_made_in_a_day_than_the_settings_allow(
    serving: Serving, script: Script, pool: Pool
) -> None:
    serving.settings = CrmSettings.model_validate(settings(daily_calls=100))
    async with pool.connection() as connection:
        await connection.execute("update crm_calls set calls = 97")
    await stores(pool, *(mail(number, sender="anna@example.org") for number in range(5)))
    failure, more = await serving.fails()
    assert (failure.kind, failure.cause) == (Kind.CRM_RATE_LIMITED, "daily_calls")
    assert more["retry_after"] >= 60
    assert await serving.seen.value("select sum(calls)::int from crm_calls") == 100
    assert (await serving.states()).count("queued") > 0


@pytest.mark.requirement("R97")
async def test_a_secret_that_is_no_more_has_to_be_mended_by_somebody(serving: Serving, script: Script) -> None:
    script.wants_the_secret = True
    serving.settings = CrmSettings.model_validate(settings(secret="vault:gone"))
    failure, more = await serving.fails()
    assert (failure.kind, failure.cause) == (Kind.CRM_PERMISSION, "secret_not_found")
    assert failure.remedy.startswith("secret: there is no secret 'gone'")
    assert "python -m infra.vault set gone" in failure.remedy
    assert more["authenticated"] is False


async def test_taking_an_entry_off_a_record_that_is_gone_is_done(serving: Serving, script: Script, pool: Pool) -> None:
    await stores(pool, mail(1))
    await serving.sync()
    async with pool.connection() as connection:
        await connection.execute("update entries set direction = null, state = 'queued'")
    script.fail("remove", Kind.CRM_GONE)
    await serving.sync()
    assert await serving.states() == ["delivered"]


async def test_nothing_new_asks_to_be_called_again_and_news_is_told_once(
    serving: Serving, script: Script, pool: Pool
) -> None:
    serving.worker = local_worker()
    await serving.sync()
    with pytest.raises(ApplicationError) as ended:
        await serving.sync(report=False, pulled=True)
    assert ended.value.type == "NothingNew"
    await stores(pool, mail(1))
    report = await serving.sync(report=False, pulled=True)
    assert (report.pushed, report.counts) == (1, Counts(delivered=1))


async def test_one_worker_at_a_time_serves_a_crm(serving: Serving, script: Script, pool: Pool) -> None:
    script.silent = asyncio.Event()
    first = asyncio.ensure_future(serving.sync())

    async def holds() -> bool:
        return bool(await serving.seen.rows("select from leases where address = %s", f"crm/{NAME}"))

    await until(holds, "the first session's lease")
    with pytest.raises(ApplicationError) as busy:
        await Serving(pool, name="worker-2").sync()
    assert busy.value.type == "Waiting"
    script.silent.set()
    await first


@pytest.mark.parametrize(
    ("change", "sweeps"), [({"url": "http://127.0.0.1:1/other"}, True), ({"interval_minutes": 7}, False)]
)
async def test_of_a_crm_with_another_address_the_whole_directory_is_compared(
    pool: Pool, script: Script, change: dict[str, Any], sweeps: bool
) -> None:
    await register_crm(pool, NAME, "crm")
    script.pages = [[ANNA, BO]]
    serving = Serving(pool, worker=local_worker(minute_seconds=60.0))
    for _ in range(2):
        await record_crm(pool, serving.settings)
        await serving.sync()
    assert script.cursors == [None, {"page": 1}]
    serving.settings = CrmSettings.model_validate(settings(**change))
    await record_crm(pool, serving.settings)
    script.pages = [[BO]]  # what the other one has
    await serving.sync()
    assert (script.cursors[-1] is None) == sweeps
    assert await serving.seen.column("select record_id from directory") == (["2"] if sweeps else ["1", "2"])
