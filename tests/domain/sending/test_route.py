"""The life of a sending route, without a server and without a clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from domain.core.refusal import Refused
from domain.failures.failure import Failure, Failures, Kind
from domain.sending.commands import (
    AnyCommand,
    AttemptFailed,
    AttemptWorked,
    ChangeCredential,
    ChangeSettings,
    Close,
    Disable,
    Enable,
    LoginWorked,
    ProbeWorked,
    Verified,
)
from domain.sending.events import CredentialChanged, RouteDisabled, RouteEnabled, RouteFailed, RouteSuspended
from domain.sending.failures import LIMITS, counter_of
from domain.sending.route import Route, RouteState, decide, evolve, settings_to_try
from domain.sending.settings import RouteSettings, changed
from domain.sending.status import details, notice, route_status

NOW = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
SETTINGS = RouteSettings.model_validate(
    {"address": "jane@example.com", "outgoing": {"host": "smtp.example.com", "secret": "vault:jane-smtp"}}
)
references = count()


def failure(kind: Kind, reference: str | None = None) -> Failure:
    return Failure(
        kind=kind,
        remedy="Do something.",
        reference=reference or f"MR-{next(references)}",
        support="support@example.com",
        at=NOW,
        counts=counter_of(kind),
    )


def after(route: Route, *commands: AnyCommand) -> Route:
    for command in commands:
        for event in decide(route, command, NOW):
            route = evolve(route, event)
    return route


def active() -> Route:
    return after(Route(settings=SETTINGS, since=NOW), Verified())


def failed(route: Route, kind: Kind, **more: Any) -> Route:
    return after(route, AttemptFailed(failure=failure(kind), settings_version=route.settings_version, **more))


def test_the_first_refused_login_suspends_and_mail_waits() -> None:
    route = failed(active(), Kind.SMTP_AUTHENTICATION)
    assert (route.state, route.reason, route.takes_mail) == (RouteState.SUSPENDED, "smtp_authentication", False)
    assert route.next_attempt_at == NOW + timedelta(minutes=1)
    assert route.failures == Failures(authentication=1)


def test_ten_refused_logins_in_a_row_disable() -> None:
    route = active()
    for _ in range(LIMITS.authentication - 1):
        route = failed(route, Kind.SMTP_AUTHENTICATION)
        assert route.state is RouteState.SUSPENDED
    route = failed(route, Kind.SMTP_AUTHENTICATION)
    assert (route.state, route.reason) == (RouteState.DISABLED, "authentication_failures")
    assert route.next_attempt_at is None


def test_one_server_that_is_away_once_stops_nobody_and_three_times_in_a_row_only_the_route_tries() -> None:
    route = failed(failed(active(), Kind.CONNECTION), Kind.CONNECTION)
    assert route.takes_mail
    assert route.next_attempt_at is None  # the messages wait, each for itself
    route = failed(route, Kind.CONNECTION)
    assert (route.state, route.reason) == (RouteState.SUSPENDED, "connection")
    assert route.next_attempt_at is not None


def test_fifty_times_in_a_row_not_reached_disables() -> None:
    route = active()
    for _ in range(LIMITS.connection):
        assert route.state is not RouteState.DISABLED
        route = failed(route, Kind.CONNECTION)
    assert (route.state, route.reason) == (RouteState.DISABLED, "connection_failures")


def test_a_login_that_works_ends_the_failures_and_lets_mail_out() -> None:
    route = after(failed(active(), Kind.SMTP_AUTHENTICATION), ProbeWorked(settings_version=1))
    assert (route.takes_mail, route.failures, route.last_failure) == (True, Failures(), None)


def test_that_a_login_works_does_not_end_a_providers_limit_and_the_next_wait_is_longer() -> None:
    once = failed(active(), Kind.THROTTLED)
    again = after(once, ProbeWorked(settings_version=1))
    assert again.takes_mail
    assert again.last_failure is not None
    twice = failed(again, Kind.THROTTLED)
    assert once.next_attempt_at is not None
    assert twice.next_attempt_at is not None
    assert twice.next_attempt_at - NOW == 2 * (once.next_attempt_at - NOW)
    assert after(after(twice, ProbeWorked(settings_version=1)), AttemptWorked(settings_version=1)).last_failure is None


def test_a_failure_that_is_told_twice_counts_once() -> None:
    report = AttemptFailed(failure=failure(Kind.SMTP_AUTHENTICATION, "MR-1"), settings_version=1)
    assert after(active(), report, report).failures.authentication == 1


def test_what_came_of_settings_before_these_says_nothing_about_these() -> None:
    changed_ = after(active(), LoginWorked(command=ChangeCredential(), settings=SETTINGS))
    assert after(changed_, AttemptFailed(failure=failure(Kind.CONFIGURATION), settings_version=1)) == changed_


def test_nothing_is_enabled_without_a_login() -> None:
    disabled = after(active(), Disable(reason="a holiday", by="ops"))
    assert (disabled.state, disabled.reason) == (RouteState.DISABLED, "operator")
    assert decide(disabled, Enable(), NOW) == []
    assert settings_to_try(disabled, Enable()) == SETTINGS
    assert after(disabled, LoginWorked(command=Enable(), settings=SETTINGS)).takes_mail


@pytest.mark.parametrize(("kind", "takes_mail"), [(Kind.SMTP_AUTHENTICATION, True), (None, False)])
def test_another_secret_that_works_enables_what_wrong_ones_disabled_and_not_what_a_person_disabled(
    kind: Kind | None, *, takes_mail: bool
) -> None:
    route = active()
    if kind is None:
        route = after(route, Disable(by="ops"))
    for _ in range(LIMITS.authentication if kind else 0):
        assert kind is not None
        route = failed(route, kind)
    assert route.state is RouteState.DISABLED
    command = ChangeCredential(secret="vault:another")
    candidate = settings_to_try(route, command)
    assert candidate is not None
    assert candidate.outgoing.secret == "vault:another"
    events = decide(route, LoginWorked(command=command, settings=candidate), NOW)
    assert isinstance(events[0], CredentialChanged)
    assert after(route, LoginWorked(command=command, settings=candidate)).takes_mail is takes_mail


@pytest.mark.parametrize(
    ("partial", "tries"),
    [({"outgoing": {"host": "mail.example.com"}}, True), ({"kind": "custom_smtp"}, False), ({}, False)],
)
def test_only_another_server_or_login_needs_a_login(partial: dict[str, Any], *, tries: bool) -> None:
    assert (settings_to_try(active(), ChangeSettings(settings=partial)) is not None) is tries


def test_the_usual_port_follows_its_encryption() -> None:
    assert SETTINGS.outgoing.port == 587
    assert changed(SETTINGS, {"outgoing": {"tls": "implicit"}}).outgoing.port == 465
    assert (
        changed(changed(SETTINGS, {"outgoing": {"port": 2525}}), {"outgoing": {"tls": "implicit"}}).outgoing.port
        == 2525
    )


def test_a_route_keeps_its_address() -> None:
    with pytest.raises(Refused) as error:
        changed(SETTINGS, {"address": "joe@example.com"})
    assert error.value.refusal.field == "settings.address"


@pytest.mark.parametrize("kind", ["relay", "hosted", "bulk"])
def test_what_is_not_there_yet_is_refused_in_words(kind: str) -> None:
    with pytest.raises(ValueError, match="not offered yet"):
        RouteSettings.model_validate({"address": "jane@example.com", "kind": kind})


def test_a_closed_route_takes_no_command_and_no_report() -> None:
    closed = after(active(), Close())
    assert decide(closed, AttemptFailed(failure=failure(Kind.CONNECTION), settings_version=1), NOW) == []
    with pytest.raises(Refused, match="start it again"):
        decide(closed, Enable(), NOW)


def test_people_are_told_what_happened_and_that_nothing_is_lost() -> None:
    route = active()
    told = []
    for _ in range(LIMITS.authentication):
        for event in decide(route, AttemptFailed(failure=failure(Kind.SMTP_AUTHENTICATION), settings_version=1), NOW):
            route = evolve(route, event)
            if isinstance(event, RouteSuspended | RouteDisabled | RouteEnabled | RouteFailed):
                told.append(notice(event, route))
    codes = [one.code for one in told if one]
    assert codes == ["suspended", "disabled"]
    assert all("held" in one.text for one in told if one)
    assert "held" in details(route)
    assert route_status(route).failures.authentication == LIMITS.authentication
