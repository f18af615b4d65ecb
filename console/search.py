"""Stored messages by their words, newest first, and what a privacy rule kept from being stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from console.accounts import known
from console.reading import Reader
from console.terminal import Column, Row, Terminal
from domain.core.refusal import Refused
from domain.message.words import FROM, LATER, LONGEST_QUERY, TO, month_of, words_sought

# Months are words, too, so that the newest mail is found without a look at all that has the same words.
FOUND = """
    select m.id, m.address, m.folder, coalesce(m.sent_at, m.stored_at) as at, m.from_address, m.subject, m.kind
    from mail_words w join mail m on m.id = w.message
    where {which}
        and (%(account)s::text is null or m.address = %(account)s) and (%(folder)s::text is null or m.folder = %(folder)s)
        and coalesce(m.sent_at, m.stored_at) >= %(since)s and coalesce(m.sent_at, m.stored_at) < %(before)s
        and (not %(unlinked)s or not exists (select from links l where l.message = m.id and l.unlinked_at is null))
        and (not %(private)s or exists (select from kept_private k where k.message = m.id))
    order by at desc fetch first (%(most)s) rows with ties
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
        if given and len(given) > LONGEST_QUERY:
            raise Refused("too_long", f"a search has at most {LONGEST_QUERY} letters, and this one {len(given)}")
    limits: dict[str, Any] = {
        "account": (await known(reader, account))["name"] if account else None,
        "folder": folder,
        "unlinked": unlinked,
        "private": private,
    }
    found: list[Row] = []
    for months, begin, end in spans(datetime.now(UTC)):
        if since is not None and end <= since:
            break
        sought = " & ".join([*map(_quoted, wanted), *([f"({' | '.join(map(_quoted, months))})"] if months else [])])
        statement = FOUND.format(which="w.words @@ %(sought)s::tsquery" if sought else "w.words is not null")
        limits |= {"since": max(begin, since or begin), "before": min(end, before or end)}
        found += await reader.rows(statement, sought=sought, most=most + 1 - len(found), **limits)
        if len(found) > most:
            break
    found, more = cut(found, most)
    waiting = (await reader.rows(WAITING))[0]["count"]

    def show() -> None:
        terminal.table(
            found, _COLUMNS, empty="no message has all of that; words are found whole, not by a part of them"
        )
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


def spans(now: datetime) -> Iterator[tuple[Sequence[str], datetime, datetime]]:
    """Months as words with the time that they are of, from the newest on; at last none, which stands for all that is older.

    What was of the future when it was indexed is of no month, so it is looked for in all of them.
    """
    end = datetime.max.replace(tzinfo=UTC)
    begin = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + timedelta(days=32)
    for length in SPANS:
        group = [LATER]
        for _ in range(length):
            begin = (begin.replace(day=1) - timedelta(days=1)).replace(day=1)
            group.append(month_of(begin, now))
        yield group, begin, end
        end = begin
    yield [], datetime.min.replace(tzinfo=UTC), end


def cut(rows: Sequence[Row], most: int) -> tuple[list[Row], bool]:
    """The first `most` rows and whether there are more; with all of the last one's time, which is where a next page begins.

    `rows` are one more, and all of that one's time.
    """
    if len(rows) <= most:
        return list(rows), False
    kept = [row for row in rows if row["at"] >= rows[most - 1]["at"]]
    return kept, len(kept) < len(rows)


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
