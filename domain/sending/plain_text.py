"""The text that stands beside a page of HTML for those who read no HTML: as the page shows it, with its links and list marks."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from domain.bounces.html_tags import Tag, tags_and_texts
from domain.bounces.html_words import words_of

LONGEST_PAGE = 1 << 20  # characters, without what says nothing about words
GOES_ON = "[The message goes on in HTML.]"

_RAW = ("style", "script")
_TELLING = ("style", "class", "id", "hidden", "size")  # attributes by which a page hides words


def text_of_html(page: str) -> str:
    """The words of a page. Links to the web are told behind their words where those do not name them. Of a page that is longer
    than anybody reads, the beginning and a line that says so: a megabyte takes seconds."""
    pieces: list[str] = []
    room = LONGEST_PAGE
    for piece in _with_links(page):
        if (room := room - len(piece)) < 0:
            return f"{words_of(''.join(pieces)).strip()}\n\n{GOES_ON}"
        pieces.append(piece)
    return words_of("".join(pieces)).strip()


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
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in tag.attributes.items() if name in _TELLING)
    return f"<{'/' if tag.ends else ''}{tag.name}{attributes}>"
