"""What to do about a failure, as data: advice, what only the mailbox's owner can do, and how it goes on. Rendered here alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pydantic import BaseModel, ConfigDict


@dataclass(frozen=True, slots=True)
class Prospect:
    """How it goes on with what is watched, by itself or once the advice is followed. It holds of no live login: there
    nobody goes on trying, and nothing is counted."""

    text: str


NOTHING_TO_DO = Prospect("Nothing needs to be done: Mailroom tries again by itself, and nothing is lost meanwhile.")
PASSES_BY_ITSELF = Prospect(
    "Nothing needs to be done if this passes by itself: Mailroom goes on trying, and nothing is lost meanwhile."
)
SIX_HOURLY_LOOK = Prospect(
    "Once that is done, poll_now tries at once; otherwise Mailroom looks again by itself every six hours."
)
DAILY_LOOK = Prospect("Once that is done, use enable or poll_now; otherwise Mailroom looks again by itself once a day.")
LOOKS_DAILY = Prospect("Mailroom looks again once a day, and poll_now looks at once.")
TEN = Prospect(
    "After 10 such refusals in a row the account is disabled, so that Mailroom does not lock the mailbox out."
)
SLOWLY = Prospect("Mailroom goes on trying slowly.")
FIFTY = Prospect(
    "After 50 such failures in a row the account is disabled; enable tries the connection first and goes on."
)
NEW_PASSWORD = Prospect(
    "Store the new password (mailroom vault set NAME) and give it with change_credential: the login is tried, the "
    "count of failures starts over, and the mail that came in between is fetched."
)

OF_COMMANDS = {
    "set-up": (
        "The account was not set up, and there is none to give commands to: correct the file of its settings (also where "
        "change_settings or change_credential is named below), or store the secret again (mailroom vault set NAME, or "
        "mailroom oauth connect NAME), and start the workflow again under the same id."
    ),
    "enable": "The account stays as it was: use enable again once this is mended.",
    "change_settings": "Nothing was changed.",
    "change_credential": (
        "Nothing was changed: store the right secret (mailroom vault set NAME, or mailroom oauth connect "
        "NAME) and use change_credential again."
    ),
}


class UserAction(BaseModel):
    """What only the mailbox's owner can do, and the page to do it on where one is known."""

    model_config = ConfigDict(frozen=True)

    step: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Remedy:
    """`parts` in the order in which they are read; `by_the_owner` is what waits for the mailbox's owner and nobody else."""

    parts: tuple[str | Prospect, ...]
    by_the_owner: UserAction | None = None

    @classmethod
    def of(cls, *parts: str | Prospect, by_the_owner: UserAction | None = None) -> Remedy:
        return cls(parts, by_the_owner)

    def and_then(self, *more: str | Prospect) -> Remedy:
        return replace(self, parts=(*self.parts, *more))

    def filled_in(self, place: dict[str, str | int]) -> Remedy:
        """With what the advice names in braces."""
        filled = [part if isinstance(part, Prospect) else part.format_map(place) for part in self.parts]
        return replace(self, parts=tuple(filled))

    @property
    def of_watching(self) -> str:
        """What is shown with a failure."""
        return " ".join(part.text if isinstance(part, Prospect) else part for part in self.parts)

    @property
    def advice(self) -> str:
        """What holds where nothing goes on by itself."""
        return " ".join(part for part in self.parts if not isinstance(part, Prospect))

    def of_command(self, command: str) -> str:
        """What is answered where a command, or the set-up, tried the login that failed: with what became of it."""
        became = OF_COMMANDS[command]
        return f"{became} {self.advice}" if command == "set-up" else f"{self.advice} {became}"
