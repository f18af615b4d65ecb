"""What counts as an attachment, and that parts are found whatever the way in which their boundary is written."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.message.index import index
from domain.mime.content_fields import boundaries, value_and_parameters
from domain.mime.nesting import has_attachment

PDF = b'Content-Type: application/pdf; name="offer.pdf"'


def parts(*headers: bytes, kind: bytes = b"mixed") -> bytes:
    """A multipart of a text and of parts with these header fields."""
    body = b"".join(b"--x\r\n" + header + b"\r\n\r\nabc\r\n" for header in (b"Content-Type: text/html", *headers))
    return b"From: a@example.org\r\nContent-Type: multipart/" + kind + b"; boundary=x\r\n\r\n" + body + b"--x--\r\n"


# --- attachments


@pytest.mark.requirement("R35")
@pytest.mark.parametrize(
    ("header", "attached"),
    [
        (b'Content-Type: text/plain; name="body.txt"', False),
        (b'Content-Type:\r\n text/plain;\r\n name="body.txt"', False),
        (b'Content-Type: text/calendar; method=REQUEST; name="meeting.ics"', False),
        (b'Content-Type: text/csv; name="customers.csv"', True),
        (b'Content-Type: text/csv; name="customers.csv"\r\nContent-Disposition: inline', True),
        (b"Content-Type: text/tab-separated-values; name*=utf-8''customers.tsv", True),
        (b'Content-Type: text/x-vcard; charset=utf-8;\r\n name="jane.vcf"', True),
        (b'Content-Type: text/directory; name="jane.vcf"', True),
        (b"Content-Type: text/csv", False),
        (b'Content-Type: text/plain; name="notes.txt"\r\nContent-Disposition: attachment', True),
        (PDF, True),
        (b"Content-Type: application/pdf;\r\n name*0*=utf-8''of;\r\n name*1*=fer.pdf", True),
        (b'Content-Type: application/pdf\r\nContent-Disposition: (x) ATTACHMENT;\r\n filename="offer.pdf"', True),
        (b'Content-Type: application/pdf\r\nContent-Disposition: inline; filename="offer.pdf"', True),
        (b'Content-Type: application/x-say; text="name=x"', False),
        (b'Content-Type: image/jpeg; name="IMG_1.jpeg"\r\nContent-Disposition: inline; filename="IMG_1.jpeg"', False),
        (b'Content-Type: image/png; name="logo.png"\r\nContent-ID: <logo@example.org>', False),
        (b'Content-Type: image/png; name="photo.png"\r\nContent-ID: <f_1>\r\nContent-Disposition: attachment', True),
        (b'Content-Type: application/pkcs7-signature; name="smime.p7s"\r\nContent-Disposition: attachment', False),
        (b'Content-Type: application/pgp-signature; name="signature.asc"', False),
        (b'Content-Type: message/rfc822; name="Re offer.eml"', True),
        (b'Content-Type: message/rfc822; name="Re offer.eml"\r\nContent-Disposition: inline', True),
        (b"Content-Type: message/rfc822", False),
        (b'Content-Type: message/delivery-status; name="details.txt"', False),
        (b'Content-Type: application/ms-tnef; name="winmail.dat"', True),
    ],
)  # fmt: skip
def test_an_attachment_is_what_somebody_attached(header: bytes, attached: bool) -> None:
    assert has_attachment(parts(header)) is attached


def test_pictures_that_the_text_shows_are_no_attachments() -> None:
    logo = b'Content-Type: image/png; name="logo.png"\r\nContent-ID: <logo>\r\nContent-Disposition: attachment'
    assert not has_attachment(parts(logo, kind=b"related"))
    assert not has_attachment(parts(logo).replace(b"abc", b'<img src="cid:logo">', 1))
    assert has_attachment(parts(logo))


def test_what_signs_or_wraps_a_message_is_no_attachment_and_what_is_beside_it_is() -> None:
    signature = b'Content-Type: application/x-pkcs7-signature; name="smime.p7s"\r\nContent-Disposition: attachment'
    assert not has_attachment(parts(signature, kind=b"signed"))
    assert has_attachment(parts(signature, PDF))
    key = b'Content-Type: application/octet-stream; name="encrypted.asc"\r\nContent-Disposition: inline'
    assert not has_attachment(parts(b"Content-Type: application/pgp-encrypted", key, kind=b"encrypted"))
    assert not has_attachment(
        b'Content-Type: application/pkcs7-mime; name="smime.p7m"\r\nContent-Disposition: attachment\r\n\r\nx'
    )


def test_an_invitation_beside_the_text_is_no_attachment() -> None:
    assert not has_attachment(parts(b'Content-Type: application/ics; name="invite.ics"', kind=b"alternative"))


# --- boundaries


@pytest.mark.requirement("R30")
@pytest.mark.parametrize(
    ("written", "line"),
    [
        (b'boundary="abc\r\n def"', b"abc def"),
        (b'boundary="abc\r\n def"', b"abcdef"),
        (b'boundary="abc\r\n\tdef"', b"abc def"),
        (b"boundary*=us-ascii'en'abc%20def", b"abc def"),
        (b'boundary*0="abc";\r\n boundary*1="def"', b"abcdef"),
        (b"boundary*1=def; boundary*0*=''abc%5F", b"abc_def"),
        (b'boundary="a\\"b"', b'a"b'),
        (b'boundary="a\\"b"', b'a\\"b'),
        (b'boundary="a;b=c"', b"a;b=c"),
        (b"boundary=abc (a comment)", b"abc"),
        (b'(boundary="no"); boundary="abc"', b"abc"),
        (b"boundary=(abc)=", b"(abc)="),
        (b"boundary=----=_Part_1.2", b"----=_Part_1.2"),
        (b'charset=utf-8; BOUNDARY = "abc" ; type="text/html; boundary=no"', b"abc"),
        (b'boundary="abc', b"abc"),
        (b'boundary="abc "', b"abc"),
        (b'boundary="' + b"x" * 300 + b'"', b"x" * 300),
    ],
)
@pytest.mark.parametrize("inner", [False, True])
def test_the_parts_of_a_boundary_are_found(written: bytes, line: bytes, inner: bool) -> None:
    mail = (
        b"Content-Type: multipart/mixed;\r\n "
        + written
        + b"\r\n\r\n--"
        + line
        + b"\r\n"
        + PDF
        + b"\r\n\r\nx\r\n--"
        + line
        + b"--\r\n"
    )
    if inner:
        mail = b"Content-Type: multipart/mixed; boundary=outer\r\n\r\n--outer\r\n" + mail + b"--outer--\r\n"
    assert index(mail).parse_error is None
    assert has_attachment(mail)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\r\n", b"\r"])
def test_parts_are_found_with_any_line_end(line_end: bytes) -> None:
    mail = parts(PDF).replace(b"\r\n", line_end)
    assert index(mail).parse_error is None
    assert has_attachment(mail)


def test_an_attachment_behind_the_long_header_of_an_attached_message_is_found() -> None:
    received = b"Received: from a.example.org by b.example.org with ESMTP id 1234567890\r\n" * 200
    assert has_attachment(parts(b"Content-Type: message/rfc822\r\n\r\n" + received + parts(PDF).replace(b"x", b"y")))


def test_a_multipart_without_a_boundary_still_says_so() -> None:
    assert index(b"Content-Type: multipart/mixed; x=y\r\n\r\n--x\r\n").parse_error == "multipart without a boundary"
    assert (
        index(b'Content-Type: multipart/mixed; boundary=""\r\n\r\n--x\r\n').parse_error
        == "multipart without a boundary"
    )


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [b'"', b"\\", b"(", b")", b";", b"=", b"*", b"0", b"boundary", b"\r\n ", b"'", b"%", b"x", b"\xff"]
        )
    ).map(b"".join)
)
def test_no_content_type_makes_reading_fail(value: bytes) -> None:
    kind, parameters = value_and_parameters(b"multipart/mixed;" + value)
    assert kind
    assert all(boundary.strip() for boundary in boundaries(parameters))
    has_attachment(b"Content-Type: multipart/mixed; boundary" + value + b"\r\n\r\n--x\r\nContent-Type: " + value)
