"""Messages that people attach from files: whether a file is a message at all, and what is wrong with it where it is none."""

from __future__ import annotations

import re

from domain.message.index import IndexedMessage

# What people attach by mistake, by how its bytes begin, and what to do about it.
_NO_MAIL: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"\s*\Z"), "it is empty"),
    (
        re.compile(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        "it is an Outlook file (.msg): open it in Outlook and save it as .eml, or drag it into a program that does",
    ),
    (re.compile(rb"From \S[^\n]{0,200}\n"), "it is a mailbox file (mbox): save each message in a file of its own"),
    (re.compile(rb"PK\x03\x04|\x1f\x8b"), "it is an archive: take the messages out of it and attach those"),
    (re.compile(rb"%PDF-"), "it is a PDF: attach the message itself, saved as .eml"),
    (
        re.compile(rb"\s{0,100}<(?:!doctype|html|\?xml)", re.IGNORECASE),
        "it is a web page: attach the message itself, saved as .eml",
    ),
)


def why_no_mail(raw: bytes, message: IndexedMessage) -> str | None:
    """What is wrong with a file that is to be a message (RFC 5322); None where it is one. `message` is what is indexed of it."""
    for begins, what in _NO_MAIL:
        if begins.match(raw):
            return what
    if not message.participants:
        return "it names nobody who wrote or got it, so it is no message (or its header is lost): save it as .eml once more"
    if message.sent_at is None and message.message_id is None and not message.subject:
        return "it has neither Date nor Message-ID nor Subject, so it is no message: save it as .eml once more"
    return None
