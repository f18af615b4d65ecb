"""The classifier: turns a server's words or a connection's error into a kind of failure, its cause and its remedy.

The rules are data: domain/pop_rules.py for words, domain/connection_rules.py for errors. Here is only how they are applied.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Literal

from domain import connection_rules as network
from domain import pop_remedies as say
from domain.failures import Diagnosis, Kind
from domain.pop_rules import POP_RULES, UNKNOWN_COMMAND, Phase, Rule
from domain.redaction import cleaned, redact, without_addresses, without_words

__all__ = ["ErrorPhase", "Phase", "diagnose_error", "diagnose_reply", "diagnose_violation", "redact"]

ErrorPhase = Literal["connect", "tls", "greeting", "login", "transaction"]
_BEFORE_THE_GREETING: frozenset[ErrorPhase] = frozenset(("connect", "tls", "greeting"))

_LONGEST_REPLY = 2000  # characters that are looked at; RFC 2449 allows a line of 512 octets
_STATUS = re.compile(r"^\s*-ERR\b:?\s*", re.IGNORECASE)


def diagnose_reply(
    text: str,
    *,
    phase: Phase,
    capabilities: Collection[str] = (),
    provider: str | None = None,
    host: str = "",
    hide: Iterable[str] = (),
    protocol: Literal["POP3"] = "POP3",
) -> Diagnosis:
    """What a refusal means.

    `text` is the reply, with or without `-ERR`. `phase` "login" reaches through the first command after login (Gmail
    and Outlook.com refuse only there); "tls" is the refusal of STLS, "retrieve" that of a single message.
    `capabilities` are the keywords of CAPA, as far as known. `provider` and `host` sharpen the remedy, and the meaning of
    words that only one provider uses so. `hide` holds the user name, so that a name such as "disabled@example.com" or
    "locked" says nothing.
    """
    del protocol  # SMTP's rules will be chosen by it
    offered = {capability.upper() for capability in capabilities}
    spoken = _STATUS.sub("", without_addresses(cleaned(text[:_LONGEST_REPLY])))
    # A user name may also be a word that the rules need ("pop"), so the full text has the second say.
    rule = _first_match(without_words(spoken, hide), phase, host) or _first_match(spoken, phase, host)
    if rule is None:
        return _without_a_rule(spoken, phase, offered, provider)
    if rule.kind is Kind.AUTHENTICATION and not rule.without_auth_code and _is_not_about_the_password(spoken, offered):
        return Diagnosis(Kind.SERVER_ERROR, None, say.NOT_ABOUT_THE_PASSWORD)
    return Diagnosis(rule.kind, rule.cause, rule.remedies.get(provider or "", rule.remedy))


def _first_match(text: str, phase: Phase, host: str) -> Rule | None:
    for rule in POP_RULES:
        if phase in rule.phases and _serves(rule, host) and rule.pattern.search(text):
            return rule
    return None


def _serves(rule: Rule, host: str) -> bool:
    name = "." + host.lower().rstrip(".")
    return not rule.hosts or any(name.endswith("." + known) for known in rule.hosts)


def _is_not_about_the_password(text: str, offered: Collection[str]) -> bool:
    """RFC 3206: a server that offers AUTH-RESP-CODE marks every refusal of the credentials with [AUTH]."""
    return "AUTH-RESP-CODE" in offered and "[AUTH]" not in text.upper()


def _without_a_rule(text: str, phase: Phase, offered: Collection[str], provider: str | None) -> Diagnosis:
    match phase:
        case "login" if _is_not_about_the_password(text, offered):
            return Diagnosis(Kind.SERVER_ERROR, None, say.NOT_ABOUT_THE_PASSWORD)
        case "login":
            return Diagnosis(Kind.AUTHENTICATION, None, say.AUTHENTICATION_FOR.get(provider or "", say.AUTHENTICATION))
        case "greeting":
            return Diagnosis(Kind.SERVER_ERROR, None, say.TURNED_AWAY)
        case "tls":
            return Diagnosis(Kind.CONFIGURATION, None, say.NO_STARTTLS)
        case "retrieve":
            return Diagnosis(Kind.SERVER_ERROR, None, say.MESSAGE_REFUSED)
        case "transaction" if "UIDL" not in offered and UNKNOWN_COMMAND.search(text):
            return Diagnosis(Kind.CONFIGURATION, None, say.NO_UIDL)
        case _:
            return Diagnosis(Kind.SERVER_ERROR, None, say.TROUBLE)


def diagnose_error(
    error: BaseException, *, phase: ErrorPhase, host: str, port: int, at: datetime, egress: str = ""
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
        return _certificate(error, place)
    if isinstance(error, ssl.SSLError) and (remedy := network.TLS_REMEDIES.get(_reason(error))):
        return Diagnosis(Kind.CONFIGURATION, None, remedy.format_map(place))
    cause = _cause(error, phase)
    if cause is None:
        raise error
    if cause == "timeout" and phase == "login":
        return Diagnosis(Kind.SERVER_ERROR, None, network.SLOW_LOGIN.format_map(place))
    sentences = [network.CONNECTION_REMEDIES[cause]]
    if phase in _BEFORE_THE_GREETING and cause != "dns":
        sentences.append(network.ONLY_US)
    if phase == "login" and cause in ("closed", "reset"):
        sentences.append(network.PASSWORD_TOO)
    return Diagnosis(Kind.CONNECTION, cause, " ".join(sentences).format_map(place))


def _certificate(error: ssl.SSLCertVerificationError, place: dict[str, str | int]) -> Diagnosis:
    cause = network.CERTIFICATE_CAUSES.get(getattr(error, "verify_code", 0), "other")
    reason = redact(getattr(error, "verify_message", "") or "no reason given")
    remedy = f"{network.CERTIFICATE_REMEDIES[cause]} {network.CERTIFICATE_EVIDENCE}"
    return Diagnosis(Kind.CERTIFICATE, cause, remedy.format_map(place | {"reason": reason}))


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


def diagnose_violation(received: str, *, host: str, port: int, greeting: bool = False) -> Diagnosis:
    """What it means that a server does not speak POP3.

    With `greeting`, `received` is what came instead of one: a port of IMAP, SMTP or the web is told apart (R42).
    Later it is not looked at, so that nothing of a message ever is.
    """
    place = {"host": host, "port": port}
    if not greeting:
        return Diagnosis(Kind.PROTOCOL_ERROR, None, network.VIOLATION_REMEDY.format_map(place))
    words = received.lstrip().upper()
    for start, protocol in network.OTHER_PROTOCOLS:
        if words.startswith(start.upper()):
            remedy = network.OTHER_PROTOCOL_REMEDY.format_map(place | {"protocol": protocol})
            return Diagnosis(Kind.POP_UNAVAILABLE, None, remedy)
    remedy = f"{network.VIOLATION_REMEDY} {network.OTHER_SERVICE}".format_map(place)
    return Diagnosis(Kind.PROTOCOL_ERROR, None, remedy)
