"""Erasing a person, after a look at what goes and what stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import uuid4

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client, WorkflowFailureError

from console.reading import reading
from console.terminal import Column, Terminal
from console.workflows import words
from domain.core.refusal import Refused
from domain.core.validation import parse
from domain.mime.addresses import normal_address
from domain.privacy.erasure import Erased
from infra.temporal.client import connect
from workflows import contract

NAMED = """
    select id, coalesce(sent_at, stored_at) as at, address, folder, subject, id = any(%(removed)s) as goes from messages
    where id = any(%(removed)s) or id = any(%(kept)s) order by goes desc, at desc, id
"""

# What they may be known by as well: the other addresses of a record that has this one.
ALSO = """
    select d.crm, d.record_kind, d.record_id, d.name, array_agg(distinct other.address order by other.address) as addresses
    from record_addresses theirs
    join record_addresses other using (crm, record_kind, record_id)
    join directory d using (crm, record_kind, record_id)
    where theirs.address = %(person)s and other.address <> theirs.address and record_kind <> 'deal'
        and crm = any(select unnest(a.crm) from accounts_recorded a where a.organisation = %(organisation)s)
    group by d.crm, d.record_kind, d.record_id, d.name order by d.crm, d.record_kind, d.record_id
"""


async def erase(
    terminal: Terminal,
    address: str,
    *,
    organisation: str,
    by: str,
    dry_run: bool,
    confirmed: Callable[[str], bool],
) -> int:
    """Says what there is of a person, asks, and erases them."""
    given = {"address": address, "organisation": organisation, "by": by}
    parse(contract.Erasure, given, what="erase")
    client = await connect()
    found = await _run(client, {**given, "dry_run": True})
    async with reading() as reader:
        messages = await reader.rows(NAMED, removed=list(found.to_remove), kept=list(found.to_keep))
        others = await reader.rows(ALSO, person=normal_address(address), organisation=organisation)
    more = found.removed + found.kept - len(messages)
    about = {"found": found.model_dump(mode="json"), "messages": messages, "also": others, "erased": None}

    def show() -> None:
        if messages:
            terminal.table(messages, _COLUMNS, empty="")
        if more > 0:
            terminal.line(f"and {more} more")
        terminal.line(found.summary)
        for record in others:
            terminal.line(
                f"{record['record_kind']} {record['record_id']} ({record['name']}) in {record['crm']} also has "
                f"{', '.join(record['addresses'])}: mail of an address stays until that address is erased"
            )

    if not terminal.as_json:
        show()
    if dry_run or found.knows_nobody:
        terminal.answer(about, lambda: None)
        return 0
    if not confirmed("erase all of that, which cannot be undone?"):
        raise Refused("not_confirmed", "nothing was erased")
    erased = await _run(client, {**given, "dry_run": False})
    terminal.answer({**about, "erased": erased.model_dump(mode="json")}, lambda: terminal.line(erased.summary))
    return 0


async def _run(client: Client, given: dict[str, object]) -> Erased:
    """What an erasure came to. Its history has the address: it is deleted."""
    handle = await client.start_workflow(
        contract.ERASE_PERSON,
        given,
        id=f"erase-{uuid4()}",
        task_queue=contract.WORKFLOW_QUEUE,
        result_type=Erased,
    )
    try:
        erased: Erased = await handle.result()
    except WorkflowFailureError as error:
        raise Refused("not_erased", words(error)) from None
    finally:
        await client.workflow_service.delete_workflow_execution(
            DeleteWorkflowExecutionRequest(
                namespace=client.namespace, workflow_execution=WorkflowExecution(workflow_id=handle.id)
            )
        )
    return erased


_COLUMNS: Sequence[Column] = (
    ("", lambda row: "goes" if row["goes"] else "stays without them"),
    ("message", lambda row: row["id"]),
    ("at", lambda row: row["at"]),
    ("account", lambda row: row["address"]),
    ("folder", lambda row: row["folder"]),
    ("subject", lambda row: row["subject"]),
)
