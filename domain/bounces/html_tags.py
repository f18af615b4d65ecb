"""A page of HTML in its tags and texts, in one pass.

The standard library's parser looks to the end of the page for the end of each tag that has none, and takes a minute for 64 KB of
them. Here a "<" that meets another one, or the end, before its ">" is text, and what the page never ends ends with the page; so
no character is looked at more often than a longest tag allows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import NamedTuple

LONGEST_ODD_TAG = 1000  # with a "<" in the quotes of an attribute
MOST_ATTRIBUTES = 100  # that are read

_NAME = r"[^\s/>=<][^\s/>=<]*+"
_ATTRIBUTES = r"(?P<attributes>(?:[\s/]++|=|{name}(?:\s*+=\s*+(?:\"{quoted1}\"|'{quoted2}'|(?![\"'])[^\s><]*+))?)*+)"
_BEGINS = r"<(?P<end>/?)(?P<tag>[a-zA-Z][^\s/><]*+)"
_TAG = re.compile(_BEGINS + _ATTRIBUTES.format(name=_NAME, quoted1=r"[^\"<]*+", quoted2=r"[^'<]*+") + ">")
_ODD_TAG = re.compile(_BEGINS + _ATTRIBUTES.format(name=_NAME, quoted1=r"[^\"]*+", quoted2=r"[^']*+") + ">")
_ATTRIBUTE = re.compile(rf"(?P<name>{_NAME})(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s>]*+)))?")
_MARKUP = re.compile(r"<(?=[a-zA-Z/!?])")
_NUMBER = re.compile(r"&#(?:0{0,8}x?[0-9a-f]{9})[0-9a-f]*+;?", re.IGNORECASE)  # of no character
_RAW = ("script", "style")  # whose contents are no HTML
_ENDS_RAW = {tag: re.compile(rf"</{tag}(?=[\s/>])", re.IGNORECASE) for tag in _RAW}


class Tag(NamedTuple):
    """A tag that begins an element, or ends one."""

    name: str
    ends: bool
    attributes: dict[str, str]


def tags_and_texts(page: str) -> Iterator[Tag | str]:
    """The tags of a page, their names lowered, and its texts; what is in comments and declarations is left out."""
    at = text_from = 0
    while begin := _MARKUP.search(page, at):
        at = begin.start()
        if found := _TAG.match(page, at) or _ODD_TAG.match(page, at, at + LONGEST_ODD_TAG):
            tag = Tag(found["tag"].lower(), bool(found["end"]), _attributes(found["attributes"]))
            after = found.end()
        elif page[at + 1] in "!?" or (page[at + 1] == "/" and not page[at + 2 : at + 3].isalpha()):
            tag, after = None, _declared(page, at)
        else:
            at += 1
            continue
        if text_from < at:
            yield _plain(page[text_from:at])
        at = text_from = after
        if tag is None:
            continue
        yield tag
        if tag.name in _RAW and not tag.ends:
            end = _ENDS_RAW[tag.name].search(page, at)
            raw = page[at : end.start() if end else len(page)]
            if raw:
                yield raw
            at = text_from = at + len(raw)
    if text_from < len(page):
        yield _plain(page[text_from:])


def _declared(page: str, at: int) -> int:
    """Where a comment or a declaration ends: with the page, if nowhere."""
    if page.startswith(("<!-->", "<!--->"), at):
        return page.index(">", at) + 1
    comment = page.startswith("<!--", at)
    end = page.find("-->" if comment else ">", at + 2)
    return len(page) if end < 0 else end + (3 if comment else 1)


def _attributes(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for n, one in enumerate(_ATTRIBUTE.finditer(text)):
        if n == MOST_ATTRIBUTES:
            break
        found.setdefault(one["name"].lower(), _plain(one[2] or one[3] or one[4] or ""))
    return found


def _plain(text: str) -> str:
    return unescape(_NUMBER.sub("\ufffd", text)) if "&" in text else text
