"""What is kept of mail to a person, outside of the mailbox: recipients, bytes that were sent or wait, drafts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from temporalio import activity
from temporalio.service import RPCError

from domain.privacy.erasure import spellings
from domain.sending.message import FINAL
from infra.database.pool import Connection
from workflows.contract import message_workflow_id

ERASED = "erased"


async def outgoing_to(connection: Connection, accounts: Sequence[str], person: str) -> list[str]:
    """The requests whose messages went to that person, or wait to."""
    rows = await (
        await connection.execute(
            """
            select distinct o.request_id from outgoing_recipients r join outgoing o using (request_id)
            where r.normal = %s and o.account = any(%s) order by 1
            """,
            [person, list(accounts)],
        )
    ).fetchall()
    return [request_id for (request_id,) in rows]


async def drafts_naming(connection: Connection, accounts: Sequence[str], person: str) -> list[UUID]:
    """Drafts that name the person, whether they were sent or not. A ready-made message is searched as it is written."""
    rows = await (
        await connection.execute(
            """
            select d.id from sending_drafts d
            where d.address = any(select unnest(a.address || a.aliases) from accounts_recorded a where a.address = any(%(ours)s))
                and exists (
                    select from unnest(%(spelled)s::text[]) one
                    where position(one in lower(d.given::text)) > 0 or (d.given is null and exists (
                        select from draft_parts p where p.draft = d.id and position(one in lower(encode(p.data, 'escape'))) > 0
                    ))
                )
            order by d.id
            """,
            {"ours": list(accounts), "spelled": spellings(person)},
        )
    ).fetchall()
    return [draft for (draft,) in rows]


async def forget_outgoing(
    connection: Connection, sent: Sequence[str], drafts: Sequence[UUID], person: str, at: datetime
) -> None:
    """Takes the person out of them. What waits is cancelled, and what is in doubt too: its bytes, which name the person, go."""
    await connection.execute(
        """
        update outgoing set version = version + 1, state = 'cancelled', reason = %(why)s, since = %(at)s, phase = 'composed',
            token = null, next_attempt_at = null
        where request_id = any(%(sent)s) and not state = any(%(final)s)
        """,
        {"why": ERASED, "at": at, "sent": list(sent), "final": [state.value for state in FINAL]},
    )
    await connection.execute(
        "update outgoing set version = version + 1, copy = 'none' where request_id = any(%s) and copy = 'pending'",
        [list(sent)],
    )
    await connection.execute("delete from outgoing_chunks where request_id = any(%s)", [list(sent)])
    await connection.execute(
        """
        update outgoing_recipients set address = %(erased)s, normal = %(erased)s, said = null
        where request_id = any(%(sent)s) and normal = %(person)s
        """,
        {"erased": ERASED, "sent": list(sent), "person": person},
    )
    await connection.execute(
        "delete from sending_drafts where id = any(%s) or id = any(select draft from outgoing where request_id = any(%s))",
        [list(drafts), list(sent)],
    )


async def wake(sent: Sequence[str]) -> None:
    """Has the workflows of messages look at their rows; those that have ended need not."""
    if not sent:
        return
    client = activity.client()
    for request_id in sent:
        with suppress(RPCError):
            await client.get_workflow_handle(message_workflow_id(request_id)).signal("evidence")
