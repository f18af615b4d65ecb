"""What a POP3 server's words mean: the rules that classify a refusal, in order; the first match wins.

The order is provider texts, RFC codes (RFC 2449 section 8, RFC 3206), generic words: Gmail puts [AUTH] on refusals that
have nothing to do with the password. A pattern is searched ignoring case, in text without `-ERR` and without addresses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from domain import pop_remedies as say
from domain.failures import Kind

Phase = Literal["greeting", "tls", "login", "transaction", "retrieve"]
ANY_PHASE: frozenset[Phase] = frozenset(("greeting", "tls", "login", "transaction", "retrieve"))
LOGIN: frozenset[Phase] = frozenset(("login",))
LOGGED_IN: frozenset[Phase] = frozenset(("transaction", "retrieve"))


@dataclass(frozen=True, slots=True)
class Rule:
    """One meaning: what is looked for, where, and what people are told.

    `remedies` replaces `remedy` for single providers. `hosts` limits the rule to servers whose name is one of these or
    ends in one of them. `without_auth_code` keeps an authentication rule in force where the server offers
    AUTH-RESP-CODE and did not say [AUTH], because these words cannot mean anything else.
    """

    name: str
    kind: Kind
    pattern: re.Pattern[str]
    remedy: str
    cause: str | None = None
    phases: frozenset[Phase] = ANY_PHASE
    hosts: tuple[str, ...] = ()
    remedies: Mapping[str, str] = field(default_factory=dict)
    without_auth_code: bool = False


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.IGNORECASE)


UNKNOWN_COMMAND = _words(r"(unknown|unrecogni[sz]ed|unsupported|invalid|bad) command", r"not (implemented|supported)")

# What servers answer to RETR of a message that another client has deleted since it was listed.
MESSAGE_GONE = _words(
    r"\bexpunged\b",
    r"(there('?s| is)|have|has) no message",
    r"\bno such message",
    r"\bmessage\b.{0,20}\b((does not|doesn't) exist|(is|was|has been|already) (deleted|removed))",
)

POP_RULES: tuple[Rule, ...] = (
    # --- what providers say in words of their own ---
    Rule(
        "unlock page",
        Kind.PROVIDER_LOCKED,
        _words(r"DisplayUnlockCaptcha", r"captcha"),
        say.PROVIDER_LOCKED,
        remedies={"yahoo": say.PROVIDER_LOCKED_YAHOO},
    ),
    Rule(
        "app password",
        Kind.CONFIGURATION,
        _words(r"application[- ]specific password", r"app(lication)? password (is )?required", r"InvalidSecondFactor"),
        say.APP_PASSWORD,
    ),
    Rule(
        "Google's web login",
        Kind.WEB_LOGIN_REQUIRED,
        _words(r"web ?login ?required.*google\.com", r"google\.com/mail/answer/78754"),
        say.WEB_LOGIN_GOOGLE,
    ),
    Rule(
        "web login",
        Kind.WEB_LOGIN_REQUIRED,
        _words(
            r"web ?login ?required",
            r"(log|sign)[ -]?in\b.{0,30}\b(via|with|using|through|in|on) (a|your|the) (web ?)?browser",
            r"verify your identity",
        ),
        say.WEB_LOGIN,
        remedies={"google": say.WEB_LOGIN_GOOGLE, "yahoo": say.WEB_LOGIN_YAHOO},
    ),
    Rule(
        "account to be verified",
        Kind.PROVIDER_LOCKED,
        _words(r"#MBR1240", r"verify your account", r"account (is|has been) blocked", r"unlock your (account|mailbox)"),
        say.PROVIDER_LOCKED,
        remedies={"yahoo": say.PROVIDER_LOCKED_YAHOO},
    ),
    Rule(
        "basic authentication is off",
        Kind.CONFIGURATION,
        _words(r"basic auth\w* (is |has been )?(disabled|not supported|blocked)"),
        say.BASIC_AUTHENTICATION_OFF,
    ),
    Rule(
        "Google's bandwidth limit",
        Kind.THROTTLED,
        _words(r"exceeded (pop )?command or bandwidth", r"bandwidth limit", r"over quota of (logins|requests)"),
        say.BANDWIDTH,
    ),
    Rule(
        "Google still prepares POP",
        Kind.SERVER_ERROR,
        _words(r"still working on enabling pop", r"windowed mode is not available"),
        say.POP_BEING_PREPARED,
    ),
    Rule(
        "QQ names every reason at once",
        Kind.AUTHENTICATION,
        _words(r"account is abnormal.*password is incorrect", r"密码错误.*(登录频率|系统繁忙)"),
        say.MANY_REASONS,
        phases=LOGIN,
        without_auth_code=True,
    ),
    Rule(
        "Yahoo's wrong password",
        Kind.AUTHENTICATION,
        _words(r"#MBR1212"),
        say.AUTHENTICATION_FOR["yahoo"],
        phases=LOGIN,
        without_auth_code=True,
    ),
    Rule(
        # NetEase says only "Unable to log on" where POP was never switched on, which there is the usual reason.
        "NetEase's POP is off",
        Kind.POP_UNAVAILABLE,
        _words(r"unable to log ?on"),
        say.NETEASE_POP_OFF,
        phases=LOGIN,
        hosts=("163.com", "126.com", "yeah.net", "netease.com"),
    ),
    # --- RFC codes, and what servers say instead of them ---
    Rule(
        "logins too often",
        Kind.THROTTLED,
        _words(
            r"\[LOGIN-DELAY",
            r"login allowed only every",
            r"exceeded the login limit",
            r"logins? must be at least",
            r"too many (bad |failed |invalid |unsuccessful )*(login|logon|auth|password|attempt|failed|invalid)",
            r"#AUTH005",
            r"登录太频繁",
            r"登录频率",
            r"\bauth limit",
            r"\brate.?limit",
        ),
        say.TOO_OFTEN,
        remedies={"yahoo": say.TOO_OFTEN_YAHOO},
    ),
    Rule(
        "too many connections",
        Kind.THROTTLED,
        _words(
            r"too many (simultaneous |concurrent |open )?(connections|sessions)",
            r"maximum number of (connections|sessions)",
            r"BYE Connection refused",
            r"connection limit",
        ),
        say.TOO_MANY_CONNECTIONS,
    ),
    Rule("a temporary fault, by its code", Kind.SERVER_ERROR, _words(r"\[SYS/TEMP"), say.TROUBLE),
    Rule(
        # Before the lock of a maildrop: "Your account has been locked. Please sign in to your mailbox" is not one.
        "account locked",
        Kind.CONFIGURATION,
        _words(
            r"^(?!.*\bPOP3?\b).*\baccount\b.{0,40}\b(locked|suspended|deactivated|disabled|inactive|closed|terminated)\b"
            r"(?!.{0,40}\b(another|session|process|client|in use|pid)\b)",
            r"administratively locked",
            r"locked for inactivity",
        ),
        say.LOCKED,
    ),
    Rule(
        "maildrop in use",
        Kind.MAILBOX_BUSY,
        _words(
            r"\[IN-USE",
            r"(maildrop|mailbox|mail drop).{0,40}(\block|in use|opened for exclusive)",
            r"\block(ed)?\b.{0,40}(maildrop|mailbox|another|session)",
            r"unable to lock",
            r"lock busy",
            r"already (logged|in use|open)",
        ),
        say.BUSY,
    ),
    # --- generic words ---
    Rule(
        "encryption required",
        Kind.CONFIGURATION,
        _words(
            r"(plain ?text|clear ?text) (auth\w*|login|password)s?.{0,20}(dis|not )",
            r"must (issue|use) (a |the )?(STLS|STARTTLS|TLS|SSL)",
            r"(encryption|encrypted connection|secure connection|starttls|stls|tls|ssl) (is )?required",
        ),
        say.ENCRYPTION_REQUIRED,
    ),
    Rule(
        "login method not offered",
        Kind.CONFIGURATION,
        _words(r"unsupported auth\w* mech", r"unrecogni[sz]ed auth", r"mechanism (is )?not supported"),
        say.LOGIN_METHOD,
    ),
    Rule(
        "POP is off",
        Kind.POP_UNAVAILABLE,
        _words(
            r"(not enabled|disabled) for POP",
            r"yet to enable (POP|IMAP)",
            r"\benable (your account for )?POP",
            r"please enable mail protocol",
            r"POP3?\b.{0,20} disabled for your",
            r"pop3?服务(未开通|未开启|已关闭)",
            # A server that is down for an hour must not suspend an account for a day.
            r"^(?!.*(temporar|try again|later|moment|at this time|currently)).*\bPOP3?\b.{0,40}\b"
            r"(disabled|turned off|switched off|not (allowed|enabled|available|permitted|offered))\b",
        ),
        say.POP_OFF,
        remedies=say.POP_OFF_FOR,
    ),
    Rule("protocol error", Kind.PROTOCOL_ERROR, _words(r"protocol error"), say.MISUNDERSTOOD),
    Rule(
        "line closed",
        Kind.CONNECTION,
        _words(
            r"connection is closed\.? ?1\d",
            r"server shutting down",
            r"(disconnected|logged out|timed? ?out) (for|due to) inactivity",
            r"autologout",
        ),
        say.LINE_CLOSED,
        cause="closed",
    ),
    Rule(
        "password expired",
        Kind.AUTHENTICATION,
        _words(
            r"password (has |is )?expired",
            r"expired password",
            r"credentials? (have |has |are )?expired",
            r"must (change|reset|update) (your |the )?password",
            r"password must be (changed|reset)",
            r"password change (is )?required",
        ),
        say.EXPIRED,
        phases=LOGIN,
        without_auth_code=True,
    ),
    Rule(
        "locked or suspended",
        Kind.CONFIGURATION,
        _words(
            r"\b(account|user|mailbox|login|access|domain|service)\b.{0,20}\b(disabled|suspended|deactivated|blocked)\b",
            r"\buser\b.{0,20}\blocked\b",
            r"\b(disabled|suspended|inactive|locked) (account|user)\b",
        ),
        say.LOCKED,
        phases=LOGGED_IN | LOGIN,
    ),
    Rule("disabled", Kind.CONFIGURATION, _words(r"\bdisabled\b", r"\bsuspended\b"), say.LOCKED, phases=LOGIN),
    Rule(
        "server trouble",
        Kind.SERVER_ERROR,
        _words(
            r"temporar",
            r"server unavailable",
            r"service (is )?(currently )?(unavailable|not available)",
            r"internal (server )?error",
            r"system (is )?busy",
            r"inconsistent state",
            r"couldn't sync",
            r"wait a few minutes",
            r"system in use",
            r"\[UNAVAILABLE",
        ),
        say.TROUBLE,
    ),
    Rule("a permanent fault, by its code", Kind.CONFIGURATION, _words(r"\[SYS/PERM"), say.PERMANENT),
    Rule(
        "Exchange's logon failure",
        Kind.AUTHENTICATION,
        _words(r"logon failure", r"unknown user name or bad password"),
        say.LOGON_FAILURE,
        phases=LOGIN,
    ),
    Rule(
        "wrong password",
        Kind.AUTHENTICATION,
        _words(
            r"\[AUTH\]",
            r"not accepted",
            r"(incorrect|wrong) (user|password|login|credential)",
            r"invalid (user|pass|login|credential|account)",
            r"unknown user",
            r"bad (user|pass|login|account|credential)",
            r"login (fail|incorrect|invalid)",
            r"auth(entication|orization|enticate|orize)? (has |was )?fail",
            r"password (error|failed|incorrect|supplied|mismatch)",
            r"permission denied",
            r"never heard of",
            r"no mailbox for",
            r"unable to log ?on",
            r"err\.login",
            r"密码错误",
        ),
        say.AUTHENTICATION,
        phases=LOGIN,
        remedies=say.AUTHENTICATION_FOR | {"microsoft": say.LOGON_FAILURE, "exchange": say.LOGON_FAILURE},
    ),
    # Last, because many servers add it politely to "wrong password".
    Rule("try later", Kind.SERVER_ERROR, _words(r"(try|come) (again|back)( later)?\b"), say.TROUBLE),
)
