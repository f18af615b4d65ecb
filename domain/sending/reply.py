"""The answer to a stored message: to whom it goes, how other programs thread it, and what of the message it quotes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic_core import PydanticCustomError

from domain.core.refusal import Refused
from domain.message.body import Attachment, attachments, html_source, plain_text
from domain.message.index import Field, IndexedMessage, Participant, header_fields, index
from domain.mime.message_ids import message_ids
from domain.sending.draft import LONGEST_SUBJECT, attachment
from domain.sending.quoting import cleaned, forwarded_html, forwarded_text, quoted_html, quoted_text
from domain.sending.recipients import LONGEST_NAME, TURNS_LETTERS, UNFIT_FOR_FIELDS, Mailbox, mailbox

AnswerKind = Literal["reply", "reply_all", "forward"]

MOST_REFERENCES = 20
LONGEST_ID = 980  # so that the field's name and the id are in one line

_ON_THE_WIRE = re.compile(rf"<[!-;=?-~]{{1,{LONGEST_ID - 2}}}>")
# What mail programs of other languages write for "Re:" and "Fwd:"; some count ("Re[2]:"), some put a blank before the colon.
_REPLIED = (
    *("re", "aw", "antw", "antwort", "sv", "vs", "odp", "vá", "ynt", "atb", "bls", "rif", "r", "res", "rép", "réf"),
    *("απ", "σχετ", "на", "ответ", "отв", "відп", "vast", "תגובה", "השב", "رد", "پاسخ", "ตอบ", "ตอบกลับ"),
    *("回复", "回覆", "答复", "答覆", "回信", "返信", "답장", "회신", "trả lời", "balas", "yht"),
)
_FORWARDED = (
    *("fwd", "fw", "wg", "tr", "vb", "vl", "rv", "enc", "pd", "i", "ilt", "i̇lt", "doorst", "továbbítás", "továbbítva"),
    *(
        "přep",
        "προθ",
        "πρθ",
        "пересл",
        "videresendt",
        "הועבר",
        "إعادة توجيه",
        "转发",
        "轉寄",
        "轉發",
        "転送",
        "전달",
        "ส่งต่อ",
    ),
    *("chuyển tiếp", "terusan", "inoltro"),
)


def _prefixes(words: Iterable[str]) -> re.Pattern[str]:
    either = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    return re.compile(
        rf"(?:(?:{either})\s?(?:\[\d{{1,3}}\]|\(\d{{1,3}}\)|\^\d{{1,3}}|\*\d{{1,3}})?\s?[:：]\s*)+", re.IGNORECASE
    )


_REPLIES, _FORWARDS = _prefixes(_REPLIED), _prefixes(_FORWARDED)


@dataclass(frozen=True)
class Original:
    """A stored message as it is answered. `message_id` is what it has on the wire, as far as other programs thread by it."""

    header: IndexedMessage
    message_id: str | None
    references: tuple[str, ...]
    text: str
    html: str
    attachments: tuple[Attachment, ...]

    @classmethod
    def of(cls, raw: bytes) -> Original:
        """From its bytes, whatever they are."""
        header, fields = index(raw), header_fields(raw)
        ids = [header.message_id] if header.message_id else message_ids(next(iter(fields("message-id")), ""))
        first = message_ids(next(iter(fields("references")), ""), several=True)[:1]
        known = first + [one for one in header.references if one not in first]
        return cls(
            header,
            next(iter(_sound(ids)), None),
            tuple(_sound(known or header.in_reply_to[:1])),
            plain_text(raw),
            html_source(raw),
            tuple(attachments(raw)),
        )


@dataclass(frozen=True)
class Answer:
    """What follows from the message that is answered. `to` and `cc` are empty for one that is forwarded; `text` and `html` are to
    stand below what the sender writes, `html` "" where there was none; `attachments` are those that are forwarded."""

    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    subject: str
    in_reply_to: str | None
    references: tuple[str, ...]
    text: str
    html: str
    attachments: tuple[Attachment, ...]


def answer(original: Original, kind: AnswerKind, own: Collection[str]) -> Answer:
    """What an answer to `original` begins with; `own` are the normal addresses of the one who answers.

    Raises Refused where an address that it would go to cannot be written to: `to` has to be given then.
    """
    header, forward = original.header, kind == "forward"
    to, cc = _recipients(header, kind, frozenset(own))
    page = cleaned(original.html, pictures=forward) if original.html else ""
    quoted_page = forwarded_html if forward else quoted_html
    return Answer(
        to=tuple(to),
        cc=tuple(cc),
        subject=subject_of_answer(header.subject, kind),
        in_reply_to=None if forward else original.message_id,
        references=_thread(original),
        text=(forwarded_text if forward else quoted_text)(header, original.text),
        html=quoted_page(header, page) if page else "",
        attachments=tuple(map(_forwarded, original.attachments)) if forward else (),
    )


def subject_of_answer(subject: str, kind: AnswerKind) -> str:
    """`subject` behind one "Re:" or "Fwd:", in place of those that are there already, in whatever language."""
    subject = " ".join(TURNS_LETTERS.sub("", UNFIT_FOR_FIELDS.sub(" ", subject)).split())
    prefix, there = ("Fwd:", _FORWARDS) if kind == "forward" else ("Re:", _REPLIES)
    if found := there.match(subject):
        subject = subject[found.end() :]
    return f"{prefix} {subject}"[:LONGEST_SUBJECT].strip()


def _recipients(header: IndexedMessage, kind: AnswerKind, own: frozenset[str]) -> tuple[list[Mailbox], list[Mailbox]]:
    if kind == "forward":
        return [], []
    author, to, cc = _of(header, "from"), _of(header, "to"), _of(header, "cc")
    if author and all(who.normal in own for who in author):  # one's own: more to those whom it was sent to
        first = to or cc or author
        first = [who for who in first if who.normal not in own] or first
        others: list[Participant] = []
    else:
        first = [who for who in _of(header, "reply_to") if who.normal not in own] or author
        others = [who for who in to if who.normal not in own]
    if kind == "reply":
        return _mailboxes(first, "reply_to"), []
    field = "reply_all_to"
    seen = {who.normal for who in (*first, *others)} | own
    return _mailboxes([*first, *others], field), _mailboxes([who for who in cc if who.normal not in seen], field)


def _of(header: IndexedMessage, field: Field) -> list[Participant]:
    return [who for who in header.participants if who.field == field]


def _mailboxes(people: Sequence[Participant], field: str) -> list[Mailbox]:
    found: dict[str, Mailbox] = {}
    for who in people:
        try:
            address = mailbox(who.normal if "xn--" in who.normal else who.address).address
        except PydanticCustomError as error:
            raise Refused(
                "invalid_field",
                f"one of the addresses that message's answer would go to {error.message()}; or give to and cc yourself",
                field=field,
            ) from None
        name = " ".join(TURNS_LETTERS.sub("", UNFIT_FOR_FIELDS.sub(" ", who.name)).split())[:LONGEST_NAME].strip()
        found.setdefault(who.normal, Mailbox(name, address))
    return list(found.values())


def _thread(original: Original) -> tuple[str, ...]:
    """The ids of the thread, the answered message's last; of many the first, which names the thread, and the latest."""
    ids = [one for one in original.references if one != original.message_id]
    ids += [original.message_id] if original.message_id else []
    return tuple(ids if len(ids) <= MOST_REFERENCES else [ids[0], *ids[1 - MOST_REFERENCES :]])


def _sound(ids: Iterable[str]) -> list[str]:
    return [one for one in dict.fromkeys(ids) if _ON_THE_WIRE.fullmatch(one)]


def _forwarded(one: Attachment) -> Attachment:
    try:
        return attachment(one.name, one.content_type, one.data, one.content_id)
    except Refused:  # its sender's programs wrote something that is no type
        return attachment(one.name, None, one.data, one.content_id)
