"""How workflows take what people send: the SDK accepts any payload, it is read here, and refused in words.

A typed handler would not do: a signal without its argument fails the workflow task for ever, and one that does not decode
is dropped unseen. So every handler takes whatever comes (`payload`, `*rest`), and this module reads it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from domain.core.commands import name_of
from domain.core.refusal import Refused
from domain.core.validation import parse
from workflows.contract import REFUSED

ROWS = re.compile(r" \(R\d+(?:, R\d+)*\)")  # requirements, which operators do not know by their numbers

LONGEST_SAID = 120  # characters of a name that anybody may send

Input = TypeVar("Input", bound=BaseModel)
Method = TypeVar("Method", bound=Callable[..., Awaitable[Any]])
Taker = TypeVar("Taker")


class RecordsRefusals(Protocol):
    """A workflow that keeps what was refused where nobody waits for an answer."""

    async def record_refused_signal(self, name: str, payload: Any, error: Refused) -> None: ...


def read(model: type[Input], payload: Any, rest: tuple[Any, ...], *, what: str) -> Input:
    """The one JSON object that was sent, as `model`; raises Refused."""
    if rest:
        raise Refused("invalid_field", f"{what} takes one JSON object as its input, and {1 + len(rest)} were given")
    return parse(model, payload, what=what)


def refusal(error: Refused, *, repeated: bool = False) -> ApplicationError:
    """The error that an operator sees, and unless it is `repeated` a line in the log, which names no content. The CLI prints only
    its message and type, so the message holds everything.

    The reference is the update's id, or the run's: both are found in the Temporal UI, and neither draws on the workflow's
    randomness, which a validator must leave alone.
    """
    update = workflow.current_update_info()
    reference = f"update {update.id}" if update else f"run {workflow.info().run_id}"
    if not repeated:
        say_refused(f"the command {update.name}" if update else "the start", error, reference)
    return ApplicationError(
        f"{error.message} (reference: {reference})", error.refusal.model_dump(), type=REFUSED, non_retryable=True
    )


def say_refused(what: str, error: Refused, reference: str) -> None:
    workflow.logger.warning("refused %s: %s (%s)", what[:LONGEST_SAID], error.refusal.code, reference)


def check_that_somebody_waits(name: str) -> None:
    """Raises Refused for a dry run that came as a signal."""
    if workflow.current_update_info() is None:
        raise Refused(
            "invalid_field",
            f"{name}: dry_run answers what would change, and nobody waits for the answer of a signal: give it as an update",
            field="dry_run",
        )


def command(model: type[BaseModel]) -> Callable[[Method], Method]:
    """Marks a method as a command that takes `model`; it raises Refused where it cannot be done."""

    def mark(method: Method) -> Method:
        method.__dict__["command_model"] = model
        return method

    return mark


def takes_commands(workflow_class: type[Taker]) -> type[Taker]:
    """Registers each method marked with `command` twice: as an update, which answers, and as a signal of the same name.

    Input that makes no sense is refused by the update's validator, before anything enters the history; a refused signal is
    recorded by the workflow itself.
    """
    for name, method in list(vars(workflow_class).items()):
        model = getattr(method, "command_model", None)
        if model is not None:
            _register(workflow_class, name, method, model)
    return workflow_class


def refuses_unknown(what: str, commands: Iterable[type[BaseModel]]) -> Callable[[type[Taker]], type[Taker]]:
    """Gives a workflow handlers for every name but those of `commands`: an update is refused, a signal recorded as refused."""
    names = ", ".join(name_of(model) for model in commands)

    def unknown(name: str) -> Refused:
        text = f"{name[:100]} is not a command of {what}; the commands are {names}"
        return Refused("unknown_command", text)

    async def unknown_signal(self, name: str, arguments: Sequence[RawValue]) -> None:  # type: ignore[no-untyped-def]  # self: the SDK
        await self.record_refused_signal(name, _sent(arguments), unknown(name))

    async def unknown_update(self, name: str, arguments: Sequence[RawValue]) -> None:  # type: ignore[no-untyped-def]  # as above
        raise refusal(unknown(name))

    def refuse(self, name: str, arguments: Sequence[RawValue]) -> None:  # type: ignore[no-untyped-def]  # as above
        raise refusal(unknown(name))

    def add(owner: type[Taker]) -> type[Taker]:
        for handler in (unknown_signal, unknown_update):
            handler.__qualname__ = f"{owner.__qualname__}.{handler.__name__}"
        registered = workflow.update(dynamic=True)(unknown_update)
        registered.validator(refuse)
        owner.unknown_signal = workflow.signal(dynamic=True)(unknown_signal)  # type: ignore[attr-defined]  # found by the SDK
        owner.unknown_update = registered  # type: ignore[attr-defined]  # as above
        return owner

    return add


def _sent(arguments: Sequence[RawValue]) -> Any:
    """The first of them, read: it may say who sent it."""
    read = workflow.payload_converter().from_payloads([one.payload for one in arguments[:1]])
    return read[0] if read else None


def _register(owner: type[Any], name: str, method: Callable[..., Awaitable[Any]], model: type[BaseModel]) -> None:
    async def update(self: Any, payload: Any = None, *rest: Any) -> Any:
        try:
            return await method(self, read(model, payload, rest, what=name))
        except Refused as error:
            raise refusal(error) from None

    def validate(self: Any, payload: Any = None, *rest: Any) -> None:
        try:
            read(model, payload, rest, what=name)
        except Refused as error:
            raise refusal(error) from None

    async def signal(self: RecordsRefusals, payload: Any = None, *rest: Any) -> None:
        try:
            await method(self, read(model, payload, rest, what=name))
        except Refused as error:
            await self.record_refused_signal(name, payload, error)

    signal_name = f"{name}_signal"
    for handler, attribute in ((update, name), (signal, signal_name)):
        handler.__name__ = attribute
        handler.__qualname__ = f"{owner.__qualname__}.{attribute}"
    description = ROWS.sub("", " ".join((inspect.getdoc(model) or "").split()))
    registered = workflow.update(name=name, description=description)(update)
    registered.validator(validate)
    setattr(owner, name, registered)
    setattr(owner, signal_name, workflow.signal(name=name, description=description)(signal))
