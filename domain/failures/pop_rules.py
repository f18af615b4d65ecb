"""What a POP3 server's words mean. Looked for in this order: marks that single providers use, RFC 2449 and 3206 codes, meanings.

The first that fits wins. So the order of `_MEANINGS` decides where a refusal holds several: whatever counts to nothing comes
before the wrong password, and what is only said politely ("try later") comes after it. The words themselves are in
domain/failures/refusal_words/; `learned_from` names the server or provider whose texts taught a rule, and is "" for what the
language, an RFC or a manual says.
"""

from __future__ import annotations

import re
from typing import Literal

from domain.failures import login_meanings as said
from domain.failures import pop_remedies as say
from domain.failures.failure import Kind
from domain.failures.meanings import Code, Meaning, Rule, Rules

Phase = Literal["greeting", "tls", "login", "transaction", "retrieve"]
LOGIN = frozenset(("login",))
OF_A_LOGIN = say.AUTHENTICATION_FOR | {"microsoft": say.LOGON_FAILURE, "exchange": say.LOGON_FAILURE}
LOGGED_IN = frozenset(("transaction", "retrieve"))


def _text(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.IGNORECASE)


# What servers answer to RETR of a message that another client has deleted since it was listed.
MESSAGE_GONE = _text(
    r"\bexpunged\b",
    r"(there('?s| is)|have|has) no message",
    r"\bno such message",
    r"\bmessage\b.{0,20}\b((does not|doesn't) exist|(is|was|has been|already) (deleted|removed))",
)

NAMES = frozenset(("user", "account", "mailbox", "address"))  # what USER may be refused for, if it is wrong

UNKNOWN_COMMAND = Meaning.of("command + not_understood", "not_implemented", most_words=12)

_MARKS = (
    Rule(
        "unlock page",
        Kind.PROVIDER_LOCKED,
        _text(r"DisplayUnlockCaptcha"),
        say.PROVIDER_LOCKED,
        remedies={"yahoo": say.PROVIDER_LOCKED_YAHOO},
        learned_from="gmail",
    ),
    Rule(
        "page about app passwords",
        Kind.CONFIGURATION,
        _text(r"InvalidSecondFactor"),
        say.APP_PASSWORD,
        learned_from="gmail",
    ),
    Rule(
        "page about web logins",
        Kind.WEB_LOGIN_REQUIRED,
        _text(r"web ?login ?required.*google\.com", r"google\.com/mail/answer/78754"),
        say.WEB_LOGIN_GOOGLE,
        learned_from="gmail",
    ),
    Rule(
        "mark of an account to be verified",
        Kind.PROVIDER_LOCKED,
        _text(r"#MBR1240"),
        say.PROVIDER_LOCKED,
        remedies={"yahoo": say.PROVIDER_LOCKED_YAHOO},
        learned_from="yahoo",
    ),
    Rule(
        "bandwidth limit",
        Kind.THROTTLED,
        _text(r"exceeded (pop )?command or bandwidth", r"bandwidth limit"),
        say.BANDWIDTH,
        learned_from="gmail",
    ),
    Rule(
        "POP is being prepared",
        Kind.SERVER_ERROR,
        _text(r"still working on enabling pop", r"windowed mode is not available"),
        say.POP_BEING_PREPARED,
        learned_from="gmail",
    ),
    Rule(
        "every reason at once",
        Kind.AUTHENTICATION,
        _text(r"account is abnormal.*password is incorrect", r"密码错误.*(登录频率|系统繁忙)"),
        say.MANY_REASONS,
        phases=LOGIN,
        certain=True,
        learned_from="qq",
    ),
    Rule(
        "mark of a wrong password",
        Kind.AUTHENTICATION,
        _text(r"#MBR1212"),
        say.AUTHENTICATION_FOR["yahoo"],
        phases=LOGIN,
        certain=True,
        learned_from="yahoo",
    ),
    Rule("mark of too many logins", Kind.THROTTLED, _text(r"#AUTH005"), say.TOO_OFTEN, learned_from="yahoo"),
    Rule(
        # Says only "Unable to log on" where POP was never switched on, which there is the usual reason.
        "NetEase's POP is off",
        Kind.POP_UNAVAILABLE,
        _text(r"unable to log ?on"),
        say.NETEASE_POP_OFF,
        phases=LOGIN,
        hosts=("163.com", "126.com", "yeah.net", "netease.com"),
        learned_from="netease",
    ),
    Rule(
        # As PAM words it wherever it is asked; no other module failed.
        "PAM's unknown user",
        Kind.AUTHENTICATION,
        _text(r"user not known to the underlying authentication module"),
        say.AUTHENTICATION,
        phases=LOGIN,
    ),
    Rule(
        # The contract counts it, though the server says so as well where POP is off and where logins come too often.
        "Exchange's logon failure",
        Kind.AUTHENTICATION,
        _text(
            r"^(\[AUTH\] ?)?logon failure\W*$", r"(logon|authentication) failure: unknown user ?name or bad password"
        ),
        say.LOGON_FAILURE,
        phases=LOGIN,
        learned_from="exchange",
    ),
    Rule(
        "another session takes over",
        Kind.MAILBOX_BUSY,
        _text(r"kiss of death"),
        say.BUSY,
        learned_from="uw-imap",
    ),
    Rule(
        "hung up on, as too many connections",
        Kind.THROTTLED,
        _text(r"BYE Connection refused"),
        say.TOO_MANY_CONNECTIONS,
        learned_from="#4f06",
    ),
    Rule(
        "numbered end of a connection",
        Kind.CONNECTION,
        _text(r"connection is closed\.? ?1\d(?!\d)"),
        say.LINE_CLOSED,
        cause="closed",
        phases=LOGGED_IN,
        learned_from="exchange",
    ),
)

