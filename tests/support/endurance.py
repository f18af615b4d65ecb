"""How large a test is that repeats itself: as large as it gets in `make endurance`, large enough to meet every kind of point
in `make test`."""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")

ENDURANCE = int(os.environ.get("MAILROOM_ENDURANCE") or 0)
"""How often `make endurance` has the test that repeats itself longest; 0 in `make test`."""


def sized(full: T, small: T) -> T:
    """`full` in `make endurance`, `small` in `make test`."""
    return full if ENDURANCE else small
