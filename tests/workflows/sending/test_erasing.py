"""A person who is erased is in nothing that was sent to them, or that waits to be."""

from __future__ import annotations

from uuid import uuid4

import pytest

from domain.privacy.erasure import Erased
from domain.sending.message import MessageState
from tests.support.running import Mailroom
from tests.support.sending import ANNA, Sender, sending
from workflows import contract


async def erase(jane: Sender, *, dry_run: bool = False) -> Erased:
    given = {"address": ANNA, "organisation": "default", "by": "dpo", "dry_run": dry_run}
    erased: Erased = await jane.mailroom.client.execute_workflow(
        contract.ERASE_PERSON, given, id=f"erase-{uuid4()}", task_queue=contract.WORKFLOW_QUEUE, result_type=Erased
    )
    return erased


@pytest.mark.requirement("R43")
async def test_what_was_sent_to_a_person_what_waits_and_drafts_are_gone_with_them(mailroom: Mailroom) -> None:
    async with sending(mailroom) as jane:
        await (await jane.send()).outcome()
        waits = await jane.send(undo_seconds=3600)
        await waits.until_state(MessageState.SCHEDULED)
        await jane.draft()
        other = await jane.draft(to=["bo@example.org"])
        seen = await erase(jane, dry_run=True)
        assert (seen.outgoing, seen.drafts, seen.removed) == (2, 3, 1)
        assert (await erase(jane)).outgoing == 2
        assert (await waits.outcome()).state is MessageState.CANCELLED
        rows = await mailroom.rows("select distinct address from sent_recipients")
        assert [row["address"] for row in rows] == ["erased"]
        assert await mailroom.rows("select request_id from outgoing_chunks") == []
        drafts = await mailroom.rows("select id from drafts")
        assert [row["id"] for row in drafts] == [other]
        assert len(jane.server.messages) == 1
