"""Stored messages by their words, newest first, and what a privacy rule kept from being stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from console.reading import Reader
from console.terminal import Column, Row, Terminal
from domain.core.refusal import Refused
from domain.message.words import FROM, LATER, TO, month_of, words_sought

# Months are words, too, so that the newest mail is found without a look at all that has the same words.
FOUND = """
    select m.id, m.address, m.folder, coalesce(m.sent_at, m.stored_at) as at, m.from_address, m.subject, m.kind
    from mail_words w join mail m on m.id = w.message
    where {which}
        and (%(account)s::text is null or m.address = %(account)s) and (%(folder)s::text is null or m.folder = %(folder)s)
        and (%(since)s::timestamptz is null or coalesce(m.sent_at, m.stored_at) >= %(since)s)
        and (%(before)s::timestamptz is null or coalesce(m.sent_at, m.stored_at) < %(before)s)
        and (not %(unlinked)s or not exists (select from links l where l.message = m.id and l.unlinked_at is null))
        and (not %(private)s or exists (select from kept_private k where k.message = m.id))
    order by at desc, m.id desc limit %(most)s
"""
WAITING = "select count(*) as count from (select from mail_words where words is null limit 100001) waiting"
WITHHELD = """
    select at, address, rule, uidl from withheld where (%(account)s::text is null or address = %(account)s)
        and (%(since)s::timestamptz is null or at >= %(since)s) and (%(before)s::timestamptz is null or at < %(before)s)
    order by at desc limit %(most)s
"""
# The newest month and the half year before it are looked through first. Words of which those have few are few in all mail, and
# that is found at once; more groups of months would cost more than they save (bench/search.py).
SPANS = (1, 6)


async def search(
    reader: Reader,
    terminal: Terminal,
    text: str,
    *,
    sender: str | None,
    recipient: str | None,
    account: str | None,
    folder: str | None,
    since: datetime | None,
    before: datetime | None,
    unlinked: bool,
    private: bool,
    most: int,
) -> None:
    wanted = words_sought(text) + words_sought(sender or "", FROM) + words_sought(recipient or "", TO)
    for given in (text, sender, recipient):
        if given and not words_sought(given):
            raise Refused("no_words", f"{given!r} has no letter or digit to search for")
    limits: dict[str, Any] = {
        "account": account.lower() if account else None,
        "folder": folder,
        "since": since,
        "unlinked": unlinked,
        "private": private,
    }
    found: list[Row] = []
    for months, older in spans(datetime.now(UTC), since):
        sought = " & ".join([*map(_quoted, wanted), *([f"({' | '.join(map(_quoted, months))})"] if months else [])])
        statement = FOUND.format(which="w.words @@ %(sought)s::tsquery" if sought else "w.words is not null")
        limits["before"] = min(filter(None, (before, older)), default=None)
        found += await reader.rows(statement, sought=sought, most=most + 1 - len(found), **limits)
        if len(found) > most:
            break
    found, more = cut(found, most)
    waiting = (await reader.rows(WAITING))[0]["count"]

    def show() -> None:
        terminal.table(found, _COLUMNS, empty="no message has all of that")
        if more:
            terminal.line(f"there are more, before that: --before {found[-1]['at'].isoformat()}")
        if waiting:
            many = "more than 100000" if waiting > 100_000 else str(waiting)
            terminal.line(
                f"{many} messages are not indexed yet, and found by nothing: a worker with the role workflows does that"
            )

    terminal.answer({"messages": found, "more": more, "not_indexed": waiting}, show)


async def withheld(
    reader: Reader,
    terminal: Terminal,
    *,
    account: str | None,
    since: datetime | None,
    before: datetime | None,
    most: int,
) -> None:
    found = await reader.rows(WITHHELD, account=account, since=since, before=before, most=most)
    columns: list[Column] = [
        ("at", lambda row: row["at"]),
        ("account", lambda row: row["address"]),
        ("rule", lambda row: row["rule"]),
        ("UIDL", lambda row: row["uidl"]),
    ]
    terminal.answer({"withheld": found}, lambda: terminal.table(found, columns, empty="nothing was withheld"))


def spans(now: datetime, since: datetime | None) -> Iterator[tuple[Sequence[str], datetime | None]]:
    """Months as words, from the newest; at last none, which stands for all mail that is older than the time beside it."""
    oldest = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + timedelta(days=32)
    group = [LATER]
    for length in SPANS:
        for _ in range(length):
            oldest = (oldest.replace(day=1) - timedelta(days=1)).replace(day=1)
            group.append(month_of(oldest, now))
        yield group, None
        group = []
        if since is not None and since >= oldest:
            return
    yield [], oldest


def cut(rows: Sequence[Row], most: int) -> tuple[list[Row], bool]:
    """The first `most` rows and whether there are more; rows of one time stay together, for who goes on says that time."""
    if len(rows) <= most:
        return list(rows), False
    kept = list(rows[:most])
    while kept[-1]["at"] == rows[most]["at"] and kept[0]["at"] != kept[-1]["at"]:
        kept.pop()
    return kept, True


def _quoted(word: str) -> str:
    """As a tsquery has it; words have no quotation marks and no backslash."""
    return f"'{word}'"


_COLUMNS: Sequence[Column] = (
    ("message", lambda row: row["id"]),
    ("at", lambda row: row["at"]),
    ("from", lambda row: row["from_address"]),
    ("subject", lambda row: row["subject"]),
    ("account", lambda row: row["address"]),
    ("folder", lambda row: row["folder"]),
)
