"""Bounces (RFC 3464, and whatever else mail systems send): which mail is one, whom it did not reach, and why.

A message is looked into only where its header lets expect a report. Of one that is, no more is read than its beginning, of
that no more than the notice and the machine's own part, never the mail that it returns.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from domain.bounces.claims import MOST_RECIPIENTS, Named
from domain.bounces.envelope import Envelope
from domain.bounces.notice_words import DELAY, FINAL, GOODS, MAIL, ONE_PERSON, lowered, undelivered
from domain.bounces.notices import named_in
from domain.bounces.reasons import BAD_ADDRESS, REPLY_CODE, STATUS, is_hard, reason_of
from domain.bounces.report_parts import COMMENT, Parts, addresses_of, paragraphs_of
from domain.mime.addresses import mailboxes, normal_address

# A line that speaks to somebody by name, as systems speak to nobody.
_GREETING = re.compile(
    r"\s*(?!(?:[\w ]{0,20}\b)?(?:sir|madam|user|customer|sender|client|kunde|kundin|damen|herren|nutzer|usuario|"
    r"cliente|gebruiker)\b)(?:(?:hi|hello|dear|hallo|liebe|sehr geehrte|bonjour|hola|ol[áa]|ciao)[ ,]{1,3}\w[\w .]{0,40}[,!]?|"
    r"\w{2,12} [\w .]{2,30}[,!])[ \t]*\n",
    re.IGNORECASE,
)
# How mail systems begin their notices, and nobody else a letter.
_OPENING = re.compile(
    r"\s*(?:this is the mail (?:system|delivery)|this message was (?:created automatically|generated) by (?:a |the )?mail|"
    r"hi\. this is the |i'm sorry to have to inform you|the original message was received at|this is (?:an? )?"
    r"(?:automat\w+ generated |automatic )?(?:delivery|non-?delivery|bounce) |your message did not reach some or all)",
    re.IGNORECASE,
)
_WITH_AT = re.compile(r"[^\s@]{0,80}@\S{0,300}")
_DELETED = re.compile(
    r"^disposition[ \t]*:[ \t]*automatic-action/MDN-sent-automatically;\s*deleted", re.IGNORECASE | re.MULTILINE
)
_ACTIONS = frozenset(("failed", "delayed", "delivered", "relayed", "expanded"))
_BY_STATUS = {"2": "delivered", "4": "delayed", "5": "failed"}
_MACHINE_FIELDS = re.compile(r"^[ \t]{0,8}(?:final|original)-recipient[ \t]{0,4}:", re.IGNORECASE | re.MULTILINE)


def read_bounce(parts: Parts, said: Envelope, *, stated: bool, report: bool) -> dict[str, Any] | None:
    """Whom a bounce did not reach, or None for mail that is none: {"recipients": [...], "guess": true where no part for
    machines says so}. `stated`: its Content-Type says that it is one; `report`, that it is some report."""
    named: list[dict[str, Any]] = []
    text = parts.delivery_status() or (_receipt(parts) if refused(parts) else "")
    if text and not (report or said.daemon or said.system or (titled(said) and not said.passed_on)):
        return None  # somebody attached it
    if text:
        named = _by_machine(paragraphs_of(text), parts.notice)
    stated = stated or bool(text)
    if not named and (stated or said.worth_a_look) and _MACHINE_FIELDS.search(parts.notice):
        named, stated = _by_machine(paragraphs_of(parts.notice), parts.notice), True
    if named:
        return {"recipients": named} if text else {"recipients": named, "guess": True}
    guessed = named_in(parts.notice, frozenset(said.addressed()))
    listed = [one for _, address in mailboxes(said.failed) if (one := normal_address(address))]
    if listed:
        words = {address: one.said for one in guessed for address in one.addresses}
        guessed = [Named((one,), words.get(one, parts.notice), parts.notice) for one in dict.fromkeys(listed)]
    if not (stated or listed or _reads_as_bounce(said, parts, guessed, report=report)):
        return None
    return {"recipients": [_guess(one) for one in guessed[:MOST_RECIPIENTS]], "guess": True}


def refused(parts: Parts) -> bool:
    """Whether a receipt says that a mail was refused: as RFC 5429 has Sieve do it, and Dovecot where a mailbox is full."""
    return bool(_DELETED.search(_receipt(parts))) and undelivered(parts.notice)


def _receipt(parts: Parts) -> str:
    return next((text for name, text in parts.machine.items() if name.endswith("disposition-notification")), "")


def titled(said: Envelope) -> bool:
    """Whether its subject says that something was not delivered."""
    return undelivered(said.subject[:300])


def _reads_as_bounce(said: Envelope, parts: Parts, guessed: Sequence[Named], *, report: bool) -> bool:
    """Whether mail without a part for machines is a bounce: who sent it, what its notice says, and whom that names."""
    if (said.passed_on or said.answer()) and not said.daemon:
        return False
    opening = parts.notice[:4000]
    fails = undelivered(opening)
    if said.daemon:
        return fails or titled(said) or bool(guessed)
    if report:
        return bool(guessed) and (fails or titled(said))
    if not guessed or _GREETING.match(opening):
        return False
    coded = any(REPLY_CODE.search(one.said) or STATUS.search(one.said) for one in guessed)
    if not coded and GOODS.search(lowered(_WITH_AT.sub(" ", f"{said.subject[:300]}\n{opening}"))):
        return False  # a shop, of an order
    entries = coded and said.null_sender and all(one.alone for one in guessed)
    if not (fails or titled(said) or entries):
        return False
    formal = all(one.alone for one in guessed) or (titled(said) and _says_of_a_mail(said.subject, opening))
    if not said.system:
        return titled(said) and coded and (parts.returned or said.automatic or _OPENING.match(opening) is not None)
    if not (formal or coded or said.system_name):
        return False  # an answer of a person's that goes out by itself has an empty Return-Path too
    return (titled(said), formal, coded, said.null_sender, parts.returned, said.automatic).count(True) >= 2


def _says_of_a_mail(subject: str, opening: str) -> bool:
    """Whether a notice in sentences speaks of a mail, and no person speaks."""
    spoken = _WITH_AT.sub(" ", f"{subject[:300]}\n{opening}")
    low = lowered(spoken)
    return MAIL.search(low) is not None and not (ONE_PERSON.search(spoken) or GOODS.search(low))


def _guess(one: Named) -> dict[str, Any]:
    said = one.said
    own = STATUS.search(said) or REPLY_CODE.search(said)
    if not own:
        coded = (line for line in one.around.split("\n") if STATUS.search(line) or REPLY_CODE.search(line))
        said += "\n" + "\n".join(coded)[:1000]
    code = own or STATUS.search(said) or REPLY_CODE.search(said)
    status = STATUS.search(said)
    delayed = _is_delayed(one, code[1] if code else "", own=own is not None)
    return _recipient(
        list(one.addresses), "delayed" if delayed else "failed", status[0] if status else None, said, around=one.around
    )


def _is_delayed(one: Named, first: str, *, own: bool) -> bool:
    """Whether a mail is but late for somebody: by the code in what is said of them, or their reason, before what the notice
    says of its mail or of others."""
    if own and first == "5":
        return False
    told, around = lowered(one.said).strip(), lowered(one.around)
    if FINAL.search(around) or FINAL.search(told):
        return False
    if first == "4":
        return True
    beside = DELAY.search(told.partition("\n")[0])
    return (beside or DELAY.search(f"{told}\n{around}")) is not None and (
        beside is not None or reason_of(one.said) not in BAD_ADDRESS
    )


def _by_machine(paragraphs: Sequence[dict[str, str]], notice: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for said in paragraphs:
        addresses = addresses_of(said)
        if not addresses or len(found) == MOST_RECIPIENTS:
            continue
        status = STATUS.search(said.get("status", ""))
        action = _action(said.get("action", ""), status[1] if status else "")
        words = said.get("diagnostic-code", "").partition(";")[2] or said.get("diagnostic-code", "")
        words = words.strip() or " ".join(COMMENT.findall(said.get("status", "")))
        found.append(_recipient(addresses, action, status[0] if status else None, words, around=notice))
    return found


def _action(given: str, first: str) -> str:
    """RFC 3464, section 2.3.3; what others write instead ("Failure", "error") is what the status says, and failed without one."""
    action = COMMENT.sub("", given).strip().lower()
    return action if action in _ACTIONS else _BY_STATUS.get(first, "failed")


def _recipient(addresses: list[str], action: str, status: str | None, said: str, around: str) -> dict[str, Any]:
    if action != "failed":
        return {"addresses": addresses, "action": action, "status": status, "severity": None}
    reason = reason_of(said, status, around)
    severity = "hard" if is_hard(reason, status, said) else "soft"
    return {"addresses": addresses, "action": action, "status": status, "severity": severity, "reason": reason}