_OFTEN = frozenset((Kind.THROTTLED,))

# RFC 2449 section 8.1, RFC 3206 section 4, and what servers that also speak IMAP borrow from RFC 5530 section 3.
_CODES = {
    "IN-USE": Code(Kind.MAILBOX_BUSY, say.BUSY, _OFTEN),
    "INUSE": Code(Kind.MAILBOX_BUSY, say.BUSY, _OFTEN),
    "LOGIN-DELAY": Code(Kind.THROTTLED, say.TOO_OFTEN),
    "LIMIT": Code(Kind.THROTTLED, say.TOO_OFTEN),
    "SYS/TEMP": Code(Kind.SERVER_ERROR, say.TROUBLE, _OFTEN),
    "SYS": Code(Kind.SERVER_ERROR, say.TROUBLE, _OFTEN),
    "UNAVAILABLE": Code(Kind.SERVER_ERROR, say.TROUBLE, _OFTEN),
    "SERVERBUG": Code(Kind.SERVER_ERROR, say.TROUBLE),
    "CORRUPTION": Code(Kind.SERVER_ERROR, say.TROUBLE),
    "SYS/PERM": Code(Kind.CONFIGURATION, say.PERMANENT, None),
    "CONTACTADMIN": Code(Kind.CONFIGURATION, say.PERMANENT, None),
    "NOPERM": Code(Kind.CONFIGURATION, say.PERMANENT, None),
    "AUTHORIZATIONFAILED": Code(Kind.CONFIGURATION, say.PERMANENT, None),
    "PRIVACYREQUIRED": Code(Kind.CONFIGURATION, say.ENCRYPTION_REQUIRED),
    "EXPIRED": Code(Kind.AUTHENTICATION, say.EXPIRED, certain=True),
    "AUTH": Code(Kind.AUTHENTICATION, say.AUTHENTICATION, None),
    "AUTHENTICATIONFAILED": Code(Kind.AUTHENTICATION, say.AUTHENTICATION, None),
}

