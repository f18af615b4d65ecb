"""Which fields two settings differ in, as people name them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


def differing(before: BaseModel, after: BaseModel) -> list[str]:
    """The fields that two settings differ in, those of a part by its name and theirs."""
    names = []
    for name in type(before).model_fields:
        old, new = getattr(before, name), getattr(after, name)
        if old == new:
            continue
        if isinstance(new, BaseModel):
            names += [f"{name}.{leaf}" for leaf in type(new).model_fields if getattr(old, leaf) != getattr(new, leaf)]
        else:
            names.append(name)
    return names


def changes(before: BaseModel, after: BaseModel) -> dict[str, tuple[Any, Any]]:
    """Those fields, each with its value before and after, as JSON has them."""
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    return {name: (_value_of(old, name), _value_of(new, name)) for name in differing(before, after)}


def _value_of(settings: dict[str, Any], name: str) -> Any:
    value: Any = settings
    for key in name.split("."):
        value = value[key]
    return value
