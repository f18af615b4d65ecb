"""The classifier: turns a server's words or a connection's error into a kind of failure, its cause and its remedy.

The rules are data: domain/failures/pop_rules.py and domain/failures/refusal_words/ for words,
domain/failures/connection_rules.py for errors. Here is only how they are applied.
"""

from __future__ import annotations

import errno
import functools
import re
import socket
import ssl
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Literal

from domain.core.foreign_text import in_notice
from domain.core.redaction import cleaned, redact, without_addresses, without_words
from domain.failures import connection_rules as network
from domain.failures import pop_remedies as say
from domain.failures import smtp_remedies as smtp
from domain.failures.failure import Diagnosis, Kind
from domain.failures.meanings import MOST_READ, Decision, decide
from domain.failures.pop_rules import NAMES, POP, UNKNOWN_COMMAND, Phase
from domain.failures.remedy import Remedy
from domain.failures.services import POP_SERVICE, Service
from domain.failures.smtp_rules import SMTP, SmtpPhase
from domain.failures.vocabulary import Vocabulary, vocabulary

__all__ = ["ErrorPhase", "Phase", "diagnose_error", "diagnose_reply", "diagnose_violation", "redact"]

ErrorPhase = Literal["connect", "tls", "greeting", "login", "transaction"]
_BEFORE_THE_GREETING: frozenset[ErrorPhase] = frozenset(("connect", "tls", "greeting"))

_LONGEST_REPLY = 2000  # characters that are looked at; RFC 2449 allows a line of 512 octets
_STATUS = re.compile(r"^\s*-ERR\b:?\s*", re.IGNORECASE)
# Between angle brackets: words, or a number, where others have an address or a name.
_NO_ADDRESS = re.compile(r"<([^<>@＠]{1,200}\s[^<>@＠]{1,200}|-?(?:0x[0-9a-f]+|[\d.]+))>", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]")
_LETTER = re.compile(r"[^\W\d_]")


def diagnose_reply(
    text: str,
    *,
    phase: Phase,
    command: str | None = None,
    capabilities: Collection[str] = (),
    marks_passwords: bool = True,
    provider: str | None = None,
    host: str = "",
    hide: Iterable[str] = (),
    words: Vocabulary | None = None,
) -> Diagnosis:
    """What a POP3 server's refusal means.

    `text` is the reply, with or without `-ERR`. `phase` "login" reaches through the first command after login (Gmail and
    Outlook.com refuse only there); "tls" is the refusal of STLS, "retrieve" that of a single message. `command` is what was
    refused, where that is known: not each can be about a password. `capabilities` are the keywords of CAPA, as far as known;
    `marks_passwords` is false of a server that is known not to use the AUTH-RESP-CODE that it offers. `provider` and `host`
    sharpen the remedy, and the meaning of words that only one provider uses so. `hide` holds the user name, so that a name
    such as "disabled@example.com" or "locked" says nothing, and no word that nobody taught is taken for a name. `words`
    stands in for the whole vocabulary where that is measured (bench/refusals.py).
    """
    offered = {capability.upper() for capability in capabilities}
    spoken = _STATUS.sub("", _without_addresses(text))
    hidden = tuple(hide)
    nameless = without_words(spoken, hidden)

    known = words or vocabulary()

    def decided(said: str) -> Decision | None:
        names = not hidden or said != nameless
        return decide(POP, said, phase=phase, host=host, provider=provider, words=known, names=names)

    # A user name may also be a word that the rules need ("pop"), so the full text has the second say.
    decision = decided(nameless) or (decided(spoken) if spoken != nameless else None)
    if phase == "transaction" and decision is None and _is_without_uidl(nameless, offered, command, known):
        return Diagnosis(Kind.CONFIGURATION, None, say.NO_UIDL)
    if decision is None or (decision.kind is Kind.AUTHENTICATION and phase != "login"):
        decision = _without_a_rule(nameless, phase, provider)
    if decision.kind is Kind.AUTHENTICATION:
        if not _may_be_about_the_password(decision, spoken, command):
            return Diagnosis(Kind.SERVER_ERROR, None, say.UNKNOWN_WORDS, decision.by)
        if "AUTH-RESP-CODE" in offered and marks_passwords and not decision.certain and not says_auth(spoken):
            return Diagnosis(Kind.SERVER_ERROR, None, say.NOT_ABOUT_THE_PASSWORD, decision.by, about_the_password=True)
    return Diagnosis(
        decision.kind,
        decision.cause,
        decision.remedy,
        decision.by,
        about_the_password=decision.kind is Kind.AUTHENTICATION,
    )


