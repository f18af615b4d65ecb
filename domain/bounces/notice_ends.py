"""Where a notice ends: where the mail begins that it returns, or whatever else is no word of the mail system."""

from __future__ import annotations

import re

from domain.bounces.notice_words import COPY, OF_NOTICE, RECIPIENT, lowered
from domain.bounces.reasons import REPLY_CODE, STATUS

LONGEST_LINE = 1000
MOST_LINES = 1500
RULE = re.compile(r"^\s{0,8}[-=_*~#+>|.]{3,}")
BARE_RULE = re.compile(r"[-=_*~#+ ]{3,}|--|[—–─━═]{2,}")
QUOTED = re.compile(r"\s{0,4}[>|](?!>>)")
_FIELD = re.compile(r"^(?P<name>[!-9;-~]{2,60})[ \t]{0,4}:(?=[ \t]|$)")
_HEADER_ONLY = frozenset(
    (
        *("received", "return-path", "message-id", "mime-version", "dkim-signature", "domainkey-signature"),
        *("content-type", "content-transfer-encoding", "delivered-to", "x-mailer", "user-agent", "in-reply-to"),
        *("references", "list-id", "list-unsubscribe", "authentication-results", "received-spf"),
    )
)
_MAIL_FIELDS = _HEADER_ONLY | frozenset(
    ("from", "to", "cc", "subject", "date", "reply-to", "sender", "bcc", "organization")
)
_TITLE = re.compile(r"[-=_*~#+>|]{3,}\s{0,3}([^-=_*~#].{0,80}?)\s{0,3}[-=_*~#+<|]{3,}")


def notice_of(text: str) -> str:
    """`text` up to where the mail begins that it returns: a rule that says so, or the lines of a header."""
    lines = [line[:LONGEST_LINE] for line in text.split("\n", MOST_LINES)[:MOST_LINES]]
    seen = False  # something that may be a notice
    for at, line in enumerate(lines):
        if seen and (_begins_copy(lines, at) or _begins_header(lines, at)):
            return "\n".join(lines[:at])
        seen = seen or (len(line.strip()) > 3 and not RULE.match(line))
    return "\n".join(lines)


def _begins_copy(lines: list[str], at: int) -> bool:
    line = lines[at]
    if len(line) > 160 or not (found := COPY.search(lowered(line))) or "@" in line[: found.start()]:
        return False
    if RULE.match(line) or line.rstrip().endswith(("---", "===", "___", "***")):
        return True
    below = next((n for n in range(at + 1, min(at + 4, len(lines))) if lines[n].strip()), None)
    if below is None:
        return False
    return _begins_header(lines, below) or bool(at and RULE.match(lines[at - 1]) and RULE.match(lines[below]))


def _begins_header(lines: list[str], at: int) -> bool:
    """Whether a header stands here: fields that no notice has, or two of mail after a rule, or four of them."""
    first = _FIELD.match(_unquoted(lines[at]))
    if not first or not (first["name"].lower() in _MAIL_FIELDS or first["name"].lower().startswith("x-")):
        return False
    names = []
    for line in lines[at : at + 40]:
        line = _unquoted(line)
        if found := _FIELD.match(line):
            names.append(found["name"].lower())
        elif not line.startswith((" ", "\t")):
            break
    known = [name for name in names if name in _MAIL_FIELDS]
    typical = [name for name in names if name in _HEADER_ONLY]
    after_rule = any(RULE.match(one) for one in lines[max(0, at - 2) : at])
    return len(known) + len(typical) >= (2 if after_rule else 4) or (len(typical) >= 1 and len(names) >= 3)


def _unquoted(line: str) -> str:
    return line.lstrip("> |") if line.startswith((">", "|")) else line


def heads_copy(low: str) -> bool:
    """Whether a line, lowered, is but the title of what comes back."""
    if len(low) > 80 or REPLY_CODE.search(low) or STATUS.search(low):
        return False
    return COPY.search(low) is not None and (low[-1] in ":：])】-" or len(low) < 40)


def begins_other(low: str) -> bool:
    """Whether a line, lowered, is a field of a mail or some title that no notice has."""
    if (name := _FIELD.match(low)) and name["name"] in _MAIL_FIELDS:
        return True
    title = _TITLE.fullmatch(low) or (low[-1] in ":：" and "@" not in low)
    return bool(title) and not (OF_NOTICE.search(low) or RECIPIENT.search(low))
