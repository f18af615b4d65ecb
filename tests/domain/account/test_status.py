"""What people see of an account: the answer to `status`, the page in the Temporal UI, and what they are told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.account.commands import (
    ChangeCredential,
    ChangeSettings,
    Close,
    Connected,
    Disable,
    Enable,
    PollNow,
    QuarantineChanged,
    SessionFailed,
    SetQuota,
)
from domain.account.lifecycle import Account, AnyCommand, decide, evolve
from domain.account.notices import notice
from domain.account.status import AccountStatus, details, status, warnings
from domain.core.log_event import Notice
from domain.failures.failure import Kind
from domain.failures.pop_remedies import GOOGLE_UNLOCK_URL, PROVIDER_LOCKED
from domain.mailbox.providers import PROFILES
from domain.retrieval.reports import InQuarantine, LoginReport, Progress
from tests.support.accounts import (
    LATER,
    NOON,
    active,
    after,
    closed,
    disabled,
    disabled_by_wrong_passwords,
    failed,
    login_worked,
    no_connection,
    over_quota,
    suspended,
    verifying,
    worked,
    wrong_password,
)


def told(account: Account, command: AnyCommand) -> list[Notice]:
    """The notices that follow from a command."""
    found = []
    for event in decide(account, command, LATER):
        account = evolve(account, event)
        if said := notice(event, account):
            found.append(said)
    return found


def quarantined(**counts: int) -> Account:
    found = QuarantineChanged(in_quarantine=InQuarantine(**counts), released=False, by="ops")
    return after(active(crm=["builtin"]), found)


def test_what_could_not_be_taken_is_a_warning_that_names_the_commands_and_the_view() -> None:
    [warning] = warnings(quarantined(waiting=1))
    assert warning.code == "quarantined"
    assert warning.text == (
        "1 message could not be taken from the server: 1 asked for again by itself. The view quarantine lists each with its "
        "reason."
    )
    assert warning.remedies == [
        "select * from mailroom.quarantine where address = 'jane@example.com'",
        "retry_quarantined {}",
        'skip_message {"uidl": "UIDL of the view"}',
    ]


def test_what_is_undownloadable_too_large_or_gone_is_told_apart() -> None:
    [warning] = warnings(quarantined(undownloadable=2, too_large=3, gone=4))
    assert warning.text.startswith("9 messages could not be taken from the server: 2 undownloadable: ")
    assert "; 3 larger than MAILROOM_MAX_MESSAGE_BYTES allows" in warning.text
    assert "; 4 no longer on the server. " in warning.text
    assert "by itself" not in warning.text


def test_the_page_tells_what_is_in_quarantine() -> None:
    assert "\n> 3 messages could not be taken" in details(quarantined(waiting=3), NOON)


# status


def test_the_status_of_a_new_account_has_every_field_of_the_contract() -> None:
    shown = status(active(crm=["builtin"])).model_dump(mode="json")
    assert shown.pop("checklist") == list(PROFILES["generic"].checklist)
    assert shown == {
        "address": "jane@example.com",
        "state": "active",
        "reason": None,
        "since": "2026-11-23T12:00:00Z",
        "failures": {"authentication": 0, "connection": 0},
        "last_failure": None,
        "needs_user_action": None,
        "progress": {"on_server": 0, "stored": 0, "remaining": 0, "bytes": 0, "eta": None},
        "last_success_at": None,
        "next_attempt_at": None,
        "warnings": [],
        "settings_version": 1,
        "credential_version": 1,
    }


def test_the_status_after_a_failure_holds_all_that_is_known_of_it() -> None:
    shown = status(after(active(), wrong_password())).model_dump(mode="json")
    assert shown["failures"] == {"authentication": 1, "connection": 0}
    assert shown["next_attempt_at"] == "2026-11-23T12:01:00Z"
    assert shown["last_failure"] == {
        "kind": "authentication",
        "cause": None,
        "server_said": "-ERR authentication",
        "remedy": "What mends authentication.",
        "reference": "MR-1",
        "support": "help@example.com",
        "at": "2026-11-23T12:00:00Z",
        "counts": "authentication",
        "tls": None,
        "decided_by": None,
    }


def test_the_status_after_a_success_shows_the_progress_and_forgets_the_failure() -> None:
    shown = status(after(active(), no_connection(), worked(stored=3), now=LATER))
    assert shown.progress == Progress(on_server=3, stored=3, remaining=0, bytes=3000)
    assert (shown.last_failure, shown.last_success_at) == (None, LATER)


@pytest.mark.parametrize(
    ("account", "state", "reason"),
    [
        (verifying(), "verifying", None),
        (active(), "active", None),
        (suspended(Kind.CERTIFICATE), "suspended", "certificate"),
        (over_quota(), "over_quota", None),
        (disabled(), "disabled", "operator"),
        (disabled_by_wrong_passwords(), "disabled", "authentication_failures"),
        (closed(), "closed", None),
    ],
)
def test_state_and_reason_are_those_of_the_contract(account: Account, state: str, reason: str | None) -> None:
    shown = status(account).model_dump(mode="json")
    assert (shown["state"], shown["reason"]) == (state, reason)


def test_a_status_survives_json() -> None:
    shown = status(suspended(Kind.PROVIDER_LOCKED))
    assert AccountStatus.model_validate_json(shown.model_dump_json()) == shown


@pytest.mark.parametrize("kind", [Kind.PROVIDER_LOCKED, Kind.WEB_LOGIN_REQUIRED])
def test_while_the_owner_must_do_something_the_status_says_what(kind: Kind) -> None:
    action = status(suspended(kind)).needs_user_action
    assert action is not None
    assert "web browser" in action.step
    assert status(after(suspended(kind), worked())).needs_user_action is None
    assert status(after(suspended(kind), Disable())).needs_user_action is None


def test_the_unlock_page_is_named_where_the_remedy_names_it() -> None:
    locked = failed(Kind.PROVIDER_LOCKED)
    remedy = {"remedy": PROVIDER_LOCKED.of_watching}
    report = locked.report.model_copy(update={"failure": locked.report.failure.model_copy(update=remedy)})
    action = status(after(active(), locked.model_copy(update={"report": report}))).needs_user_action
    assert action is not None
    assert action.url == GOOGLE_UNLOCK_URL


@pytest.mark.parametrize("account", [suspended(Kind.CERTIFICATE), after(active(), wrong_password())])
def test_other_failures_ask_nothing_of_the_owner(account: Account) -> None:
    assert status(account).needs_user_action is None


# Warnings and the checklist


def test_without_a_crm_the_status_says_that_the_add_on_is_not_configured_and_how_to_change_that() -> None:
    [warning] = warnings(active())
    assert warning.code == "crm_not_configured"
    assert "not configured" in warning.text
    assert warning.remedies == ['change_settings {"settings": {"crm": ["builtin"]}}']


def test_the_warning_ends_with_the_change_that_it_advises() -> None:
    assert warnings(after(active(), ChangeSettings(settings={"crm": ["builtin"]}))) == []


def test_exchange_is_warned_of_with_both_remedies() -> None:
    [warning] = warnings(active(crm=["builtin"], provider="exchange"))
    assert warning.code == "exchange_marks_read"
    assert len(warning.remedies) == 2


@pytest.mark.parametrize(
    "account",
    [active(provider="google"), active(incoming={"host": "pop.gmail.com"})],
    ids=["named", "found from the host"],
)
def test_a_google_mailbox_has_a_checklist(account: Account) -> None:
    assert any("enable POP" in item for item in status(account).checklist)


def test_a_host_that_only_ends_like_googles_is_not_googles() -> None:
    assert not any("Gmail" in item for item in status(active(incoming={"host": "pop.notgmail.com"})).checklist)


# The page in the Temporal UI


def test_the_page_says_what_an_operator_wants_to_know_of_a_healthy_account() -> None:
    page = details(after(active(crm=["builtin"]), worked(stored=3), now=LATER), LATER)
    assert page.splitlines() == [
        "jane@example.com is **active** since 2026-11-23 12:00:00 UTC",
        "",
        "- server: pop.example.com:995 (tls: implicit)",
        "- failures in a row: authentication 0 of 10, connection 0 of 50",
        "- mail: 3 stored, 0 to fetch, 3 on the server",
        "- linked with the CRM connections: builtin",
        "- last success: 2026-11-23 13:00:00 UTC",
        "- next look: 2026-11-23 12:05:00 UTC",
    ]


def test_the_page_of_a_failing_account_says_what_the_server_said_and_what_to_do() -> None:
    page = details(after(active(), *[wrong_password()] * 2), NOON)
    assert "authentication 2 of 10" in page
    assert "**authentication** at 2026-11-23 12:00:00 UTC. The server said: `-ERR authentication`." in page
    assert "Reference MR-1; support: help@example.com." in page
    assert "What to do: What mends authentication." in page
    assert "- next look: 2026-11-23 12:05:00 UTC" in page


def test_the_page_of_a_disabled_account_says_why_and_promises_no_next_look() -> None:
    page = details(disabled_by_wrong_passwords(), NOON)
    assert "is **disabled** (authentication_failures)" in page
    assert "next look" not in page


def test_the_page_says_when_the_rest_of_a_large_mailbox_is_expected() -> None:
    report = worked(more=True).report
    progress = Progress(on_server=9, stored=3, remaining=6, eta=LATER)
    fetching = worked().model_copy(update={"report": report.model_copy(update={"progress": progress})})
    assert "the rest is expected by 2026-11-23 13:00:00 UTC" in details(after(active(), fetching), NOON)
    assert "expected" not in details(after(active(), fetching), LATER + timedelta(seconds=1))


def test_the_page_quotes_the_warnings() -> None:
    assert "> The CRM add-on is not configured" in details(active(), NOON)


# What people are told


def test_the_tenth_wrong_password_tells_what_the_server_said_and_what_to_do() -> None:
    [said] = told(after(active(), *[wrong_password()] * 9), wrong_password())
    assert said.code == "disabled"
    assert "jane@example.com" in said.text
    assert "10 times in a row" in said.text
    assert '"-ERR authentication"' in said.text
    assert "MR-1" in said.text
    assert said.remedy == "What mends authentication."


def test_the_fiftieth_lost_connection_tells_as_well() -> None:
    [said] = told(after(active(), *[no_connection()] * 49), no_connection())
    assert (said.code, said.remedy) == ("disabled", "What mends connection.")
    assert "50 times in a row" in said.text


def test_who_disabled_and_who_enabled_an_account_is_told() -> None:
    [said] = told(active(), Disable(by="ops"))
    assert (said.code, said.text) == ("disabled", "jane@example.com was disabled by ops.")
    [said] = told(disabled(), login_worked(disabled(), Enable(by="ops")))
    assert (said.code, said.text) == ("enabled", "jane@example.com was enabled by ops.")


def test_a_suspension_is_told_with_its_kind_and_the_remedy_and_once() -> None:
    [said] = told(active(), failed(Kind.CERTIFICATE))
    assert (said.code, said.remedy) == ("suspended", "What mends certificate.")
    assert "certificate" in said.text
    assert told(suspended(), failed(Kind.CERTIFICATE)) == []


def test_that_mail_is_retrieved_again_is_told_when_it_is_true() -> None:
    [said] = told(suspended(), worked())
    assert (said.code, said.text) == ("resumed", "jane@example.com retrieves mail again.")
    [said] = told(suspended(), no_connection())
    assert said.code == "resumed"
    assert "cannot retrieve yet (connection)" in said.text
    assert said.remedy == "What mends connection."


def test_being_over_the_quota_is_told_once_whatever_the_next_message_is() -> None:
    [said] = told(active(), worked("over_quota", needed_bytes=4000))
    assert said.code == "over_quota"
    assert "Nothing is deleted from the server" in said.text
    assert "set_quota" in said.remedy
    assert told(over_quota(), worked("over_quota", needed_bytes=9000)) == []
    assert [said.code for said in told(over_quota(), worked())] == ["resumed"]


@pytest.mark.parametrize(
    "command",
    [
        worked(),
        wrong_password(),
        PollNow(),
        SetQuota(bytes=1),
        ChangeSettings(settings={"crm": ["builtin"]}),
        Close(),
        login_worked(active(), ChangeCredential(secret="vault:new")),
    ],
    ids=lambda command: type(command).__name__,
)
def test_what_changes_no_state_that_matters_to_the_owner_is_not_told(command: AnyCommand) -> None:
    assert told(active(), command) == []


def test_the_set_up_is_not_told_its_answer_is() -> None:
    assert told(verifying(), Connected(login=LoginReport(at=NOON))) == []


def test_the_page_of_a_disabled_account_says_who_did_it_and_the_way_back() -> None:
    page = details(after(active(), wrong_password(), Disable(reason="holiday", by="ops")), NOON)
    assert "Disabled `by ops: holiday`. Use enable to take it back into service." in page
    assert "Before that: **authentication**" in page


def test_the_page_of_an_account_that_wrong_passwords_disabled_names_change_credential() -> None:
    page = details(after(active(), *[wrong_password()] * 10), NOON)
    assert "Use change_credential to take it back into service." in page


def told_of(*commands: AnyCommand) -> list[list[str]]:
    account, said = active(), []
    for command in commands:
        said.append([one.code for one in told(account, command)])
        account = after(account, command)
    return said


@pytest.mark.parametrize(
    "refusal", [failed(Kind.PROTOCOL_ERROR), failed(Kind.SERVER_ERROR, password_accepted=True)], ids=["odd", "let in"]
)
def test_people_are_told_once_of_a_mailbox_that_its_server_refuses_session_after_session(
    refusal: SessionFailed,
) -> None:
    assert told_of(*[refusal] * 5) == [[], [], ["stuck"], [], []]
    assert told_of(refusal, refusal, worked(), refusal, refusal, refusal)[3:] == [[], [], ["stuck"]]
    assert told_of(*[refusal] * 3, worked(), *[refusal] * 3)[3:] == [[], [], [], ["stuck"]]


@pytest.mark.parametrize(
    "kinds",
    [
        [Kind.SERVER_ERROR],
        [Kind.THROTTLED],
        [Kind.MAILBOX_BUSY, Kind.SERVER_ERROR],
        [Kind.CONNECTION, Kind.PROTOCOL_ERROR],
        [Kind.AUTHENTICATION, Kind.THROTTLED],
    ],
)
def test_people_are_told_of_failures_that_no_counter_ends_also_where_they_alternate(kinds: list[Kind]) -> None:
    said = told_of(*[failed(kinds[number % len(kinds)]) for number in range(18)])
    assert said == [[]] * 7 + [["stuck"]] + [[]] * 10


def test_of_a_mailbox_that_is_in_use_nobody_is_told() -> None:
    assert told_of(*[failed(Kind.MAILBOX_BUSY)] * 50) == [[]] * 50


def test_what_disables_or_suspends_the_account_is_told_as_that_alone() -> None:
    assert told_of(*[no_connection()] * 50) == [[]] * 49 + [["disabled"]]
    assert told_of(*[wrong_password()] * 10) == [[]] * 9 + [["disabled"]]
    assert [one for one in told_of(*[failed(Kind.CERTIFICATE)] * 20) if one] == [["suspended"]]


def test_the_notice_says_how_many_sessions_failed_and_why_the_last_one_did() -> None:
    account = after(active(), *[failed(Kind.SERVER_ERROR)] * 7)
    [said] = told(account, failed(Kind.THROTTLED))
    assert (
        "8 sessions in a row failed, the last one because the server finds that it is asked too often (throttled)"
        in said.text
    )
    assert 'The server said: "-ERR throttled"' in said.text
    assert said.remedy == "What mends throttled."
    (notice_,) = told(after(active(), *[failed(Kind.PROTOCOL_ERROR)] * 2), failed(Kind.PROTOCOL_ERROR))
    assert "3 sessions in a row" in notice_.text
    assert "MR-" in notice_.text


@pytest.mark.parametrize("between", [worked(), no_connection()])
def test_what_comes_between_begins_the_row_anew(between: AnyCommand) -> None:
    account = after(active(), failed(Kind.PROTOCOL_ERROR), failed(Kind.PROTOCOL_ERROR), between)
    assert told(account, failed(Kind.PROTOCOL_ERROR)) == []


@pytest.mark.parametrize("kind", [Kind.SERVER_ERROR, Kind.MAILBOX_BUSY, Kind.THROTTLED])
def test_trouble_that_passes_by_itself_is_no_notice(kind: Kind) -> None:
    assert told(after(active(), *[failed(kind)] * 2), failed(kind)) == []
