"""What an SMTP server's words mean, beside its codes (RFC 5321 section 4.2.3, RFC 3463): as domain/failures/pop_rules.py for POP.

The text that is looked at begins with the code. Whose fault a refusal is depends on what was refused (`phase`): before MAIL
the route, at MAIL the sender, at RCPT the recipient, at DATA the message.
"""

from __future__ import annotations

import re
from typing import Literal

from domain.failures import login_meanings as said
from domain.failures import smtp_remedies as say
from domain.failures.failure import Kind
from domain.failures.meanings import Meaning, Rule, Rules

SmtpPhase = Literal["connect", "auth", "mail", "rcpt", "data"]
LOGIN = frozenset(("auth",))
BEFORE_MAIL = frozenset(("connect", "auth"))
ENVELOPE = frozenset(("mail", "rcpt", "data"))


def _code(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.IGNORECASE)


_MARKS = (
    Rule("app password by its code", Kind.CONFIGURATION, _code(r"^53[45]\b.*\b5\.7\.9\b.*password"), say.APP_PASSWORD),
    Rule("web login by its code", Kind.WEB_LOGIN_REQUIRED, _code(r"^53[45]\b.*\b5\.7\.14\b"), say.WEB_LOGIN),
    Rule(
        "method too weak, by its code",
        Kind.CONFIGURATION,
        _code(r"^53[48]\b.*\b5\.7\.9\b"),
        say.LOGIN_METHOD,
        yields_to=frozenset((Kind.WEB_LOGIN_REQUIRED,)),
    ),
    Rule(
        "passwords switched off, by its code",
        Kind.CONFIGURATION,
        _code(r"\b5\.7\.30\b", r"^535\b.*\b5\.7\.139\b(?!.*(credential|password|incorrect))"),
        say.SENDING_OFF,
        learned_from="exchange",
    ),
    Rule("sending limit by its code", Kind.THROTTLED, _code(r"^(4|5)\d\d\b.*\b5\.4\.5\b", r"^432\b"), say.TOO_MUCH),
    Rule(
        "sender by its code",
        Kind.CONFIGURATION,
        _code(r"\b5\.7\.60\b", r"\b5\.2\.252\b", r"\b5\.1\.8\b", r"\b5\.7\.70[0-9]\b"),
        say.SENDER_NOT_ALLOWED,
        learned_from="exchange",
    ),
    Rule(
        "no login, by its code", Kind.CONFIGURATION, _code(r"\b5\.7\.57\b"), say.LOGIN_REQUIRED, learned_from="exchange"
    ),
    Rule("mark of too many logins", Kind.THROTTLED, _code(r"#AUTH005"), say.TOO_MUCH, learned_from="yahoo"),
    Rule("loop", Kind.SMTP_REJECTED, _code(r"\b5\.4\.6\b.*hop"), say.REJECTED),
    Rule("too many recipients", Kind.SERVER_ERROR, _code(r"^452\b.*\b4\.5\.3\b"), say.TROUBLE),
)