def diagnose_smtp_reply(
    text: str,
    *,
    phase: SmtpPhase,
    provider: str | None = None,
    host: str = "",
    hide: Iterable[str] = (),
    words: Vocabulary | None = None,
) -> Diagnosis:
    """What an SMTP server's refusal means, by the same vocabulary.

    `text` is the reply with its code, the lines of a longer one joined. `phase` is what was refused: the connection with its
    greeting, EHLO and STARTTLS, or AUTH, MAIL, RCPT, DATA (the text after it, too). The rest as for `diagnose_reply`.
    """
    spoken = _without_addresses(text)
    hidden = tuple(hide)
    nameless = without_words(spoken, hidden)
    decision = decide(
        SMTP, nameless, phase=phase, host=host, provider=provider, words=words or vocabulary(), names=not hidden
    )
    passing = spoken.startswith("4")  # RFC 5321 section 4.2.1: to be tried again, whatever the words
    if decision is None or (passing and decision.kind not in _HOLDS_IN_A_PASSING_REFUSAL):
        decision = _by_code(spoken, phase, passing)
    return Diagnosis(decision.kind, decision.cause, decision.remedy, decision.by)


@functools.cache
def _touches_an_address() -> re.Pattern[str]:
    """Where words of Chinese, Japanese or Korean touch an address, which would take them with it when it is taken out."""
    letters = "[\u2e80-\ua4cf\uac00-\ud7a3]"
    return re.compile(f"(?<={letters})(?=[A-Za-z0-9._%+-]+@)|(?<=@)([A-Za-z0-9.-]+)(?={letters})")


def _without_addresses(text: str) -> str:
    known = _NO_ADDRESS.sub(r"(\1)", cleaned(text[:_LONGEST_REPLY]))
    if "@" in known and not known.isascii():
        known = _touches_an_address().sub(lambda found: f"{found[1] or ''} ", known)
    return without_addresses(known)


_HOLDS_IN_A_PASSING_REFUSAL = (Kind.THROTTLED, Kind.WEB_LOGIN_REQUIRED)


def _by_code(text: str, phase: SmtpPhase, passing: bool) -> Decision:
    code = text[:3]
    if passing:
        return Decision(Kind.SERVER_ERROR, smtp.TROUBLE, f"code {code}")
    match code, phase:
        case ("535", "auth") if not _LETTER.search(text):  # RFC 4954 section 6; what has words is about what they say
            return Decision(Kind.SMTP_AUTHENTICATION, smtp.AUTHENTICATION, "code 535")
        case ("530" | "538", _):
            return Decision(Kind.CONFIGURATION, smtp.LOGIN_REQUIRED, f"code {code}")
        case ("534", _) | (_, "connect"):
            return Decision(Kind.CONFIGURATION, smtp.LOGIN_METHOD, f"code {code}")
        case (_, "auth"):
            return Decision(Kind.SERVER_ERROR, smtp.UNKNOWN_WORDS, "words of no concept")
        case ("500" | "501" | "502" | "503" | "504", _):  # RFC 5321 section 4.2.2: what was sent is not understood
            return Decision(Kind.CONFIGURATION, smtp.SENDER_NOT_ALLOWED, f"code {code}")
        case _:
            return Decision(Kind.SMTP_REJECTED, smtp.REJECTED, f"code {code}")


def says_auth(text: str) -> bool:
    """Whether a refusal bears RFC 3206's mark of a wrong password."""
    return "[AUTH]" in text.upper()


def _may_be_about_the_password(decision: Decision, text: str, command: str | None) -> bool:
    """Only what carries a password can have a wrong one; USER a wrong name."""
    match command:
        case None | "PASS" | "APOP" | "AUTH":
            return True
        case "USER":
            return says_auth(text) or any(hit.concept in NAMES for hit in decision.words)
        case _:
            return False


def _is_without_uidl(text: str, offered: Collection[str], command: str | None, words: Vocabulary) -> bool:
    if "UIDL" in offered or command not in (None, "UIDL"):
        return False
    return UNKNOWN_COMMAND.find(words.read(text[:MOST_READ])) is not None


def _without_a_rule(text: str, phase: Phase, provider: str | None) -> Decision:
    match phase:
        case "login" if not _WORD.search(text):
            remedy = say.AUTHENTICATION_FOR.get(provider or "", say.AUTHENTICATION)
            return Decision(Kind.AUTHENTICATION, remedy, "refused without a word")
        case "login":
            return Decision(Kind.SERVER_ERROR, say.UNKNOWN_WORDS, "words of no concept")
        case "greeting":
            return Decision(Kind.SERVER_ERROR, say.TURNED_AWAY, "words of no concept")
        case "tls":
            return Decision(Kind.CONFIGURATION, say.NO_STARTTLS, "refusal of STLS")
        case "retrieve":
            return Decision(Kind.SERVER_ERROR, say.MESSAGE_REFUSED, "refusal of a message")
        case _:
            return Decision(Kind.SERVER_ERROR, say.TROUBLE, "words of no concept")


