"""Input that people type: how many unknown fields are looked at, and what is said of them."""

from __future__ import annotations

import json
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from domain.core.refusal import Refused
from domain.core.validation import MOST_PROBLEMS, Strict, parse

seen: list[int] = []


class Leaf(Strict):
    name: str
    free: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _counted(cls, data: Any) -> Any:
        seen.append(len(data) if isinstance(data, dict) else 0)
        if isinstance(data, dict) and data.get("name") == "whole":
            raise PydanticCustomError("invalid_field", "is wrong as a whole")
        return data


class Tree(Strict):
    name: str
    leaf: Leaf | None = None
    leaves: Annotated[list[Leaf], Field(max_length=3, min_length=1)] = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _counted(cls, data: Any) -> Any:
        seen.append(len(data) if isinstance(data, dict) else 0)
        return data


def many(number: int = 20_000) -> dict[str, Any]:
    return {f"unknown {n}": "x" * 60 for n in range(number)}


def refused(given_: dict[str, Any]) -> Refused:
    seen.clear()
    with pytest.raises(Refused) as caught:
        parse(Tree, given_, what="plant")
    return caught.value


def test_of_twenty_thousand_unknown_fields_a_few_are_looked_at_and_all_are_counted() -> None:
    told = refused({**many(), "name": "oak"})
    named = "; ".join(f"unknown {n} is not a field known here: remove it or mend its spelling" for n in range(5))
    assert told.message == f"plant: {named}; and 19995 more"
    assert (told.refusal.code, told.refusal.field) == ("unknown_field", "unknown 0")
    assert max(seen) <= MOST_PROBLEMS + 1


@pytest.mark.parametrize(
    ("given_", "more"),
    [
        ({"name": "oak", "leaf": {"name": "a", **many()}}, 19_995),
        ({"name": "oak", "leaves": [{"name": "a", **many(7)}, {"name": "b"}, {"name": "c", **many()}]}, 20_002),
        ({"name": 1, **many(), "leaf": {**many()}}, 39_997),
        ({"name": "oak", "leaf": {"name": "whole", **many()}, **many(3)}, None),
        ({"name": "oak", "leaf": [many()], **many(6)}, 2),
        ({"name": "oak", **many(5)}, None),
    ],
)
def test_so_it_is_at_every_depth_where_objects_have_known_fields(given_: dict[str, Any], more: int | None) -> None:
    told = refused(given_)
    assert told.message.endswith(f"; and {more} more") if more else " more" not in told.message
    assert max(seen) <= MOST_PROBLEMS + 2


def test_objects_with_names_of_their_own_keep_all_of_them() -> None:
    leaf = parse(Tree, {"name": "oak", "leaf": {"name": "a", "free": many(50)}}, what="plant").leaf
    assert leaf is not None
    assert leaf.free == many(50)


names = st.sampled_from(["name", "leaf", "leaves", "free", *"abcdefghij"])
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.sampled_from(["oak", "whole"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=12),
    max_leaves=40,
)


@given(st.dictionaries(names, values, max_size=14))
def test_what_is_said_is_what_would_be_said_of_the_whole(given_: dict[str, Any]) -> None:
    try:
        Tree.model_validate_json(json.dumps(given_))
    except ValidationError as error:
        details = error.errors()
        following = {detail["loc"][:n] for detail in details for n in range(len(detail["loc"]))}
        details = [one for one in details if one["type"] != "too_short" or one["loc"] not in following]
        told = refused(given_).message
        assert told.endswith(f"and {len(details) - 5} more") if len(details) > 5 else " more" not in told
        first = [".".join(map(str, detail["loc"])) for detail in details[:MOST_PROBLEMS]]
        assert [name for name in first if name not in told] == []
    else:
        assert parse(Tree, given_, what="plant")
