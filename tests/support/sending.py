"""Somebody who sends: an account, the route of its address at a test's own SMTP server, drafts and messages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

from temporalio.client import WorkflowHandle, WorkflowQueryFailedError

from activities.sending.drafts import Drafts, Part
from domain.sending.message import MessageState, MessageStatus
from domain.sending.route import RouteState
from domain.sending.status import RouteStatus
from tests.servers.scripted_pop import MailboxServer
from tests.servers.scripted_smtp import SubmissionServer
from tests.support.running import Mailroom, RunningAccount, until
from workflows import contract

ANNA = "anna@example.org"


class SentMessage:
    """One message as its sender sees it."""

    def __init__(self, sender: Sender, request_id: str, handle: WorkflowHandle[Any, Any]) -> None:
        self.sender = sender
        self.request_id = request_id
        self.handle = handle

    async def command(self, name: str, /, **given: Any) -> Any:
        return await self.handle.execute_update(name, *([given] if given else []))

    async def status(self) -> MessageStatus:
        answer: MessageStatus = await self.handle.query("status", result_type=MessageStatus)
        return answer

    async def until(self, holds: Callable[[MessageStatus], bool], what: str) -> MessageStatus:
        """The first status that `holds`."""
        seen: list[MessageStatus] = []

        async def looked() -> bool:
            try:
                seen[:] = [await self.status()]
            except WorkflowQueryFailedError:  # it is just being queued
                return False
            return holds(seen[0])

        try:
            await until(looked, f"{self.request_id}: {what}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {seen}") from None
        return seen[0]

    async def until_state(self, state: MessageState) -> MessageStatus:
        return await self.until(lambda now: now.state is state, f"state {state}")

    async def outcome(self) -> MessageStatus:
        """How it ended."""
        answer: MessageStatus = await self.handle.result()
        return answer

    async def logged(self) -> list[str]:
        """The types of its entries in the account's log, in order."""
        entries = await self.sender.mailroom.log(self.sender.account.address)
        return [entry.type for entry in entries if entry.data.get("request_id") == self.request_id]


class Sender:
    """An account with a route."""

    def __init__(
        self, mailroom: Mailroom, account: RunningAccount, pop: MailboxServer, server: SubmissionServer
    ) -> None:
        self.mailroom = mailroom
        self.account = account
        self.pop = pop
        self.server = server
        self.secret = f"{account.address}-smtp"
        self.route: WorkflowHandle[Any, Any]

    def given(self, **more: Any) -> dict[str, Any]:
        """RouteSettings as an operator writes them."""
        outgoing = {
            "host": self.server.host,
            "port": self.server.port,
            "tls": "none",
            "username": self.server.username,
            "secret": self.mailroom.secret(self.server.password, self.secret),
        } | more.pop("outgoing", {})
        return {"address": self.account.address, "outgoing": outgoing} | more

    async def start_route(self, **more: Any) -> WorkflowHandle[Any, Any]:
        given = self.given(**more)
        self.route = await self.mailroom.client.start_workflow(
            contract.SENDING_ROUTE,
            given,
            id=contract.route_workflow_id(given["address"]),
            task_queue=contract.WORKFLOW_QUEUE,
        )
        self.mailroom.also_started(self.route)
        return self.route

    async def route_status(self) -> RouteStatus:
        answer: RouteStatus = await self.route.query("status", result_type=RouteStatus)
        return answer

    async def until_route(self, state: RouteState) -> RouteStatus:
        async def reached() -> bool:
            return (await self.route_status()).state is state

        await until(reached, f"the route of {self.account.address} to be {state}")
        return await self.route_status()

    async def draft(self, parts: Sequence[Part] = (), **given: Any) -> UUID:
        said = {"to": [ANNA], "subject": "Your order", "text": "It is on its way."} | given
        return await Drafts(self.mailroom.pool, 100_000_000).store(self.account.address, said, parts, "jane")

    async def send(self, draft: UUID | None = None, *, request_id: str = "", **more: Any) -> SentMessage:
        request_id = request_id or f"r-{uuid4().hex[:12]}"
        draft = draft or await self.draft()
        given = {"request_id": request_id, "from": self.account.address, "draft": str(draft)} | more
        handle = await self.mailroom.client.start_workflow(
            contract.SEND_MESSAGE,
            given,
            id=contract.message_workflow_id(request_id),
            task_queue=contract.WORKFLOW_QUEUE,
            result_type=MessageStatus,
        )
        self.mailroom.also_started(handle)
        return SentMessage(self, request_id, handle)

    async def sent(self) -> list[dict[str, Any]]:
        """What lies in Sent."""
        return await self.mailroom.rows(
            "select * from messages where address = %s and folder = 'Sent' order by id", self.account.address
        )

    async def correspondence(self) -> list[dict[str, Any]]:
        return await self.mailroom.rows(
            """
            select record_kind, record_id, direction, matched_address from correspondence
            where address = %s and unlinked_at is null order by record_id
            """,
            self.account.address,
        )


@asynccontextmanager
async def sending(mailroom: Mailroom, *, route: bool = True, **account: Any) -> AsyncIterator[Sender]:
    """A `Sender` whose route works."""
    async with MailboxServer() as pop, SubmissionServer(password="secret") as smtp:
        sender = Sender(mailroom, await mailroom.connect(pop, **account), pop, smtp)
        if route:
            await sender.start_route()
            await sender.until_route(RouteState.ACTIVE)
        yield sender
