"""What concepts mean together in a bounce, in the ten languages of domain/failures/refusal_words/: a table that is read from
the top.

It stands beside the English wordings of domain/bounces/reasons.py, with the same reasons. What is not about the address
stands before what is: a 5.1.1 is given for anything, and so is an "unknown" in a text about a sender.
"""

from __future__ import annotations

import functools
import re

from domain.failures.meanings import MOST_READ, Meaning
from domain.failures.refusal_words import WORDS, undelivered
from domain.failures.vocabulary import Vocabulary, of_words

_ADDRESS = re.compile(r"[^\s<>@]+@[^\s<>]+")  # its words are names

MEANINGS = (
    ("authentication", Meaning.of("proof")),
    ("blocked", Meaning.of("listed", "peer|peer_ip + barred|denied|suspended|blocked|off @5")),
    (
        "rate",
        Meaning.of(
            "too_often",
            "too_many + mail|tries|connection|sending|recipient @3",
            "limit + often|minutes @6",
            "limit + sending|connection|tries @3 unless size|storage|mailbox",
        ),
    ),
    ("size", Meaning.of("mail|size|attachment + too_big @6", "size + limit|used_up|denied @6 unless mailbox|storage")),
    (
        "mailbox full",
        Meaning.of(
            "full unless temporary|unreached",
            "storage + used_up|limit|none|not|!enabled @4",
            "mailbox|account|user|recipient + used_up|limit @5",
        ),
    ),
    (
        "sender rejected",
        Meaning.of(
            "sender + denied|wrong|unknown|blocked|barred|suspended|failed @5",
            "sender + !enabled|!verified|!taken @5",
            "!taken + you @3",
            "!taken > mail > sender @3",
            "user|recipient|account > !taken @3 unless unreached|connection",
        ),
    ),
    (
        "content",
        Meaning.of(
            "unwanted",
            "content + denied|wrong|!taken|blocked|barred|rules @6",
            "attachment + denied|wrong|!taken|!enabled|!verified|blocked|barred|off|suspended|rules @6",
        ),
    ),
    ("policy", Meaning.of("rules", "selective", "only + taken @8")),
    ("system", Meaning.of("temporary + unknown|gone @4")),
    (
        "unknown user",
        Meaning.of(
            "account|user|mailbox|address|recipient + gone @5",
            "recipient|user|address + unknown @4",
            "none > user|account|recipient|address @1",
            "nobody",
        ),
    ),
    ("unknown host", Meaning.of("domain + unknown|gone @4 unless user|account|mailbox|recipient")),
    ("disabled", Meaning.of("account|user|mailbox|recipient + suspended|barred|off|!enabled @5")),
    ("system", Meaning.of("later", "temporary")),
    ("network", Meaning.of("unreached")),
)

OF_RECIPIENTS = frozenset(("mailbox full", "unknown user", "unknown host", "disabled"))
"""Reasons that are said of those who did not get a mail, and of nobody else."""

MOST_UNKNOWN = 1
"""Words of a refusal that no concept covers, beside which its code still tells what it is about."""


@functools.cache
def _words(english: bool) -> Vocabulary:
    return of_words(WORDS + undelivered.WORDS, left_out=frozenset() if english else frozenset({"en"}))


def meant(said: str, *, english: bool) -> str | None:
    """The reason by the first meaning that is found. Without `english`, no word of that language says anything."""
    reading = _words(english).read(_ADDRESS.sub(" ", said)[:MOST_READ])
    return next((reason for reason, meaning in MEANINGS if meaning.find(reading)), None)


def is_foreign(said: str) -> bool:
    """Whether a refusal has words of its own that are not known, so that it may be about anything."""
    return _words(english=True).read(_ADDRESS.sub(" ", said)[:MOST_READ]).unknown > MOST_UNKNOWN
