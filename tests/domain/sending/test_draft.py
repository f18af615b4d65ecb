"""Drafts: what is taken, and in which words the rest is refused."""

from __future__ import annotations

from typing import Any

import pytest

from domain.core.refusal import Refused
from domain.sending.draft import Draft, attachment, draft_of, file_name, refuse_too_many

TO = {"to": ["anna@example.org"]}


@pytest.mark.parametrize(
    "payload",
    [
        TO,
        {"bcc": ["anna@example.org"], "text": "Hello"},
        {**TO, "cc": ["Bob <bob@example.org>"], "subject": "Grüße\taus  Köln", "html": "<p>Hi</p>"},
        {"reply_to": 17, "text": "Thank you"},
        {"reply_all_to": 17, "cc": ["bob@example.org"]},
        {**TO, "forward": 17},
        {"crm": "builtin", "record_kind": "contact", "record_id": "c1", "cc": ["bob@example.org"]},
    ],
)
def test_a_draft_is_taken_and_is_the_same_once_stored(payload: dict[str, Any]) -> None:
    draft = draft_of(payload)
    assert Draft.model_validate_json(draft.model_dump_json()) == draft


@pytest.mark.parametrize(
    ("payload", "code", "field", "said"),
    [
        ({}, "missing_field", "to", "no recipient"),
        (None, "missing_field", "to", "no recipient"),
        ([], "invalid_field", None, "one JSON object"),
        ({"to": []}, "missing_field", "to", "no recipient"),
        ({"to": "anna@example.org"}, "invalid_field", "to", "to is not valid"),
        ({"to": ["anna"]}, "invalid_field", "to.0", "has no @"),
        ({"to": ["anna@example.org", 7]}, "invalid_field", "to.1", "string"),
        ({**TO, "cc": ["x@y\r\nRCPT TO:<z@example.org>"]}, "invalid_field", "cc.0", "control character"),
        ({**TO, "bcc": ["x" * 1001]}, "invalid_field", "bcc.0", "1000"),
        ({**TO, "subject": "a\r\nBcc: x@example.org"}, "invalid_field", "subject", "line breaks"),
        ({**TO, "subject": "a\nb"}, "invalid_field", "subject", "line breaks"),
        ({**TO, "subject": "a\0b"}, "invalid_field", "subject", "NUL"),
        ({**TO, "subject": "a\u2028b"}, "invalid_field", "subject", "line breaks"),
        ({**TO, "subject": "\ud800"}, "invalid_field", None, "not valid"),
        ({**TO, "subject": "a\u202eb"}, "invalid_field", "subject", "around"),
        ({**TO, "subject": "x" * 3_000_000}, "invalid_field", "subject", "998"),
        ({**TO, "text": 7}, "invalid_field", "text", "string"),
        ({**TO, "from": "me@example.com"}, "unknown_field", "from", "not a field known here"),
        ({**TO, "Subject": "Hello"}, "unknown_field", "Subject", "not a field known here"),
        ({"reply_to": 1, "forward": 2}, "invalid_field", None, "exclude each other"),
        ({"reply_to": 0}, "invalid_field", "reply_to", "greater than"),
        ({"reply_to": "17"}, "invalid_field", "reply_to", "integer"),
        ({"forward": 17, "to": []}, "missing_field", "to", "no recipient"),
        ({"crm": "builtin", "record_id": "c1"}, "missing_field", "record_kind", "together"),
        (
            {**TO, "crm": "builtin", "record_kind": "contact", "record_id": "c1"},
            "invalid_field",
            "to",
            "exclude each other",
        ),
    ],
)
def test_a_draft_that_cannot_be_sent_is_refused_in_words(payload: Any, code: str, field: str | None, said: str) -> None:
    with pytest.raises(Refused) as refused:
        draft_of(payload)
    assert (refused.value.refusal.code, refused.value.refusal.field) == (code, field)
    assert said in refused.value.message
    assert len(refused.value.message) < 500
    assert "anna@" not in refused.value.message


def test_personal_mail_to_more_than_100_is_refused_and_bulk_named() -> None:
    refuse_too_many(range(100), "personal")
    refuse_too_many(range(10_000), "bulk")
    with pytest.raises(Refused, match=r"101 recipients.*kind: bulk") as refused:
        refuse_too_many(range(101), "personal")
    assert refused.value.refusal.code == "too_many_recipients"
    with pytest.raises(Refused, match="at most 10,000"):
        refuse_too_many(range(10_001), "bulk")


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("offer.pdf", "offer.pdf"),
        ("/etc/passwd", "passwd"),
        (r"C:\Users\jane\offer.pdf", "offer.pdf"),
        ("../../offer.pdf", "offer.pdf"),
        ("..", ""),
        ("", ""),
        ("Angebot für Köln.pdf", "Angebot für Köln.pdf"),
        ("offer\u202efdp.exe", "offerfdp.exe"),
        ("a\r\nContent-Type: text/html\r\n.pdf", "html.pdf"),
        ("a\0b.pdf", "ab.pdf"),
        (".gitignore", ".gitignore"),
        ('"offer" <1>.pdf', "'offer' (1).pdf"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
        ("ü" * 300, "ü" * 100),
    ],
)
def test_the_name_of_an_attachment_has_no_folder_and_nothing_that_deceives(given: str, name: str) -> None:
    assert file_name(given) == name


@pytest.mark.parametrize(
    ("name", "given", "kind"),
    [
        ("offer.PDF", None, "application/pdf"),
        ("data", None, "application/octet-stream"),
        ("data.bin", "Application/X-Thing", "application/x-thing"),
        ("a.ics", "text/calendar; method=REQUEST;charset=utf-8", "text/calendar; method=REQUEST; charset=utf-8"),
        ("a", "multipart/mixed; boundary=x", "application/octet-stream"),
    ],
)
def test_an_attachment_has_the_type_that_is_given_or_that_its_name_tells(
    name: str, given: str | None, kind: str
) -> None:
    assert attachment(name, given, b"").content_type == kind


@pytest.mark.parametrize(
    "kind", ["", "pdf", "a/b\r\nBcc: x@example.org", "text/plain; charset", "a/b; c=ü", "x/" * 600]
)
def test_a_type_that_is_none_is_refused(kind: str) -> None:
    with pytest.raises(Refused, match="type of an attachment"):
        attachment("a", kind, b"")
