"""What an answer quotes of a message: its text behind marks, its HTML without whatever could act in the mail of others."""

from __future__ import annotations

import re
from html import escape

from domain.bounces.html_tags import tags_and_texts
from domain.bounces.html_words import words_of
from domain.core.text import storable
from domain.message.index import Field, IndexedMessage

LONGEST_PAGE = 1 << 18  # characters of HTML that are quoted

# What lays out a text, and nothing that positions, hides or loads.
_STYLES = frozenset(
    (
        *("color", "background-color", "font", "font-family", "font-size", "font-style", "font-weight", "line-height"),
        *(
            "text-align",
            "text-decoration",
            "text-indent",
            "vertical-align",
            "white-space",
            "width",
            "height",
            "max-width",
        ),
        *("padding", "padding-top", "padding-right", "padding-bottom", "padding-left", "list-style-type"),
        *("margin", "margin-top", "margin-right", "margin-bottom", "margin-left"),
        *("border", "border-top", "border-right", "border-bottom", "border-left", "border-color", "border-collapse"),
    )
)
# The cleaner's time grows with the square of what is open at once: 8,000 elements in each other take it a second.
DEEPEST = 200
MOST_FORMATS = 40  # that are open: each is opened anew in each block
MOST_TAGS = 20_000
_FORMATS = frozenset(("a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"))
_END_BY_THEMSELVES = frozenset(
    (
        *(
            "area",
            "base",
            "br",
            "col",
            "embed",
            "hr",
            "img",
            "input",
            "link",
            "meta",
            "param",
            "source",
            "track",
            "wbr",
        ),
        *("p", "li", "dt", "dd", "tr", "td", "th", "tbody", "thead", "tfoot", "option"),
    )
)
_ACTS = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]")


def cleaned(page: str, *, pictures: bool = False) -> str:
    """HTML that came from others, without scripts, forms, style sheets and all else that acts, by an allow-list (nh3).

    `pictures`: those inside of the message stay, because they are sent along; links and pictures of the web stay always. Of a
    page that is nested beyond reason its words alone are quoted.
    """
    page = _ACTS.sub("", storable(page[:LONGEST_PAGE]))
    if _is_beyond_reason(page):
        return "<br>".join(escape(line) for line in words_of(page).strip().splitlines())
    import nh3  # not before it is needed: the workflows' sandbox loads this package as well

    schemes = {"http", "https", "mailto", "tel", *(("cid",) if pictures else ())}
    attributes = {name: set(allowed) for name, allowed in nh3.ALLOWED_ATTRIBUTES.items()}
    for tag in nh3.ALLOWED_TAGS:
        attributes.setdefault(tag, set()).add("style")
    return nh3.clean(
        page,
        tags=set(nh3.ALLOWED_TAGS) | {"font"},
        attributes=attributes | {"font": {"color", "face", "size", "style"}},
        clean_content_tags={"script", "style", "title"},
        filter_style_properties=set(_STYLES),
        url_schemes=schemes,
    )


def _is_beyond_reason(page: str) -> bool:
    elements = formats = tags = 0
    for one in tags_and_texts(page):
        if isinstance(one, str):
            continue
        step = -1 if one.ends else 1
        if one.name in _FORMATS:
            formats = max(formats + step, 0)
        elif one.name not in _END_BY_THEMSELVES:
            elements = max(elements + step, 0)
        tags += 1
        if elements > DEEPEST or formats > MOST_FORMATS or tags > MOST_TAGS:
            return True
    return False


def quoted_text(header: IndexedMessage, text: str) -> str:
    lines = [f">{line}" if line.startswith(">") else f"> {line}".rstrip() for line in text.splitlines()]
    return "\n".join([_wrote(header), *lines])


def quoted_html(header: IndexedMessage, page: str) -> str:
    """`page` is clean already."""
    style = "margin: 0 0 0 0.8ex; border-left: 1px solid #cccccc; padding-left: 1ex"
    return f'<div>{escape(_wrote(header))}</div><blockquote type="cite" style="{style}">{page}</blockquote>'


def forwarded_text(header: IndexedMessage, text: str) -> str:
    return "\n".join(["-------- Forwarded message --------", *_head(header), "", text])


def forwarded_html(header: IndexedMessage, page: str) -> str:
    """`page` is clean already."""
    lines = "<br>".join(escape(line) for line in ("-------- Forwarded message --------", *_head(header)))
    return f"<div>{lines}</div><br><div>{page}</div>"


def _wrote(header: IndexedMessage) -> str:
    who = _people(header, "from") or "Somebody"
    when = f"On {header.sent_at:%Y-%m-%d at %H:%M} UTC, " if header.sent_at else ""
    return f"{when}{who} wrote:"


def _head(header: IndexedMessage) -> list[str]:
    """Of whom, to whom and when; never who had a blind copy."""
    said = {
        "From": _people(header, "from"),
        "Date": f"{header.sent_at:%Y-%m-%d %H:%M} UTC" if header.sent_at else "",
        "Subject": _one_line(header.subject),
        "To": _people(header, "to"),
        "Cc": _people(header, "cc"),
    }
    return [f"{name}: {value}" for name, value in said.items() if value]


def _people(header: IndexedMessage, field: Field) -> str:
    people = [who for who in header.participants if who.field == field]
    return ", ".join(_one_line(f"{who.name} <{who.address}>" if who.name else who.address) for who in people)


def _one_line(text: str) -> str:
    return " ".join(text.split())
