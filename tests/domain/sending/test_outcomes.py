"""What servers answer to sending: whose trouble it is, and what follows."""

from __future__ import annotations

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.failures.failure import A_DAY, Diagnosis, Kind
from domain.failures.remedy import Remedy
from domain.sending.outcomes import (
    CROWDED,
    DAILY_QUOTA,
    GREYLISTED,
    QUOTA,
    RETRIES,
    Asked,
    Reply,
    verdict_on,
    verdict_without_an_answer,
)

ASKED: tuple[Asked, ...] = ("greeting", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "dot")


def reply(line: str) -> Reply:
    return Reply(int(line[:3]), line[4:])


# What was asked, whose trouble it is, what follows, of what kind it is, and the words.
REFUSALS = """
# before MAIL everything is the route's
auth     route     suspend smtp_authentication 535 5.7.8 Username and Password not accepted
auth     route     suspend configuration       535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled
auth     route     suspend configuration       535 5.7.139 Authentication unsuccessful, the request did not meet the criteria
auth     route     suspend configuration       550 5.7.30 Basic authentication is not supported for Client Submission.
auth     route     suspend configuration       534 5.7.9 Application-specific password required
auth     route     suspend web_login_required  534 5.7.14 Please log in via your web browser
auth     route     pause   throttled           454 4.7.0 Too many login attempts, please try again later
auth     route     retry   server_error        454 4.7.0 Temporary authentication failure
auth     route     retry   server_error        599 blah
ehlo     route     suspend configuration       502 5.5.1 command not implemented
starttls route     retry   server_error        454 4.3.0 TLS not available
# at MAIL the sender is
mail     route     suspend configuration       530 5.7.57 Client not authenticated to send mail
mail     route     suspend configuration       553 5.7.1 <jane@example.com>: Sender address rejected: not owned by user bob
mail     route     suspend configuration       553 sorry, your envelope sender is in my badmailfrom list
mail     route     suspend configuration       550 no
mail     route     suspend configuration       552 5.2.2 Mailbox full
mail     message   reject  smtp_rejected       552 5.3.4 Message size exceeds fixed limit
mail     message   reject  smtp_rejected       552 message too large
mail     route     pause   throttled           550 5.4.5 Daily user sending limit exceeded.
mail     route     retry   server_error        451 4.3.0 Mail server temporarily rejected message
mail     route     retry   server_error        452 4.3.1 Insufficient system storage
# at RCPT one recipient is, unless it is about us
rcpt     recipient reject  smtp_rejected       550 5.1.1 <bob@example.org>: Recipient address rejected: User unknown
rcpt     recipient reject  smtp_rejected       550 5.1.10 RESOLVER.ADR.RecipientNotFound
rcpt     recipient reject  smtp_rejected       552 5.2.2 The email account that you tried to reach is over quota
rcpt     recipient retry   server_error        452 4.2.2 The email account that you tried to reach is over quota
rcpt     recipient retry   server_error        450 4.2.1 The user you are trying to contact is receiving mail too quickly
rcpt     recipient reject  smtp_rejected       550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required
rcpt     recipient retry   server_error        450 4.7.1 Greylisted, see https://example.org/
rcpt     recipient retry   server_error        451 hm
rcpt     recipient reject  smtp_rejected       501 5.1.3 Bad recipient address syntax
rcpt     recipient reject  smtp_rejected       500 what
rcpt     route     suspend configuration       554 5.7.1 <bob@example.org>: Relay access denied
rcpt     route     suspend configuration       553 5.7.1 Sender address rejected: not owned by user jane
rcpt     route     pause   throttled           550 5.7.1 Daily SMTP relay limit exceeded for customer
rcpt     route     suspend configuration       550 5.1.8 Access denied, bad outbound sender
# after it the message is
data     message   reject  smtp_rejected       554 5.5.1 no valid recipients
data     message   retry   server_error        451 4.3.0 queue file write error
dot      message   reject  smtp_rejected       550 5.7.1 This message looks like spam
dot      message   reject  smtp_rejected       500 5.3.0 what
dot      message   reject  smtp_rejected       552 5.7.0 blocked because its content presents a potential security issue
dot      route     suspend configuration       554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException
dot      route     suspend configuration       554 5.2.252 SendAsDenied; jane not allowed to send as
dot      route     suspend configuration       550 5.7.60 SMTP; Client does not have permissions to send as this sender
dot      route     suspend configuration       550 5.1.8 Access denied, bad outbound sender AS(42003)
dot      route     pause   throttled           550 Domain example.com has exceeded the max emails per hour (150/150) allowed.
dot      route     pause   throttled           554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException
dot      route     pause   throttled           432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded
"""


