"""What tests draw at random, from one seed for the whole run: set by MAILROOM_SEED, and printed by whoever draws."""

from __future__ import annotations

import os
import random

VARIABLE = "MAILROOM_SEED"


def seed() -> int:
    """This run's seed. Processes that this one starts, those of pytest-xdist among them, have the same."""
    given = os.environ.get(VARIABLE) or str(random.SystemRandom().randrange(1_000_000))
    os.environ[VARIABLE] = given
    if not given.isdecimal():
        raise ValueError(f"{VARIABLE} is {given!r}, and no number that a run has printed")
    return int(given)


def seeded(*about: object) -> random.Random:
    """Chance for a test, which prints how to have the same again; `about` tells apart what draws beside each other."""
    print(f"{VARIABLE}={seed()} draws the same again")  # noqa: T201 -- pytest shows it where the test fails
    return random.Random(" ".join(map(str, (seed(), *about))) if about else seed())
