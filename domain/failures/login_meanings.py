"""What a server says when it refuses a login, whichever protocol it speaks: the meanings that POP and SMTP share.

What is a wrong password in one is that in the other, and what is not is neither's: one mended here is mended in both
(domain/failures/pop_rules.py, domain/failures/smtp_rules.py).
"""

from __future__ import annotations

from domain.failures.meanings import STRANGE, STRANGE_BETWEEN, Meaning

WRONG_APP_PASSWORD = Meaning.of("app_password + wrong @2")

PASSWORDS_NOT_TAKEN = Meaning.of("oauth + needed|off|!enabled|unsupported|denied|suspended unless temporary")

# The contract counts a password that has to be changed: no other will do until it is.
PASSWORD_EXPIRED = Meaning.of("secret + =expired @4 nor thing|backend|part|domain unless trouble|crash|problem|during")

# That mail programs may not get at a mailbox, by a protocol or by any.
PROTOCOL_OFF = Meaning.of(
    "pop + !enabled|off|plan|suspended @6 unless temporary|later|now|crash",
    "switch_on + pop @3 unless temporary|later|now|crash",
    "pop > needed > enabled @4 unless temporary|later|now|crash",
    "pop + unavailable @4 unless temporary|later|now|crash|server|backend",
    "pop + access|right + denied|!right @5 unless temporary|later|now|crash",
    "none > pop @0 unless server|backend|trouble|temporary|now|later|command",
    "pop + !right|!access @5 unless temporary|later|now|crash",
    "pop > off|suspended|barred @1 unless temporary|now|crash|mailbox",
    "access + server + denied|!enabled @4 unless temporary|later|now|crash",
    "plan + !enabled|switch_on|browser|access @5",
    "account|mailbox|address > =needed > browser @4 unless login|wrong|switch_on",
    "only_other unless temporary|later|now|crash|trouble",
)

METHOD_NOT_OFFERED = Meaning.of(
    "mechanism + unsupported|!enabled @6 unless temporary|crash|later|now",
    "secret + prohibited @3 unless temporary|crash|later|now|wrong|unknown",
)

# That a login is refused for a time, or may be tried again after one, is said of logins that come too often.
BARRED_FOR_A_TIME = Meaning.of(
    *(
        f"{pattern} unless backend|trouble|crash|temporary|busy|full|expired|idle|lock|other"
        for pattern in (
            "login|access|connection|tries|account|address|user + denied|barred|suspended|blocked|!enabled + minutes @7",
            "login|access|connection|tries + failed|cannot|=enabled + minutes @7",
            "connection > off + minutes @5",
            "login_again + minutes @5",
            "!login + minutes @7",
        )
    ),
    "suspended|barred|blocked|denied + repeated @5 unless backend|trouble|crash",
    "peer_ip + suspended|barred|blocked @5 unless backend|trouble|crash|spam",
    "later + minutes @3 unless backend|trouble|crash|temporary|busy|full|server|mailbox|lock|secret|wrong|unknown",
)

SHUT_OUT = Meaning.of(
    "login|access|user|account|mailbox + denied|barred|blocked|!enabled + by_administrator @5",
    "account|user|mailbox + unused @4",
    "plan + expired|suspended @3 unless server|backend|pop|secret",
)

TROUBLE = Meaning.of(
    "temporary",
    "passing_status",
    "crash",
    "trouble",
    "backend + failed|problem|unavailable|unknown|busy|full|denied|!enabled|wrong @5",
    "backend + barred|lock|suspended|off @4",
    "server > failed @4",
    "server + problem|unavailable|busy|full|lock|off|!enabled @4",
    "limit + full|mailbox|backend @4",
    "full + mailbox|account|backend @5",
    "login + busy @3",
    "cannot > mailbox|backend @4",
    "mailbox + cannot @3",
    "cannot|failed + now @7 unless wrong|unknown",
    "now + suspended|off @5",
    # PAM has no account of its own: "PAM: Authentication failure" is somebody's who logs in.
    "pam > failed @0",
    "pam + problem|unavailable|unknown|busy|denied|!enabled @3",
)

