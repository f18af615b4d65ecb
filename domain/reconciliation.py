"""What a reconciliation finds, and what its findings mean: whether an account is complete, said in words and in numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from domain.retrieval.plan import Entry, Identity, Listed

NOT_WATCHED = ("disabled", "closed")  # states in which nobody asks the server for mail
MOST_SHOWN = 100  # of each kind of difference; the count beside them is the full one


class Difference(BaseModel):
    """One kind of difference: how many there are, and the first MOST_SHOWN of them."""

    count: int = 0
    first: list[dict[str, Any]] = []


class Differences(BaseModel):
    """Everything here is a fault; the sentences of FAULTS say what each means."""

    unknown_on_server: Difference = Difference()
    deleted_but_listed: Difference = Difference()
    stored_without_mail: Difference = Difference()
    damaged: Difference = Difference()
    unknown_to_ledger: Difference = Difference()
    untold: Difference = Difference()
    told_but_missing: Difference = Difference()
    counters: Difference = Difference()


class Ordinary(BaseModel):
    """What is as it should be, and yet no stored message that the server lists.

    `waiting`: on the server, for the next session. `no_longer_listed`: stored, and the server has it no more.
    """

    waiting: int = 0
    quarantined: int = 0
    skipped: int = 0
    no_longer_listed: int = 0


class ServerPart(BaseModel):
    """What the server listed. Not `compared`: `reason` says why, with the classified `failure` where there was one."""

    compared: bool
    reason: str | None = None
    failure: dict[str, Any] | None = None
    on_server: int | None = None
    bytes: int | None = None


class BlobsPart(BaseModel):
    """Messages whose hash was recomputed, and the bytes that were read for it."""

    checked: int = 0
    bytes: int = 0


class LogPart(BaseModel):
    """`told`: messages that the log says are stored. `broken`: verify_log's row, None when the chain is intact."""

    versions: int = 0
    told: int = 0
    broken: dict[str, Any] | None = None


class Mended(BaseModel):
    """What a repair did, in messages; `counters` in counters. `not_repairable` are the differences left at its end."""

    relinked: int = 0
    released: int = 0
    restored: int = 0
    counters: int = 0
    not_repairable: int = 0

    def __add__(self, other: Mended) -> Mended:
        return Mended(**{name: value + getattr(other, name) for name, value in self})


class Report(BaseModel):
    """The result of `Reconcile`; docs/reference.md has its shape. `complete` is null where nothing is known against it and the
    server was not compared."""

    address: str
    at: datetime
    state: str
    complete: bool | None = None
    summary: str = ""
    epoch: int
    server: ServerPart
    ledger: dict[str, int]
    messages: int
    bytes: int
    blobs: BlobsPart
    log: LogPart
    ordinary: Ordinary
    differences: Differences = Field(default_factory=Differences)
    repair: Mended | None = None


FAULTS: dict[str, tuple[str, str]] = {
    "unknown_on_server": ("message was overlooked on the server", "messages were overlooked on the server"),
    "deleted_but_listed": (
        "message counts as deleted and the server still lists it",
        "messages count as deleted and the server still lists them",
    ),
    "stored_without_mail": ("message counts as stored and is lost", "messages count as stored and are lost"),
    "damaged": ("message has lost or damaged bytes", "messages have lost or damaged bytes"),
    "unknown_to_ledger": ("stored message is unknown to the ledger", "stored messages are unknown to the ledger"),
    "untold": ("stored message was never told by the log", "stored messages were never told by the log"),
    "told_but_missing": ("message that the log tells is missing", "messages that the log tells are missing"),
    "counters": ("counter is wrong", "counters are wrong"),
}

ORDINARY: dict[str, tuple[str, str]] = {
    "waiting": ("waits on the server for the next session", "wait on the server for the next session"),
    "quarantined": ("is in quarantine", "are in quarantine"),
    "skipped": (
        "is skipped, by the settings or by skip_message, or deleted here",
        "are skipped, by the settings or by skip_message, or deleted here",
    ),
    "no_longer_listed": ("is stored and no longer on the server", "are stored and no longer on the server"),
}

NOT_MENDED_BY_REPAIR = ("deleted_but_listed", "untold")  # no session and no correction can bring these about


