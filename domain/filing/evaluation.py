"""Which filters match a message, and where they file it (R33-R36, R39)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from domain.filing.budget import Work
from domain.filing.filters import (
    ADDRESS_FIELDS,
    INBOX,
    LONGEST_VALUE,
    NEGATED,
    SENT,
    Action,
    Condition,
    Filter,
    compiled_pattern,
    folded,
)
from domain.message.index import Participant
from domain.mime.addresses import in_own_letters, normal_address


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message is filed. `by`: the filters that filed it, with their versions."""

    folder: str = INBOX
    labels: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    by: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Readable:
    """One message as conditions read it. What few conditions ask for is found only when it is: `headers` answers the values
    of a header field, decoded; `attached` whether it has an attachment. `form`: a customer filled it in, whatever From says."""

    participants: Sequence[Participant]
    subject: str
    size: int
    own: frozenset[str]
    headers: Callable[[str], Sequence[str]]
    attached: Callable[[], bool]
    automatic: bool = False
    spoofed: bool = False
    form: bool = False
    work: Work = field(default_factory=Work)


@dataclass(frozen=True, slots=True)
class Saved:
    """A filter of an account. None instead of one that this version cannot read."""

    id: int
    version: int
    filter: Filter | None


def place(mail: Readable, filters: Iterable[Saved]) -> Place:
    """Where the enabled ones of an account's filters, in their order, file a message: the first move wins, labels and marks add
    up. One that fails is left out, and said so in `by`: a filter never keeps a message from being stored."""
    where, moved = Place(), False
    for one in filters:
        try:
            if one.filter is None:
                raise ValueError("of another version")
            mail.work.next_one()
            if not one.filter.enabled or not holds(one.filter, mail):
                continue
        except Exception as error:
            failed = {"filter": one.id, "version": one.version, "failed": type(error).__name__}
            where = replace(where, by=(*where.by, failed))
            continue
        actions = fitting(one.filter.actions, mail)
        if not actions:
            continue
        moves = any(action.move for action in actions)
        where = act(where, [action for action in actions if not (moved and action.move)], one)
        moved = moved or moves
        if any(action.stop for action in actions):
            break
    return where


def fitting(actions: Sequence[Action], mail: Readable) -> Sequence[Action]:
    """The actions of a filter that matches, but for one: what a customer filled in is received, so none files it in Sent."""
    return [action for action in actions if not (mail.form and action.move == SENT)]


def act(where: Place, actions: Sequence[Action], one: Saved) -> Place:
    """The place of a message after a filter that matches it; the first of its moves counts."""
    labels = dict.fromkeys((*where.labels, *(action.label for action in actions if action.label)))
    flags = dict.fromkeys((*where.flags, *(action.mark for action in actions if action.mark)))
    return Place(
        folder=next((action.move for action in actions if action.move), where.folder),
        labels=tuple(labels),
        flags=tuple(sorted(flags)),
        by=(*where.by, {"filter": one.id, "version": one.version}),
    )


def holds(given: Filter, mail: Readable) -> bool:
    """Whether a filter matches a message. Raises TooMuchWork."""
    if given.match == "always":
        return True
    found = (_is_true(condition, mail) for condition in given.conditions)
    return all(found) if given.match == "all" else any(found)


def _is_true(condition: Condition, mail: Readable) -> bool:
    if (positive := NEGATED.get(condition.operator)) is not None:
        return not _is_true(condition.model_copy(update={"operator": positive}), mail)
    value = condition.value
    match condition.field:
        case "size":
            return {
                "is": mail.size == value,
                "greater_than": mail.size > int(value),
                "less_than": mail.size < int(value),
            }[condition.operator]
        case "has_attachment":
            return mail.attached() is value
        case "own_address":
            own = not mail.form and any(who.field == "from" and who.normal in mail.own for who in mail.participants)
            return own is value
        case "automatic":
            return mail.automatic is value
        case "spoofed":
            return mail.spoofed is value
        case "subject":
            found: Iterable[str] = (mail.subject,)
        case "list_id":
            found = mail.headers("list-id")
        case "header":
            found = mail.headers((condition.header or "").lower())
        case field:
            fields = ADDRESS_FIELDS[field]
            found = [text for who in mail.participants if who.field in fields for text in _spellings(who)]
            if condition.operator != "matches" and (normal := normal_address(str(value))) is not None:
                wanted = dict.fromkeys((str(value), normal))
                return any(_compares(condition.operator, text, one, mail.work) for text in found for one in wanted)
    return any(_compares(condition.operator, text, str(value), mail.work) for text in found)


def _spellings(who: Participant) -> Iterable[str]:
    """As it is spelled and in normal form; where that is in A-labels also in the letters that people write."""
    return dict.fromkeys((who.address, who.normal, in_own_letters(who.normal)))


def _compares(operator: str, text: str, value: str, work: Work) -> bool:
    text = text[:LONGEST_VALUE]
    if operator == "matches":
        pattern = compiled_pattern(value)
        work.compare(text, pattern.programsize)
        return pattern.search(text) is not None
    work.compare(text)
    text, value = folded(text), folded(value)
    match operator:
        case "contains":
            return value in text
        case "is":
            return text.strip() == value.strip()
        case "starts_with":
            return text.startswith(value)
        case _:
            return text.endswith(value)
