"""Names and subjects are read as their writers wrote them, from mail that says wrongly, or not at all, what it is written in."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.charsets import words, written
from domain.message.index import header_fields, index
from domain.mime.charsets import codec, decode_words, labelled_text, text_of
from domain.mime.plausibility import likeliest

ALONE = {
    "cp1251",
    "koi8-r",
    "koi8-u",
    "iso8859-5",
    "cp1253",
    "iso8859-7",
    "cp1255",
    "iso8859-8",
    "cp1256",
    "iso8859-6",
    "cp874",
}
ALONE |= {"cp1252", "gb18030", "cp950", "cp932", "euc_jp", "cp949"}


def subject(value: bytes, *more: bytes) -> str:
    return index(b"\r\n".join((b"Subject: " + value, *more, b"", b"Hello", b""))).subject


# --- raw 8-bit headers without a charset


@pytest.mark.requirement("R30")
@pytest.mark.parametrize(("charset", "text"), [(charset, text) for _, charset, text in written() if charset in ALONE])
def test_a_header_without_a_charset_is_read_in_the_likeliest(charset: str, text: str) -> None:
    assert subject(text.encode(charset)) == text
    assert (
        index(b"From: " + text.encode(charset).replace(b",", b"") + b" <a@example.com>\r\n\r\n").from_address
        == "a@example.com"
    )


@pytest.mark.requirement("R30")
@pytest.mark.parametrize(("charset", "text"), [(charset, text) for _, charset, text in written()])
def test_a_header_is_read_in_the_charset_that_the_body_names(charset: str, text: str) -> None:
    assert subject(text.encode(charset), b"Content-Type: text/plain; charset=" + charset.encode()) == text


def test_a_header_is_read_in_the_charset_that_another_header_names() -> None:
    name = b"From: =?iso-8859-9?Q?Ay=FEe?= <a@example.com>"
    assert subject("Toplantı değişti".encode("cp1254"), name) == "Toplantı değişti"


def test_a_charset_that_the_mail_names_is_not_taken_where_nobody_writes_so() -> None:
    assert (
        subject("Счёт на оплату".encode("koi8-r"), b"Content-Type: text/plain; charset=iso-8859-1") == "Счёт на оплату"
    )
    assert subject("Formação".encode("cp1252"), b"Content-Type: text/plain; charset=koi8-r") == "Formação"
    assert subject("Größe".encode("cp1252"), b"Content-Type: text/plain; charset=utf-8") == "Größe"


@pytest.mark.requirement("R30")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"Fax received page=ZZ1 \xff\xfe", "Fax received page=ZZ1 ÿþ"),
        (b"=?x-nonsense?B?RmF4?= =?utf-8?Q?page=ZZ1?= \xff\xfe", "Faxpage=ZZ1 ÿþ"),
        (b"Report \xe4\xe0 attached", "Report äà attached"),
        (b"Re: \xff\xfe", "Re: яю"),  # there are no other letters
        (b"[list] \xff\xfe", "[list] яю"),
        ("Report за май".encode("cp1251"), "Report за май"),
    ],
)
def test_a_word_of_two_bytes_among_other_letters_is_of_their_alphabet(value: bytes, expected: str) -> None:
    assert subject(value) == expected


def test_unless_the_mail_names_another_charset() -> None:
    assert subject(b"Report \xe7\xe0 May", b"Content-Type: text/plain; charset=windows-1251") == "Report за May"
    russian = index("Subject: Report за May\r\n\r\nДоговор и счёт на оплату, как договорились.\r\n".encode("cp1251"))
    assert russian.subject == "Report за May"


def test_the_lines_of_a_header_help_each_other() -> None:
    found = index("From: Дед <a@example.com>\r\nSubject: Счёт на оплату и договор поставки\r\n\r\n".encode("koi8-r"))
    assert [who.name for who in found.participants] == ["Дед"]


def test_a_body_that_names_no_charset_helps_its_header() -> None:
    body = "Prosím o zaslání ceny, množství a termínu dodání. Děkuji, přeji hezký den.\r\n"
    assert index(f"Subject: červenec\r\n\r\n{body}".encode("cp1250")).subject == "červenec"


def test_headers_that_filters_ask_for_are_read_alike() -> None:
    assert header_fields("X-Rubrik: Прайс\r\nSubject: Счёт на оплату\r\n\r\n".encode("koi8-r"))("x-rubrik") == ["Прайс"]


def test_a_header_in_iso_2022_jp_without_encoded_words_is_read() -> None:
    assert subject("お見積りの件".encode("iso-2022-jp")) == "お見積りの件"
    found = index(b"From: " + "鈴木".encode("iso-2022-jp") + b" <a@example.com>\r\n\r\n").participants
    assert [(who.name, who.normal) for who in found] == [("鈴木", "a@example.com")]


@pytest.mark.requirement("R30")
@pytest.mark.parametrize("charset", ["koi8-r", "cp1251"])
@pytest.mark.parametrize("text", ["Счёт", "Счет", "Учёт", "СЧЁТ", "ОПЛАТА", "ЗАКАЗ", "Отчёт", "Прайс", "АКТ", "Юрий"])
def test_a_subject_of_one_russian_word_is_read(charset: str, text: str) -> None:
    assert subject(text.encode(charset)) == text


@pytest.mark.parametrize("text", ["ΤΙΜΟΛΟΓΙΟ", "ΠΡΟΣΦΟΡΑ", "ΕΠΕΙΓΟΝ", "ΠΑΡΑΓΓΕΛΙΑ", "ΑΝΑΦΟΡΑ"])
def test_a_subject_of_one_greek_word_in_capitals_is_read(text: str) -> None:
    assert subject(text.encode("cp1253")) == text


@pytest.mark.parametrize(("half", "least"), [("first", 0.94), ("second", 0.89)])
def test_of_everyday_subjects_of_one_word_most_are_read_also_of_those_that_nothing_was_set_on(
    half: str, least: float
) -> None:
    read = [text_of(text.encode(charset)) == text for _, charset, text in words(half)]
    assert sum(read) / len(read) >= least


@pytest.mark.parametrize(("charset", "text"), [(charset, text) for what, charset, text in words() if what == "Western"])
def test_a_western_word_is_never_taken_for_another_alphabet(charset: str, text: str) -> None:
    assert subject(text.encode(charset)) == text


@pytest.mark.parametrize(("charset", "text"), [(charset, text) for _, charset, text in words()])
def test_a_word_is_read_in_the_charset_that_the_mail_names(charset: str, text: str) -> None:
    raw = text.encode(charset)
    try:
        expected = raw.decode()  # two of them are UTF-8 as well, by accident
    except UnicodeDecodeError:
        expected = text
    if (charset, text) != ("cp932", "至急"):  # which is two Western capitals in quotes
        assert text_of(raw, [charset]) == expected


# --- characters that are cut or broken


@pytest.mark.requirement("R30")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"=?UTF-8?B?0J/RgNC40LLQtdE=?=", "Приве"),
        (b"=?UTF-8?Q?Caf=C3?=", "Caf"),
        (b"=?UTF-8?Q?Gr=C3=BC=C3?=", "Grü"),
        (b"=?UTF-8?B?5L2g5aU=?=", "你"),
        (b"=?UTF-8?Q?price_5_=E2=82?=", "price 5 "),
        (b"=?UTF-8?Q?Gr=C3=BC=C3?= =?UTF-8?Q?=9Fe?=", "Grüße"),
        (b"=?UTF-8?Q?Gr=C3=BC=C3e_aus_K=C3=B6ln?=", "Grü\ufffde aus Köln"),
        (b"Gr\xc3\xbc\xc3e aus K\xc3\xb6ln", "Grü\ufffde aus Köln"),
        ("Счёт на оплату".encode()[:-1], "Счёт на оплат"),
        (b"=?gb2312?B?" + base64.b64encode("会议通知".encode("gb18030")[:-1]) + b"?=", "会议通"),
        (b"=?big5?B?" + base64.b64encode("會議通知".encode("cp950")[:-1]) + b"?=", "會議通"),
        (b"=?shift_jis?B?" + base64.b64encode("会議".encode("cp932")[:-1]) + b"?=", "会"),
        (b"=?euc-kr?B?" + base64.b64encode("회의".encode("cp949")[:-1]) + b"?=", "회"),
        (b"=?UTF-8?Q?=D0?=", ""),  # nothing but a piece
        (b"=?UTF-8?Q?=E4=BC?=", ""),
        (b"=?UTF-8?Q?=F0=9F=98?=", ""),
        (b"=?UTF-8?Q?=F0=9F=98?= hi", "hi"),
        (b"=?UTF-8?B?" + base64.b64encode("😀 hi".encode()[:3]) + b"?=", ""),
        (b"=?UTF-8?B?" + base64.b64encode("😀 hi".encode()[1:]) + b"?=", "hi"),  # cut at its start
        (b"=?UTF-8?B?" + base64.b64encode("Привет".encode()[1:]) + b"?=", "ривет"),
        (b"=?UTF-8?B?" + base64.b64encode("你好".encode()[1:]) + b"?=", "好"),
        (b"=?UTF-8?B?" + base64.b64encode("你好".encode()[2:4]) + b"?=", ""),
        (b"=?UTF-8?Q?=82=AC_5?=", "5"),
        ("Привет".encode()[1:], "ривет"),
        ("你好".encode()[1:], "好"),
        (b"=?iso-2022-jp?B?" + base64.b64encode(b"hi \x1b$") + b"?=", "hi"),
        (b"=?iso-2022-jp?B?" + base64.b64encode(b"\x1b") + b"?=", ""),
        (b"=?iso-2022-jp?B?" + base64.b64encode(b"\x1b$B2q5") + b"?=", "会"),
        (b"=?gb2312?Q?=B0?=", ""),
        (b"=?UTF-8?Q?=80_5?=", "€ 5"),  # not cut: windows-1252
        (b"=?UTF-8?Q?=BFComo_esta=3F?=", "¿Como esta?"),
        (b"=?UTF-8?Q?=93Hello=94?=", "“Hello”"),
        (b"=?UTF-8?Q?Jos=E9?=", "José"),  # not cut: it never was UTF-8
        (b"=?UTF-8?Q?Forma=E7=E3o?=", "Formação"),
    ],
)  # fmt: skip
def test_a_character_that_is_cut_is_lost_and_nothing_else(value: bytes, expected: str) -> None:
    assert subject(value) == expected.strip()


@given(st.text(st.characters(min_codepoint=0x400, max_codepoint=0x44F), min_size=3, max_size=30), st.data())
def test_wherever_a_utf_8_word_is_cut_what_is_whole_stays(text: str, data: st.DataObject) -> None:
    raw = text.encode()
    cut = data.draw(st.integers(min_value=0, max_value=len(raw)))
    assert labelled_text(raw[:cut], "utf-8") == raw[:cut].decode("utf-8", "ignore")
    assert labelled_text(raw[cut:], "utf-8") == raw[cut:].decode("utf-8", "ignore")


def test_a_name_that_is_cut_to_a_piece_of_a_character_is_none() -> None:
    found = index(b"From: =?UTF-8?Q?=D0?= <a@example.com>\r\n\r\n").participants
    assert [(who.name, who.normal) for who in found] == [("", "a@example.com")]


# --- labels


@pytest.mark.requirement("R30")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"=?iso-8859-1?Q?Gr\xfc\xdfe?=", "Grüße"),
        (b"=?iso-8859-1?Q?Gr\xfc=DFe?=", "Grüße"),
        (b"=?koi8-r?Q?\xf0\xd2\xc9\xd7\xc5\xd4?=", "Привет"),
        (b"=?iso-8859-1?Q?Gr\xc3\xbc\xc3\x9fe?=", "Grüße"),  # UTF-8, whatever it says
        (b"=?utf-8?Q?Gr\xfc\xdfe?=", "Grüße"),
        (b"=?utf-8?Q?Gr\xc3\xbc\xc3\x9fe?=", "Grüße"),
        (b"\xfcber =?iso-8859-1?Q?Gr\xfc\xdfe?=", "über Grüße"),
        (b"=?iso-8859-1?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (b"=?iso-8859-1?Q?=CF=F0=E8=E2=E5=F2?=", "Привет"),
        (b"=?iso-8859-1?Q?=C0_=E9t=E9?=", "À été"),
        (b"=?utf-8?Q?Really??=", "Really?"),
        (b"=?utf-8?Q?one?= =?utf-8?Q?_two??= three?", "one two? three?"),
    ],
)
def test_what_is_raw_in_an_encoded_word_is_decoded_once(value: bytes, expected: str) -> None:
    assert subject(value) == expected


def test_the_name_of_an_address_is_decoded_once_as_well() -> None:
    found = index(b"From: =?iso-8859-1?Q?J\xf6rg_M\xfc=DFig?= <j@example.com>\r\n\r\n").participants
    assert [(who.name, who.normal) for who in found] == [("Jörg Müßig", "j@example.com")]


@pytest.mark.requirement("R30")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"=?iso-2022-jp?B?GyRCLSEbKEI=?=", "①"),
        (b"=?iso-2022-jp?B?" + base64.b64encode(b"\x1b$B2q5D-!\x1b(B no.1 \x1b$B-j\x1b(B") + b"?=", "会議① no.1 ㈱"),
        (b"=?iso-2022-jp?B?" + base64.b64encode(b"\x1b$By!\x1b(B") + b"?=", "纊"),  # IBM's letters
        (b"=?iso-2022-jp?B?" + base64.b64encode(b"\x1b$B-!") + b"?=", "①"),  # never back to ASCII
        (b"=?iso-2022-jp?B?" + base64.b64encode(b"\x1b(I1\x1b$B-!\x1b(B") + b"?=", "ｱ①"),
        (b"=?cp50221?B?GyRCLSEbKEI=?=", "①"),
        (b"=?euc-jp?B?" + base64.b64encode(b"\xb2\xf1\xb5\xc4\xad\xa1") + b"?=", "会議①"),
        (b"=?shift_jis?B?h0A=?=", "①"),
        (b"=?windows-31j?B?h0A=?=", "①"),
        (b"=?big5?B?" + base64.b64encode("嗰度".encode("big5hkscs")) + b"?=", "嗰度"),
        (b"=?gb2312?B?" + base64.b64encode("镕基".encode("gb18030")) + b"?=", "镕基"),
        (b"=?ks_c_5601-1987?B?" + base64.b64encode("뷁".encode("cp949")) + b"?=", "뷁"),
    ],
)  # fmt: skip
def test_letters_that_vendors_added_to_a_charset_are_read(value: bytes, expected: str) -> None:
    assert subject(value) == expected


# --- whatever the bytes


@settings(deadline=None)
@given(
    st.binary(max_size=300),
    st.lists(st.sampled_from(["koi8-r", "utf-8", "gb2312", "iso-2022-jp", "rot13", "hz", "\0"]), max_size=3),
)
def test_any_bytes_are_some_text(raw: bytes, labels: list[str]) -> None:
    for text in (
        text_of(raw, labels),
        decode_words(text_of(raw, labels)),
        *(labelled_text(raw, label) for label in labels),
    ):
        assert isinstance(text, str)
    if raw:
        assert codec(likeliest(raw))


@given(st.text(max_size=60))
def test_utf_8_is_always_read_as_utf_8(text: str) -> None:
    raw = text.encode("utf-8", "replace")
    if b"\x1b" not in raw:
        assert text_of(raw, ["koi8-r"]) == raw.decode()


@pytest.mark.parametrize(
    "piece", [b"\xff", b"\xc3", b"\xe3\x81", b"\xb0\xa1", b"\x1b$B", b"=?a?q?\xff", b"=?a?q??", b"\xe0 "]
)
def test_a_megabyte_of_anything_is_read(piece: bytes) -> None:
    hostile = piece * ((1 << 20) // len(piece))
    assert isinstance(
        decode_words(text_of(hostile)), str
    )  # work that grows with its square would run into the time-out
    assert isinstance(labelled_text(hostile, "euc-jp"), str)
