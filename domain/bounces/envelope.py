"""What the header of a message says of how it came: whether a report is to be expected in it. Every mail is asked this."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

LONGEST_PART = 64 << 10  # bytes of a part that are read

_DAEMON = re.compile(
    r"(?:mail(?:er)?[-_.]?daemon|m?daemon|mail[-_.]?delivery.*|mail[-_.]?system|microsoftexchange[0-9a-f]*|"
    r"bounce[-_.]?(?:daemon|notifier|notification)s?|delivery[-_.]?(?:daemon|system|status|failure|report)s?)(?:[+-].*)?",
    re.IGNORECASE,
)
_DAEMON_NAME = re.compile(
    r"mail(?:er)?[-_ ]?daemon|mail delivery|delivery (?:sub)?system|mail (?:sub)?system|system administrator|"
    r"mail administrator|"
    r"microsoft (?:outlook|exchange)|internet mail|post ?master|systemadministrator|mail router|mail server|mta\b|"
    r"администратор|系统管理|系統管理|邮件系统|メール.?(?:配信|システム)|system attendant",
    re.IGNORECASE,
)
_SYSTEM = re.compile(
    r"(?:^|[-._+\" ])(?:antivirus|gateways?|e?mail(?:er)?|smtp|mta|mx|system|daemon|delivery|post[-_.]?master|"
    r"hostmaster|admin(?:istrator)?|server|bounces?|"
    r"no-?reply|notifications?|returned|undeliver\w*|mailadmin|root|postoffice|maildelivery|mailserver|"
    r"webmaster)(?:$|[-._+\d\"\\ ])",
    re.IGNORECASE,
)
_PASSED_ON = re.compile(
    r"\s*(?:re|fwd?|aw|wg|sv|tr|rv|vs|antw|odp|转发|回复|答复)\s{0,3}(?:\[\d+\])?[:：]", re.IGNORECASE
)
_SYSTEM_STEMS = (
    *("mail", "post", "daemon", "system", "deliver", "admin", "master", "server", "bounce", "reply", "notif", "smtp"),
    *("mta", "mx", "return", "root", "gateway", "antivirus", "microsoft", "администратор", "管理", "邮件", "メール"),
)
_STEMS = (
    "deliver",
    "undeliv",
    "returned",
    "bounce",
    "fail",
    "zustell",
    "remis",
    "entreg",
    "consegn",
    "достав",
    "退信",
    "配信",
    "送信",
)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the header of a message says of how it came: `sender`, the From field as it stands there; its first address in
    normal form; whether the Return-Path is empty; `failed`, X-Failed-Recipients; `automatic`: a program sent it; `answer`: it
    answers by itself; whom the message was sent to, in normal form."""

    sender: str
    author: str | None
    subject: str
    content_type: str
    null_sender: bool
    failed: str = ""
    automatic: bool = False
    answer: Callable[[], bool] = bool
    addressed: Callable[[], Collection[str]] = tuple

    @property
    def passed_on(self) -> bool:
        return _PASSED_ON.match(self.subject) is not None

    @property
    def daemon(self) -> bool:
        """A mail system wrote it: its local part says so, or its name, or there is no address."""
        local = (self.author or "").partition("@")[0]
        return bool(
            _DAEMON.fullmatch(local)
            or (not self.author and re.search(r"<\s*>|mailer-?daemon", self.sender, re.IGNORECASE))
            or _DAEMON.fullmatch(self.sender.partition("<")[0].strip(" \"'"))
        )

    @property
    def system(self) -> bool:
        """Perhaps a mail system wrote it: postmaster, a system's name, nobody at all."""
        local = (self.author or "").partition("@")[0]
        name = self.sender.partition("<")[0][:200]
        if self.null_sender or (self.sender and not self.author):
            return True
        return bool(_SYSTEM.search(local) or _DAEMON_NAME.search(name))

    @property
    def system_name(self) -> bool:
        """Whether its local part is a system's."""
        return _SYSTEM.search(f"{self.author or ''} ".partition("@")[0]) is not None

    @property
    def worth_a_look(self) -> bool:
        if self.failed or self.null_sender or not self.author:
            return bool(self.failed or self.null_sender or self.sender) or _holds(self.subject[:100], _STEMS)
        sender = f"{self.author.partition('@')[0]} {self.sender.partition('<')[0][:200]}"
        if _holds(sender, _SYSTEM_STEMS) and (self.daemon or self.system):
            return True
        return _holds(self.subject[:100], _STEMS)


def _holds(text: str, stems: Collection[str]) -> bool:
    """Whether any of the stems stands in a text: quickly, for every mail is asked this."""
    lowered = text.lower()
    for stem in stems:  # noqa: SIM110 - any() takes twice as long
        if stem in lowered:
            return True
    return False


def reports_expected(said: Envelope, raw: bytes, body_at: int) -> bool:
    """Whether a message is to be looked into for a report: its header lets expect one."""
    declared = said.content_type.lower()
    if declared.startswith("multipart/report") or said.worth_a_look:
        return True
    # Some put the part for machines into another multipart.
    return declared.startswith("multipart/") and raw.find(b"delivery-status", body_at, body_at + LONGEST_PART) >= 0
