"""Filters: what a message must be like, and where it is filed then (R33-R36, R39, R48).

Addresses are compared as they are spelled and in their normal form, never with the name beside them: anybody can write an
address there. Letters may be large or small everywhere. Regular expressions are RE2's, whose time grows with the text alone,
and pattern, text and the work on one message are bounded, so no filter holds up the mail.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated, Any, Literal, get_args

import re2
from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from domain.core.validation import Strict

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

ADDRESS_FIELDS: dict[str, tuple[str, ...]] = {"from": ("from",), "to": ("to",), "cc": ("cc",), "to_or_cc": ("to", "cc")}


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
            compiled_pattern(str(self.value))
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


def reads_the_raw_message(filters: Iterable[Filter]) -> bool:
    """Whether any condition asks for what only the message's own bytes tell."""
    return any(
        condition.field in ("header", "list_id", "has_attachment") for one in filters for condition in one.conditions
    )


def folded(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


@lru_cache(maxsize=256)
def compiled_pattern(pattern: str) -> Any:
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