_MEANINGS = (
    Rule(
        "wrong app password",
        Kind.AUTHENTICATION,
        said.WRONG_APP_PASSWORD,
        say.AUTHENTICATION,
        phases=LOGIN,
    ),
    Rule(
        "check by the provider",
        Kind.PROVIDER_LOCKED,
        Meaning.of("captcha"),
        say.PROVIDER_LOCKED,
        remedies={"yahoo": say.PROVIDER_LOCKED_YAHOO},
    ),
    Rule("app password", Kind.CONFIGURATION, Meaning.of("app_password"), say.APP_PASSWORD, phases=LOGIN | LOGGED_IN),
    Rule(
        "passwords are not taken",
        Kind.CONFIGURATION,
        said.PASSWORDS_NOT_TAKEN,
        say.PASSWORDS_OFF,
        remedies={"microsoft": say.BASIC_AUTHENTICATION_OFF, "exchange": say.BASIC_AUTHENTICATION_OFF},
    ),
    Rule(
        "password expired",
        Kind.AUTHENTICATION,
        said.PASSWORD_EXPIRED,
        say.EXPIRED,
        phases=LOGIN,
        certain=True,
    ),
    Rule(
        "too many connections",
        Kind.THROTTLED,
        Meaning.of("limit + connection @4"),
        say.TOO_MANY_CONNECTIONS,
    ),
    Rule(
        "logins too often",
        Kind.THROTTLED,
        Meaning.of(
            "too_often",
            "limit + tries|login|traffic @5",
            "limit + secret @4 unless full|backend|server",
            "tries + minutes @6 unless trouble|backend|crash",
            "every|often > minutes @3",
            "often + tries|login|connection|access @7",
            "often + limit|needed|wait @5",
            "wait + minutes + tries|login|connection @8",
            "=needed|polite > wait > minutes @3",
            "wait_for > minutes @3 unless trouble|backend|crash|temporary|busy|full|server|lock|secret|wrong|unknown",
            "spent + tries|login|access|connection|limit @4 unless full|backend|server|mailbox",
        ),
        say.TOO_OFTEN,
        remedies={"yahoo": say.TOO_OFTEN_YAHOO},
    ),
    Rule(
        "no login for a time",
        Kind.THROTTLED,
        said.BARRED_FOR_A_TIME,
        say.TOO_OFTEN,
        remedies={"yahoo": say.TOO_OFTEN_YAHOO},
    ),
    Rule(
        "mailbox in use",
        Kind.MAILBOX_BUSY,
        Meaning.of(
            "=elsewhere",
            "mailbox + =lock|busy @6",
            "mailbox + =active + other @5",
            "concurrent + mailbox|access @4 unless limit",
            "mailbox + barred @4 unless suspended|polite|pop",
            "lock|barred + other @6 unless oauth",
            "mailbox + barred + reader @4 unless suspended|polite",
            "lock + reader @6",
            "other + reader + active @6",
            "not > lock|barred @3",
            "lock > cannot @1",
            "other > reader @2 unless wrong|denied|pop",
            "account|user + lock @4 unless polite",
        ),
        say.BUSY,
    ),
    Rule(
        "encryption required",
        Kind.CONFIGURATION,
        Meaning.of("tls + needed|!enabled|off @5 unless temporary|crash|later|now"),
        say.ENCRYPTION_REQUIRED,
        phases=LOGIN | LOGGED_IN | {"greeting"},
    ),
    Rule(
        "login method not offered",
        Kind.CONFIGURATION,
        said.METHOD_NOT_OFFERED,
        say.LOGIN_METHOD,
        phases=LOGIN | LOGGED_IN | {"greeting"},
    ),
    Rule(
        "browser wanted",
        Kind.WEB_LOGIN_REQUIRED,
        Meaning.of(
            "browser + login @6 unless switch_on|expired|wrong",
            "browser + login @3 unless pop|expired|wrong",
            "polite > login > link @6 unless wrong|failed|denied|secret|pop",
            "browser + registration @4 unless wrong|unknown",
            "terms unless secret|wrong|unknown",
            "visit + browser|link @5 unless switch_on|expired|wrong|secret",
            "verify + self @4 unless account",
        ),
        say.WEB_LOGIN,
        remedies={"google": say.WEB_LOGIN_GOOGLE, "yahoo": say.WEB_LOGIN_YAHOO},
    ),
    Rule(
        "account to be confirmed",
        Kind.PROVIDER_LOCKED,
        Meaning.of(
            "=verify + self|account @4 unless secret|user|wrong|unknown",
            "account > blocked @4 unless by_administrator",
            "protection",
            "=verify + login|activity @3 unless secret|user|wrong|unknown",
        ),
        say.PROVIDER_LOCKED,
        remedies={"yahoo": say.PROVIDER_LOCKED_YAHOO},
    ),
    Rule(
        "POP is off",
        Kind.POP_UNAVAILABLE,
        said.PROTOCOL_OFF,
        say.POP_OFF,
        remedies=say.POP_OFF_FOR,
    ),
    Rule("shut out by the administrator", Kind.CONFIGURATION, said.SHUT_OUT, say.LOCKED, phases=LOGGED_IN | LOGIN),
    Rule(
        "account suspended",
        Kind.CONFIGURATION,
        Meaning.of(
            "account|user|mailbox + suspended @5 unless before",
            "account|user + barred @5 unless before",
            "account|mailbox + yet > enabled @5 unless temporary|now|trouble|backend|unavailable",
            "account|mailbox + !enabled @5 unless temporary|now|trouble|backend|cannot|unavailable",
            "access|domain + suspended|barred @5 unless temporary|now|trouble|backend",
            "login + suspended|barred @5 nor thing unless temporary|now|trouble|backend|cancelled",
            "account|mailbox + prohibited @2 unless temporary|now|trouble|backend",
        ),
        say.LOCKED,
        phases=LOGGED_IN | LOGIN,
    ),
    Rule(
        "protocol error",
        Kind.PROTOCOL_ERROR,
        Meaning.of("protocol_error"),
        say.MISUNDERSTOOD,
    ),
    Rule(
        "line closed",
        Kind.CONNECTION,
        Meaning.of("idle", "closed unless backend|temporary|secret|login|user|denied|wrong"),
        say.LINE_CLOSED,
        cause="closed",
    ),
    Rule(
        "no encryption here",
        Kind.CONFIGURATION,
        Meaning.of("tls + unavailable|unsupported|!enabled @4 unless temporary|later|now|crash"),
        say.NO_STARTTLS,
        phases=frozenset(("tls",)),
    ),
    Rule(
        "server trouble",
        Kind.SERVER_ERROR,
        said.TROUBLE,
        say.TROUBLE,
    ),
    # A code that says for good is right about a mailbox that is damaged for good.
    Rule("damaged store", Kind.SERVER_ERROR, Meaning.of("damaged"), say.TROUBLE, weak=True),
    Rule(
        "not available",
        Kind.SERVER_ERROR,
        Meaning.of("unavailable"),
        say.TROUBLE,
        phases=LOGIN | LOGGED_IN | {"greeting"},
    ),
    Rule(
        "misunderstood command",
        Kind.PROTOCOL_ERROR,
        # Where one is logged in, a second login is refused, whatever its password (RFC 1939, section 4; RFC 4954, section 4).
        Meaning.of(
            "command + not_understood @4",
            "state + cannot|!login @5",
            "cannot > login_again @2",
            "login_again > denied @3 unless secret",
            "=needed > command @3 unless secret|wrong",
        ),
        say.MISUNDERSTOOD,
        phases=LOGIN | {"greeting"},
    ),
    Rule("nothing to log in with", Kind.PROTOCOL_ERROR, said.NOTHING_GIVEN, say.MISUNDERSTOOD, phases=LOGIN),
    Rule("one of two reasons", Kind.SERVER_ERROR, said.ONE_OF_TWO, say.UNKNOWN_WORDS, phases=LOGIN, weak=True),
    *(
        Rule(name, Kind.AUTHENTICATION, meaning, say.AUTHENTICATION, phases=LOGIN, remedies=OF_A_LOGIN)
        for name, meaning in (
            ("wrong user name", said.WRONG_NAME),
            ("wrong password", said.WRONG_PASSWORD),
        )
    ),
    Rule("password not looked at", Kind.SERVER_ERROR, said.CANNOT_TELL, say.TROUBLE, phases=LOGIN),
    *(
        Rule(name, Kind.AUTHENTICATION, meaning, say.AUTHENTICATION, phases=LOGIN, remedies=OF_A_LOGIN)
        for name, meaning in (
            ("login failed", said.LOGIN_FAILED),
            ("refused without a reason", said.NO_REASON),
        )
    ),
    Rule("an error's number", Kind.SERVER_ERROR, said.ERROR_NUMBER, say.UNKNOWN_WORDS, phases=LOGIN, weak=True),
    # Last, because many servers add it politely to "wrong password".
    Rule("try later", Kind.SERVER_ERROR, Meaning.of("later|now"), say.TROUBLE, weak=True),
)

POP = Rules(_MARKS, _CODES, _MEANINGS, counted=Kind.AUTHENTICATION)
