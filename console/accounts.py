"""Accounts and CRM connections: how they are, what happened to them, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from console.reading import Reader
from console.terminal import Column, Row, Terminal, shown
from domain.core.refusal import Refused
from domain.failures.failure import LIMITS

# What a person last failed by is in the log, whatever has happened since: only those are asked for it that fail now.
FAILURE = """
    left join lateral (
        select e.data -> 'failure' as failure from account_events e
        where {fails} and e.address = {id} and e.data ? 'failure' order by e.version desc limit 1
    ) last on true
"""
FAILS = """(
    a.state not in ('active', 'closed', 'verifying') or a.authentication_failures > 0 or a.connection_failures > 0
    or a.unwatched or coalesce(session.outcome, 'mail') not in ('mail', 'nothing_new', 'recovered', 'interrupted')
)"""
ACCOUNTS = f"""
    select a.address as name, a.organisation, a.state, a.reason, a.host, a.authentication_failures, a.connection_failures,
        a.messages, a.remaining, a.quarantined, a.last_checked_at, a.last_success_at, a.next_attempt_at, a.unwatched,
        a.host_outage_since, {FAILS} as failing, last.failure
    from accounts a
    left join lateral (
        select outcome from retrievals r where r.address = a.address order by started_at desc limit 1
    ) session on true
    {FAILURE.format(id="a.address", fails=FAILS)}
    where (%(name)s::text is null or a.address = %(name)s) and (a.state <> 'closed' or %(closed)s)
        and (%(state)s::text is null or a.state = %(state)s)
        and (%(host)s::text is null or a.host = %(host)s) and (not %(failing)s or {FAILS})
        and a.address > %(after)s
    order by a.address limit %(most)s
"""
CRM_FAILS = "(c.state not in ('active', 'closed', 'verifying') or c.last_failure is not null or c.failed > 0)"
CRMS = f"""
    select 'crm/' || c.name as name, c.organisation, c.state, c.reason, c.kind, c.last_failure, c.authentication_failures,
        c.connection_failures, c.backlog, c.uncertain, c.failed, c.pulled_at, c.next_attempt_at, {CRM_FAILS} as failing,
        last.failure
    from crms c
    {FAILURE.format(id="'crm/' || c.name", fails=CRM_FAILS)}
    where (%(name)s::text is null or 'crm/' || c.name = %(name)s) and (c.state <> 'closed' or %(closed)s)
        and (%(state)s::text is null or c.state = %(state)s)
        and (not %(failing)s or {CRM_FAILS}) and %(host)s::text is null and %(after)s = ''
    order by c.name limit %(most)s
"""

# Of each address the last one, and none of which anything came since.
REFUSED = """
    select e.address as name, e.at, e.data -> 'failure' as failure from account_events e
    where e.type in ('SetUpRefused', 'CrmSetUpRefused') and not exists (
        select from account_events later where later.address = e.address and later.version > e.version
            and later.type in ('SetUpRefused', 'CrmSetUpRefused', 'AccountConnected', 'CrmConnected')
    )
    order by e.at desc limit %(most)s
