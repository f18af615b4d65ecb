"""URLs of settings: what every parser reads alike is taken, and nothing else."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.urls import http_url


@pytest.mark.parametrize(
    "url",
    [
        "https://crm.example.com", "http://127.0.0.1:8069/sales", "https://[2a00:1450::1]:8443/a%20b?x=1#y", "https://u:p@h/",
        "HTTPS://CRM.example.com./", "https://xn--bcher-kva.example/",
    ],
)  # fmt: skip
def test_an_http_url_is_read_in_its_parts(url: str) -> None:
    parts, other = http_url(url), httpx.URL(url)
    assert (parts.hostname, parts.port or None) == (other.raw_host.decode(), other.port)


@pytest.mark.parametrize(
    "url",
    [
        "https://a\tb.example/db", "https://①②⑦.⓪.⓪.①/db", "https://a\nb/", "https://a b/", "https:\\\\a.example", "//a.example",
        "https://a.example\\@b.example/", "https://bücher.example", "https://a..b/", "https://-a/", "https://a:0/", "https://a:/",
        "https://a:65536/", "https://[::1/", "https://[::g]/", "https://[fe80::1%25eth0]/", "https:///a", "ftp://a/", "a", "",
        "https://a.example/x%00", "https://a.example/x%0a", "https://a.example/%1b", "https://a.example/%7F", "https://a.example/%3F",
        "https://a.example/%23", "https://a.example/%2f", "https://a.example/%2541", "https://a.example/%", "https://a.example/%zz",
        "https://a.example/%ff", "https://a.example/\x1b]0;x", "https://" + "a" * 64 + ".example/", "https://a@b@c/",
    ],
)  # fmt: skip
def test_what_parsers_read_differently_is_none(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- any, its words are for nobody
        http_url(url)


@given(st.text(alphabet="ab1/%027fF3cC ~", max_size=12))
@example("db%20of%C3%A9")
def test_to_the_path_of_what_is_taken_the_client_joins_another(path: str) -> None:
    try:
        parts = http_url(f"https://a.example/{path}")
    except ValueError:
        return
    base = httpx.URL(parts.geturl())
    joined = base.copy_with(path=base.path.rstrip("/") + "/more")
    assert joined.path == base.path.rstrip("/") + "/more"
    assert joined.host == "a.example"


@given(st.text(alphabet="ab.1:@/[]%?#\\-_\t①", max_size=20))
@example("1.2.3")
def test_what_is_taken_names_the_same_host_and_port_to_the_client_that_connects(rest: str) -> None:
    try:
        parts = http_url(f"https://{rest}")
    except ValueError:
        return
    other = httpx.URL(f"https://{rest}")
    assert (parts.hostname, None if parts.port == 443 else parts.port) == (other.raw_host.decode(), other.port)
