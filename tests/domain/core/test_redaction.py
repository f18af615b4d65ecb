"""Redaction: what a server said is shown without secrets, user names, addresses, tokens and control characters."""

from __future__ import annotations

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.core.redaction import LONGEST_SHOWN, redact


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("[AUTH] Authentication failed.", "[AUTH] Authentication failed."),
        ("[IN-USE] (mail_max_userip_connections=2)", "[IN-USE] (mail_max_userip_connections=2)"),
        (
            "[AUTH] Web login required: https://support.google.com/mail/answer/78754",
            "[AUTH] Web login required: https://support.google.com/mail/answer/78754",
        ),
        ("[SYS/PERM] This account has been administratively locked.",) * 2,
    ],
)
def test_ordinary_words_stay_as_they_are(said: str, shown: str) -> None:
    assert redact(said, hide=["correct horse", "jane@example.com"]) == shown


@pytest.mark.parametrize(
    "said",
    [
        "no mailbox for jane@example.com here",
        "no mailbox for JANE@EXAMPLE.COM here",
        "no mailbox for <jane@example.com> here",
        'no mailbox for "jane" here',
        "no mailbox for Jane here",
        "user=jane: unknown",
        "recent:jane@example.com is unknown",
    ],
)
def test_the_user_name_is_hidden_also_in_part(said: str) -> None:
    shown = redact(said, hide=["jane@example.com"])
    assert "jane" not in shown.lower()
    assert "[hidden]" in shown


@pytest.mark.parametrize(
    "said",
    [
        "you wrote to bob@example.org",
        "see <bob@example.org>",
        "mailto:bob@example.org",
        '"bob smith"@example.org is unknown',
        "?user=bob%40example.org",
        "用户bob@example.org登录失败",
        "bob＠example.org",
    ],
)
def test_other_peoples_addresses_are_hidden_as_well(said: str) -> None:
    shown = redact(said)
    assert "bob" not in shown
    assert "example" not in shown


def test_a_password_is_hidden_in_any_case_and_within_other_words() -> None:
    shown = redact("bad password 'S3CRET' (xs3cretx)", hide=["s3cret"])
    assert "s3cret" not in shown.lower()


def test_an_app_password_is_hidden_with_and_without_its_blanks() -> None:
    shown = redact("got abcd efgh ijkl mnop and abcdefghijklmnop", hide=["abcd efgh ijkl mnop"])
    assert shown == "got [hidden] and [hidden]"


def test_an_echoed_plain_response_is_hidden() -> None:
    echo = base64.b64encode(b"\0jane\0s3cret").decode()
    assert echo not in redact(f"cannot parse {echo}", hide=["s3cret"])
    assert echo.rstrip("=") not in redact(f"cannot parse {echo.rstrip('=')} here", hide=["s3cret"])


def test_what_looks_like_a_token_is_hidden() -> None:
    assert redact("bad token ya29A0ARrdaM9kLmN3pQx7Tz") == "bad token [hidden]"


def test_control_characters_become_blanks() -> None:
    assert redact("line\r\none\x00\x1b[31m\u202etwo\ud800") == "line one [31m two"


def test_a_long_text_is_cut() -> None:
    assert len(redact("long " * 1000)) == LONGEST_SHOWN


def test_a_very_long_line_is_no_burden() -> None:
    assert len(redact("a" * 1_000_000 + "@" + "<" * 100_000 + '"' * 100_001)) <= LONGEST_SHOWN


@given(st.text(min_size=1), st.text(), st.text(), st.text(min_size=1))
@example("hidden", "password ", " wrong", "user")
@example("[", "a", "b", "***")
@example("ab", "aab", "b", "a")
@example("ß", "SS", "ss", "İ")
def test_nothing_of_a_secret_remains_whatever_it_is(secret: str, before: str, after: str, user: str) -> None:
    shown = redact(f"{before}{secret}{after}{user}{secret}", hide=[secret, user]).removesuffix("…").casefold()
    for hidden in (secret, user):
        if hidden.strip() == hidden and hidden.isprintable():
            assert hidden.casefold() not in shown


@given(st.integers(0, 40), st.text(alphabet=" ab\u0301", max_size=30))
def test_no_part_of_a_secret_that_a_very_long_line_is_cut_in_is_shown(before: int, filling: str) -> None:
    secret = "correct horse battery staple"
    line = (" " * (2400 - before) + secret + " " + filling) * 30
    shown = redact(line, hide=[secret])
    assert not any(word in shown for word in ("correct", "horse", "battery", "staple", "corr", "stap")), shown
