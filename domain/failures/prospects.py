"""How it goes on after a failure, in the sentences that end a remedy: one set for watching, another for a live login."""

from __future__ import annotations

NOTHING_TO_DO = "Nothing needs to be done: Mailroom tries again by itself, and nothing is lost meanwhile."
PASSES_BY_ITSELF = (
    "Nothing needs to be done if this passes by itself: Mailroom goes on trying, and nothing is lost meanwhile."
)
SIX_HOURLY_LOOK = "Once that is done, poll_now tries at once; otherwise Mailroom looks again by itself every six hours."
DAILY_LOOK = "Once that is done, use enable or poll_now; otherwise Mailroom looks again by itself once a day."
LOOKS_DAILY = "Mailroom looks again once a day, and poll_now looks at once."
TEN = "After 10 such refusals in a row the account is disabled, so that Mailroom does not lock the mailbox out."
SLOWLY = "Mailroom goes on trying slowly."
FIFTY = "After 50 such failures in a row the account is disabled; enable tries the connection first and goes on."
NEW_PASSWORD = (
    "Store the new password (python -m infra.vault set NAME) and give it with change_credential: the login is tried, the "
    "count of failures starts over, and the mail that came in between is fetched."
)

OF_WATCHING = (NOTHING_TO_DO, PASSES_BY_ITSELF, SIX_HOURLY_LOOK, DAILY_LOOK, LOOKS_DAILY, SLOWLY, TEN, FIFTY)
OF_COMMANDS = {
    "set-up": (
        "The account was not set up: correct its settings, or store the secret again (python -m infra.vault set NAME, or "
        "python -m infra.oauth connect NAME), and start the workflow again under the same id."
    ),
    "enable": "The account stays as it was: use enable again once this is mended.",
    "change_settings": "Nothing was changed.",
    "change_credential": (
        "Nothing was changed: store the right secret (python -m infra.vault set NAME, or python -m infra.oauth connect "
        "NAME) and use change_credential again."
    ),
}


def of_command(remedy: str, command: str) -> str:
    """The remedy of a failed live login: nobody goes on trying there, and it counts nothing."""
    for sentence in (*OF_WATCHING, NEW_PASSWORD):
        remedy = remedy.replace(sentence, "")
    return " ".join((*remedy.split(), OF_COMMANDS[command]))
