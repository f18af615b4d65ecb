"""The text that stands beside a page of HTML for those who read no HTML: as the page shows it, with its links and list marks."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from domain.bounces.html_tags import Tag, tags_and_texts
from domain.bounces.html_words import words_of

_RAW = ("style", "script")


def text_of_html(page: str) -> str:
    """The words of a page. Links to the web are told behind their words where those do not name them."""
    return words_of("".join(_with_links(page))).strip()


def _with_links(page: str) -> Iterator[str]:
    """The page again, with its links, list marks and descriptions of pictures as words."""
    link, words, raw = "", "", False
    for one in tags_and_texts(page):
        if isinstance(one, str):
            words += one if link else ""
            yield one if raw else escape(one)
            continue
        raw = one.name in _RAW and not one.ends
        if one.name == "a":
            if link and link.rstrip("/").partition("//")[2] not in words:
                yield escape(f" <{link}>")
            href = one.attributes.get("href", "").strip()
            link, words = href if not one.ends and href.startswith(("https://", "http://")) else "", ""
        yield _tag(one)
        if one.name == "li" and not one.ends:
            yield "- "
        elif one.name == "img" and (described := one.attributes.get("alt", "").strip()):
            yield escape(f"[{described}]")


def _tag(tag: Tag) -> str:
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in tag.attributes.items())
    return f"<{'/' if tag.ends else ''}{tag.name}{attributes}>"
