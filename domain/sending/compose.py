"""The message that is made of a draft: the bytes exactly as they go on the wire, and the envelope's recipients beside them.

Made once and stored: each attempt sends the same bytes, Message-ID and Date. Whoever had a blind copy is on the envelope alone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from html import escape
from typing import Literal
from urllib.parse import quote

from domain.core.refusal import Refused
from domain.message.body import Attachment
from domain.sending.draft import Draft, refuse_too_many
from domain.sending.headers import date_words, field, mailbox_words, text_words
from domain.sending.parts import content
from domain.sending.plain_text import text_of_html
from domain.sending.recipients import Mailbox, RecipientField
from domain.sending.reply import Answer

ENCODED = 1.37  # what base64 makes of a byte, line ends among it

_TOKEN = re.compile(r"[0-9a-f]{32}")
_CONTENT_ID = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~@-]{1,200}")
_BODY_ENDS = re.compile(r"</body\s*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient of the envelope: the field that names them, and the address as RCPT TO has it."""

    field: RecipientField
    address: str


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a message this one: `token` and `mailroom_id` are 32 hexadecimal digits each that nobody can guess."""

    token: str
    mailroom_id: str
    at: datetime

    def __post_init__(self) -> None:
        if not (_TOKEN.fullmatch(self.token) and _TOKEN.fullmatch(self.mailroom_id)):
            raise ValueError("a token has 32 hexadecimal digits")

    def message_id(self, sender: Mailbox) -> str:
        return f"<{self.token}@{sender.domain}>"


@dataclass(frozen=True, slots=True)
class Way:
    """How a message goes: what its route and its caller say besides the draft.

    `relay`: the mailbox that Sender names, where mail goes on somebody's behalf (R29). `automatic`: written by a program
    (RFC 3834).
    """

    kind: Literal["personal", "bulk"] = "personal"
    self_copy: Literal["none", "cc", "bcc"] = "none"
    relay: Mailbox | None = None
    automatic: bool = False
    most_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Composed:
    """A message as it is sent: `raw` with CRLF and without dots doubled; each address is once among `recipients`, in their order.
    `needs_smtputf8` where a local part is not ASCII (RFC 6531)."""

    raw: bytes
    message_id: str
    mailroom_id: str
    subject: str
    recipients: tuple[Recipient, ...]
    needs_smtputf8: bool

    @property
    def size(self) -> int:
        return len(self.raw)

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.raw).digest()


def compose(
    draft: Draft,
    sender: Mailbox,
    identity: Identity,
    *,
    attachments: Sequence[Attachment] = (),
    answer: Answer | None = None,
    record: Mailbox | None = None,
    way: Way = Way(),  # frozen
) -> Composed:
    """The message of a draft. `answer` is that of domain/sending/reply.py where the draft answers a stored message, `record` the
    mailbox of the record that it names.

    Raises Refused: no recipient, too many for personal mail, too large.
    """
    people = envelope(_addressed(draft, answer, record), sender, way)
    text, html = _bodies(draft, answer)
    files = [*attachments, *(answer.attachments if answer else ())]
    refuse_too_large(ENCODED * (len(text) + len(html or "") + sum(len(one.data) for one in files)), way)
    pictures, files = _shown(files, html)
    part = content(text, html, pictures, files, f"=_{hashlib.sha256(identity.token.encode()).hexdigest()[:32]}")
    subject = draft.subject if draft.subject is not None or answer is None else answer.subject
    header = [
        field("Date", date_words(identity.at)),
        field("From", mailbox_words([sender])),
        *([field("Sender", mailbox_words([way.relay]))] if way.relay else []),
        *_addresses(people),
        field("Subject", text_words(subject or "")),
        field("Message-ID", [identity.message_id(sender)]),
        *_threading(answer),
        field("X-Mailroom-Id", [identity.mailroom_id]),
        *(automatic_fields() if way.automatic else []),
        field("MIME-Version", ["1.0"]),
    ]
    raw = b"".join([*header, part.fields, b"\r\n", part.body])
    return finished(raw, sender, identity.message_id(sender), identity, subject or "", people, way)


def finished(
    raw: bytes,
    sender: Mailbox,
    message_id: str,
    identity: Identity,
    subject: str,
    people: Sequence[tuple[RecipientField, Mailbox]],
    way: Way,
) -> Composed:
    refuse_too_large(len(raw), way)
    return Composed(
        raw=raw,
        message_id=message_id,
        mailroom_id=identity.mailroom_id,
        subject=subject,
        recipients=tuple(Recipient(one, who.address) for one, who in people),
        needs_smtputf8=sender.needs_smtputf8 or any(who.needs_smtputf8 for _, who in people),
    )


def envelope(
    addressed: Sequence[tuple[RecipientField, Mailbox]], sender: Mailbox, way: Way
) -> list[tuple[RecipientField, Mailbox]]:
    """Everybody once, by the first field that names them, and the sender where a copy is to come back (R27). Raises Refused."""
    found: dict[str, tuple[RecipientField, Mailbox]] = {}
    for one, who in addressed:
        found.setdefault(who.normal, (one, who))
    if not found:
        raise Refused("missing_field", "the message has no recipient: give at least one as to, cc or bcc", field="to")
    refuse_too_many(list(found), way.kind)
    if way.self_copy != "none":
        found.setdefault(sender.normal, (way.self_copy, sender))
    return list(found.values())


def refuse_too_large(size: float, way: Way) -> None:
    if way.most_bytes is not None and size > way.most_bytes:
        raise Refused(
            "message_too_large",
            f"the message has {size:,.0f} bytes as it would be sent, and {way.most_bytes:,} are the most: send fewer or smaller "
            "attachments, or a link to them",
            field="attachments",
        )


def automatic_fields() -> list[bytes]:
    """What tells other programs not to answer."""
    return [field("Auto-Submitted", ["auto-generated"]), field("X-Auto-Response-Suppress", ["All"])]


def _addressed(draft: Draft, answer: Answer | None, record: Mailbox | None) -> list[tuple[RecipientField, Mailbox]]:
    to, cc = draft.mailboxes("to"), draft.mailboxes("cc")
    if record is not None:
        to = [record]
    elif answer is not None and not to:
        to, cc = [*answer.to], [*answer.cc, *cc]
    return [("to", one) for one in to] + [("cc", one) for one in cc] + [("bcc", one) for one in draft.mailboxes("bcc")]


def _addresses(people: Sequence[tuple[RecipientField, Mailbox]]) -> list[bytes]:
    to = [who for one, who in people if one == "to"]
    cc = [who for one, who in people if one == "cc"]
    fields = [field("To", mailbox_words(to))] if to else []
    fields += [field("Cc", mailbox_words(cc))] if cc else []
    return fields or [field("To", ["undisclosed-recipients:;"])]


def _threading(answer: Answer | None) -> list[bytes]:
    if answer is None:
        return []
    fields = [field("In-Reply-To", [answer.in_reply_to])] if answer.in_reply_to else []
    return fields + ([field("References", answer.references)] if answer.references else [])


def _bodies(draft: Draft, answer: Answer | None) -> tuple[str, str | None]:
    """The text and, where there is one, the HTML, each with what is quoted below it."""
    html = draft.html
    text = draft.text if draft.text is not None else text_of_html(html) if html is not None else ""
    if answer is None:
        return text, html
    if html is None and answer.html and draft.forward is not None:  # which is to be seen as it came
        html = f"<div>{'<br>'.join(escape(line) for line in text.splitlines())}</div>"
    if html is not None:
        quoted = answer.html or f"<div>{'<br>'.join(escape(line) for line in answer.text.splitlines())}</div>"
        html = _below(html, f"<br>{quoted}")
    return (f"{text.rstrip()}\n\n{answer.text}" if text.strip() else answer.text), html


def _below(page: str, quoted: str) -> str:
    ends = [found.start() for found in _BODY_ENDS.finditer(page)]
    return page[: ends[-1]] + quoted + page[ends[-1] :] if ends else page + quoted


def _shown(files: Sequence[Attachment], html: str | None) -> tuple[list[Attachment], list[Attachment]]:
    """The files that the HTML shows by "cid:", which name them by Content-ID or, of a caller's own, by name; and the rest."""
    shown: list[Attachment] = []
    rest: list[Attachment] = []
    for one in files:
        name = one.content_id or one.name
        if html and name and _CONTENT_ID.fullmatch(name) and any(f"cid:{way}" in html for way in (name, quote(name))):
            shown.append(replace(one, content_id=name))
        else:
            rest.append(replace(one, content_id=""))
    return shown, rest
