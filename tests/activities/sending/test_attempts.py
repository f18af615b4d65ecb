"""Where a worker may die while it sends: before the mark nothing was sent, after it nothing is sent again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.sending.attempts import Sending
from activities.sending.changes import Changes
from activities.sending.drafts import Drafts
from activities.sending.logins import Logins
from activities.sending.queueing import Queueing
from activities.sending.routes import save_route
from activities.smtp.session import SmtpSessions
from domain.core.refusal import Refused
from domain.sending.commands import AttemptFailed
from domain.sending.message import MessageState, MessageStatus, OutgoingMessage
from domain.sending.settings import RouteSettings
from infra.database.pool import Pool
from infra.settings import WorkerSettings
from infra.vault.references import Secrets
from tests.servers.scripted_smtp import DOT, SubmissionServer
from tests.support.mailboxes import JANE
from tests.support.stored_mail import stored
from workflows.contract import (
    Attempted,
    MessageCommandRequest,
    QueueRequest,
    RecordedRoute,
    SendRequest,
    route_workflow_id,
)

ONE = "r-1"


@dataclass
class Sender:
    pool: Pool
    settings: WorkerSettings
    server: SubmissionServer

    def worker(self, name: str = "one") -> Sending:
        sessions, logins = SmtpSessions(self.settings), Logins(Secrets(self.pool, self.settings), self.settings)
        return Sending(self.pool, sessions, logins, self.settings, name)

    async def send(self, name: str = "one") -> Attempted:
        return await ActivityEnvironment().run(self.worker(name).send_message, SendRequest(request_id=ONE))

    async def change(self, command: str, **given: Any) -> MessageStatus:
        request = MessageCommandRequest(request_id=ONE, command=command, given=given, at=datetime.now(UTC))
        return await ActivityEnvironment().run(Changes(self.pool).change_message, request)

    async def row(self) -> dict[str, Any]:
        async with self.pool.connection() as connection:
            row = await (
                await connection.execute("select to_jsonb(o) from outgoing o where request_id = %s", [ONE])
            ).fetchone()
        assert row is not None
        found: dict[str, Any] = row[0]
        return found


@pytest.fixture
async def jane(pool: Pool, worker_settings: WorkerSettings) -> AsyncIterator[Sender]:
    """A message that is queued, and a route that takes it."""
    await stored(pool, 1)
    async with SubmissionServer() as server:
        assert worker_settings.secret_dir is not None
        (worker_settings.secret_dir / "smtp").write_text(server.password)
        outgoing = {"host": server.host, "port": server.port, "tls": "none", "secret": "file:smtp"}
        outgoing["username"] = server.username
        route = RouteSettings.model_validate({"address": JANE, "outgoing": outgoing})
        recorded = RecordedRoute(
            settings=route,
            settings_version=1,
            state="active",
            reason=None,
            last_failure=None,
            reference=None,
            authentication_failures=0,
            connection_failures=0,
            verified_at=None,
            next_attempt_at=None,
        )
        async with pool.connection() as connection:
            await save_route(connection, route_workflow_id(JANE), recorded)
        given = {"to": ["anna@example.org"], "subject": "One", "text": "Two"}
        draft = await Drafts(pool, 1_000_000).store(JANE, given, [], "jane")
        message = OutgoingMessage.model_validate({"request_id": ONE, "from": JANE, "draft": str(draft)})
        request = QueueRequest(message=message, at=datetime.now(UTC))
        await ActivityEnvironment().run(Queueing(pool, worker_settings).queue_message, request)
        yield Sender(pool, worker_settings, server)


async def test_killed_before_the_mark_it_is_sent_by_the_next_attempt_and_nothing_was_sent_before(jane: Sender) -> None:
    async with jane.pool.connection() as connection:  # what a worker leaves that is killed in the middle of the body
        await connection.execute(
            "update outgoing set phase = 'sending', state = 'sending', token = gen_random_uuid(), attempts = 1"
        )
    assert (await jane.send()).status.state is MessageState.ACCEPTED
    assert len(jane.server.messages) == 1


async def test_killed_after_the_mark_it_is_in_doubt_and_not_sent(jane: Sender) -> None:
    async with jane.pool.connection() as connection:
        await connection.execute(
            "update outgoing set phase = 'marked', state = 'sending', token = gen_random_uuid(), attempts = 1"
        )
    for _ in range(2):
        status = (await jane.send()).status
        assert (status.state, status.recipients.uncertain) == (MessageState.UNCERTAIN, 1)
    assert jane.server.connections == 0


async def test_who_was_frozen_finds_at_the_mark_that_the_message_is_anothers(jane: Sender) -> None:
    jane.server.pauses["DATA"] = 1.5
    frozen = asyncio.create_task(jane.send("frozen"))
    while jane.server.count("DATA") == 0:  # noqa: ASYNC110 -- it is in the server
        await asyncio.sleep(0.01)
    jane.server.pauses.clear()
    assert (await jane.send("successor")).status.state is MessageState.ACCEPTED
    assert (await frozen).status.state is MessageState.ACCEPTED
    assert len(jane.server.messages) == 1


async def test_an_answer_that_comes_after_all_ends_the_doubt(jane: Sender) -> None:
    jane.server.pauses[DOT] = 1.5
    slow = asyncio.create_task(jane.send("slow"))
    await jane.server.until_received()
    assert (await jane.send("successor")).status.state is MessageState.UNCERTAIN
    assert (await slow).status.state is MessageState.ACCEPTED
    assert len(jane.server.messages) == 1


async def test_cancelled_while_its_body_is_sent_nothing_goes_out(jane: Sender) -> None:
    jane.server.pauses["DATA"] = 1.0
    sending = asyncio.create_task(jane.send())
    while jane.server.count("DATA") == 0:  # noqa: ASYNC110 -- it is in the server
        await asyncio.sleep(0.01)
    assert (await jane.change("cancel")).state is MessageState.CANCELLED
    assert (await sending).status.state is MessageState.CANCELLED
    assert jane.server.messages == []


async def test_what_is_marked_cannot_be_cancelled(jane: Sender) -> None:
    jane.server.pauses[DOT] = 1.0
    sending = asyncio.create_task(jane.send())
    await jane.server.until_received()
    with pytest.raises(Refused, match="cannot be taken back"):
        await jane.change("cancel")
    assert (await sending).status.state is MessageState.ACCEPTED


async def test_a_refused_login_stops_the_route_before_anybody_else_tries_and_is_told_again_after_a_kill(
    jane: Sender,
) -> None:
    jane.server.password = "changed"
    first = await jane.send()
    again = await jane.send()  # whoever was to tell the route died
    assert (first.status.state, jane.server.attempts) == (MessageState.HELD, 1)
    assert isinstance(first.route, AttemptFailed)
    assert isinstance(again.route, AttemptFailed)
    assert again.route.failure.reference == first.route.failure.reference


async def test_mail_of_a_closed_account_waits_visibly(jane: Sender) -> None:
    async with jane.pool.connection() as connection:
        await connection.execute("update accounts_recorded set state = 'closed'")
    status = (await jane.send()).status
    assert (status.state, status.reason) == (MessageState.HELD, "account_closed")
    assert jane.server.connections == 0
