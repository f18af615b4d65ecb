"""Why a message is linked to a record, in facts that stay with the link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from domain.linking.model import Correspondence, Direction, Mail
from domain.linking.rules import loose

MANY = 50  # participants: received mail with more of them says little about any but its author


def everybody_of(mail: Mail) -> set[str]:
    everybody = {who.normal for who in mail.participants if who.field in ("from", "to", "cc", "bcc")}
    return everybody | ({mail.author} if mail.author else set())


def facts_of_message(mail: Mail, direction: Direction) -> dict[str, Any]:
    """What the evidence of every link of a message says of the message."""
    about: dict[str, Any] = {}
    if mail.automatic:
        about["automatic"] = True
    if mail.kind == "list":
        about["list"] = True
    for name in ("own_copy", "possibly_spoofed"):
        if value := mail.traits.get(name):
            about[name] = value
    if written := mail.traits.get("author"):
        about["from"] = written["from"]
    if mail.traits.get("forwarded"):
        about["forwarded"] = True
    if direction == "Received" and len(mail.participants) > MANY and (everybody := len(everybody_of(mail))) > MANY:
        about["many_participants"] = everybody
    return about


def facts(kind: str, traits: Mapping[str, Any], message: int) -> list[tuple[str | None, dict[str, Any]]]:
    """What a bounce, receipt or abuse report (the stored `message`) adds to the evidence of links of the message that it is
    about: per recipient (None: whoever it was sent to)."""
    if kind == "bounce":
        bounce = traits.get("bounce", {})
        guess = {"guess": True} if bounce.get("guess") else {}
        return [
            (
                address,
                {
                    "bounced": {
                        "by": message,
                        "severity": one["severity"],
                        "status": one["status"],
                        **_why(one),
                        **guess,
                    }
                },
            )
            for one in bounce.get("recipients", ())
            if one["severity"]
            for address in one["addresses"]
        ]
    if kind == "receipt":
        receipt = traits.get("receipt", {})
        said = {"receipt": {"by": message, "disposition": receipt.get("disposition")}}
        return [(address, said) for address in receipt.get("recipients", ())]
    report = traits.get("report", {})
    said = {"reported": {"by": message, "type": report.get("type")}}
    return [(address, said) for address in report.get("recipients", ()) or (None,)]


def _why(recipient: Mapping[str, Any]) -> dict[str, Any]:
    """Why a recipient was not reached; what was stored by earlier versions does not say."""
    return {"reason": recipient["reason"]} if "reason" in recipient else {}


def with_facts(made: Correspondence, known: Sequence[tuple[str | None, dict[str, Any]]]) -> Correspondence:
    """The correspondence with what reports say of it; of several of one kind the last counts."""
    added: dict[str, Any] = {}
    for address, fact in known:
        if address is None or address == made.matched_address or loose(address) == loose(made.matched_address):
            added |= fact
    if not added or made.direction != "Sent":
        return made
    return Correspondence(
        made.crm, made.record_kind, made.record_id, made.direction, made.matched_address, {**made.evidence, **added}
    )
