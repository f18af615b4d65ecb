"""Many requests at a CRM that takes its time: they leave the sessions of the same process their database connections."""

from __future__ import annotations

import asyncio
from typing import Any

from activities.actions.requests import REQUESTS_AT_ONCE, REQUESTS_OF_A_CRM
from activities.crm.adapters.protocol import NewActivity
from infra.database.pool import Pool, open_pool
from tests.support.actions import Asking
from tests.support.directory import register_crm, save_record
from tests.support.mailboxes import JANE, mail
from worker import DATABASE_CONNECTIONS

HELLO = mail(1)
BUILTIN, OTHER, THIRD = CRMS = ("builtin", "other", "third")


async def test_requests_at_slow_crms_wait_their_turn_and_all_are_done(pool: Pool, database_url: str) -> None:
    for crm in CRMS:
        if crm != BUILTIN:
            await register_crm(pool, crm, "crm")
        await save_record(pool, "contact", "17", "anna@example.org", crm=crm)
    [message] = await Asking(pool).retrieve(HELLO, crm=CRMS)
    most = await open_pool(database_url, most=DATABASE_CONNECTIONS)
    try:
        asking = Asking(most)
        at_the_crm: list[str] = []
        full, answers = asyncio.Event(), asyncio.Event()
        add = asking.crm.add_activity

        async def slow(new: NewActivity) -> str:
            at_the_crm.append(new.subject)
            if len(at_the_crm) == REQUESTS_AT_ONCE:
                full.set()
            await answers.wait()
            return await add(new)

        asking.crm.add_activity = slow  # type: ignore[method-assign]  # a CRM that answers when the test says so
        note: dict[str, Any] = {"message": message, "record_kind": "contact", "record_id": "17"}
        asked = [
            asyncio.create_task(asking.ask("add_note", request_id=f"{crm}{number}", crm=crm, subject=crm, **note))
            for crm in CRMS
            for number in range(DATABASE_CONNECTIONS)
        ]
        async with asyncio.timeout(60):
            await full.wait()
        assert max(at_the_crm.count(crm) for crm in CRMS) <= REQUESTS_OF_A_CRM
        assert len(await Asking(most).retrieve(HELLO, mail(2), crm=CRMS)) == 2, "a session stores its mail meanwhile"
        assert len(at_the_crm) == REQUESTS_AT_ONCE
        answers.set()
        assert all(answer["created"] for answer in await asyncio.gather(*asked))
    finally:
        await most.close()
    written = await Asking(pool).rows(
        "select count(*) from account_events where address = %s and type = 'NoteAdded'", JANE
    )
    assert written == [{"count": len(CRMS) * DATABASE_CONNECTIONS}]
