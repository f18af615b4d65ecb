"""The wording of an account's warnings: what follows from its settings, its provider, and what sessions observed.

A remedy that begins with the name of a command is that command as it can be pasted: name, blank, its input as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from domain.core.foreign_text import address_in_notice
from domain.filing.recommended import own_mail, pasted
from domain.mailbox.providers import MARKS_READ, Caution, Profile, profile_of
from domain.mailbox.settings import AccountSettings
from domain.retrieval.observations import Observation

NOTICED = ("queue_saturated", "other_pop_client", "recent_gap")  # what people are told of when it begins


def cautions(settings: AccountSettings, observed: Iterable[Observation]) -> list[Caution]:
    """All warnings but those of the CRM link, the lasting ones first."""
    profile = profile_of(settings)
    found = [*profile.warnings]
    if settings.retrieval.after_store != "leave":
        found.append(_deletes_on_server(settings, profile))
    if settings.retrieval.recent_mode:
        found += [_recent_mode(), _own_mail_in_inbox(settings)]
    found += [made for one in observed if (made := caution(settings, one)) is not None]
    return found


def caution(settings: AccountSettings, one: Observation) -> Caution | None:
    """One observation in words; None for what is no trouble under these settings, or of a later version."""
    profile = profile_of(settings)
    match one.code:
        case "queue_saturated":
            return _queue_saturated(one, profile)
        case "other_pop_client":
            return _other_pop_client(one, profile)
        case "recent_gap":
            return _recent_gap(one)
        case "daily_limit":
            return _daily_limit(one, profile)
        case "exchange_marks_read":
            return None if MARKS_READ in profile.warnings else MARKS_READ
        case "expire":
            return _expire_conflict(int(one.facts["days"]), settings, profile)
        case _:
            return None


def _deletes_on_server(settings: AccountSettings, profile: Profile) -> Caution:
    days = settings.retrieval.delete_after_days
    when = f" This happens {days} days after it was stored." if settings.retrieval.after_store != "delete" else ""
    return "deletes_on_server", profile.deletion + when, (_change(after_store="leave"),)  # R63


def _recent_mode() -> Caution:
    return (
        "recent_mode",  # R66
        (
            "In recent mode the server shows the mail of the last 30 days, whether or not it was retrieved before: older mail "
            "never comes, and neither does any mail if more than 30 days pass without a look."
        ),
        (_change(recent_mode=False),),
    )


def _own_mail_in_inbox(settings: AccountSettings) -> Caution:
    own = [settings.address, *settings.aliases]
    return (
        "own_mail_in_inbox",  # R71
        (
            "In recent mode the server shows sent mail too, and without a filter it is stored in the Inbox. The one offered here "
            "moves it to Sent: mail that comes after it is saved, and with apply_filter the mail that is here. `contains` also "
            f"matches longer addresses that end in or begin with yours, such as {address_in_notice('my.' + own[0])}; "
            "recommend_filters has one that does not."
        ),
        (pasted(own_mail(own)),),
    )


def _queue_saturated(one: Observation, profile: Profile) -> Caution:
    listed, counted, stored = (int(one.facts[name]) for name in ("listed", "counted", "stored"))
    if counted > listed:
        seen = f"The server counts {counted} messages and lists {listed} of them, all of which are known here"
    else:
        seen = f"The server lists {listed} messages, all of which are known here, and its queue does not get shorter"
    kept = (
        f" Of the listed messages {listed - stored} were never stored; those are not deleted."
        if stored < listed
        else ""
    )
    only = "" if profile.recent_mode else " Recent mode is Google's; another server refuses that user name."
    return (
        "queue_saturated",  # R56, R57
        (
            f"{seen}: newer mail may wait behind them. Either read the mailbox in recent mode, or let what is stored be deleted "
            f"from the server. {profile.deletion}{kept}{only}"
        ),
        (_change(recent_mode=True), _change(after_store="delete")),
    )


def _other_pop_client(one: Observation, profile: Profile) -> Caution:
    remedies: tuple[str, ...] = (
        "Stop the other program, or have it leave mail on the server: what it takes before the next look is never seen here.",
    )
    if profile.recent_mode:
        remedies = (_change(recent_mode=True), *remedies)
    return (
        "other_pop_client",  # R65
        (
            f"Since {_day(one, 'since')} messages vanish from the server that this account did not delete: another POP client "
            "takes them, or somebody deletes them there. What was stored here stays; the view ledger has what vanished."
        ),
        remedies,
    )


def _recent_gap(one: Observation) -> Caution:
    return (
        "recent_gap",  # R66
        (
            f"No look at the mailbox between {_day(one, 'from')} and {_day(one, 'to')} worked, which is more than the 30 days "
            "that recent mode shows: mail of that time may be missing here, and recent mode will not bring it."
        ),
        (_change(recent_mode=False),),
    )


def _daily_limit(one: Observation, profile: Profile) -> Caution:
    limit = f"{(profile.daily_bytes or 0) // 1_000_000:,} MB"
    return (
        "daily_limit",
        (
            f"The provider hands out {limit} a day by POP, and the last 24 hours have used that up: retrieval goes on by itself "
            f"at {_moment(one, 'until'):%Y-%m-%d %H:%M} UTC. Nothing is lost, and nothing has to be done."
        ),
        (),
    )


def _expire_conflict(days: int, settings: AccountSettings, profile: Profile) -> Caution | None:
    retrieval = settings.retrieval
    kept_days = {"leave": None, "delete": 0}.get(retrieval.after_store, retrieval.delete_after_days)
    if retrieval.recent_mode or (kept_days is not None and kept_days <= days):
        return None
    if profile.queue_size is not None:
        return (
            "expire_conflict",
            (
                f"The server announces that mail may stay for {days} days (EXPIRE {days}) and means its POP queue: what "
                "was retrieved leaves the queue, whatever this account's policy says, and stays in the mailbox itself."
            ),
            (),
        )
    policy = "leaves mail on the server" if kept_days is None else f"leaves mail on the server for {kept_days} days"
    fitting = (
        _change(after_store="delete_after_days", delete_after_days=days) if days else _change(after_store="delete")
    )
    return (
        "expire_conflict",
        (
            f"The server removes mail after {days} days by itself (EXPIRE {days}), and this account {policy}: do not rely on its "
            "being there. What is stored here stays."
        ),
        (fitting,),
    )


def _change(**retrieval: Any) -> str:
    return f"change_settings {json.dumps({'settings': {'retrieval': retrieval}})}"


def _moment(one: Observation, name: str) -> datetime:
    return datetime.fromisoformat(str(one.facts[name]))


def _day(one: Observation, name: str) -> str:
    return f"{_moment(one, name):%Y-%m-%d}"
