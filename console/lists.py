"""What an account has: filters, folders, quarantine, and what people were told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from console.accounts import as_kept, known
from console.reading import Reader
from console.terminal import Column, Row, Terminal, shown, size

FILTERS = """
    select id, name, position, match, conditions, actions, enabled, version from filters
    where address = %(address)s order by position, id
"""
FOLDERS = "select name, own, messages, unseen from folders where address = %(address)s order by own, name"
QUARANTINE = """
    select q.address, q.uidl, q.size, q.reason, q.attempts, q.first_seen_at, q.retry_at, q.message from quarantine q
    where %(address)s::text is null or q.address = %(address)s order by q.first_seen_at desc limit %(most)s
"""
NOTICES = """
    select id, address, at, code, text, remedy, delivered_at from notices
    where (%(address)s::text is null or address = %(address)s) order by at desc limit %(most)s
"""


async def filters(reader: Reader, terminal: Terminal, address: str) -> None:
    row = await known(reader, address)
    found = await reader.rows(FILTERS, address=row["name"])
    columns: list[Column] = [
        ("id", lambda one: one["id"]),
        ("name", lambda one: one["name"]),
        ("where", _conditions),
        ("then", lambda one: [_in_words(action) for action in one["actions"]]),
        ("version", lambda one: one["version"]),
        ("", lambda one: "" if one["enabled"] else "switched off"),
    ]
    empty = f"{row['name']} has no filters: all its mail goes to Inbox; docs/filters.md has those to begin with"
    terminal.answer({"filters": found}, lambda: terminal.table(found, columns, empty=empty))


async def folders(reader: Reader, terminal: Terminal, address: str) -> None:
    row = await known(reader, address)
    found = await reader.rows(FOLDERS, address=row["name"])
    terminal.answer({"folders": found}, lambda: terminal.table(found, _FOLDERS, empty="none"))


async def quarantine(reader: Reader, terminal: Terminal, address: str | None, *, most: int) -> None:
    found = await reader.rows(
        QUARANTINE, address=(await known(reader, address))["name"] if address else None, most=most
    )
    terminal.answer({"quarantine": found}, lambda: terminal.table(found, _QUARANTINE, empty="nothing is in quarantine"))


async def notices(reader: Reader, terminal: Terminal, address: str | None, *, most: int) -> None:
    found = await reader.rows(NOTICES, address=as_kept(address) if address else None, most=most)
    shown_first = list(reversed(found))
    terminal.answer(
        {"notices": found}, lambda: terminal.table(shown_first, _NOTICES, empty="nobody was told of anything")
    )


def _conditions(row: Row) -> str:
    joined = {"any": " or ", "all": " and "}.get(row["match"], "")
    return joined.join(map(_in_words, row["conditions"])) if row["match"] != "always" else "always"


def _in_words(value: Any) -> str:
    """A condition or an action of a filter as people would say it."""
    if not isinstance(value, Mapping):
        return shown(value)
    if {"field", "op"} <= set(value):
        return " ".join(shown(value[name]) for name in ("field", "op", "value") if value.get(name) is not None)
    return ", ".join(
        name.replace("_", " ") if below is True else f"{name.replace('_', ' ')} {_in_words(below)}"
        for name, below in value.items()
    )


_FOLDERS: Sequence[Column] = (
    ("folder", lambda one: one["name"]),
    ("messages", lambda one: one["messages"]),
    ("unread", lambda one: one["unseen"] or None),
    ("", lambda one: "an own one" if one["own"] else ""),
)
_QUARANTINE: Sequence[Column] = (
    ("account", lambda one: one["address"]),
    ("UIDL", lambda one: one["uidl"]),
    ("size", lambda one: size(one["size"]) if one["size"] is not None else ""),
    ("why", lambda one: one["reason"]),
    ("attempts", lambda one: one["attempts"]),
    ("since", lambda one: one["first_seen_at"]),
    ("asked for again", lambda one: one["retry_at"] or "not by itself"),
    ("message", lambda one: one["message"]),
)
_NOTICES: Sequence[Column] = (
    ("at", lambda one: one["at"]),
    ("about", lambda one: one["address"]),
    ("what", lambda one: one["text"]),
    ("what to do", lambda one: one["remedy"]),
    ("delivered", lambda one: one["delivered_at"] or "no"),
)
