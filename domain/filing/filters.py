"""Filters: what a message must be like, and where it is filed then (R33-R36, R39, R48).

Addresses are compared as they are spelled and in their normal form, never with the name beside them: anybody can write an
address there. Letters may be large or small everywhere. Regular expressions are RE2's, whose time grows with the text alone,
and pattern, text and the work on one message are bounded, so no filter holds up the mail.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Annotated, Any, Literal, get_args

import re2
from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from domain.addresses import in_own_letters, normal_address
from domain.message import Participant
from domain.settings import Strict
from domain.work import Work

FOLDERS = ("Inbox", "Sent", "Archive", "Trash")
INBOX, SENT, TRASH = "Inbox", "Sent", "Trash"
MOST_FILTERS = 100  # of one account
MOST_CONDITIONS = 101  # of one filter: the account's address and as many aliases as it may have
LONGEST_VALUE = 4 << 10  # characters of a field that conditions look at
LONGEST_PATTERN = 500
LARGEST_PROGRAM = 1000  # instructions of a compiled pattern: its time per character, at worst
PATTERN_MEMORY = 1 << 20  # bytes


def _name(text: Any) -> Any:
    """`FROM` and `does not contain` are names, too: letters may be large, and blanks and dashes stand for underscores."""
    return "_".join(text.lower().replace("-", " ").split()) if isinstance(text, str) else text


Truth = Literal["has_attachment", "own_address", "automatic", "spoofed"]
ConditionField = Literal["from", "to", "cc", "to_or_cc", "subject", "list_id", "header", "size", Truth]
Operator = Literal[
    "contains", "does_not_contain", "is", "is_not", "starts_with", "ends_with", "matches", "greater_than", "less_than"
]
TEXT_OPERATORS = ("contains", "does_not_contain", "is", "is_not", "starts_with", "ends_with", "matches")
SIZE_OPERATORS = ("is", "is_not", "greater_than", "less_than")
TRUTHS: tuple[str, ...] = get_args(Truth)
NEGATED = {"does_not_contain": "contains", "is_not": "is"}
Flag = Literal["seen", "flagged"]

_FIELDS: dict[str, tuple[str, ...]] = {"from": ("from",), "to": ("to",), "cc": ("cc",), "to_or_cc": ("to", "cc")}


def _unfit(field: str, said: str) -> PydanticCustomError:
    return PydanticCustomError("invalid_field", "{said}", {"field": field, "said": said})


def _words(text: str) -> str:
    text = unicodedata.normalize("NFC", text.strip())
    if not text or any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text):
        raise PydanticCustomError(
            "invalid_field", "must be 1 to 100 characters, without line breaks or control characters"
        )
    return text


def _folder(text: str) -> str:
    name = _words(text)
    return next((folder for folder in FOLDERS if folder.lower() == name.lower()), name)


Words = Annotated[str, Field(max_length=100), AfterValidator(_words)]
Folder = Annotated[str, Field(max_length=100), AfterValidator(_folder)]  # of the four that always exist, or an own one
Label = Words
HeaderName = Annotated[str, Field(pattern=r"^[!-9;-~]{1,80}$")]  # RFC 5322, section 2.2


class Condition(Strict):
    """`field` `operator` `value`. Text fields take text, `size` a number of bytes, the others true or false.

    `header` names the header field where `field` is header; `X-Mailer` and `header:Sender` say both in one.
    `own_address`: From is the account's address or an alias of it,
    exactly; `automatic`: a program sent it; `spoofed`: it claims an own address, and what is known of it says otherwise.
    """

    field: Annotated[ConditionField, BeforeValidator(_name)]
    operator: Annotated[Operator, BeforeValidator(_name)]
    value: Annotated[str, Field(max_length=1000)] | bool | int
    header: HeaderName | None = None

    @model_validator(mode="before")
    @classmethod
    def _as_typed(cls, data: Any) -> Any:
        """A header field named as the field itself, and values that were put in quotation marks."""
        if not isinstance(data, dict) or not isinstance(data.get("field"), str):
            return data
        field, value = _name(data["field"]), data.get("value")
        head, colon, name = data["field"].partition(":")
        if data.get("header") is None and field not in get_args(ConditionField):
            if colon and _name(head) == "header":
                data = {**data, "field": "header", "header": name.strip()}
            elif "-" in head:
                data = {**data, "field": "header", "header": data["field"].strip()}
        if field in TRUTHS and value in ("true", "false"):
            data = {**data, "value": value == "true"}
        elif field == "size" and isinstance(value, str) and value.isdecimal() and len(value) < 19:
            data = {**data, "value": int(value)}
        return data

    @model_validator(mode="after")
    def _makes_sense(self) -> Condition:
        if (self.field == "header") != (self.header is not None):
            what = "needs the name of the header in `header`" if self.header is None else "takes no `header`"
            raise _unfit("header", f"field: {self.field} {what}")
        operators: tuple[str, ...] = TEXT_OPERATORS
        kind: type = str
        told = "text"
        if self.field in TRUTHS:
            operators, kind, told = ("is", "is_not"), bool, "true or false"
        elif self.field == "size":
            operators, kind, told = SIZE_OPERATORS, int, "a number of bytes"
        if self.operator not in operators:
            raise _unfit(
                "operator",
                f"field: {self.field} is not compared by {self.operator}: its operators are {', '.join(operators)}",
            )
        if type(self.value) is not kind or self.value == "":
            raise _unfit("value", f"of field: {self.field} it must be {told}")
        if self.operator == "matches":
            _pattern(str(self.value))
        return self


class Action(Strict):
    """One of: `move` to a folder (Trash is how a filter deletes), add a `label`, `mark` it, `stop` later filters."""

    move: Folder | None = None
    label: Label | None = None
    mark: Annotated[Flag | None, BeforeValidator(_name)] = None
    stop: Literal[True] | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Action:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise PydanticCustomError(
                "invalid_field", 'must be one of {"move": folder}, {"label": label}, {"mark": flag}, {"stop": true}'
            )
        return self


class Filter(Strict):
    """A filter as it is typed. `match`: whether all of the conditions have to hold, or any; always has none."""

    name: Words
    match: Annotated[Literal["all", "any", "always"], BeforeValidator(_name)] = "all"
    conditions: Annotated[tuple[Condition, ...], Field(max_length=MOST_CONDITIONS)] = ()
    actions: Annotated[tuple[Action, ...], Field(max_length=20)]
    enabled: bool = True

    @model_validator(mode="after")
    def _is_whole(self) -> Filter:
        if not self.actions:
            raise PydanticCustomError("invalid_field", 'actions is empty: add one, such as {"move": "Archive"}')
        if (self.match == "always") == bool(self.conditions):
            raise PydanticCustomError(
                "invalid_field",
                "match: always takes no conditions"
                if self.conditions
                else "conditions is empty: add one, or say match: always to file every message",
            )
        return self

    def written(self) -> dict[str, Any]:
        """As it is typed: JSON without what was left out."""
        return self.model_dump(mode="json", exclude_none=True)


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


def reads_the_raw_message(filters: Iterable[Filter]) -> bool:
    """Whether any condition asks for what only the message's own bytes tell."""
    return any(
        condition.field in ("header", "list_id", "has_attachment") for one in filters for condition in one.conditions
    )


