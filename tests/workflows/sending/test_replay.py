"""Fresh histories of routes and messages replay: nothing in their workflows depends on what a history has not."""

from __future__ import annotations

from temporalio.worker import Replayer

from domain.sending.message import MessageState
from domain.sending.route import RouteState
from infra.temporal.client import MailroomPlugin
from tests.servers.scripted_smtp import DOT
from tests.support.running import Mailroom
from tests.support.sending import sending
from workflows.sending.send_message import SendMessage
from workflows.sending.sending_route import SendingRoute


async def test_a_route_that_was_suspended_and_messages_of_every_end_replay(mailroom: Mailroom) -> None:
    async with sending(mailroom) as jane:
        jane.server.password = "changed"
        held = await jane.send()
        await held.until_state(MessageState.HELD)
        await jane.until_route(RouteState.SUSPENDED)
        mailroom.secret("changed", jane.secret)
        await jane.route.execute_update("change_credential", {"by": "jane"})
        await held.outcome()
        jane.server.closes.add(DOT)
        jane.server.replies[DOT] = b""
        doubtful = await jane.send()
        await doubtful.until_state(MessageState.UNCERTAIN)
        await doubtful.handle.signal("cancel", "not an object")
        await doubtful.command("resolve", outcome="accepted", reason="Anna has answered", by="jane")
        await doubtful.outcome()
        await jane.route.execute_update("close", {"by": "ops"})
        replayer = Replayer(workflows=[SendingRoute, SendMessage], plugins=[MailroomPlugin()])
        for handle in (jane.route, held.handle, doubtful.handle):
            result = await replayer.replay_workflow(await handle.fetch_history())
            assert result.replay_failure is None
