"""Text that PostgreSQL can store."""

from __future__ import annotations

import re
from typing import Any

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """`text` as PostgreSQL can keep it: NUL becomes U+2400, a lone surrogate U+FFFD."""
    return _UNSTORABLE.sub(lambda match: "\u2400" if match[0] == "\0" else "\ufffd", text)


def storable_all(value: Any) -> Any:
    """Plain JSON with all its strings, those inside of it too, as PostgreSQL can keep them."""
    match value:
        case str():
            return storable(value)
        case dict():
            return {name: storable_all(below) for name, below in value.items()}
        case list():
            return [storable_all(below) for below in value]
        case _:
            return value