# What else may be said of a login that failed, so that nothing but the login is to blame: who logs in and with what, that it
# failed, advice to look at it or to ask somebody, and good-bye. All other concepts are another reason: a list of these would
# never end, of those it does.
ABOUT_THE_LOGIN = frozenset(
    (
        *("secret", "user", "account", "login", "login_again", "access"),
        *("failed", "cannot", "denied", "wrong", "unknown", "=correct", "not", "not_behind", "none"),
        *(
            "check",
            "verify",
            "visit",
            "link",
            "=contact",
            "polite",
            "later",
            "tries",
            "here",
            "of",
            "closed",
            "pam",
            "filler",
        ),
    )
)

# A word that is wrong or not found may be said of these instead, beside a login, a name or a password: "bad response from auth".
_OTHERS = "server|backend|part|mechanism|limit|connection|pop|thing|domain"
_NOT_FOUND = f"{_OTHERS}|data|error"  # "wrong data" is a wrong password, "unknown data" is not

WRONG_NAME = Meaning.of(
    f"user|account|mailbox|address + unknown @5 nor {_NOT_FOUND}|{STRANGE_BETWEEN} unless state|yet|now",
    f"user|account|mailbox|address + wrong @5 nor {_OTHERS}|{STRANGE} unless state|unknown|now",
    f"none > user|account|mailbox @1 nor {_NOT_FOUND}|{STRANGE_BETWEEN}|enabled unless yet|backend|now",
    f"unknown > login @0 nor {_NOT_FOUND}|{STRANGE} unless state|yet|problem|command",
    "stranger",
)

WRONG_PASSWORD = Meaning.of(
    f"secret + wrong|!correct @6 nor {_OTHERS}|unknown|{STRANGE} unless now|policy",
    f"secret + unknown @6 nor {_NOT_FOUND}|{STRANGE} unless now",
    f"secret + denied @6 nor {_OTHERS}|login|{STRANGE} unless error_number|now|policy",
)

# No login, as nothing was said to log in with: no wrong name and no wrong password.
NOTHING_GIVEN = Meaning.of(
    f"secret|user|account + !given|missing @2 nor {_OTHERS}|check|data|{STRANGE} unless wrong|unknown"
)

# One of two is to blame, and nobody says which, or the password is said not to be: what counts to nothing.
ONE_OF_TWO = Meaning.of(
    "secret|user|account|login + wrong|unknown|failed + or > backend|trouble|temporary|busy|crash|lock|now @4"
    " unless contact",
    "secret|user|account|login + wrong|unknown|failed + or > server @1 unless contact",
    "secret|user|account|login + wrong|unknown + or > failed|error|problem|unavailable > server|backend @3",
    "cannot > tell @3",
    "password_is_right",
    "trouble|temporary|busy|crash|backend > or > secret|user|account|login @4",
    "login_again > failed @1 unless secret",
)

# Whoever cannot look says nothing of what there is to see, unless it is said as well.
CANNOT_TELL = Meaning.of(
    "unverifiable",
    "cannot > verify|check|verified @5",
    "secret + !verified|!check @3",
    "check > cannot @0",
    "error + checking @3",
    "failed|error + during @3 unless denied",
    "broke_off",
)

# What only failed, or is only called wrong, may be so for what is said besides: it is a wrong password where nothing is.
LOGIN_FAILED = Meaning.of(
    f"login + wrong @4 nor {_OTHERS} unless unknown",
    "user > denied @2",
    "secret + failed @6 unless minutes|wait|every|lock|state|unknown",
    "login + failed|denied @5 unless minutes|wait|every|lock|state|unknown",
    "access + denied @4 unless minutes|wait|every|lock|state",
    "!login unless minutes|wait|every|lock|state|none",
    f"!secret nor {_OTHERS} unless cannot|none",
    only_with=ABOUT_THE_LOGIN,
)

NO_REASON = Meaning.of(
    "failed|denied|wrong unless command|later|now|mailbox|state|active|unknown", most_words=3, only_with=ABOUT_THE_LOGIN
)

# What else is known only by its number; one that is known to mean a wrong password is none (refusal_words/numbers.py).
ERROR_NUMBER = Meaning.of("error_number")