_MEANINGS = (
    Rule(
        "wrong app password",
        Kind.SMTP_AUTHENTICATION,
        said.WRONG_APP_PASSWORD,
        say.AUTHENTICATION,
        phases=LOGIN,
    ),
    Rule("app password", Kind.CONFIGURATION, Meaning.of("app_password"), say.APP_PASSWORD, phases=LOGIN),
    Rule(
        "passwords are not taken",
        Kind.CONFIGURATION,
        said.PASSWORDS_NOT_TAKEN,
        say.SENDING_OFF,
    ),
    Rule(
        "password expired",
        Kind.SMTP_AUTHENTICATION,
        said.PASSWORD_EXPIRED,
        say.EXPIRED,
        phases=LOGIN,
        certain=True,
    ),
    Rule(
        "browser wanted",
        Kind.WEB_LOGIN_REQUIRED,
        Meaning.of("captcha", "browser + login @6 unless expired", "terms unless spam|secret|wrong|unknown"),
        say.WEB_LOGIN,
        phases=BEFORE_MAIL,
    ),
    Rule(
        "too much",
        Kind.THROTTLED,
        Meaning.of(
            "too_often",
            "limit + tries|login|connection|sending @5 unless size|recipient|full",
            "limit + sending @3 unless size",
            "often + limit|tries|login|sending @5 unless size",
            "verify + sending @2",
        ),
        say.TOO_MUCH,
    ),
    Rule("no login for a time", Kind.THROTTLED, said.BARRED_FOR_A_TIME, say.TOO_MUCH, phases=BEFORE_MAIL),
    Rule("greylisting", Kind.SERVER_ERROR, Meaning.of("greylist"), say.TROUBLE, phases=ENVELOPE),
    Rule(
        "encryption required",
        Kind.CONFIGURATION,
        Meaning.of("tls + needed|!enabled|off @5 unless temporary|crash|later|now|spam"),
        say.ENCRYPTION_REQUIRED,
    ),
    Rule(
        "login method not offered",
        Kind.CONFIGURATION,
        said.METHOD_NOT_OFFERED,
        say.LOGIN_METHOD,
        phases=BEFORE_MAIL,
    ),
    Rule("mail programs are shut out", Kind.CONFIGURATION, said.PROTOCOL_OFF, say.SENDING_OFF, phases=LOGIN),
    Rule("shut out by the administrator", Kind.CONFIGURATION, said.SHUT_OUT, say.LOCKED, phases=LOGIN),
    Rule(
        "account suspended",
        Kind.CONFIGURATION,
        Meaning.of(
            "account|user|mailbox|access|domain + suspended|barred|lock @5 unless before",
            "account|mailbox + yet > enabled @5 unless temporary|now|trouble|backend|unavailable",
            "account|mailbox + !enabled @5 unless cannot|unavailable",
            "login + suspended|barred|lock @5 nor thing unless cancelled",
            "account|mailbox + prohibited @2",
            "contact unless secret|wrong|unknown",
        ),
        say.LOCKED,
        phases=LOGIN,
    ),
    Rule(
        "sender not allowed",
        Kind.CONFIGURATION,
        Meaning.of(
            "sender + !verified|denied|wrong|blocked|barred @5 unless spam",
            "sender + !enabled @5 unless spam",
            "sender > failed @2 unless spam",
        ),
        say.SENDER_NOT_ALLOWED,
        phases=ENVELOPE,
    ),
    Rule(
        "relaying",
        Kind.CONFIGURATION,
        Meaning.of("relay + denied|cannot|!enabled|!verified|needed @5 unless limit"),
        say.LOGIN_REQUIRED,
        phases=ENVELOPE,
    ),
    Rule(
        "login wanted",
        Kind.CONFIGURATION,
        Meaning.of("login + =needed @3 unless spam|recipient", "polite > login @2"),
        say.LOGIN_REQUIRED,
        phases=ENVELOPE,
    ),
    Rule(
        "to be tried again",
        Kind.SERVER_ERROR,
        Meaning.of("temporary", "later"),
        say.TROUBLE,
        phases=ENVELOPE,
    ),
    Rule(
        "the message or the recipient",
        Kind.SMTP_REJECTED,
        Meaning.of("spam", "size", "recipient + unknown|wrong|suspended|barred @5"),
        say.REJECTED,
        phases=ENVELOPE | {"connect"},
    ),
    Rule("server trouble", Kind.SERVER_ERROR, said.TROUBLE, say.TROUBLE, phases=LOGIN),
    Rule("try later", Kind.SERVER_ERROR, Meaning.of("later"), say.TROUBLE, phases=LOGIN),
    Rule("nothing to log in with", Kind.SERVER_ERROR, said.NOTHING_GIVEN, say.UNKNOWN_WORDS, phases=LOGIN),
    Rule("one of two reasons", Kind.SERVER_ERROR, said.ONE_OF_TWO, say.UNKNOWN_WORDS, phases=LOGIN),
    Rule("wrong user name", Kind.SMTP_AUTHENTICATION, said.WRONG_NAME, say.AUTHENTICATION, phases=LOGIN),
    Rule("wrong password", Kind.SMTP_AUTHENTICATION, said.WRONG_PASSWORD, say.AUTHENTICATION, phases=LOGIN),
    Rule("password not looked at", Kind.SERVER_ERROR, said.CANNOT_TELL, say.TROUBLE, phases=LOGIN),
    Rule("login failed", Kind.SMTP_AUTHENTICATION, said.LOGIN_FAILED, say.AUTHENTICATION, phases=LOGIN),
    Rule("refused without a reason", Kind.SMTP_AUTHENTICATION, said.NO_REASON, say.AUTHENTICATION, phases=LOGIN),
    Rule("an error's number", Kind.SERVER_ERROR, said.ERROR_NUMBER, say.UNKNOWN_WORDS, phases=LOGIN),
)

# With a passing refusal goes its status; that of another may say that it passes all the same.
_OWN_CODE = _code(r"\s*4\d\d(?:[ -]#?4\.\d{1,3}\.\d{1,3})?(?!\w)", r"\s*\d{3}(?!\w)")

SMTP = Rules(_MARKS, {}, _MEANINGS, counted=Kind.SMTP_AUTHENTICATION, own_code=_OWN_CODE)
