"""Input that people type: strict models, and refusals that name what is wrong with which field."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from ipaddress import ip_address
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from domain.core.refusal import Refused

MOST_PROBLEMS = 5  # that a refusal names: its text goes into histories, which have limits
LONGEST_NAME = 80
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}\Z")
ZONE = re.compile(r"[A-Za-z0-9._-]{1,15}")  # what RFC 4007, section 11.2, leaves open: the name of an interface
SECRET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,199}\Z")
HOST_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)\Z")
Place = tuple[int | str, ...]  # of an object in another, as pydantic says it
Parsed = TypeVar("Parsed", bound=BaseModel)


class Strict(BaseModel):
    """Unknown fields are refused by name, values are never converted, and error texts never echo a value."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


def _host(text: str) -> str:
    host = text.strip().rstrip(".").lower()
    with suppress(ValueError):
        address = str(ip_address(host))
        if "%" not in address or ZONE.fullmatch(address.partition("%")[2]):  # Python takes any text for a zone id
            return address
    try:
        host = host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError:
        host = ""
    if not host or len(host) > 253 or not all(HOST_LABEL.match(label) for label in host.split(".")):
        raise PydanticCustomError(
            "invalid_field", "is not a host name: write it as pop.example.com, without port or path"
        )
    return host


def _secret(text: str) -> str:
    scheme, _, name = text.partition(":")
    if scheme not in ("vault", "env", "file") or not SECRET_NAME.match(name):
        # The text may be the password itself: it must be said, and it must not be repeated.
        raise PydanticCustomError(
            "secret_not_allowed",
            "takes a reference (vault:NAME, env:NAME or file:NAME), never a password. If a password was written here, it "
            "is now in this workflow's history: change it at the provider, store the new one with "
            "`mailroom vault set NAME`, and refer to it as vault:NAME",
        )
    if scheme == "env" and not name.startswith("MAILROOM_SECRET_"):
        raise PydanticCustomError(
            "secret_not_allowed", "may name only environment variables that begin with MAILROOM_SECRET_"
        )
    return text


def _line(text: str) -> str:
    if not text or any(character in text for character in "\r\n\0"):
        raise PydanticCustomError("invalid_field", "must be one line of text, without line breaks or NUL")
    return text


def _name(text: str) -> str:
    if not NAME.match(text):
        raise PydanticCustomError(
            "invalid_field", "must be a name of at most 63 lower-case letters, digits, dots, dashes and underscores"
        )
    return text


Host = Annotated[str, Field(max_length=255), AfterValidator(_host)]
SecretReference = Annotated[str, AfterValidator(_secret)]
Line = Annotated[str, Field(max_length=320), AfterValidator(_line)]
Name = Annotated[str, AfterValidator(_name)]


def parse(model: type[Parsed], payload: Any, *, what: str) -> Parsed:
    """Reads one JSON object as `model`, or raises Refused naming each offending field and the way out."""
    if payload is None:
        payload = {}
    if not isinstance(payload, dict):
        raise Refused("invalid_field", f"{what} takes one JSON object as its input")
    left_out: dict[Place, int] = {}
    looked_at = _with_few_unknown(model, payload, (), left_out)
    try:
        return model.model_validate_json(json.dumps(looked_at))
    except ValidationError as error:
        details = _told(error.errors(include_url=False, include_input=False))
        problems = [_problem(detail) for detail in details[:MOST_PROBLEMS]]
        code, field, _ = problems[0]
        said = [text for _, _, text in problems]
        # Where a rule of the whole object was broken first, nobody looked for unknown fields in it.
        told = {detail["loc"][:-1] for detail in details if detail["type"] == "extra_forbidden"}
        more = len(details) - MOST_PROBLEMS + sum(number for place, number in left_out.items() if place in told)
        if more > 0:
            said.append(f"and {more} more")
        raise Refused(code, f"{what}: " + "; ".join(said), field=field) from None


def _with_few_unknown(
    model: type[BaseModel], given: Mapping[str, Any], at: Place, left_out: dict[Place, int]
) -> dict[str, Any]:
    """`given` without the unknown fields after the first few of each object in it, nor what is in those; `left_out` is told how
    many were. Each would cost a validator of a workflow time, which the workflow's clock for deadlocks counts."""
    known = _fields(model)
    kept: dict[str, Any] = {}
    unknown = 0
    for name, value in given.items():
        if name in known:
            kept[name] = _looked_into(known[name], value, (*at, name), left_out)
            continue
        unknown += 1
        if unknown <= MOST_PROBLEMS:
            kept[name] = None
    if unknown > MOST_PROBLEMS:
        left_out[at] = unknown - MOST_PROBLEMS
    return kept


def _looked_into(model: type[BaseModel] | None, value: Any, at: Place, left_out: dict[Place, int]) -> Any:
    if model is None:
        return value
    if isinstance(value, dict):
        return _with_few_unknown(model, value, at, left_out)
    if isinstance(value, list):
        return [
            _with_few_unknown(model, one, (*at, n), left_out) if isinstance(one, dict) else one
            for n, one in enumerate(value)
        ]
    return value


@functools.cache
def _fields(model: type[BaseModel]) -> dict[str, type[BaseModel] | None]:
    """The fields of a model by the names that people type, and of what model the objects in them are; None: of no one model."""
    found = {field.alias or name: list(_models_in(field.annotation)) for name, field in model.model_fields.items()}
    return {name: models[0] if len(models) == 1 else None for name, models in found.items()}


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and get_origin(annotation) is None and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) is not dict:  # whose keys are anybody's
        for inner in get_args(annotation):
            yield from _models_in(inner)


def _told(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without what only follows from others: a list counts as too short when something in it is wrong."""
    inner = {detail["loc"][:depth] for detail in details for depth in range(len(detail["loc"]))}
    return [detail for detail in details if detail["type"] != "too_short" or detail["loc"] not in inner]


def _problem(detail: ErrorDetails) -> tuple[str, str | None, str]:
    field = ".".join(str(part)[:LONGEST_NAME] for part in detail["loc"][:8]) or None
    named = f"{field} " if field else ""
    match detail["type"]:
        case "extra_forbidden":
            return "unknown_field", field, f"{named}is not a field known here: remove it or mend its spelling"
        case "missing":
            return "missing_field", field, f"{named}is missing: add it"
        case "too_short":
            return "invalid_field", field, f"{named}is too short: give at least {detail['ctx']['min_length']}"
        case "too_long":
            return "invalid_field", field, f"{named}is too long: give at most {detail['ctx']['max_length']}"
        case "invalid_field" | "missing_field" | "secret_not_allowed" | "recent_mode_conflict" | "kind_not_supported":
            about = _field_of(detail, field)
            return detail["type"], about, f"{named if field in (about, None) else f'{about}: '}{detail['msg']}"
        case _:
            message = detail["msg"][0].lower() + detail["msg"][1:]
            return "invalid_field", field, f"{named}is not valid: {message}"


def _field_of(detail: ErrorDetails, field: str | None) -> str | None:
    """Rules over several fields are raised at their parent: name the field that has to change."""
    named = {"kind_not_supported": "kind", "recent_mode_conflict": "after_store", "missing_field": "delete_after_days"}
    leaf = detail.get("ctx", {}).get("field") or named.get(detail["type"])
    if leaf is None and field == "incoming" and detail["type"] == "secret_not_allowed":
        leaf = "secret"
    if leaf is None:
        return field
    return f"{field}.{leaf}" if field else leaf
