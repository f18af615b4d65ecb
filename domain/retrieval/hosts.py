"""Many accounts at one host: when a session may begin beside those of its neighbours, and when a whole host is out.

A refused account is one whose last login was refused. Servers slow every login from an address that has just sent a wrong
password (Dovecot: by 4 seconds, more with each further one, until 15 seconds have passed), so refused accounts take turns.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

QUIET_MINUTES = 0.25  # after a refused login; Dovecot forgets one after 15 seconds
GIVES_WAY_MINUTES = 1.0  # how much later than it came a refused account's turn is, while others wait
FIRST_PAUSE = 1.0  # seconds
LONGEST_PAUSE = 300.0
OUTAGE_ACCOUNTS = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """What an account that wants a session finds at its host.

    `refused`: its own last login was refused. `sessions` are open with the host, `refused_sessions` of them by refused
    accounts. `ahead` and `refused_ahead` (refused accounts) wait for a session as well, their turn comes first, and they ask
    within the next moment; `waiting` are all whose turn comes first. `neighbours`: there are other accounts, whose logins
    work. `quiet` is seconds since a login was last refused there, `early` seconds until the account's own turn.
    """

    refused: bool
    neighbours: bool
    sessions: int
    refused_sessions: int
    ahead: int
    refused_ahead: int
    waiting: int
    quiet: float | None
    early: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a session may not begin yet, and after how many seconds to ask again."""

    reason: str
    seconds: float


def turn(asked: Asked, host: str, *, most: int, minute_seconds: float) -> Wait | None:
    """None when the session may begin now.

    Free places go to those who have waited longest. Beside neighbours, refused accounts have one place at most, none while
    their neighbours want it or within a quarter of a minute of a refusal, and the last free place only after a minute: so none
    of them waits for ever, either.
    """
    pause = min(FIRST_PAUSE + asked.waiting / 4, LONGEST_PAUSE)
    if asked.refused and asked.neighbours:
        quiet = 0.0 if asked.quiet is None else QUIET_MINUTES * minute_seconds - asked.quiet
        if quiet > 0:
            return Wait(f"a login was refused at {host}: the next try of such an account waits", max(quiet, pause))
        if asked.refused_sessions or asked.refused_ahead:
            return Wait(f"another account whose login was refused has its turn at {host}", pause)
        if asked.early > 0:
            most = max(most - 1, 1)
    kept = asked.ahead + (1 if asked.refused_ahead and not asked.refused_sessions else 0)
    if asked.sessions + kept >= most:
        behind = f", and {asked.waiting} wait before it" if asked.waiting else ""
        return Wait(f"{asked.sessions} sessions with {host} are open, as many as allowed{behind}", pause)
    return None


def is_outage(failing: int, looked: int) -> bool:
    """Whether it is the host: of the accounts whose last look still stands, `failing` did not reach it."""
    return failing >= OUTAGE_ACCOUNTS and 2 * failing >= looked


def is_over(reached: int, watched: int) -> bool:
    """Whether an outage is over: `reached` different accounts got through since the last failure, of those watched."""
    return reached >= min(OUTAGE_ACCOUNTS, max((watched + 1) // 2, 1))


def log_address(host: str) -> str:
    """The address under which the log keeps what happens to a host; an account's own always has an @."""
    return f"host/{host}"


def enable_all(host: str) -> str:
    """The command that takes all accounts back into service that failed connections to `host` disabled."""
    query = f'MailroomState = "disabled" AND MailroomHost = "{host}" AND MailroomReason = "connection_failures"'
    words = ["temporal", "workflow", "signal", "--query", query, "--name", "enable", "--input", '{"by": "operator"}']
    return shlex.join([*words, "--reason", f"{host} is back", "--yes"])
