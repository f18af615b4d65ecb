"""POP and SMTP as the texts about connections name them: ports, settings, and what else may answer on a port."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from domain.failures.failure import Kind
from domain.failures.remedy import FIFTY, LOOKS_DAILY, Prospect, Remedy


@dataclass(frozen=True, slots=True)
class Service:
    """What is spoken to a server, as the texts below say it. `greetings` are how others greet on a port that was taken for its
    own; `of_another` is the kind of failure of such a port. `prospects` are said instead of an account's."""

    words: Mapping[str, str]
    greetings: tuple[tuple[str, str], ...]
    of_another: Kind
    prospects: Mapping[Prospect, Prospect] = field(default_factory=dict)

    def told(self, remedy: Remedy, place: Mapping[str, str | int]) -> Remedy:
        """The remedy with what it names in braces, and with how this service goes on."""
        parts = tuple(self.prospects.get(part, part) if isinstance(part, Prospect) else part for part in remedy.parts)
        return replace(remedy, parts=parts).filled_in({**place, **self.words})


_ANY_OTHER = (
    ("* OK", "IMAP"),
    ("* PREAUTH", "IMAP"),
    ("* BYE", "IMAP"),
    ("HTTP/", "HTTP"),
    ("<!DOCTYPE", "HTTP"),
    ("<html", "HTTP"),
    ("SSH-", "SSH"),
)
POP_SERVICE = Service(
    words={
        "service": "POP",
        "protocol_name": "POP3",
        "settings": "the account's settings (change_settings)",
        "usual": "POP is usually port 995 with implicit TLS, or 110 with STARTTLS",
        "starttls_port": "110",
        "implicit_port": "995",
        "not_offered": "it does not offer POP at all (Exchange does not unless it is switched on)",
    },
    greetings=(*_ANY_OTHER, ("220", "SMTP"), ("421", "SMTP"), ("554", "SMTP")),
    of_another=Kind.POP_UNAVAILABLE,
)
SMTP_SERVICE = Service(
    words={
        "service": "SMTP",
        "protocol_name": "SMTP",
        "settings": "the route's settings (change_settings)",
        "usual": "sending is usually port 465 with implicit TLS, or 587 with STARTTLS",
        "starttls_port": "587",
        "implicit_port": "465",
        "not_offered": "it takes no mail from programs at this port",
    },
    greetings=(*_ANY_OTHER, ("+OK", "POP3"), ("-ERR", "POP3")),
    of_another=Kind.CONFIGURATION,
    prospects={
        FIFTY: Prospect(
            "After 50 such failures in a row the route is disabled and its mail held; enable tries the connection first "
            "and goes on."
        ),
        LOOKS_DAILY: Prospect(
            "What waits to be sent is kept. Mailroom looks again once a day, and check_now looks at once."
        ),
    },
)
