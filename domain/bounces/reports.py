"""What machines say of a message that was sent: bounces (RFC 3464), receipts (RFC 8098) and abuse reports (RFC 5965).

A message is looked into only where its header lets expect a report.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

from domain.bounces.bounces import read_bounce, refused
from domain.bounces.envelope import LONGEST_PART, Envelope
from domain.bounces.report_parts import SCANNED, Parts, addresses_of, paragraphs_of, take_apart
from domain.mime.addresses import normal_address
from domain.mime.charsets import text_of
from domain.mime.message_ids import message_ids

ReportKind = Literal["bounce", "receipt", "report"]

_REPORT_TYPE = re.compile(r"report-type\s{0,4}=\s{0,4}[\"']?([\w-]{1,40})", re.IGNORECASE)
_KINDS: dict[str, ReportKind] = {
    "delivery-status": "bounce",
    "global-delivery-status": "bounce",
    "disposition-notification": "receipt",
    "global-disposition-notification": "receipt",
    "feedback-report": "report",
}
_PART = re.compile(
    rb"^content-type[ \t]*:[ \t\r\n]{0,8}message/"
    rb"(?:global-)?(?:delivery-status|disposition-notification|feedback-report)\b",
    re.IGNORECASE | re.MULTILINE,
)
_RETURNED_PART = re.compile(
    rb"^content-type[ \t]*:[ \t\r\n]{0,8}(?:message/(?:rfc822|global)|text/rfc822-headers)\b",
    re.IGNORECASE | re.MULTILINE,
)
_MESSAGE_ID = re.compile(
    rb"^[ \t>]{0,8}message-id[ \t]*:((?:[^\r\n]|\r?\n[ \t]){0,1100})", re.IGNORECASE | re.MULTILINE
)


def read_report(
    raw: bytes, body_at: int, said: Envelope, answers: Sequence[str]
) -> tuple[ReportKind, dict[str, Any]] | None:
    """What a report is and the facts of it, or None for any other mail (`reports_expected` is asked before).

    The facts: `about`, the Message-ID of the message that it is about (of `answers`, its In-Reply-To, where nothing is
    returned), and under its kind what it says of whom.
    """
    parts = take_apart(raw, body_at, said.content_type)
    report = said.content_type.lower().startswith("multipart/report")
    kind: ReportKind | None = None
    if report:
        found = _REPORT_TYPE.search(said.content_type)
        kind = _KINDS.get(found[1].lower()) if found else None
        kind = kind or next((_KINDS[one] for one in parts.machine), None)
        if kind == "receipt" and refused(parts):
            kind = "bounce"
    facts: dict[str, Any]
    if kind == "receipt":
        facts = {"receipt": _receipt(parts)}
    elif kind == "report":
        facts = {"report": _abuse(parts)}
    elif (bounce := read_bounce(parts, said, stated=kind == "bounce", report=report)) is not None:
        kind, facts = "bounce", {"bounce": bounce}
    else:
        return None
    if about := _named_in(parts) or _returned(raw[:SCANNED], body_at) or _only(answers):
        facts["about"] = about
    return kind, facts


def _receipt(parts: Parts) -> dict[str, Any]:
    said = _first(parts, "disposition-notification")
    return {
        "recipients": addresses_of(said),
        "disposition": said.get("disposition", "").rpartition(";")[2].strip().lower()[:40],
    }


def _abuse(parts: Parts) -> dict[str, Any]:
    said = _first(parts, "feedback-report")
    normal = normal_address(said.get("original-rcpt-to", "").strip("<> "))
    return {"recipients": [normal] if normal else [], "type": said.get("feedback-type", "abuse").lower()[:40]}


def _first(parts: Parts, subtype: str) -> dict[str, str]:
    text = next((text for name, text in parts.machine.items() if name.endswith(subtype)), "")
    return next(iter(paragraphs_of(text)), {})


def _named_in(parts: Parts) -> str | None:
    """The Message-ID that a part for machines says."""
    for text in parts.machine.values():
        for said in paragraphs_of(text):
            if found := message_ids(said.get("original-message-id", "")):
                return found[0]
    return None


def _only(answers: Sequence[str]) -> str | None:
    found = {one for value in answers for one in message_ids(value)}
    return found.pop() if len(found) == 1 else None


def _returned(head: bytes, body_at: int) -> str | None:
    """The Message-ID of the message that comes back with the report."""
    machine = _PART.search(head, body_at)
    start = machine.end() if machine else body_at
    part = _RETURNED_PART.search(head, start)
    start = part.end() if part else start
    found = _MESSAGE_ID.search(head, start, start + LONGEST_PART)
    return next(iter(message_ids(" ".join(text_of(found[1]).split()))), None) if found else None
