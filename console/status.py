"""The page of one account or CRM connection: what the Temporal UI shows of it, live, and what happened to it last."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client
from temporalio.service import RPCError

from console.accounts import LOG, LOG_COLUMNS, known, to_do
from console.reading import Reader
from console.terminal import Terminal
from infra.temporal.client import TemporalUnreachable, connect
from workflows import contract

ANSWER_SECONDS = 10
LAST = 5
METADATA = "__temporal_workflow_metadata"  # the SDK's own query; its answer has the page of the UI


async def status(reader: Reader, terminal: Terminal, name: str) -> None:
    row = await known(reader, name)
    page, why = await _page(str(row["name"]))
    last = await reader.rows(LOG, id=row["name"], before=None, most=LAST, short=True)

    def show() -> None:
        if page:
            terminal.page(page)
        else:
            terminal.line(f"{row['name']} is {row['state']}" + (f" ({row['reason']})" if row["reason"] else ""))
            terminal.line(f"This is what the database has: {why}")
            terminal.facts((title.replace("_", " "), value) for title, value in row.items() if title not in _TOLD)
            terminal.facts([("what to do", to_do(row))])
        terminal.heading("What happened last")
        terminal.table(list(reversed(last)), LOG_COLUMNS, empty="nothing")

    terminal.answer({"page": page, "row": row, "last": last}, show)


_TOLD = ("name", "state", "reason", "failing", "failure")


async def _page(name: str) -> tuple[str, str]:
    """The page, or "" and why there is none."""
    workflow_id = name if name.startswith("crm/") else contract.account_workflow_id(name)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            client = await connect(patience=timedelta(seconds=ANSWER_SECONDS / 2))
            return await _details(client, workflow_id), ""
    except TemporalUnreachable as error:
        return "", str(error)
    except TimeoutError:
        return "", f"the workflow did not answer in {ANSWER_SECONDS} s: does a worker run?"
    except RPCError as error:
        return "", f"Temporal says: {error.message}"


async def _details(client: Client, workflow_id: str) -> str:
    answer = await client.get_workflow_handle(workflow_id).query(METADATA, result_type=WorkflowMetadata)
    return str(answer.current_details)
