"""Every text that a command takes is words once it is read, or is known to be kept as it came."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError

import domain
from domain.core.commands import Command
from tests.domain.core.test_foreign_text import ACTS

HOSTILE = "[op](https://evil.example/by)\x1b[2J\u202e**\x07"
# What has to stay as it came, because something is found by it or because it is the CRM's to show. Where Mailroom shows it, it is
# shown as code or spelled (domain/core/foreign_text.py). A field that is new belongs here only for such a reason.
KEPT = {
    "address": "an address is looked up by its own rules",
    "record_id": "a CRM's id",
    "settings": "checked field by field once it is merged",
    "subject": "goes to the CRM",
    "text": "goes to the CRM",
    "uidl": "a server's name of a message",
    "username": "what the mail server knows the user by",
}


def commands(kind: type[Command] = Command) -> Iterator[type[Command]]:
    for one in kind.__subclasses__():
        yield one
        yield from commands(one)


for module in pkgutil.walk_packages(domain.__path__, "domain."):
    importlib.import_module(module.name)
FIELDS = sorted(
    {
        (f"{one.__module__}.{one.__name__}", name): one
        for one in commands()
        if one.__module__.startswith("domain.")
        for name in one.model_fields
        if name not in KEPT
    }.items()
)


@pytest.mark.parametrize(
    ("named", "command"), FIELDS, ids=lambda value: ".".join(value) if isinstance(value, tuple) else "taken"
)
def test_a_field_of_a_command_takes_no_text_that_acts(named: tuple[str, str], command: type[Command]) -> None:
    field = command.model_fields[named[1]]
    kind: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    read: TypeAdapter[Any] = TypeAdapter(kind)
    for given in (HOSTILE, (HOSTILE,), {HOSTILE: HOSTILE}):
        try:
            taken = read.validate_python(given)
        except ValidationError:
            continue
        texts = [taken] if isinstance(taken, str) else [*taken, *(taken.values() if isinstance(taken, dict) else ())]
        assert [text for text in texts if isinstance(text, str) and ACTS.search(text)] == []


def test_what_is_kept_as_it_came_is_a_field_that_there_is() -> None:
    assert set(KEPT) <= {name for one in commands() for name in one.model_fields}
