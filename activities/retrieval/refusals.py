"""Messages that a server lists and does not hand out: whose fault it is, and when each is asked for again."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from activities.pop.connection import ServerRefused
from activities.pop.session import Clock
from activities.storage.batch import NotRetrieved
from domain.core.redaction import redact
from domain.failures.classification import diagnose_reply
from domain.failures.failure import Kind
from domain.failures.pop_rules import MESSAGE_GONE
from domain.mailbox.settings import AccountSettings
from domain.retrieval.plan import Entry, Identity, Listed, next_try

STOPS_AFTER = 20
"""Refusals in a row, with nothing handed out any more, that are about none of the messages: some servers hand out only so many
a session."""

GIVES_UP_AFTER = (
    500  # refusals in a row: servers hang up on who is refused too often, but bad messages must not hide good ones
)


class Withheld:
    """What one session was refused. `known` is the ledger's part: how often a message was tried before; `disclaimed` are the
    messages of which the server said in an earlier session that it does not have them, though it lists them still."""

    def __init__(
        self,
        settings: AccountSettings,
        known: Mapping[Identity, Entry],
        clock: Clock,
        disclaimed: Collection[Identity] = (),
    ) -> None:
        self._settings = settings
        self._known = known
        self._clock = clock
        self._disclaimed_before = disclaimed
        self._disclaimed: list[tuple[Listed, ServerRefused]] = []
        self._refused: list[tuple[Listed, ServerRefused]] = []

    def add(self, listed: Listed, refused: ServerRefused) -> None:
        """Notes a refused RETR; raises it where the server says that the mailbox is to wait, not this message."""
        if diagnose_reply(refused.text, phase="retrieve", host=self._settings.incoming.host).kind is Kind.THROTTLED:
            self._refused.clear()
            raise refused
        if MESSAGE_GONE.search(refused.text) and not self._was_refused_before(listed):
            self._disclaimed.append((listed, refused))  # another client has deleted it since; the next list tells
        else:
            self._refused.append((listed, refused))

    def _was_refused_before(self, listed: Listed) -> bool:
        return listed.identity in self._disclaimed_before or listed.identity in self._known

    @property
    def disclaimed(self) -> list[Listed]:
        """The messages that the server said for the first time it does not have."""
        return [listed for listed, _ in self._disclaimed]

    @property
    def in_a_row(self) -> int:
        """Refusals of messages that were not refused before, since one was handed out."""
        return sum(listed.identity not in self._known for listed, _ in self._refused)

    def judge(self, *, others_came: bool) -> None:
        """Raises the first refusal where a server refuses everything: then the trouble is its own, and no message is to
        blame. Messages in quarantine say nothing about that: they were refused before, when others were not. Nor is any to
        blame that a server refuses once it has handed out all that it allows: the next session asks for them."""
        if others_came and self.in_a_row >= STOPS_AFTER:
            self._refused.clear()
            return
        untried = [
            refused for listed, refused in (*self._disclaimed, *self._refused) if not self._was_refused_before(listed)
        ]
        if len(untried) > 1 and not others_came:
            self._refused.clear()
            raise untried[0]

    def quarantined(self) -> list[NotRetrieved]:
        """The messages that are to blame themselves, to be tried again later; they are not noted any more."""
        hide = (self._settings.login_name, self._settings.address)
        found = [
            self.put_aside(listed, f'the server would not hand it out: "{redact(refused.text, hide=hide)}"')
            for listed, refused in self._refused
        ]
        self._refused.clear()
        return found

    def put_aside(self, listed: Listed, reason: str) -> NotRetrieved:
        """One message that could not be taken for `reason`."""
        entry = self._known.get(listed.identity)
        attempts = (entry.attempts if entry else 0) + 1
        return NotRetrieved(listed, reason, attempts, next_try(attempts, self._clock()))
