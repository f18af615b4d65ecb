"""One message to one server: MAIL, RCPT one by one, the body, a mark, and only then the dot.

A server may deliver only what ended with CRLF.CRLF (RFC 5321 section 4.1.1.4), so what decides is the final dot. It is held back
until the server's kernel has all the rest and the caller has committed a mark: whoever dies before the mark has certainly sent
nothing, and of whoever dies after it nobody knows. So the doubt lasts from the mark to the answer, and not as long as an upload.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from activities.smtp.envelope import Envelope, Path, path
from activities.smtp.line import BUFFERED, NotSmtp
from activities.smtp.session import SERVERS_FAULTS, Decided, Login, Phase, Server, SmtpSession, SmtpSessions, Trouble
from activities.smtp.stuffing import Stuffing
from domain.sending.outcomes import Reply, Verdict, no_smtputf8, too_large
from infra.telemetry.spans import span

State = Literal["accepted", "deferred", "rejected", "uncertain"]
NO_PARAMETERS = (501, 504, 555)
"""How MAIL is refused for its parameters (RFC 5321 section 4.1.1.11): by servers, too, that offered SIZE."""


@dataclass(frozen=True, slots=True)
class RecipientOutcome:
    """What came of one recipient: `deferred` was certainly not sent. `code` and `said` (redacted) are of the reply that decided
    it, None where none did; `verdict` says what follows, None where it was accepted."""

    address: str = field(repr=False)
    state: State
    code: int | None = None
    said: str | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Transmission:
    """What came of one transmission, recipients in the envelope's order.

    `phase` is how far it came. `marked`: the mark was committed; `dot_sent`: the dot was written; marked and not
    `dot_sent` is certainly not sent. `superseded`: the mark said no. `answer` is the reply to the dot
    as it came (not redacted, not for logs: it may name the message's new id), `said` what may be shown of it. `trouble` is what
    went wrong with the route or the whole message; what went wrong with one recipient alone is in its outcome.
    """

    phase: Phase
    recipients: tuple[RecipientOutcome, ...]
    marked: bool = False
    dot_sent: bool = False
    superseded: bool = False
    logged_in: bool = False
    said: str | None = None
    answer: Reply | None = field(default=None, repr=False)
    trouble: Trouble | None = None


class _NotTheServers(Exception):
    """What the caller's own body or mark raised, which no server is to be blamed for even if it is an OSError."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class _Superseded(Exception):
    """The mark said no."""


@contextlib.asynccontextmanager
async def transmission(
    sessions: SmtpSessions,
    server: Server,
    login: Login | None,
    envelope: Envelope,
    body: AsyncIterable[bytes],
    *,
    size: int,
    mark: Callable[[], Awaitable[bool]],
) -> AsyncIterator[Transmission]:
    """Send one message of `size` bytes (CRLF line ends, dots not stuffed); in the block, what came of it.

    The block is where to commit that; QUIT is said when it is left, so that nothing stands between the answer and its commit.
    `mark` commits the mark and says whether it could (False: somebody else holds the message by now).

    Raises Refused before anything is sent (an address, a secret, the host), BareLineEnd, ValueError (the body has not `size`
    bytes), and whatever `body` or `mark` raise; the dot has not been written then. Cancelled before the dot, it drops the
    connection; after it, it waits for the answer all the same and ends as if it had not been cancelled.
    """
    sender = path(envelope.sender) if envelope.sender else Path(b"<>", utf8=False)
    recipients = [path(address) for address in envelope.recipients]
    session = sessions.session(server, login)
    try:
        one = _Transaction(session, envelope, sender, recipients, size)
        came_of_it = await one.run(body, mark)
        yield came_of_it
        if one.may_quit:
            await session.quit()
    finally:
        session.abort()


class _Transaction:
    def __init__(
        self, session: SmtpSession, envelope: Envelope, sender: Path, recipients: list[Path], size: int
    ) -> None:
        self.may_quit = False  # the server waits for a command
        self._session = session
        self._envelope = envelope
        self._sender = sender
        self._paths = recipients
        self._size = size
        session.addresses = [address for address in (envelope.sender, *envelope.recipients) if address]
        self._replies: dict[int, Reply] = {}  # of the recipients that were refused, by their place
        self._accepted: list[int] = []
        self._marked = False
        self._dot_sent = False

    async def run(self, body: AsyncIterable[bytes], mark: Callable[[], Awaitable[bool]]) -> Transmission:
        session = self._session
        try:
            await session.open()
            with span("smtp.envelope"):
                await self._open_envelope()
            if not self._accepted:
                self.may_quit = True
                return self._result(None)
            with span("smtp.data"):
                await self._send_body(body)
            with span("smtp.mark"):
                await self._mark(mark)
            with span("smtp.answer"):
                return self._result(await self._finish())
        except _NotTheServers as ours:
            session.abort()
            raise ours.error from None
        except _Superseded:
            session.abort()
            return self._result(None, superseded=True)
        except SERVERS_FAULTS as error:
            # It still waits for a command only where it has refused one in so many words.
            self.may_quit = isinstance(error, Decided) and session.phase in ("mail", "data", "answer")
            if not self.may_quit:
                session.abort()
            trouble = await session.named(error, dot_sent=self._dot_sent)
            return self._result(None, trouble=trouble, reply=getattr(error, "reply", None))

    # --- MAIL, RCPT ---

    async def _open_envelope(self) -> None:
        session = self._session
        session.phase = "mail"
        needs_utf8 = any(one.utf8 for one in (self._sender, *self._paths))
        if needs_utf8 and "smtputf8" not in session.offers:
            raise Decided(no_smtputf8())
        if session.largest is not None and self._size > session.largest:
            raise Decided(too_large())
        needed = [b"SMTPUTF8"] if needs_utf8 else []
        if needs_utf8 and "8bitmime" in session.offers:
            needed.append(b"BODY=8BITMIME")
        helpful = [f"SIZE={self._size}".encode()] if "size" in session.offers else []
        try:
            await session.ask("mail", b"MAIL", b"FROM:" + self._sender.wire, *helpful, *needed)
        except Decided as refused:
            # A server that offers SIZE and does not understand it is asked without.
            if not helpful or refused.reply is None or refused.reply.code not in NO_PARAMETERS:
                raise
            await session.ask("mail", b"MAIL", b"FROM:" + self._sender.wire, *needed)
        session.phase = "rcpt"
        for place, recipient in enumerate(self._paths):
            reply = await session.line.command(b"RCPT", b"TO:" + recipient.wire, seconds=session.timeouts.reply)
            if 200 <= reply.code < 300:  # 251, too: it is passed on
                self._accepted.append(place)
                continue
            if reply.code < 400:
                raise NotSmtp(f"the reply to RCPT makes no sense: {reply.code}")
            self._replies[place] = reply
            if self._verdict(place).course in ("next_transaction", "pause"):
                break  # the same is true of all others

    def _verdict(self, place: int) -> Verdict:
        hide = (self._envelope.sender, self._envelope.recipients[place])
        return self._session.verdict(self._replies[place], "rcpt", hide=hide, others_accepted=bool(self._accepted))

    # --- DATA, mark, dot ---

    async def _send_body(self, body: AsyncIterable[bytes]) -> None:
        session, line = self._session, self._session.line
        await session.ask("data", b"DATA", accepts=range(300, 400))
        session.phase = "body"
        line.begin_message()
        stuffing, seconds = Stuffing(), session.timeouts.piece
        sent = 0
        async with contextlib.aclosing(_blamed_on_us(body)) as pieces:
            async for piece in pieces:
                sent += len(piece)
                for start in range(0, len(piece), BUFFERED):
                    await line.send(stuffing.stuff(piece[start : start + BUFFERED]), seconds=seconds)
        if sent != self._size:  # half a message must not look like a whole one
            raise ValueError(f"the body has {sent} bytes and not {self._size}")
        await line.send(stuffing.end(), seconds=seconds)
        await line.until_received(seconds=seconds)

    async def _mark(self, mark: Callable[[], Awaitable[bool]]) -> None:
        self._session.phase = "mark"
        try:
            self._marked = await mark()
        except Exception as error:
            raise _NotTheServers(error) from error
        if not self._marked:
            raise _Superseded

    async def _finish(self) -> Reply:
        """The dot and its answer; whoever cancels it meanwhile waits for them."""
        session, line = self._session, self._session.line
        task = asyncio.current_task()
        ending = asyncio.create_task(line.end_message(seconds=session.timeouts.answer))
        while not ending.done():
            try:
                await asyncio.wait([ending])
            except asyncio.CancelledError:
                if task is not None:
                    task.uncancel()
        self._dot_sent = line.dot_sent
        if self._dot_sent:
            session.phase = "answer"
        reply = session.judge("dot", ending.result())
        session.phase = "done"
        self.may_quit = True
        return reply

    # --- what came of it ---

    def _result(
        self,
        answer: Reply | None,
        *,
        superseded: bool = False,
        trouble: Trouble | None = None,
        reply: Reply | None = None,
    ) -> Transmission:
        """`answer` accepted the message; else `trouble` is what happened, with the `reply` that said so."""
        session = self._session
        outcomes = []
        for place, address in enumerate(self._envelope.recipients):
            if place in self._replies:
                outcomes.append(self._refused(place, address))
            elif answer is not None and place in self._accepted:
                outcomes.append(RecipientOutcome(address, "accepted", answer.code, session.shown(answer)))
            elif trouble is not None:
                outcomes.append(self._in_trouble(place, address, trouble.verdict, reply))
            else:  # not asked any more, or superseded
                reason = self._refused(max(self._replies), "").verdict if self._replies and not superseded else None
                outcomes.append(RecipientOutcome(address, "deferred", verdict=reason))
        if trouble is None:
            trouble = self._trouble_of_the_route()
        return Transmission(
            phase=session.phase,
            recipients=tuple(outcomes),
            marked=self._marked,
            dot_sent=self._dot_sent,
            superseded=superseded,
            logged_in=session.logged_in,
            said=session.shown(answer) if answer else None,
            answer=answer,
            trouble=trouble,
        )

    def _refused(self, place: int, address: str) -> RecipientOutcome:
        reply, verdict = self._replies[place], self._verdict(place)
        state: State = "rejected" if verdict.course == "reject" else "deferred"
        return RecipientOutcome(address, state, reply.code, self._session.shown(reply), verdict)

    def _in_trouble(self, place: int, address: str, verdict: Verdict, reply: Reply | None) -> RecipientOutcome:
        state: State = "deferred"
        if verdict.course == "reject":
            state = "rejected"
        elif verdict.course == "doubt" and place in self._accepted:
            state = "uncertain"
        said = self._session.shown(reply) if reply else None
        return RecipientOutcome(address, state, reply.code if reply else None, said, verdict)

    def _trouble_of_the_route(self) -> Trouble | None:
        """What a recipient's refusal says of the route: a quota, a login that was forgotten."""
        for place, reply in self._replies.items():
            if (verdict := self._verdict(place)).scope == "route":
                return self._session.trouble(verdict, reply)
        return None


async def _blamed_on_us(body: AsyncIterable[bytes]) -> AsyncGenerator[bytes]:
    pieces = aiter(body)
    while True:
        try:
            piece = await anext(pieces)
        except StopAsyncIteration:
            return
        except Exception as error:
            raise _NotTheServers(error) from error
        yield piece