def own_mail(own: Sequence[str]) -> Filter:
    """The ready-made filter for mail that the account's owner sent, in the words of the product that it is known from."""
    return Filter(
        name="Sent mail",
        match="all" if len(own) == 1 else "any",
        conditions=tuple(Condition(field="from", operator="contains", value=address) for address in own),
        actions=(Action(move=SENT),),
    )


def own_mail_exactly() -> Filter:
    """The same without the recipe's two weaknesses: longer addresses, and mail that only claims to be the owner's."""
    return Filter(
        name="Sent mail, own addresses only",
        match="all",
        conditions=(
            Condition(field="own_address", operator="is", value=True),
            Condition(field="spoofed", operator="is", value=False),
        ),
        actions=(Action(move=SENT),),
    )


def warnings(given: Filter, own: Iterable[str]) -> list[str]:
    """What to say of a filter that does as written, and perhaps more than was meant (R35)."""
    found = []
    for condition in given.conditions:
        if condition.operator != "contains" or condition.field not in _FIELDS:
            continue
        for address in own:
            if _folded(str(condition.value)) in (_folded(address), _folded(normal_address(address) or address)):
                found.append(
                    f"{condition.field} contains {address} also matches longer addresses, such as my.{address}; "
                    f"{condition.field} is {address} would not"
                )
    return found


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
            fields = _FIELDS[field]
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
        pattern = _pattern(value)
        work.compare(text, pattern.programsize)
        return pattern.search(text) is not None
    work.compare(text)
    text, value = _folded(text), _folded(value)
    match operator:
        case "contains":
            return value in text
        case "is":
            return text.strip() == value.strip()
        case "starts_with":
            return text.startswith(value)
        case _:
            return text.endswith(value)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> Any:
    """The compiled pattern; raises PydanticCustomError, with words, for one that cannot be, or is too large."""
    if len(pattern) > LONGEST_PATTERN:
        raise _unfit("value", f"is a pattern of more than {LONGEST_PATTERN} characters: shorten it")
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = PATTERN_MEMORY
    try:
        compiled = re2.compile(pattern, options)
    except (re2.error, UnicodeError) as error:
        said = error.args[0] if error.args else ""
        words = (said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)).partition(": ")[0]
        raise _unfit("value", f"is no pattern that RE2 takes ({words[:200]}): mend it, or use contains") from None
    if compiled.programsize > LARGEST_PROGRAM:
        raise _unfit("value", "is a pattern that takes too long: use fewer or smaller repetitions such as {1,50}")
    return compiled


def pasted(given: Filter) -> str:
    """The command that saves it, as it can be pasted."""
    written = given.written()
    del written["enabled"]
    return f"save_filter {json.dumps(written, ensure_ascii=False)}"
