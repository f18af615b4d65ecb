"""The classifier: servers' words become the right kind and the right advice."""

from __future__ import annotations

import base64
import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.failures.classification import Phase, diagnose_reply, diagnose_violation
from domain.failures.connection_rules import CERTIFICATE_REMEDIES, CONNECTION_REMEDIES
from domain.failures.failure import FATES, Diagnosis, Kind
from domain.failures.pop_rules import MESSAGE_GONE, POP
from domain.failures.user_actions import user_action

REPLIES = Path(__file__).parents[2] / "data" / "refusals.tsv"
DOVECOT = ("CAPA", "TOP", "UIDL", "RESP-CODES", "PIPELINING", "AUTH-RESP-CODE", "STLS", "USER", "SASL")
NOON = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)


def replies() -> list[tuple[Phase, set[Kind], str]]:
    """Phase, the kinds that are right, words: of the refusals that the rules were written with."""
    with REPLIES.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [
            (cast(Phase, row["phase"]), set(map(Kind, row["kinds"].split(","))), row["reply"])
            for row in rows
            if row["protocol"] == "POP3" and row["round"] == "0"
        ]


def login(text: str, *, offered: tuple[str, ...] = (), provider: str | None = None, host: str = "") -> Diagnosis:
    return diagnose_reply(text, phase="login", capabilities=offered, provider=provider, host=host)


# --- words ---


@pytest.mark.parametrize(("phase", "kinds", "reply"), replies())
def test_a_collected_reply_is_classified_right(phase: Phase, kinds: set[Kind], reply: str) -> None:
    assert diagnose_reply(reply, phase=phase).kind in kinds


@pytest.mark.parametrize(("phase", "kinds", "reply"), [row for row in replies() if row[0] == "transaction"])
def test_login_rules_hold_through_the_first_command_after_login(phase: Phase, kinds: set[Kind], reply: str) -> None:
    assert login(reply).kind in kinds | {Kind.SERVER_ERROR}


@pytest.mark.parametrize(("phase", "kinds", "reply"), replies())
def test_the_status_indicator_changes_nothing(phase: Phase, kinds: set[Kind], reply: str) -> None:
    assert diagnose_reply(f"-ERR {reply.removeprefix('-ERR ')}\r\n", phase=phase).kind in kinds


@pytest.mark.parametrize(("phase", "kinds", "reply"), [row for row in replies() if Kind.AUTHENTICATION not in row[1]])
def test_an_offer_of_auth_codes_changes_nothing_but_wrong_passwords(phase: Phase, kinds: set[Kind], reply: str) -> None:
    assert diagnose_reply(reply, phase=phase, capabilities=DOVECOT).kind in kinds


@pytest.mark.requirement("R81")
@pytest.mark.parametrize(
    "said",
    [
        "[AUTH] Authentication failed.",
        "[AUTH] Invalid login, please try again later.",
        "invalid password, try again",
        "Password has expired",
        "Your password must be changed before you log in",
        "[SYS/PERM] Your password has expired.",
        "Login fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, or busy.",
        "",
        "[AUTH]",
        "[AUTH] something nobody has ever said before",
        "Logon failure",
        "login failed",
        "denied",
    ],
)
def test_a_wrong_or_expired_password_is_an_authentication_failure(said: str) -> None:
    assert login(said).kind is Kind.AUTHENTICATION
    assert "change_credential" in login(said).remedy.of_watching


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Authentication failed", Kind.SERVER_ERROR),
        ("invalid password", Kind.SERVER_ERROR),
        ("something nobody has ever said before", Kind.SERVER_ERROR),
        ("[AUTH] Authentication failed.", Kind.AUTHENTICATION),
        ("[auth] something nobody has ever said before", Kind.AUTHENTICATION),
        ("(#MBR1212) Incorrect username or password.", Kind.AUTHENTICATION),
        ("Password expired", Kind.AUTHENTICATION),
        ("[SYS/PERM] Authentication failed", Kind.CONFIGURATION),
        ("[IN-USE] Authentication failed: mailbox is open", Kind.MAILBOX_BUSY),
        ("[SYS/TEMP] Authentication failed", Kind.SERVER_ERROR),
    ],
)
def test_with_auth_codes_only_a_marked_refusal_is_a_wrong_password(said: str, kind: Kind) -> None:
    assert login(said, offered=DOVECOT).kind is kind


