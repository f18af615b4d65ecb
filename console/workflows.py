"""Commands of the console that give commands to workflows: `connect` starts one and says what came of it, `batch` asks many."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from console.terminal import Terminal
from domain.core.refusal import Refused
from domain.core.validation import parse
from domain.crm.settings import CrmSettings
from domain.mailbox.settings import AccountSettings
from infra.database.migrate import migrate
from infra.database.pool import open_pool
from infra.settings import WorkerSettings
from infra.temporal.client import connect as connect_to_temporal
from infra.vault.vault import Cipher, Vault, secret_text
from workflows import contract

LONGEST_FILE = 1 << 20
SET_UP_SECONDS = 180  # a login waits for its server, and a CRM's first look for its CRM
UPDATE_SECONDS = 300
AT_ONCE = 10
SHOWN = 20
UNKNOWN, NOT_ITS_COMMAND = "unknown_command", "it has no such command"
_REFERENCE = re.compile(r" \(reference: update [^()]*\)\Z")


async def connect(terminal: Terminal, file: Path) -> None:
    """Starts what the file describes; raises Refused with what its set-up was refused for."""
    given = _read(file)
    is_crm = "incoming" not in given and ("kind" in given or "name" in given)
    settings: AccountSettings | CrmSettings
    if is_crm:
        settings = parse(CrmSettings, given, what=str(file))
        workflow, workflow_id = contract.CRM_CONNECTION, contract.crm_workflow_id(settings.name)
    else:
        settings = parse(AccountSettings, given, what=str(file))
        workflow, workflow_id = contract.MAIL_ACCOUNT, contract.account_workflow_id(settings.address)
    secret = settings.secret if isinstance(settings, CrmSettings) else settings.incoming.secret
    if secret:
        await _have(secret)
    client = await connect_to_temporal()
    try:
        handle = await client.start_workflow(workflow, given, id=workflow_id, task_queue=contract.WORKFLOW_QUEUE)
    except WorkflowAlreadyStartedError:
        raise Refused(
            "already_connected",
            f"{workflow_id} is connected already: change it with change_settings (docs/connect.md), or look with "
            f"`mailroom status {workflow_id.removeprefix('mail-account/')}`",
        ) from None
    status = await _set_up(handle)
    name = workflow_id.removeprefix("mail-account/")
    terminal.answer(
        {"workflow_id": workflow_id, "status": status},
        lambda: terminal.line(f"{name} is {status['state']}: `mailroom status {name}` says how it goes on"),
    )


def _read(file: Path) -> dict[str, Any]:
    raw = sys.stdin.buffer.read(LONGEST_FILE + 1) if str(file) == "-" else _bytes(file)
    try:
        if len(raw) > LONGEST_FILE:
            raise ValueError(f"it has more than {LONGEST_FILE} bytes")
        given = json.loads(raw)
    except ValueError as error:
        raise Refused("invalid_json", f"{file} is no JSON: {error}") from None
    if not isinstance(given, dict):
        raise Refused("invalid_json", f"{file} holds no JSON object: docs/connect.md has one to copy")
    return given


def _bytes(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(LONGEST_FILE + 1)


async def _have(reference: str) -> None:
    """Asks for a secret of the vault that is not there yet; refused where nobody can be asked."""
    kind, _, name = reference.partition(":")
    if kind != "vault":
        return
    settings = WorkerSettings.from_environment(os.environ)
    await migrate(settings.database_url)
    pool = await open_pool(settings.database_url, most=1)
    try:
        vault = Vault(pool)
        if any(entry.name == name for entry in await vault.entries()):
            return
        if not sys.stdin.isatty():
            raise Refused("unknown_secret", f"there is no secret {reference} yet: `mailroom vault set {name}` reads it")
        cipher = Cipher(settings.vault_key())
        await vault.put(
            name, secret_text(getpass.getpass(f"secret for {reference}: ").encode()), cipher, elsewhere=True
        )
    finally:
        await pool.close()


async def _set_up(handle: WorkflowHandle[Any, Any]) -> Mapping[str, Any]:
    """Its status once it is set up; raises Refused with why it was not."""
    try:
        async with asyncio.timeout(SET_UP_SECONDS):
            while True:
                ended = asyncio.create_task(handle.result())
                asked = asyncio.create_task(_status(handle))
                await asyncio.wait((ended, asked), return_when=asyncio.FIRST_COMPLETED)
                if ended.done():
                    asked.cancel()
                    return dict(await ended)
                ended.cancel()
                status = await asked
                if status["state"] == "closed":  # or refused, which the workflow's end tells
                    return dict(await handle.result())
                if status["state"] != "verifying":
                    return status
                await asyncio.sleep(0.3)
    except WorkflowFailureError as error:
        raise Refused("set_up_refused", words(error)) from None
    except TimeoutError:
        raise Refused(
            "not_answered",
            f"{handle.id} was not set up in {SET_UP_SECONDS} s, and goes on trying: does a worker run?",
        ) from None


async def _status(handle: WorkflowHandle[Any, Any]) -> Mapping[str, Any]:
    while True:
        try:
            return dict(await handle.query("status", rpc_timeout=timedelta(seconds=15)))
        except RPCError as error:
            if error.status not in (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.FAILED_PRECONDITION):
                raise
            await asyncio.sleep(1)  # no worker has taken it up yet


def words(error: BaseException) -> str:
    """What a person is told: the refusal of an update or of a workflow that failed, without the reference that each has anew."""
    cause = getattr(error, "cause", None)
    return _REFERENCE.sub("", cause.message if isinstance(cause, ApplicationError) else str(cause or error))


# Many at once ----------------------------------------------------------------------------------------------------------


async def batch(
    terminal: Terminal,
    command: str,
    *,
    query: str,
    given: str | None,
    dry_run: bool,
    confirmed: Callable[[str], bool],
    per_second: float,
) -> int:
    """Gives a command to all workflows that run and that `query` finds; the exit status: 1 where one refused it."""
    argument = _argument(given)
    client = await connect_to_temporal()
    found = await _found(client, query)
    about: dict[str, Any] = {"command": command, "workflows": found, "done": 0, "refused": []}
    if not terminal.as_json:
        _say_whom(terminal, found)
    if dry_run or not found:
        terminal.answer(about, lambda: None)
        return 0
    if not confirmed(f"give {command} to {'it' if len(found) == 1 else f'all {len(found)}'}?"):
        raise Refused("not_confirmed", "nothing was done")
    outcomes = await _give(client, found, command, argument, per_second)
    others = [name for name, why in outcomes.items() if why == NOT_ITS_COMMAND]
    if len(others) < len(outcomes):  # a CRM connection is found by most queries, and has few commands of an account
        outcomes = {name: why for name, why in outcomes.items() if why != NOT_ITS_COMMAND}
    else:
        others = []
    refused = {name: why for name, why in outcomes.items() if why}
    done = len(outcomes) - len(refused)

    def show() -> None:
        terminal.line(f"{done} of {len(outcomes)} did it")
        if others:
            terminal.line(f"{command} is not for {', '.join(others[:SHOWN])}")
        for why, count in Counter(refused.values()).most_common():
            names = [name for name, said in refused.items() if said == why]
            more = f" and {count - SHOWN} more" if count > SHOWN else ""
            terminal.line(f"{count} did not: {why}")
            terminal.line(", ".join(names[:SHOWN]) + more, indent=2)

    about |= {"done": done, "not_for": others, "refused": [{"id": name, "why": why} for name, why in refused.items()]}
    terminal.answer(about, show)
    return 1 if refused else 0


def _say_whom(terminal: Terminal, names: Sequence[str]) -> None:
    terminal.line(f"{len(names)} of those that run" if names else "none that runs is found by that query")
    for name in names[:SHOWN]:
        terminal.line(name, indent=2)
    if len(names) > SHOWN:
        terminal.line(f"and {len(names) - SHOWN} more", indent=2)


def _argument(given: str | None) -> list[Any]:
    if given is None:
        return []
    try:
        return [json.loads(given)]
    except ValueError as error:
        raise Refused("invalid_json", f"--input is no JSON: {error}") from None


async def _found(client: Client, query: str) -> list[str]:
    kinds = (contract.MAIL_ACCOUNT, contract.CRM_CONNECTION)
    of_kinds = ", ".join(f"'{kind}'" for kind in kinds)
    asked = f"({query}) AND ExecutionStatus = 'Running' AND WorkflowType IN ({of_kinds})"
    try:
        return [
            one.id
            async for one in client.list_workflows(asked)
            # A query may have brackets of its own, and mean others by them.
            if one.workflow_type in kinds and one.status == WorkflowExecutionStatus.RUNNING
        ]
    except RPCError as error:
        where = "docs/reference.md, Search attributes, has what it may ask"
        raise Refused("invalid_query", f"--query: {error.message}; {where}") from None


async def _give(
    client: Client, workflow_ids: Sequence[str], command: str, argument: Sequence[Any], per_second: float
) -> dict[str, str]:
    """By workflow id what it said: "" where it did it. So many a second are asked, and so many at a time. Broken off, it answers
    what has come of it so far."""
    room = asyncio.Semaphore(AT_ONCE)

    async def ask(workflow_id: str) -> str:
        async with room:
            try:
                async with asyncio.timeout(UPDATE_SECONDS):
                    await client.get_workflow_handle(workflow_id).execute_update(command, args=list(argument))
            except WorkflowUpdateFailedError as error:
                cause = error.cause
                if isinstance(cause, ApplicationError) and cause.details and cause.details[0].get("code") == UNKNOWN:
                    return NOT_ITS_COMMAND
                return words(error)
            except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
                return f"it did not answer in {UPDATE_SECONDS} s, and may still do it"
            except RPCError as error:
                return error.message
            return ""

    asked: dict[str, asyncio.Task[str]] = {}
    try:
        for workflow_id in workflow_ids:
            asked[workflow_id] = asyncio.create_task(ask(workflow_id))
            await asyncio.sleep(1 / per_second)
        await asyncio.wait(asked.values())
    except asyncio.CancelledError:  # Ctrl-C: who was asked is told all the same
        for task in asked.values():
            task.cancel()
        await asyncio.wait(asked.values())
    return {name: _said(asked.get(name)) for name in workflow_ids}


def _said(asked: asyncio.Task[str] | None) -> str:
    if asked is None:
        return "it was broken off before: it was not asked"
    return "it was broken off: it was asked, and may do it" if asked.cancelled() else asked.result()
