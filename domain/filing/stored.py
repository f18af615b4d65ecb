"""Filters as they are stored, as their author wrote them."""

from __future__ import annotations

import json

from pydantic import ValidationError

from domain.filing.filters import Filter


def as_written(name: str, match: str, conditions: object, actions: object, enabled: bool) -> Filter | None:
    """None for a filter that this version cannot read: it files nothing, and mail goes on without it."""
    written = {"name": name, "match": match, "conditions": conditions, "actions": actions, "enabled": enabled}
    try:
        return Filter.model_validate_json(json.dumps(written))
    except ValidationError:
        return None