def test_words_of_no_concept_are_the_server_s_trouble_and_the_remedy_says_both() -> None:
    diagnosis = login("something nobody has ever said before")
    assert diagnosis.kind is Kind.SERVER_ERROR
    assert "trouble of its own" in diagnosis.remedy.of_watching or "own trouble" in diagnosis.remedy.of_watching
    assert "change_credential" in diagnosis.remedy.of_watching


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("[SYS/TEMP] Server shutting down.", Kind.SERVER_ERROR),
        ("Your account has been locked. Please sign in to your mailbox", Kind.CONFIGURATION),
        ("Your account is locked by another session", Kind.MAILBOX_BUSY),
        ("Account is suspended", Kind.CONFIGURATION),
        ("[AUTH] Account is disabled.", Kind.CONFIGURATION),
        ("[SYS/TEMP] Your account is locked while it is moved", Kind.SERVER_ERROR),
        ("Account locked: too many failed login attempts", Kind.THROTTLED),
        ("POP access for your account is disabled", Kind.POP_UNAVAILABLE),
        ("POP3 service is temporarily not available", Kind.SERVER_ERROR),
        ("[SYS/TEMP] POP3 access is not available", Kind.SERVER_ERROR),
        ("[SYS/TEMP] Temporary authentication failure.", Kind.SERVER_ERROR),
        ("POP3 plaintext login not allowed, TLS required", Kind.CONFIGURATION),
        ("POP服务未开启", Kind.POP_UNAVAILABLE),
    ],
)
def test_words_that_sound_like_something_else_are_told_apart(said: str, kind: Kind) -> None:
    assert login(said).kind is kind


def test_netease_says_unable_to_log_on_where_pop_is_off() -> None:
    assert login("Unable to log on", host="pop.163.com").kind is Kind.POP_UNAVAILABLE
    assert login("Unable to log on", host="pop.126.com.").kind is Kind.POP_UNAVAILABLE
    assert login("Unable to log on", host="pop.not163.com").kind is Kind.AUTHENTICATION


@pytest.mark.parametrize("name", ["suspended@disabled.example", "suspended", "locked.mailbox"])
def test_the_user_name_says_nothing(name: str) -> None:
    said = f"Authentication failed for {name}"
    assert diagnose_reply(said, phase="login", hide=[name]).kind is Kind.AUTHENTICATION


def test_a_user_name_that_is_a_word_of_the_rules_hides_no_meaning() -> None:
    said = "[SYS/PERM] pop not allowed for user."
    assert diagnose_reply(said, phase="login", hide=["pop"]).kind is Kind.CONFIGURATION
    assert diagnose_reply(said.removeprefix("[SYS/PERM] "), phase="login", hide=["pop"]).kind is Kind.POP_UNAVAILABLE


def test_a_secret_that_is_said_again_plain_or_as_base64_and_tokens_are_no_words() -> None:
    name, password = "jane@example.com", "r1ght-Horse battery"
    sent = base64.b64encode(f"\0{name}\0{password}".encode()).decode()
    said = f"-ERR Login failed for {name} with password {password} ({sent}) dGhlQ29ycmVjdEhvcnNlOm5v1"
    assert diagnose_reply(said, phase="login", hide=[name, password]).kind is Kind.AUTHENTICATION


@pytest.mark.parametrize("phase", ["greeting", "transaction", "retrieve"])
def test_before_and_after_the_login_nothing_is_a_wrong_password(phase: Phase) -> None:
    for _, _, reply in replies():
        assert diagnose_reply(reply, phase=phase).kind is not Kind.AUTHENTICATION


@pytest.mark.parametrize("phase", ["greeting", "transaction", "retrieve"])
def test_unknown_words_outside_the_login_are_the_servers_trouble(phase: Phase) -> None:
    assert diagnose_reply("Message expunged, or so", phase=phase).kind is Kind.SERVER_ERROR


def test_netease_refuses_one_message_by_download_exceed_and_not_the_mailbox() -> None:
    assert diagnose_reply("Download exceed. msg=10", phase="retrieve", host="pop.163.com").kind is Kind.SERVER_ERROR


@pytest.mark.parametrize(
    "said",
    [
        "Message 2 expunged.",
        "There's no message 2.",
        "no such message",
        "[X] Message 2 has been deleted",
        "message was deleted",
    ],
)
def test_a_message_that_another_client_deleted_is_gone(said: str) -> None:
    assert MESSAGE_GONE.search(said)


@pytest.mark.parametrize(
    "said", ["Download exceed. msg=10", "message is corrupt", "cannot open message", "[SYS/TEMP] message store is down"]
)
def test_a_message_that_is_only_refused_is_not_gone(said: str) -> None:
    assert MESSAGE_GONE.search(said) is None


def test_a_server_without_uidl_is_a_matter_of_configuration() -> None:
    said = "Unknown command: UIDL"
    assert diagnose_reply(said, phase="transaction").kind is Kind.CONFIGURATION
    assert diagnose_reply(said, phase="transaction", capabilities=DOVECOT).kind is Kind.SERVER_ERROR


@given(st.text(), st.sampled_from(["greeting", "login", "transaction", "retrieve"]), st.booleans())
def test_any_words_have_a_diagnosis_with_advice(text: str, phase: Phase, codes: bool) -> None:
    diagnosis = diagnose_reply(text, phase=phase, capabilities=DOVECOT if codes else (), hide=[text[:8]])
    assert diagnosis.kind in FATES
    assert diagnosis.remedy.of_watching