"""

_ALL = {"name": None, "failing": False, "closed": False, "state": None, "host": None, "after": "", "most": 1}


async def accounts(
    reader: Reader,
    terminal: Terminal,
    *,
    failing: bool,
    closed: bool,
    state: str | None,
    host: str | None,
    after: str,
    most: int,
) -> None:
    wanted = _ALL | {
        "failing": failing,
        "closed": closed,
        "state": state,
        "host": host,
        "after": after,
        "most": most + 1,
    }
    found = await reader.rows(ACCOUNTS, **wanted)
    crms = (await reader.rows(CRMS, **wanted))[:most]
    rest, found = found[most:], found[:most]

    def show() -> None:
        empty = "no account fails" if failing else "there is no such account; docs/connect.md says how to connect one"
        terminal.table(found, _COLUMNS, empty=empty)
        if crms or not failing:
            terminal.line()
            terminal.table(crms, _CRM_COLUMNS, empty="there is no CRM connection")
        if rest:
            terminal.line(f"there are more: --after {found[-1]['name']}")

    terminal.answer({"accounts": found, "crms": crms, "more": bool(rest)}, show)


async def refused(reader: Reader, terminal: Terminal, *, most: int) -> None:
    """Set-ups that were refused by the server or the CRM, the last ones first: there is no account, so no other list has them."""
    found = await reader.rows(REFUSED, most=most)
    terminal.answer(
        {"refused": found},
        lambda: terminal.table(found, _REFUSED, empty="no set-up was refused that did not work later"),
    )


def _state(row: Row) -> str:
    reason = row["reason"]
    return f"{row['state']} ({reason})" if reason else str(row["state"])


def _failures(row: Row) -> str:
    parts = [
        (row["authentication_failures"], LIMITS.authentication, "authentication"),
        (row["connection_failures"], LIMITS.connection, "connection"),
    ]
    return ", ".join(f"{count} of {limit} {what}" for count, limit, what in parts if count)


def to_do(row: Row) -> str:
    """What to do about it in a line; "" where nothing is."""
    if not row["failing"]:
        return ""
    if row.get("unwatched"):
        return "nobody looks at it: docs/failures.md, An active account that nobody looks at"
    if row["state"] == "disabled" and row["reason"] == "operator":
        return "enable, when it is to go on"
    if row["state"] == "over_quota":
        return "set_quota, higher"
    if "last_failure" in row and not row["last_failure"]:
        return "retry_failed, when its cause is mended: docs/crm.md, Entries that the CRM rejects"
    failure = row["failure"] or {}
    remedy = str(failure.get("remedy") or "")
    return remedy or str(failure.get("kind") or "")


_COLUMNS: Sequence[Column] = (
    ("account", lambda row: row["name"]),
    ("state", _state),
    ("failures in a row", _failures),
    ("last look", lambda row: row["last_checked_at"]),
    ("next look", lambda row: row["next_attempt_at"]),
    ("mail", lambda row: row["messages"]),
    ("to fetch", lambda row: row["remaining"] or None),
    ("quarantined", lambda row: row["quarantined"] or None),
    ("what to do", to_do),
)
_CRM_COLUMNS: Sequence[Column] = (
    ("CRM connection", lambda row: row["name"]),
    ("kind", lambda row: row["kind"]),
    ("state", _state),
    ("failures in a row", _failures),
    ("last pull", lambda row: row["pulled_at"]),
    ("to push", lambda row: row["backlog"] or None),
    ("uncertain", lambda row: row["uncertain"] or None),
    ("rejected", lambda row: row["failed"] or None),
    ("what to do", to_do),
)

_REFUSED: Sequence[Column] = (
    ("set-up of", lambda row: row["name"]),
    ("at", lambda row: row["at"]),
    ("failure", lambda row: (row["failure"] or {}).get("kind")),
    ("the server said", lambda row: (row["failure"] or {}).get("server_said")),
    ("what to do", lambda row: (row["failure"] or {}).get("remedy")),
)

# One of them --------------------------------------------------------------------------------------------------------------

LOG = """
    select version, at, type, actor, data from account_events
    where address = %(id)s and (%(before)s::bigint is null or version < %(before)s)
        and (not %(short)s or type <> 'MessagesStored')
    order by version desc limit %(most)s
"""


def as_kept(name: str) -> str:
    """An address as the database has it; CRMs and hosts are written as they are."""
    return name if name.startswith(("crm/", "host/")) else name.lower()


async def known(reader: Reader, name: str) -> Row:
    """The row of an account or, by crm/NAME, of a CRM connection; raises Refused where there is none."""
    kind = name.startswith("crm/")
    wanted = _ALL | {"name": as_kept(name), "closed": True}
    row = await reader.row(CRMS if kind else ACCOUNTS, **wanted)
    if row is None:
        raise Refused(
            "unknown_address",
            f"there is no {'CRM connection' if kind else 'account'} {name}: `mailroom accounts --closed` lists all that were "
            "ever connected",
        )
    return row


async def log(reader: Reader, terminal: Terminal, name: str, *, before: int | None, most: int) -> None:
    name = as_kept(name)
    found = await reader.rows(LOG, id=name, before=before, most=most + 1, short=False)
    if not found and not before:
        raise Refused(
            "unknown_address", f"the log has nothing of {name}: accounts are there by address, CRMs by crm/NAME"
        )
    rest, found = found[most:], found[:most]

    def show() -> None:
        terminal.table(list(reversed(found)), LOG_COLUMNS, empty="nothing before that")
        if rest:
            terminal.line(f"there is more, before that: --before {found[-1]['version']}")

    terminal.answer({"events": found, "more": bool(rest)}, show)


def event_facts(row: Row) -> str:
    """An event's facts in a line: who did it stands beside it."""
    data: dict[str, Any] = dict(row["data"])
    failure = data.pop("failure", None)
    parts = []
    if failure:
        parts.append(": ".join(filter(None, [failure.get("kind"), failure.get("server_said")])))
    for name in ("session", "settings", "minute_seconds", "messages", "next_attempt_at", "version", "in_a_row"):
        data.pop(name, None)
    parts += [f"{name}: {_short(value)}" for name, value in data.items() if value not in (None, False, [], {})]
    return "; ".join(parts)


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(
            f"{name} {_short(below)}" for name, below in value.items() if below not in (None, False, [], {})
        )
    return shown(value)


LOG_COLUMNS: Sequence[Column] = (
    ("", lambda row: row["version"]),
    ("at", lambda row: row["at"]),
    ("what", lambda row: row["type"]),
    ("by", lambda row: row["actor"]),
    ("", event_facts),
)
