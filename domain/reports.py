"""What machines say of a message that was sent: bounces (RFC 3464), receipts (RFC 8098) and abuse reports (RFC 5965).

Only the beginning of a message is read, with patterns that never go back over it, so that any bytes take about as long.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from domain.addresses import mailboxes, normal_address

ReportKind = Literal["bounce", "receipt", "report"]

SCANNED = 1 << 20  # bytes of a message in which its report is looked for
LONGEST_PART = 64 << 10
LONGEST_LINE = 1000
MOST_RECIPIENTS = 100

_REPORT_TYPE = re.compile(r"report-type\s{0,4}=\s{0,4}[\"']?([\w-]{1,40})", re.IGNORECASE)
_MACHINE_PART = re.compile(
    rb"^content-type[ \t]*:[ \t\r\n]{0,8}message/"
    rb"(?:global-)?(?:delivery-status|disposition-notification|feedback-report)\b",
    re.IGNORECASE | re.MULTILINE,
)
_RETURNED_PART = re.compile(
    rb"^content-type[ \t]*:[ \t\r\n]{0,8}(?:message/(?:rfc822|global)|text/rfc822-headers)\b",
    re.IGNORECASE | re.MULTILINE,
)
_MESSAGE_ID = re.compile(
    rb"^[ \t>]{0,8}message-id[ \t]*:[ \t\r\n]{0,8}(<[^<>\s]{1,996}>)", re.IGNORECASE | re.MULTILINE
)
_BLANK = re.compile(r"\n[ \t]*\n")
_COMMENT = re.compile(r"\([^()]*\)")  # RFC 3464, section 2.1.1
_STATUS = re.compile(r"\b([245])\.\d{1,3}\.\d{1,3}\b")
_REPLY_CODE = re.compile(r"\b([45])\d\d[ -]")
_REFUSED_ADDRESS = re.compile(r"^[ \t]{0,8}<?([^\s<>@:\"]{1,64}@[^\s<>:;,]{1,255}?)>?:?[ \t]*$", re.MULTILINE)
_FAILURE_SUBJECT = re.compile(
    r"undeliver|deliver\w* (?:status|failure|failed|has failed|problem|error)|mail delivery|returned mail|failure notice"
    r"|could not be delivered|unzustellbar|nicht zugestellt|non remis|no se pudo entregar",
    re.IGNORECASE,
)
_MACHINES = ("mailer-daemon", "mail-daemon", "maildaemon", "postmaster", "mailerdaemon")


def report_kind(content_type: str) -> ReportKind | None:
    """What a Content-Type says that a message is."""
    if not content_type.lower().startswith("multipart/report"):
        return None
    found = _REPORT_TYPE.search(content_type)
    kinds: dict[str, ReportKind] = {
        "delivery-status": "bounce",
        "global-delivery-status": "bounce",
        "disposition-notification": "receipt",
        "feedback-report": "report",
    }
    return kinds.get(found[1].lower()) if found else None


def looks_like_a_bounce(author: str | None, subject: str, *, null_sender: bool, failed: bool) -> bool:
    """Whether a message that does not say so in RFC 3464's way is a bounce: `failed`, it names failed recipients
    (X-Failed-Recipients); else a mail system wrote it, and its subject says so."""
    local = (author or "").partition("@")[0]
    return failed or ((null_sender or local in _MACHINES) and bool(_FAILURE_SUBJECT.search(subject)))


def read_report(kind: ReportKind, raw: bytes) -> dict[str, Any]:
    """The facts of a report: `about`, the Message-ID of the message that it is about, and under `kind` what it says of whom."""
    head = raw[:SCANNED]
    part = _MACHINE_PART.search(head)
    paragraphs = _paragraphs(head, part.end()) if part else []
    facts: dict[str, Any] = {}
    named = [line for paragraph in paragraphs for line in (paragraph.get("original-message-id"),) if line]
    if about := (_identifier(named[0]) if named else None) or _returned(head, part.end() if part else 0):
        facts["about"] = about
    if kind == "bounce":
        facts["bounce"] = {"recipients": _bounced(paragraphs)}
    elif kind == "receipt":
        said = paragraphs[0] if paragraphs else {}
        facts["receipt"] = {
            "recipients": _addresses(said),
            "disposition": said.get("disposition", "").rpartition(";")[2].strip().lower()[:40],
        }
    else:
        said = paragraphs[0] if paragraphs else {}
        recipient = said.get("original-rcpt-to", "")
        facts["report"] = {
            "recipients": [normal] if (normal := normal_address(recipient.strip("<> "))) else [],
            "type": said.get("feedback-type", "abuse").lower()[:40],
        }
    return facts


def guess_bounce(raw: bytes, body_at: int, failed_recipients: str) -> dict[str, Any]:
    """The facts of a bounce that is in no standard form, as far as its words tell; marked as a guess."""
    text = raw[body_at : body_at + LONGEST_PART].decode("utf-8", "replace").replace("\r", "")
    said = [normal for _, address in mailboxes(failed_recipients) if (normal := normal_address(address))]
    if not said:
        said = [normal for found in _REFUSED_ADDRESS.finditer(text) if (normal := normal_address(found[1]))]
    status = _STATUS.search(text)
    first = status[1] if status else (code[1] if (code := _REPLY_CODE.search(text)) else "5")
    what = "failed" if first != "4" else "delayed"
    recipients = [
        {
            "addresses": [address],
            "action": what,
            "status": status[0] if status else None,
            "severity": _severity(what, first),
        }
        for address in list(dict.fromkeys(said))[:MOST_RECIPIENTS]
    ]
    facts: dict[str, Any] = {"bounce": {"recipients": recipients, "guess": True}}
    if about := _returned(raw[:SCANNED], body_at):
        facts["about"] = about
    return facts


def _bounced(paragraphs: list[dict[str, str]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for said in paragraphs:
        addresses = _addresses(said)
        if not addresses or len(found) == MOST_RECIPIENTS:
            continue
        action = _COMMENT.sub("", said.get("action", "failed")).strip().lower()[:20]
        status = _STATUS.search(said.get("status", ""))
        severity = _severity(action, status[1] if status else "5")
        found.append(
            {"addresses": addresses, "action": action, "status": status[0] if status else None, "severity": severity}
        )
    return found


def _severity(action: str, status_class: str) -> str | None:
    """`hard` or `soft` of what failed; None of what has not, a delay among it (RFC 3464, section 2.3.3)."""
    if action != "failed":
        return None
    return "soft" if status_class == "4" else "hard"


def _addresses(said: dict[str, str]) -> list[str]:
    """Whom a paragraph is about: as they were written to first, then as it was delivered to."""
    given = (said.get("original-recipient"), said.get("final-recipient"))
    found = [normal_address(_COMMENT.sub("", one.partition(";")[2]).strip().strip("<>")) for one in given if one]
    return list(dict.fromkeys(address for address in found if address))


def _paragraphs(head: bytes, start: int) -> list[dict[str, str]]:
    """The fields of each paragraph of the part whose Content-Type ends at `start`, names in lower case."""
    text = head[start : start + LONGEST_PART].decode("utf-8", "replace").replace("\r", "")
    _, _, text = text.partition("\n\n")
    text = text.partition("\n--")[0]
    found = []
    for paragraph in _BLANK.split(text)[: 2 * MOST_RECIPIENTS]:
        fields: dict[str, str] = {}
        name = ""
        for line in paragraph.split("\n"):
            if line[:1] in (" ", "\t") and name:
                fields[name] = (fields[name] + " " + line.strip())[:LONGEST_LINE]
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields.setdefault(name, value.strip()[:LONGEST_LINE])
        if fields:
            found.append(fields)
    return found


def _returned(head: bytes, start: int) -> str | None:
    """The Message-ID of the message that comes back with the report, after `start`."""
    part = _RETURNED_PART.search(head, start)
    found = _MESSAGE_ID.search(head, part.end() if part else start, (part.end() if part else start) + LONGEST_PART)
    return found[1].decode("utf-8", "replace") if found else None


def _identifier(text: str) -> str | None:
    found = re.search(r"<[^<>\s]{1,996}>", text)
    return found[0] if found else None