def test_a_very_long_reply_is_no_burden() -> None:
    for piece in ("a", "account ", "pop ", "<", "locked mailbox "):
        assert diagnose_reply(piece * 1_000_000, phase="login").remedy.of_watching


# --- advice ---


@pytest.mark.requirement("R53")
@pytest.mark.requirement("R54")
@pytest.mark.requirement("R55")
@pytest.mark.parametrize("said", ["[AUTH] Please unlock with captcha", "(#MBR1240) Please verify your account"])
def test_a_locked_mailbox_carries_the_unlock_step_with_its_page(said: str) -> None:
    diagnosis = login(said)
    step = user_action(diagnosis.failure(reference="f", support="s", at=NOON))
    assert diagnosis.kind is Kind.PROVIDER_LOCKED
    assert step is not None
    assert step.url == "https://accounts.google.com/DisplayUnlockCaptcha"
    assert "Google's legacy unlock page" in step.step
    assert "not wrong" in diagnosis.remedy.of_watching


def test_a_locked_yahoo_mailbox_is_unlocked_at_yahoo() -> None:
    step = user_action(login("(#MBR1240) Please verify", provider="yahoo").failure(reference="f", support="s", at=NOON))
    assert step is not None
    assert step.url == "https://login.yahoo.com/"


@pytest.mark.requirement("R58")
@pytest.mark.requirement("R59")
@pytest.mark.requirement("R60")
@pytest.mark.parametrize("provider", [None, "google", "yahoo", "generic"])
def test_a_wanted_web_login_asks_for_oauth_or_an_app_password_and_for_no_new_password(provider: str | None) -> None:
    diagnosis = login("Login to your account via a web browser to verify your identity", provider=provider)
    assert diagnosis.kind is Kind.WEB_LOGIN_REQUIRED
    assert "OAuth or with an app password" in diagnosis.remedy.of_watching
    assert "legacy: allow less secure apps" in diagnosis.remedy.of_watching
    assert "need not be changed" in diagnosis.remedy.of_watching


def test_google_s_web_login_links_to_google_and_never_to_what_the_server_says() -> None:
    for said, url in (
        ("[AUTH] Web login required: https://support.google.com/mail/answer/78754", "https://support.google.com/mail/"),
        ("[AUTH] Web login required: https://bait.example/", ""),
    ):
        diagnosis = login(said)
        step = user_action(diagnosis.failure(reference="f", support="s", at=NOON))
        assert step is not None
        assert (step.url or "").startswith(url)
        assert "bait" not in f"{step} {diagnosis.remedy.of_watching}"


@pytest.mark.requirement("R42")
@pytest.mark.parametrize("provider", [None, "google", "microsoft", "exchange", "yahoo", "zoho", "generic"])
def test_a_mailbox_without_pop_sends_people_to_their_email_administrator(provider: str | None) -> None:
    diagnosis = login("[SYS/PERM] POP access is disabled for your domain.", provider=provider)
    assert diagnosis.kind is Kind.POP_UNAVAILABLE
    assert "ask your e-mail administrator" in diagnosis.remedy.of_watching.replace("Ask", "ask")


@pytest.mark.requirement("R42")
@pytest.mark.parametrize("greeting", ["* OK IMAP4rev1 ready", "220 mail ESMTP", "HTTP/1.1 400 Bad Request"])
def test_a_port_of_another_service_offers_no_pop(greeting: str) -> None:
    diagnosis = diagnose_violation(greeting, host="mail.example.com", port=143, greeting=True)
    assert diagnosis.kind is Kind.POP_UNAVAILABLE
    assert "mail.example.com port 143" in diagnosis.remedy.of_watching


def test_garbage_is_a_protocol_error() -> None:
    first = diagnose_violation("+ERR what", host="h", port=1, greeting=True)
    later = diagnose_violation("* OK a line of somebody's mail", host="h", port=1)
    assert (first.kind, later.kind) == (Kind.PROTOCOL_ERROR, Kind.PROTOCOL_ERROR)


def test_a_text_with_several_meanings_says_what_else_it_may_be() -> None:
    exchange = login("Logon failure: unknown user name or bad password.").remedy.of_watching
    assert "POP is switched off" in exchange
    assert "too often" in exchange
    assert "GMX" in login("authentication failed").remedy.of_watching


def test_every_remedy_is_whole_sentences() -> None:
    remedies = [remedy for rule in (*POP.marks, *POP.meanings) for remedy in (rule.remedy, *rule.remedies.values())]
    remedies += CONNECTION_REMEDIES.values()
    for remedy in (*(remedy.of_watching for remedy in remedies), *CERTIFICATE_REMEDIES.values()):
        assert remedy.endswith("."), remedy
        assert "  " not in remedy
        assert ".." not in remedy
        assert len(remedy) > 60
