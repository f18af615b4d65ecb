"""Errors of our own side and the pause after each: it grows with bugs in a row alone, and quotes nobody's mail."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from datetime import timedelta
from typing import Any, NoReturn

import psycopg
import pytest
from psycopg_pool import PoolTimeout
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.core.attempts import call_again
from activities.mailbox.leases import LeaseLost
from activities.pauses import LONGEST, REMEMBERED, SHORTEST, Pauses
from domain.core.refusal import Refused
from infra.database.pool import Pool
from infra.temporal.client import DATABASE_UNAVAILABLE, is_spoken_for

Ends = Callable[[], Any]


class Does(ActivityInboundInterceptor):
    """What the activity itself does."""

    def __init__(self, ends: Ends) -> None:
        self._ends = ends

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 -- the SDK's name for it
        return self._ends()


def raises(error: BaseException) -> Ends:
    def end() -> NoReturn:
        raise error

    return end


def nothing_new() -> NoReturn:
    call_again("nothing new", timedelta(minutes=5), "NothingNew")


async def attempt(pauses: Pauses, ends: Ends, *, activity_id: str = "watch") -> Any:
    """One attempt on a worker that has `pauses`: what it answers, or the error that reaches Temporal."""
    environment = ActivityEnvironment()
    environment.info = environment.info.__class__(**{**vars(environment.info), "activity_id": activity_id})

    async def run() -> Any:
        given = ExecuteActivityInput(fn=lambda: None, args=(), executor=None, headers={})
        return await pauses.intercept_activity(Does(ends)).execute_activity(given)

    try:
        return await environment.run(run)
    except Exception as error:
        return error


def pause_of(ended: Any) -> float:
    assert isinstance(ended, ApplicationError), ended
    assert ended.next_retry_delay is not None
    assert not ended.non_retryable
    return ended.next_retry_delay.total_seconds()


@pytest.fixture
def longest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chance draws the longest pause there is."""
    monkeypatch.setattr(random, "uniform", lambda _least, most: most)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PoolTimeout("couldn't get a connection after 30.00 sec"), "the database does not answer: again in "),
        (psycopg.OperationalError("connection failed: Connection refused"), "the database does not answer: again in "),
        (psycopg.InterfaceError("the connection is closed"), "the database does not answer: again in "),
        (psycopg.errors.AdminShutdown("terminating connection"), "the database does not answer: again in "),
        (psycopg.errors.CannotConnectNow("starting up"), "the database does not answer: again in "),
        (psycopg.errors.DeadlockDetected("deadlock detected"), "the database could not do it: again in "),
        (psycopg.errors.DiskFull("could not extend file"), "the database could not do it: again in "),
    ],
)
async def test_after_a_database_error_the_pause_is_short_at_random_and_said(
    error: psycopg.Error, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    pauses = Pauses()
    drawn = set()
    for _ in range(50):
        ended = await attempt(pauses, raises(error))
        assert (ended.type, ended.message.startswith(words)) == (DATABASE_UNAVAILABLE, True), ended
        assert is_spoken_for(ended), "one line in the UI, without a stack trace"
        drawn.add(pause_of(ended))
    assert SHORTEST <= min(drawn) < max(drawn) <= LONGEST
    assert len(drawn) > 40, "they do not come back together"
    said = [record.getMessage() for record in caplog.records if words in record.getMessage()]
    assert len(said) == 50


@pytest.mark.usefixtures("longest")
async def test_the_pause_after_a_bug_grows_with_bugs_in_a_row_and_with_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pauses, bug = Pauses(), raises(KeyError("x"))
    for _ in range(100):
        assert (await attempt(pauses, nothing_new)).next_retry_delay == timedelta(minutes=5)
    assert [pause_of(await attempt(pauses, bug)) for _ in range(6)] == [5, 10, 20, 40, 60, 60]
    assert pause_of(await attempt(pauses, bug, activity_id="another")) == 5
    for ends in (nothing_new, lambda: "mail", raises(PoolTimeout("none")), raises(Refused("x", "no"))):
        await attempt(pauses, ends)
        assert pause_of(await attempt(pauses, bug)) == 5
    assert "KeyError, 6 in a row: again in 60 s" in caplog.text


async def test_a_bug_reaches_temporal_under_its_own_class_and_with_its_cause() -> None:
    ended = await attempt(Pauses(), raises(ZeroDivisionError("division by zero")))
    assert (ended.type, ended.category) == ("ZeroDivisionError", ApplicationErrorCategory.UNSPECIFIED)
    assert isinstance(ended.__cause__, ZeroDivisionError)
    assert not is_spoken_for(ended), "its stack trace is what somebody needs"


async def test_a_lost_lease_is_nobodys_failure_but_is_said(caplog: pytest.LogCaptureFixture) -> None:
    ended = await attempt(Pauses(), raises(LeaseLost("the lease of jane@example.com ran out")))
    assert (ended.type, ended.category) == ("Waiting", ApplicationErrorCategory.BENIGN)
    assert SHORTEST <= pause_of(ended) <= LONGEST
    assert "the lease of jane@example.com ran out: again in" in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        ApplicationError("a failure", {}, type="authentication", non_retryable=True),
        Refused("disabled", "no"),
        BrokenExecutor("no more threads"),
    ],
)
async def test_what_says_itself_what_comes_next_is_left_as_it_is(error: Exception) -> None:
    assert await attempt(Pauses(), raises(error)) is error


async def test_no_row_of_a_database_error_is_quoted(pool: Pool, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with pool.connection() as connection:
        for statement in (
            "insert into leases (address, host, token, worker, expires_at) values ('x@secret.example', null, null, null, null)",
            "select 'x@secret.example'::int",
        ):
            with pytest.raises(psycopg.Error) as failed:
                await connection.execute(statement.encode())
            assert "x@secret.example" in str(failed.value)
            ended = await attempt(Pauses(), raises(failed.value))
            assert "x@secret.example" not in f"{ended} {ended.__cause__}"
    assert "x@secret.example" not in caplog.text


async def test_what_is_remembered_has_a_bound() -> None:
    pauses = Pauses()
    pauses._bugs = {("w", "r", str(number)): 1 for number in range(REMEMBERED)}
    await attempt(pauses, raises(KeyError("x")))
    assert len(pauses._bugs) == REMEMBERED
