"""The life of a CRM connection: its thresholds, its waits, and what brings it back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.core.events import facts
from domain.core.refusal import Refused
from domain.crm.commands import (
    AnyCommand,
    ChangeSettings,
    CheckWorked,
    Close,
    Counts,
    CrmChecked,
    Disable,
    Enable,
    Synced,
    SyncFailed,
    SyncFailure,
    SyncNow,
    SyncReport,
    Verified,
)
from domain.crm.events import CrmDisabled, CrmEnabled, CrmRecovered, CrmResumed, CrmSuspended
from domain.crm.failures import FATES, REMEDIES, crm_failure, wait_after
from domain.crm.lifecycle import Connection, CrmState, changed, decide, evolve, settings_to_try
from domain.crm.settings import CrmSettings
from domain.crm.status import crm_status, details, host_of, notice
from domain.failures.failure import Kind

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TRYTON = CrmSettings(name="sales", kind="tryton", url="https://crm.example.com/sales", secret="vault:crm")


def after(connection: Connection, *commands: AnyCommand) -> Connection:
    for command in commands:
        for event in decide(connection, command, NOON):
            connection = evolve(connection, event)
    return connection


def connected() -> Connection:
    return after(Connection(settings=TRYTON, since=NOON), Verified(checked=CrmChecked()))


def failed(kind: Kind, **more: Any) -> SyncFailed:
    failure = crm_failure(kind, "cause", said="its words", reference="MR-1", support="help@example.com", at=NOON)
    report = {"settings_version": 1, "counts": Counts(backlog=3)} | more
    return SyncFailed(report=SyncFailure(failure=failure, **report))


def worked(**more: Any) -> Synced:
    return Synced(report=SyncReport(settings_version=1, counts=Counts(delivered=3), **more))


@pytest.mark.parametrize(
    ("kind", "limit", "reason"),
    [
        (Kind.CRM_AUTHENTICATION, 10, "authentication_failures"),
        (Kind.CRM_UNAVAILABLE, 50, "connection_failures"),
    ],
)
def test_so_many_failures_in_a_row_disable_and_one_less_does_not(kind: Kind, limit: int, reason: str) -> None:
    connection = after(connected(), *[failed(kind)] * (limit - 1))
    assert (connection.state, connection.counts.backlog) == (CrmState.ACTIVE, 3)
    event = decide(connection, failed(kind), NOON)[-1]
    assert event == CrmDisabled(reason=reason, at=NOON)
    told = notice(event, after(connection, failed(kind)))
    assert told is not None
    assert f"{limit} times in a row" in told.text


def test_a_session_that_works_ends_the_failures_before_it() -> None:
    connection = after(connected(), *[failed(Kind.CRM_AUTHENTICATION)] * 9)
    assert isinstance(decide(connection, worked(), NOON)[0], CrmRecovered)
    connection = after(connection, worked(), *[failed(Kind.CRM_AUTHENTICATION)] * 9)
    assert connection.state is CrmState.ACTIVE


def test_an_unreachable_crm_forgets_no_refusals_and_one_that_lets_us_in_does() -> None:
    refused = after(connected(), *[failed(Kind.CRM_AUTHENTICATION)] * 5)
    assert after(refused, failed(Kind.CRM_UNAVAILABLE)).failures.authentication == 5
    assert after(refused, failed(Kind.CRM_UNAVAILABLE, authenticated=True)).failures.authentication == 0


def test_a_missing_right_suspends_once_a_day_and_counts_nothing() -> None:
    connection = after(connected(), failed(Kind.CRM_PERMISSION))
    assert (connection.state, connection.reason) == (CrmState.SUSPENDED, "crm_permission")
    assert connection.next_attempt_at == NOON + timedelta(days=1)
    assert (connection.failures.authentication, connection.failures.connection) == (0, 0)
    assert [type(event) for event in decide(connection, worked(), NOON)][1] is CrmResumed
    assert not [
        event for event in decide(connection, failed(Kind.CRM_PERMISSION), NOON) if isinstance(event, CrmSuspended)
    ]


def test_retry_after_is_a_floor_and_without_it_the_waits_grow() -> None:
    def wait(in_a_row: int, retry_after: float | None = None, jitter: float = 0.0) -> float:
        kind = Kind.CRM_RATE_LIMITED
        return wait_after(kind, in_a_row, retry_after=retry_after, minute_seconds=60, jitter=jitter).total_seconds()

    assert wait(1, retry_after=17.0) == 17.0
    assert wait(1, retry_after=17.0, jitter=0.99) > 17.0
    assert [wait(times) for times in (1, 2, 3, 7, 5000)] == [60, 120, 240, 3600, 3600]


def test_a_limit_of_the_crm_holds_until_its_time_has_come_and_other_waits_are_no_limit() -> None:
    limited = after(connected(), failed(Kind.CRM_RATE_LIMITED, retry_after=90.0))
    assert limited.limited_until(NOON) == NOON + timedelta(seconds=90)
    assert limited.limited_until(NOON + timedelta(seconds=90)) is None
    assert after(limited, SyncNow()) == limited
    assert after(limited, ChangeSettings(settings={"daily_calls": 5000})).limited_until(NOON) is None
    assert after(limited, Disable()).limited_until(NOON) is None
    assert after(connected(), failed(Kind.CRM_UNAVAILABLE)).limited_until(NOON) is None


def test_what_the_settings_before_came_to_says_nothing_about_these() -> None:
    connection = after(connected(), ChangeSettings(settings={"interval_minutes": 9}))
    assert connection.settings_version == 2
    assert decide(connection, failed(Kind.CRM_AUTHENTICATION), NOON) == []


@pytest.mark.parametrize(
    "partial", [{"kind": "zoho"}, {"kind": "salesforce"}, {"name": "other"}, {"profile": "recruit"}]
)
def test_what_a_connection_is_stays_whatever_else_the_change_would_need(partial: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="stays what it is") as refused:
        changed(TRYTON, partial)
    assert refused.value.refusal.field == f"settings.{next(iter(partial))}"
    same = {field: getattr(TRYTON, field) for field in partial}
    assert changed(TRYTON, {**same, "interval_minutes": 9}).interval_minutes == 9


def test_only_enable_brings_a_disabled_connection_back() -> None:
    connection = after(connected(), Disable(reason="maintenance", by="ops"))
    assert decide(connection, Disable(), NOON) == []
    assert decide(connection, worked(), NOON) == []
    with pytest.raises(Refused, match="use enable first"):
        decide(connection, SyncNow(), NOON)
    new_secret = ChangeSettings(settings={"secret": "vault:other"})
    candidate = settings_to_try(connection, new_secret)
    assert candidate is not None
    changed_only = after(connection, CheckWorked(command=new_secret, settings=candidate))
    assert (changed_only.state, changed_only.settings.secret) == (CrmState.DISABLED, "vault:other")
    assert settings_to_try(connection, Enable()) == TRYTON
    (enabled,) = decide(connection, CheckWorked(command=Enable(by="ops"), settings=TRYTON), NOON)
    assert enabled == CrmEnabled(actor="ops", at=NOON)


def test_a_closed_connection_takes_no_command() -> None:
    connection = after(connected(), Close())
    for command in (Enable(), SyncNow(), Disable(), ChangeSettings(settings={})):
        with pytest.raises(Refused, match="the connection is closed"):
            decide(connection, command, NOON)


def test_a_look_at_the_crm_is_needed_where_its_address_or_secret_changes_and_nowhere_else() -> None:
    for partial in ({"url": "https://other.example.com/sales"}, {"secret": "vault:other"}):
        assert settings_to_try(connected(), ChangeSettings(settings=partial)) is not None
    others: tuple[dict[str, Any], ...] = (
        {"interval_minutes": 9},
        {"daily_calls": 5000},
        {"linking": {"automatic": False}},
    )
    for other in others:
        assert settings_to_try(connected(), ChangeSettings(settings=other)) is None
    rules = changed(TRYTON, {"linking": {"subaddresses": True}}).linking
    assert (rules.subaddresses, rules.automatic) == (True, True)


@pytest.mark.requirement("R97")
@pytest.mark.parametrize("kind", [kind for kind in Kind if kind.startswith("crm_")])
def test_every_failure_of_a_crm_has_a_fate_and_says_what_to_do_and_whom_to_ask(kind: Kind) -> None:
    assert kind in FATES
    assert REMEDIES[kind]
    connection = after(connected(), failed(kind))
    page = details(connection)
    assert all(words in page for words in (kind, "its words", "MR-1", "help@example.com", REMEDIES[kind].of_watching))
    status = crm_status(connection)
    assert status.last_failure is not None
    assert status.backlog == 3


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind.startswith("crm_")])
@pytest.mark.parametrize(
    ("then", "state"),
    [
        ((), None),
        ((Disable(by="ops"),), CrmState.DISABLED),
        ((Close(),), CrmState.CLOSED),
        ((ChangeSettings(settings={"interval_minutes": 9}),), None),
    ],
)
def test_the_status_is_told_in_every_state_whatever_went_wrong_before(
    kind: Kind, then: tuple[AnyCommand, ...], state: CrmState | None
) -> None:
    for times in 1, 60:
        connection = after(connected(), *[failed(kind)] * times, *then)
        status = crm_status(connection)
        assert state is None or status.state == state
        assert status.last_failure is not None
        assert kind in details(connection)


def test_a_connection_is_found_by_its_host() -> None:
    assert host_of(TRYTON) == "crm.example.com"
    assert host_of(CrmSettings(name="z", kind="zoho", data_centre="eu", secret="vault:z")) == "zoho:eu"
    assert host_of(CrmSettings(name="builtin")) is None


def test_the_log_holds_nobody_of_the_list_that_is_never_logged() -> None:
    change = ChangeSettings(settings={"linking": {"never_log": ["doctor@example.org", "union.example"]}})
    (event,) = decide(connected(), change, NOON)
    assert evolve(connected(), event).settings.linking.never_log == ("doctor@example.org", "union.example")
    kept = facts(event)
    assert (kept["settings"]["linking"]["never_log"], kept["fields"]) == (2, ["linking"])


@pytest.mark.parametrize(
    "kinds",
    [[Kind.CRM_UNCERTAIN], [Kind.CRM_RATE_LIMITED], [Kind.CRM_UNAVAILABLE, Kind.CRM_UNCERTAIN]],
)
def test_people_are_told_once_of_a_crm_whose_failures_no_counter_ends(kinds: list[Kind]) -> None:
    connection, said = connected(), []
    for number in range(12):
        for event in decide(connection, failed(kinds[number % len(kinds)]), NOON):
            connection = evolve(connection, event)
            if told := notice(event, connection):
                said.append((number, told.code))
    assert said == [(7, "stuck")]
    assert not after(connection, worked()).stuck