def refusals() -> list[tuple[Asked, str, str, str, str]]:
    rows = [line.split(maxsplit=4) for line in REFUSALS.strip().splitlines() if not line.startswith("#")]
    return [(cast(Asked, asked), scope, course, kind, said) for asked, scope, course, kind, said in rows]


@pytest.mark.parametrize(("asked", "scope", "course", "kind", "said"), refusals())
def test_a_refusal_is_the_trouble_of_whom_it_is_about(
    asked: Asked, scope: str, course: str, kind: str, said: str
) -> None:
    verdict = verdict_on(reply(said), asked)
    assert (verdict.scope, verdict.course, verdict.diagnosis.kind) == (scope, course, kind)


@pytest.mark.parametrize("asked", ASKED)
def test_421_is_the_routes_whatever_was_asked_and_never_final(asked: Asked) -> None:
    verdict = verdict_on(reply("421 4.3.2 Service shutting down"), asked)
    assert (verdict.scope, verdict.course) == ("route", "retry")


@pytest.mark.parametrize("said", ["452 4.5.3 Too many recipients", "552 too many recipients", "452 Too many RCPTs"])
def test_one_recipient_too_many_goes_into_the_next_transaction(said: str) -> None:
    assert verdict_on(reply(said), "rcpt", others_accepted=True).course == "next_transaction"
    alone = verdict_on(reply(said), "rcpt")  # a next transaction would begin with the same refusal
    assert (alone.scope, alone.course) == ("recipient", "retry")


@pytest.mark.parametrize("said", ["554 5.7.1 Relay access denied", "550 5.7.1 authentication required"])
def test_where_others_are_accepted_a_recipient_is_refused_and_not_the_route(said: str) -> None:
    assert verdict_on(reply(said), "rcpt").scope == "route"
    other = verdict_on(reply(said), "rcpt", others_accepted=True)
    assert (other.scope, other.course) == ("recipient", "reject")


def test_what_waits_waits_as_long_as_its_reason_lasts() -> None:
    assert verdict_on(reply("432 4.3.2 thread limit"), "dot").waits is CROWDED
    assert verdict_on(reply("454 4.7.0 Too many login attempts"), "auth").waits is QUOTA
    assert verdict_on(reply("550 5.4.5 Daily sending limit exceeded"), "mail").waits is DAILY_QUOTA
    assert verdict_on(reply("450 4.7.1 Greylisted"), "rcpt").waits is GREYLISTED
    assert verdict_on(reply("451 4.3.0 later"), "mail").waits is RETRIES
    assert QUOTA.most == A_DAY


def test_the_users_own_name_in_the_words_says_nothing() -> None:
    verdict = verdict_on(reply("451 4.3.0 greylist@example.com: hm"), "mail", hide=["greylist@example.com"])
    assert verdict.course == "retry"


def test_without_an_answer_it_depends_on_the_dot_alone() -> None:
    lost = Diagnosis(Kind.CONNECTION, "closed", Remedy.of("It was closed."))
    before = verdict_without_an_answer(lost, dot_sent=False)
    after = verdict_without_an_answer(lost, dot_sent=True)
    assert (before.scope, before.course) == ("route", "retry")
    assert (after.scope, after.course) == ("message", "doubt")


@given(st.integers(400, 599), st.text(max_size=80), st.sampled_from(ASKED), st.booleans())
def test_any_words_have_a_verdict_and_a_passing_refusal_is_never_final(
    code: int, words: str, asked: Asked, others: bool
) -> None:
    verdict = verdict_on(Reply(code, words), asked, others_accepted=others)
    assert verdict.diagnosis.remedy.of_watching
    if code < 500:
        assert verdict.course != "reject"
    if asked in ("greeting", "ehlo", "starttls", "auth"):
        assert verdict.scope == "route"
    if verdict.course == "reject":
        assert verdict.scope != "route"
