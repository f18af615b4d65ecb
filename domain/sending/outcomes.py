"""What an answer of an SMTP server, or the want of one, means for what is being sent: whose trouble it is, and what follows.

The words are read by the rules of domain/failures; here is only which of them are the route's, the message's or one
recipient's. What no rule knows is decided by the code and by what was asked (RFC 5321 sections 4.2.1 and 4.2.4), so that no
message is ever dropped for words: a refusal that may be the route's holds mail instead of rejecting it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from domain.failures import smtp_remedies as say
from domain.failures.classification import diagnose_smtp_reply
from domain.failures.failure import A_DAY, Diagnosis, Doubling, Kind, Steps
from domain.failures.smtp_rules import SmtpPhase

Asked = Literal["greeting", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "dot"]
"""What was answered: "data" is the command, "dot" the end of the message."""

Scope = Literal["route", "message", "recipient"]
Course = Literal["suspend", "pause", "retry", "next_transaction", "reject", "doubt"]
"""suspend: the route takes nothing until somebody acts or a probe works, its mail is held. pause: the route waits (`waits`),
nothing is rejected. retry: the same again after `waits`; of a route, others may go on trying meanwhile. next_transaction: this
recipient at once in another one. reject: final. doubt: nobody knows whether it was accepted, and it is never sent again by
itself."""

RETRIES = Steps((1.0, 2.0, 5.0, 15.0, 30.0, 60.0))
GREYLISTED = Steps((5.0, 15.0, 30.0, 60.0))
CROWDED = Doubling(first=1.0, most=15.0)  # 432 4.3.2: too many sessions at once
QUOTA = Doubling(first=15.0, most=A_DAY)
DAILY_QUOTA = Steps((A_DAY,))

_SMTP_PHASES: dict[Asked, SmtpPhase] = {
    "greeting": "connect",
    "ehlo": "connect",
    "starttls": "connect",
    "auth": "auth",
    "mail": "mail",
    "rcpt": "rcpt",
    "data": "data",
    "dot": "data",
}
_SUSPEND = frozenset(
    (Kind.SMTP_AUTHENTICATION, Kind.CONFIGURATION, Kind.CERTIFICATE, Kind.WEB_LOGIN_REQUIRED, Kind.PROVIDER_LOCKED)
)

_STATUS = re.compile(r"\s*#?([245])\.(\d{1,3})\.(\d{1,3})(?!\d)")
_DAILY = re.compile(r"\b5\.4\.5\b|\bdaily\b|\b(?:per|a|next) day\b|\b24 ?h(?:ou)?rs?\b|tomorrow", re.IGNORECASE)
_OF_SUBMISSION = re.compile(r"STOREDRV\.(?:Submission|ClientSubmit)", re.IGNORECASE)
_MANY_RECIPIENTS = re.compile(r"\btoo many\b.{0,20}\b(?:recipients|rcpts?)\b", re.IGNORECASE)
_FULL = re.compile(r"\bfull\b|quota", re.IGNORECASE)
_SIZE = re.compile(r"\b(?:size|too (?:large|big|long))\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of a server: its code, and its words as they came, the lines of a longer one joined by line feeds."""

    code: int
    text: str

    @property
    def words(self) -> str:
        """The code and the words, as the rules read them."""
        return f"{self.code} {self.text}".strip()

    @property
    def status(self) -> tuple[int, int, int] | None:
        """The enhanced status code (RFC 3463, RFC 2034), where the words begin with one."""
        found = _STATUS.match(self.text)
        return (int(found[1]), int(found[2]), int(found[3])) if found else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whose trouble it is, what follows, and after how many minutes (first, second, ... time in a row) it is tried again."""

    scope: Scope
    course: Course
    diagnosis: Diagnosis
    waits: Steps | Doubling = RETRIES


def verdict_on(
    reply: Reply,
    asked: Asked,
    *,
    provider: str | None = None,
    host: str = "",
    hide: Iterable[str] = (),
    others_accepted: bool = False,
) -> Verdict:
    """What a refusal means (any reply that is not the one that was wanted).

    `others_accepted`: another recipient of the same transaction was accepted, so a refusal at RCPT is not the route's.
    `provider`, `host` and `hide` as for `diagnose_smtp_reply`.
    """
    diagnosis = diagnose_smtp_reply(reply.words, phase=_SMTP_PHASES[asked], provider=provider, host=host, hide=hide)
    if reply.code == 421:  # RFC 5321 section 3.8: the server is going away, whatever was asked
        return _of_the_route(reply, diagnosis if diagnosis.kind is Kind.THROTTLED else _trouble(diagnosis))
    match asked:
        case "greeting" | "ehlo" | "starttls" | "auth":
            return _before_mail(reply, asked, diagnosis)
        case "mail":
            return _at_mail(reply, diagnosis)
        case "rcpt":
            return _at_rcpt(reply, diagnosis, others_accepted)
        case _:
            return _of_the_message(reply, diagnosis)


def verdict_without_an_answer(diagnosis: Diagnosis, *, dot_sent: bool) -> Verdict:
    """What it means that the network, TLS or nonsense ended a transmission: before the dot the message was not sent."""
    if dot_sent:
        return Verdict("message", "doubt", replace(diagnosis, remedy=say.DOUBT))
    return Verdict("route", "suspend" if diagnosis.kind in _SUSPEND else "retry", diagnosis)


def no_starttls() -> Verdict:
    """The server does not offer STARTTLS, or does not any more: nothing is sent in clear."""
    return Verdict("route", "suspend", Diagnosis(Kind.CONFIGURATION, "starttls_missing", say.NO_STARTTLS))


def injected() -> Verdict:
    """Text in clear came behind the consent to STARTTLS (CVE-2011-0411 and its kin)."""
    return Verdict("route", "retry", Diagnosis(Kind.PROTOCOL_ERROR, "starttls_injected", say.INJECTED))


def no_login_method() -> Verdict:
    """The server offers no mechanism of AUTH by which this login can be done."""
    return Verdict("route", "suspend", Diagnosis(Kind.CONFIGURATION, None, say.LOGIN_METHOD))


def no_smtputf8() -> Verdict:
    """An address needs SMTPUTF8 (RFC 6531), which the server does not offer."""
    return Verdict("message", "reject", Diagnosis(Kind.SMTP_REJECTED, "smtputf8", say.NEEDS_SMTPUTF8))


def too_large() -> Verdict:
    """The message is larger than the server says that it takes (RFC 1870)."""
    return Verdict("message", "reject", Diagnosis(Kind.SMTP_REJECTED, "size", say.TOO_LARGE))


def _before_mail(reply: Reply, asked: Asked, diagnosis: Diagnosis) -> Verdict:
    if asked == "starttls" and reply.code >= 500 and diagnosis.kind is not Kind.THROTTLED:
        return no_starttls()
    if diagnosis.kind is Kind.SMTP_REJECTED:  # there is no message yet: it is us who are turned away
        diagnosis = replace(diagnosis, kind=Kind.CONFIGURATION, remedy=say.TURNED_AWAY)
    elif asked in ("greeting", "ehlo") and diagnosis.remedy is say.LOGIN_METHOD:
        diagnosis = replace(diagnosis, remedy=say.TURNED_AWAY)
    return _of_the_route(reply, diagnosis)


def _at_mail(reply: Reply, diagnosis: Diagnosis) -> Verdict:
    """MAIL says who sends and how much: what is refused there, but for the size and SMTPUTF8, is the sender."""
    if reply.code < 500 or diagnosis.kind is not Kind.SMTP_REJECTED:
        return _of_the_route(reply, _own_mailbox(reply, diagnosis) or diagnosis)
    if reply.status in ((5, 3, 4), (5, 2, 3)) or (reply.code == 552 and not _FULL.search(reply.text)):
        return too_large()
    if reply.status == (5, 6, 7):
        return no_smtputf8()
    if own := _own_mailbox(reply, diagnosis, at_mail=True):
        return _of_the_route(reply, own)
    if _SIZE.search(reply.text) and reply.code != 555:
        return too_large()
    return _of_the_route(reply, replace(diagnosis, kind=Kind.CONFIGURATION, remedy=say.SENDER_NOT_ALLOWED))


def _at_rcpt(reply: Reply, diagnosis: Diagnosis, others_accepted: bool) -> Verdict:
    if _too_many_recipients(reply):
        if others_accepted:
            return Verdict("recipient", "next_transaction", _trouble(diagnosis))
        return Verdict("recipient", "retry", _trouble(diagnosis), GREYLISTED)
    passing = reply.code < 500
    if not _is_of_the_recipient(reply):
        if own := _own_mailbox(reply, diagnosis):
            return _of_the_route(reply, own)
        if diagnosis.kind is Kind.THROTTLED:
            return _of_the_route(reply, diagnosis)
        if diagnosis.kind in _SUSPEND and not others_accepted and not _is_not_understood(diagnosis):
            return _of_the_route(reply, diagnosis)
    if passing:
        return Verdict("recipient", "retry", _trouble(diagnosis), GREYLISTED)
    if diagnosis.kind is Kind.SERVER_ERROR:  # a 5xx whose words say that it passes
        return Verdict("recipient", "retry", diagnosis, GREYLISTED)
    return Verdict("recipient", "reject", _rejected(diagnosis))


def _of_the_message(reply: Reply, diagnosis: Diagnosis) -> Verdict:
    if own := _own_mailbox(reply, diagnosis):
        return _of_the_route(reply, own)
    if diagnosis.kind is Kind.THROTTLED:
        return _of_the_route(reply, diagnosis)
    if diagnosis.kind in _SUSPEND and not _is_not_understood(diagnosis) and not _is_of_the_recipient(reply):
        return _of_the_route(reply, diagnosis)
    if reply.code < 500 or diagnosis.kind is Kind.SERVER_ERROR:
        return Verdict("message", "retry", _trouble(diagnosis))
    if reply.status in ((5, 3, 4), (5, 2, 3)):
        return too_large()
    return Verdict("message", "reject", _rejected(diagnosis))


def _of_the_route(reply: Reply, diagnosis: Diagnosis) -> Verdict:
    if diagnosis.kind is Kind.THROTTLED:
        if reply.code == 432:
            return Verdict("route", "pause", diagnosis, CROWDED)
        daily = reply.code >= 500 and _DAILY.search(reply.text)
        return Verdict("route", "pause", diagnosis, DAILY_QUOTA if daily else QUOTA)
    return Verdict("route", "suspend" if diagnosis.kind in _SUSPEND else "retry", diagnosis)


def _own_mailbox(reply: Reply, diagnosis: Diagnosis, *, at_mail: bool = False) -> Diagnosis | None:
    """The sender's own mailbox is full: said of nobody else at MAIL, and by Exchange's submission at any time."""
    full = reply.status is not None and reply.status[1:] == (2, 2)
    if (full and _OF_SUBMISSION.search(reply.text)) or (at_mail and (full or _FULL.search(reply.text))):
        return replace(diagnosis, kind=Kind.CONFIGURATION, cause="own_mailbox_full", remedy=say.OWN_MAILBOX_FULL)
    return None


def _too_many_recipients(reply: Reply) -> bool:
    """RFC 5321 section 4.5.3.1.10: 452, and 552 of servers that are older than it."""
    return reply.code in (452, 552) and (
        (reply.status is not None and reply.status[1:] == (5, 3)) or bool(_MANY_RECIPIENTS.search(reply.text))
    )


def _is_of_the_recipient(reply: Reply) -> bool:
    """By the enhanced code: a bad destination (X.1.x but for the sender's 7 and 8), a mailbox (X.2.x but for Exchange's words
    about its sender), and Exchange's 5.7.12x and 13x, by which a recipient wants no mail of this sender."""
    match reply.status:
        case (_, 1, detail):
            return detail not in (7, 8)
        case (_, 2, detail):
            return detail < 100 and not _OF_SUBMISSION.search(reply.text)
        case (_, 7, detail):
            return 120 <= detail < 140 and detail != 139
        case _:
            return False


def _is_not_understood(diagnosis: Diagnosis) -> bool:
    """Codes 500 to 504 in words that say nothing: once MAIL was accepted, they are about what came with the command."""
    return diagnosis.decided_by.startswith("code 50")


def _trouble(diagnosis: Diagnosis) -> Diagnosis:
    if diagnosis.kind is Kind.SERVER_ERROR:
        return diagnosis
    return replace(diagnosis, kind=Kind.SERVER_ERROR, remedy=say.TROUBLE)


def _rejected(diagnosis: Diagnosis) -> Diagnosis:
    if diagnosis.kind is Kind.SMTP_REJECTED:
        return diagnosis
    return replace(diagnosis, kind=Kind.SMTP_REJECTED, remedy=say.REJECTED)