def diagnose_error(
    error: BaseException,
    *,
    phase: ErrorPhase,
    host: str,
    port: int,
    at: datetime,
    egress: str = "",
    service: Service = POP_SERVICE,
) -> Diagnosis:
    """What an error of the name service, the network or TLS means; `EOFError` is the server hanging up.

    `egress` names our own addresses, for the mail administrator (R88). An error that is not of these - a full file
    table, a bug, a database - is raised again: no account is to blame for it.
    """
    place: dict[str, str | int] = {
        "host": host,
        "port": port,
        "at": f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        "egress": egress.strip() or network.UNKNOWN_EGRESS,
    }
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate(error, place, service)
    if isinstance(error, ssl.SSLError) and (remedy := network.TLS_REMEDIES.get(_reason(error))):
        return Diagnosis(Kind.CONFIGURATION, None, service.told(remedy, place))
    cause = _cause(error, phase)
    if cause is None:
        raise error
    if cause == "timeout" and phase == "login":
        return Diagnosis(Kind.SERVER_ERROR, None, service.told(network.SLOW_LOGIN, place))
    remedy = network.CONNECTION_REMEDIES[cause]
    if phase in _BEFORE_THE_GREETING and cause != "dns":
        remedy = remedy.and_then(network.ONLY_US)
    if phase == "login" and cause in ("closed", "reset"):
        remedy = remedy.and_then(network.PASSWORD_TOO)
    return Diagnosis(Kind.CONNECTION, cause, service.told(remedy, place))


def _certificate(error: ssl.SSLCertVerificationError, place: dict[str, str | int], service: Service) -> Diagnosis:
    cause = network.CERTIFICATE_CAUSES.get(getattr(error, "verify_code", 0), "other")
    reason = redact(getattr(error, "verify_message", "") or "no reason given")
    remedy = Remedy.of(network.CERTIFICATE_REMEDIES[cause]).and_then(*network.CERTIFICATE_EVIDENCE.parts)
    return Diagnosis(Kind.CERTIFICATE, cause, service.told(remedy, place | {"reason": in_notice(reason)}))


def _reason(error: ssl.SSLError) -> str:
    return (getattr(error, "reason", None) or "").upper()


def _cause(error: BaseException, phase: ErrorPhase) -> str | None:
    """The connection's cause as docs/reference.md names it, None for an error that is not the connection's."""
    match error:
        case socket.gaierror() | socket.herror():
            return "dns"
        case UnicodeError() if phase == "connect":  # a host name that cannot be one, from the idna codec
            return "dns"
        case ConnectionRefusedError():
            return "refused"
        case TimeoutError():
            return "timeout"
        case EOFError() | ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return "closed"
        case ConnectionAbortedError() if "SSL handshake is taking longer" in str(error):  # asyncio's time-out
            return "timeout"
        case ConnectionError() | ssl.SSLError():
            return "reset"
        case OSError():
            return _cause_by_number(error)
        case _:
            return None


def _cause_by_number(error: OSError) -> str | None:
    numbers = {error.errno} if error.errno else _numbers_within(error)
    if errno.ECONNREFUSED in numbers:
        return "refused"
    if errno.ETIMEDOUT in numbers:
        return "timeout"
    if numbers & network.RESET:
        return "reset"
    return "unreachable" if numbers & network.UNREACHABLE else None


def _numbers_within(error: OSError) -> set[int | None]:
    """asyncio joins the errors of several addresses into one without a number: "Multiple exceptions: [Errno 111] ..."."""
    return {int(number) for number in re.findall(r"\[Errno (\d+)\]", str(error))}


def diagnose_violation(
    received: str, *, host: str, port: int, greeting: bool = False, service: Service = POP_SERVICE
) -> Diagnosis:
    """What it means that a server does not speak POP3, or SMTP.

    With `greeting`, `received` is what came instead of one: a port of another protocol is told apart (R42).
    Later it is not looked at, so that nothing of a message ever is.
    """
    place: dict[str, str | int] = {"host": host, "port": port}
    if not greeting:
        return Diagnosis(Kind.PROTOCOL_ERROR, None, service.told(network.VIOLATION_REMEDY, place))
    words = received.lstrip().upper()
    for start, protocol in service.greetings:
        if words.startswith(start.upper()):
            remedy = service.told(network.OTHER_PROTOCOL_REMEDY, place | {"protocol": protocol})
            return Diagnosis(service.of_another, None, remedy)
    remedy = network.VIOLATION_REMEDY.and_then(network.OTHER_SERVICE)
    return Diagnosis(Kind.PROTOCOL_ERROR, None, service.told(remedy, place))
