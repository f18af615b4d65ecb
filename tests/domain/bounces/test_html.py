"""Notices in HTML: what a page hides is not read, and a row of a table or a definition is read as a line."""

from __future__ import annotations

import pytest

from domain.bounces.html_tags import Tag, tags_and_texts
from domain.bounces.html_words import words_of
from tests.domain.bounces.test_bounces import DAEMON, said

HTML = (*DAEMON, "Content-Type: text/html; charset=utf-8")
NOTICE = "<p>Your message could not be delivered to <b>jane@example.com</b>: user unknown.</p>"
STRANGER = "bob@example.net: 550 5.1.1 user unknown"


@pytest.mark.requirement("R40")
@pytest.mark.parametrize(
    "hidden",
    [
        f"<div hidden>{STRANGER}</div>",
        f'<div style="display:none">{STRANGER}</div>',
        f'<div style="color:#fff; display : none !important;"><p>{STRANGER}</p></div>',
        f'<span style="visibility:hidden">{STRANGER}</span>',
        f'<span style="font-size:0">{STRANGER}</span>',
        f'<span style="font-size:0px;line-height:0"><b>{STRANGER}</b></span>',
        f'<span style="font:0/0 a">{STRANGER}</span>',
        f'<div style="mso-hide:all">{STRANGER}</div>',
        f'<div style="max-height:0;overflow:hidden">{STRANGER}</div>',
        f'<div style="width:0px;height:0px">{STRANGER}</div>',
        f'<div style="opacity:0">{STRANGER}</div>',
        f'<div style="position:absolute; left:-9999px">{STRANGER}</div>',
        f"<template>{STRANGER}</template>",
        f"<!-- {STRANGER} -->",
        f"<style>.preheader, #x {{ display: none }}</style><div class='a Preheader'>{STRANGER}</div>",
        f"<style>.outer .inner {{ display:none }}</style><div class=outer><p class=inner>{STRANGER}</p></div>",
        f"<style>td.a.b {{ display:none }}</style><table><tr><td class='b a'>{STRANGER}</td></tr></table>",
        f'<div style="position:absolute; clip:rect(0 0 0 0)">{STRANGER}</div>',
        f"<table><tr><td style='display:none'>{STRANGER}</td><td>Mail system</td></tr></table>",
        f"<p style='display:none'>{STRANGER}<p>Mail system</p>",
        f"<div hidden><div>one</div>{STRANGER}</div>",
        f"<title>{STRANGER}</title>",
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_what_a_page_hides_names_nobody(hidden: str, first: bool) -> None:
    body = f"<html><body>{hidden}{NOTICE}</body></html>" if first else f"<html><body>{NOTICE}{hidden}</body></html>"
    assert said(body, *HTML).keys() == {"jane@example.com"}


def test_a_comment_without_an_end_hides_what_follows() -> None:
    assert said(f"{NOTICE}<!-- <p>{STRANGER}</p>", *HTML).keys() == {"jane@example.com"}


@pytest.mark.parametrize(
    "page",
    [
        f'<div style="font-size:0"><div style="font-size:14px">{NOTICE}</div></div>',
        f'<div style="visibility:hidden"><div style="visibility:visible">{NOTICE}</div></div>',
        f'<p style="display:none">{STRANGER}</p>{NOTICE}',
        f'<br hidden><img style="display:none">{NOTICE}',
        f"<style>@media (max-width:600px) {{ .box {{ display:none }} }}</style><div class=box>{NOTICE}</div>",
        f'<div style="max-height:0">{NOTICE}</div>',
        f'<div style="font-size:0.9em;opacity:0.8;height:0">{NOTICE}</div>',
    ],
)
def test_what_a_page_shows_is_read(page: str) -> None:
    assert said(page, *HTML).keys() == {"jane@example.com"}


@pytest.mark.requirement("R40")
@pytest.mark.parametrize(
    "page",
    [
        "<table><tr><td>jane@example.com</td><td>550 5.1.1 user unknown</td></tr></table>",
        "<table><tr><td><p>jane@example.com</p></td><td><p>User unknown</p></td></tr></table>",
        "<table><tr><th>Recipient<th>Status<tr><td>jane@example.com<td>Failed: user unknown</table>",
        "<table><tr><td>Recipient</td><td>jane@example.com</td></tr><tr><td>Reason</td><td>user unknown</td></tr></table>",
        "<table><tr><td>Failed</td><td>jane@example.com</td><td>no such user</td></tr></table>",
        "<table><tr><td><table><tr><td>jane@example.com</td><td>user unknown</td></tr></table></td></tr></table>",
        "<dl><dt>Recipient</dt><dd>jane@example.com</dd><dt>Reason</dt><dd>user unknown</dd></dl>",
        "<dl><dt>jane@example.com</dt><dd>user unknown</dd></dl>",
        "<dl><dt>Failed recipient<dd>jane@example.com<dt>Reason<dd>user unknown</dl>",
        (
            "<table><tr><td>Address</td><td>Result</td></tr><tr><td>bob@example.net</td><td>OK</td></tr>"
            "<tr><td>jane@example.com</td><td>User unknown</td></tr></table>"
        ),
    ],
)
def test_a_row_of_a_table_or_a_definition_names_its_recipient(page: str) -> None:
    found = said(f"<h1>Delivery failed</h1>{page}<p>Support: help@hosting.example</p>", *HTML)
    assert found.keys() == {"jane@example.com"}
    assert found["jane@example.com"]["severity"] == "hard"


def test_the_parts_of_a_page_that_a_table_lays_out_stay_apart() -> None:
    page = f"<table><tr><td><p>One.</p><p>Two.</p>{'<p>More.</p>' * 4}</td><td><p>Three.</p></td></tr></table>"
    assert [line.strip() for line in words_of(page).split("\n") if line.strip()][:2] == ["One.", "Two."]


@pytest.mark.parametrize(
    "piece", ["<table><tr><td>", "<a>", "</b>", "<td>a@b.example", "<dt>", "<!--", "<style>", "<p hidden>"]
)
def test_a_page_of_one_piece_is_read_in_bounded_time(piece: str) -> None:
    words_of(piece * (65_536 // len(piece)))
    words_of("<a>" * 10_000 + "</b>" * 8_000)


@pytest.mark.parametrize("unit", ["<a ", "<a a=", "<x y='", "</a ", "<", 'a<b c="<'])
def test_a_tag_that_never_ends_is_text_and_is_looked_at_once(unit: str) -> None:
    page = unit * 20_000
    assert len(words_of(page)) >= len(page) - 20_000  # without the blanks at the edges
    assert all(isinstance(one, str) for one in tags_and_texts(page))


@pytest.mark.parametrize("begin", ["<!", "<!D", "<![CDATA[", "<?", "</", "<!--", "<script>", "<style>"])
def test_what_a_page_never_ends_ends_with_it(begin: str) -> None:
    assert words_of("<p>seen</p>" + begin * 20_000).strip() == "seen"


def test_comments_and_declarations_end_where_they_say() -> None:
    assert words_of("a<!-- > <b> -->b<!-->c<!D d>e<?f?>g</ h>i") == "abcegi"


def test_quotes_and_numbers_of_characters_are_read_as_browsers_do() -> None:
    page = """<a title="<b> it's" href='x"y'>jane&#64;example.com</a><br/>a < b &amp; c"""
    assert words_of(page).split("\n") == ["jane@example.com", "a < b & c"]
    assert words_of("&#" + "9" * 5000 + ";") == "\ufffd"
    [tag, *_] = tags_and_texts(page)
    assert isinstance(tag, Tag)
    assert tag.attributes == {"title": "<b> it's", "href": 'x"y'}


def test_what_a_style_sheet_hides_within_something_is_read_elsewhere() -> None:
    page = "<style>.outer .inner { display: none }</style><p class=inner>read</p><p class=outer>read</p>"
    assert words_of(page).split() == ["read", "read"]