@dataclass(frozen=True, slots=True)
class Lists:
    """The server's list beside the ledger."""

    on_server: int
    bytes: int
    waiting: int
    overlooked: Sequence[Listed]
    deleted: Sequence[Listed]
    stored: int


def compare_lists(listed: Sequence[Listed], ledger: Mapping[Identity, Entry], *, caught_up: bool) -> Lists:
    """What the server lists, by what the ledger knows of it.

    An unknown message waits for the next session as a rule: it came after the last look, or is part of a backlog. Only where
    that look left nothing behind (`caught_up`) and messages listed after it are known, it was there and overlooked: servers
    list in the order of arrival.
    """
    unknown = [one for one in listed if one.identity not in ledger]
    last_known = max((one.number for one in listed if one.identity in ledger), default=0)
    overlooked = [one for one in unknown if caught_up and one.number < last_known]
    states = [(one, ledger[one.identity].state) for one in listed if one.identity in ledger]
    return Lists(
        on_server=len(listed),
        bytes=sum(one.size for one in listed),
        waiting=len(unknown) - len(overlooked),
        overlooked=overlooked,
        deleted=[one for one, state in states if state == "deleted"],
        stored=sum(state == "stored" for _, state in states),
    )


def shown(listed: Iterable[Listed]) -> Difference:
    """Messages of the server's list as a difference."""
    found = list(listed)
    first = [{"number": one.number, "uidl": one.uidl, "size": one.size} for one in found[:MOST_SHOWN]]
    return Difference(count=len(found), first=first)


def faults(report: Report) -> int:
    """How many differences there are that are faults, a broken log included."""
    return sum(int(kind.count) for _, kind in report.differences) + int(report.log.broken is not None)


def judged(report: Report) -> Report:
    """The report with its verdict: complete is what has no fault and was compared with its server.

    What waits on the server of an account that nobody retrieves from does not come by itself, so that one is not complete.
    """
    count = faults(report)
    repair = report.repair and report.repair.model_copy(
        update={"not_repairable": count - report.differences.unknown_on_server.count}
    )
    complete: bool | None = count == 0 and not (report.state in NOT_WATCHED and report.ordinary.waiting)
    if complete and not report.server.compared:
        complete = None
    decided = report.model_copy(update={"complete": complete, "repair": repair})
    return decided.model_copy(update={"summary": _summary(decided)})


def _summary(report: Report) -> str:
    differences = report.differences
    found = [_counted(kind.count, FAULTS[name]) for name, kind in differences if kind.count]
    if report.log.broken:
        found.append(f"the log is broken at version {report.log.broken['version']}: {report.log.broken['problem']}")
    sentences = []
    if not report.server.compared:
        sentences.append(f"{report.address} was not compared with its server: {report.server.reason}.")
    if found:
        sentences.append(f"{report.address} is not complete: {'; '.join(found)}.")
    elif report.complete is None:
        sentences.append(f"{report.address} is not proven complete; what is stored here is whole.")
    elif not report.complete:
        sentences.append(
            f"{report.address} is not complete: {_counted(report.ordinary.waiting, ORDINARY['waiting'])}, and a "
            f"{report.state} account has none."
        )
    else:
        sentences.append(f"{report.address} is complete.")
    size = f"of {report.bytes:,} bytes"
    stored = _counted(report.messages, (f"message {size} is stored", f"messages {size} are stored"))
    sentences.append(f"{stored}, {_counted(report.blobs.checked, ('was', 'were'))} read and hashed.")
    if report.server.compared:
        sentences.append(f"The server lists {report.server.on_server:,}.")
    if usual := [_counted(count, ORDINARY[name]) for name, count in report.ordinary if count]:
        sentences.append(f"As it should be: {'; '.join(usual)}.")
    if report.repair:
        done = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in report.repair)
        sentences.append(f"Repair: {done}.")
        if differences.unknown_on_server.count:
            sentences.append("What was overlooked comes with a later session: look again after it.")
    elif any(kind.count for name, kind in differences if name not in NOT_MENDED_BY_REPAIR):
        sentences.append('Run it again with "repair": true to mend what can be mended.')
    return " ".join(sentences)


def _counted(count: int, words: tuple[str, str]) -> str:
    return f"{count:,} {words[count != 1]}"
