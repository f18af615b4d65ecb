"""Starts Mailroom's workers; with --dev, everything that they need as well.

python worker.py                                    TEMPORAL_ADDRESS and DATABASE_URL say where
python worker.py --dev [--once] [--empty] [--state DIR]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import shlex
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError
from temporalio.worker import PollerBehaviorAutoscaling, Worker

from activities import registry
from activities.pauses import Pauses
from activities.search.indexing import Indexing
from domain.core.foreign_text import log_line
from domain.crm.settings import CrmSettings
from infra import stacks
from infra.commands import Parser
from infra.database.migrate import migrate
from infra.database.pool import Pool, open_pool
from infra.dev.children import ServiceFailed
from infra.dev.sandbox.tour import commands_to_try, show_sandbox
from infra.dev.services import DevServices
from infra.dev.temporal.provision import NoTemporal
from infra.notices import NoticeCourier
from infra.search_attributes import COMMAND, WrongType, missing
from infra.settings import SettingsError, WorkerSettings
from infra.telemetry.gauges import Gauges
from infra.telemetry.telemetry import Telemetry
from infra.temporal.client import TemporalUnreachable, connect, leave
from infra.temporal.patience import with_time_for_workflows
from workflows import contract
from workflows.account.mail_account import MailAccount
from workflows.crm.crm_connection import CrmConnection
from workflows.erase_person import ErasePerson
from workflows.reconcile import Reconcile
from workflows.sending.send_message import SendMessage
from workflows.sending.sending_route import SendingRoute
from workflows.stored_mail import StoredMail

logger = logging.getLogger("mailroom")

Started = Callable[[Client, Pool], Awaitable[None]]

SESSIONS_AT_ONCE = 100
DATABASE_CONNECTIONS = 20
Result = TypeVar("Result")
DRAIN = timedelta(seconds=30)  # a session finishes its batch and says QUIT


def workers(client: Client, pool: Pool, settings: WorkerSettings) -> list[Worker]:
    """The workers of the roles that this process has."""
    name = f"{os.getpid()}@{socket.gethostname()}"
    made: list[Worker] = []
    shared: dict[str, Any] = {
        "identity": name,
        "graceful_shutdown_timeout": DRAIN,
        "disable_eager_activity_execution": True,  # it would bypass the queues' limits
        "interceptors": [Pauses()],
    }
    if "workflows" in settings.roles:
        of_workflows = Worker(
            client,
            task_queue=contract.WORKFLOW_QUEUE,
            workflows=[MailAccount, CrmConnection, Reconcile, ErasePerson, StoredMail, SendingRoute, SendMessage],
            activities=registry.of_workflows(pool, settings),
            **shared,
        )
        made.append(with_time_for_workflows(of_workflows))
    if "retrieval" in settings.roles:
        made.append(
            Worker(
                client,
                task_queue=contract.RETRIEVAL_QUEUE,
                activities=registry.of_retrieval(pool, settings, name),
                max_concurrent_activities=SESSIONS_AT_ONCE,
                activity_task_poller_behavior=PollerBehaviorAutoscaling(),
                # A cancellation reaches a session with a heartbeat: `disable` must not wait for a throttled one.
                max_heartbeat_throttle_interval=timedelta(seconds=1),
                default_heartbeat_throttle_interval=timedelta(seconds=1),
                **shared,
            )
        )
    if "crm" in settings.roles:
        made.append(
            Worker(
                client,
                task_queue=contract.CRM_QUEUE,
                activities=registry.of_crms(pool, settings, name),
                max_concurrent_activities=SESSIONS_AT_ONCE,
                max_heartbeat_throttle_interval=timedelta(seconds=1),
                default_heartbeat_throttle_interval=timedelta(seconds=1),
                **shared,
            )
        )
    if "sending" in settings.roles:
        made.append(
            Worker(
                client,
                task_queue=contract.SENDING_QUEUE,
                activities=registry.of_sending(pool, settings, name),
                max_concurrent_activities=SESSIONS_AT_ONCE,
                max_heartbeat_throttle_interval=timedelta(seconds=1),
                default_heartbeat_throttle_interval=timedelta(seconds=1),
                **shared,
            )
        )
    return made


async def run(
    settings: WorkerSettings,
    telemetry: Telemetry,
    stop: asyncio.Event,
    started: Callable[[Client, Pool], Coroutine[Any, Any, None]],
) -> None:
    """Runs the workers until `stop`; `started` is awaited once they take work."""
    # Name look-ups and indexing wait for a thread: as many as there are sessions, or one dead resolver holds up everybody.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(SESSIONS_AT_ONCE + 20, "mailroom"))
    stacks.say_on_signal()
    await migrate(settings.database_url)
    client = await _until_stopped(connect(runtime=telemetry.runtime), stop)
    if client is None:
        return
    if names := await missing(client):
        raise SettingsError(f"Temporal does not know the search attributes {', '.join(names)}: run {COMMAND}")
    pool = await open_pool(settings.database_url, most=DATABASE_CONNECTIONS)
    try:
        made = workers(client, pool, settings)
        async with contextlib.AsyncExitStack() as running:
            if "workflows" in settings.roles:
                await running.enter_async_context(beside(NoticeCourier(pool, settings.notify_url).run))
                await running.enter_async_context(beside(Indexing(pool).run))
                if telemetry.exports_metrics:
                    await running.enter_async_context(beside(Gauges(pool).run))
            for worker in made:
                await running.enter_async_context(worker)
            if "workflows" in settings.roles:
                await start_builtin_crm(client, pool)
            await _until_stopped(started(client, pool), stop)
            await stop.wait()
            logger.info("stopping: sessions finish their batch; once more to stop at once")
            await asyncio.gather(*(worker.shutdown() for worker in made))  # together, or each would take its own time
    finally:
        await pool.close()


async def _until_stopped(work: Coroutine[Any, Any, Result], stop: asyncio.Event) -> Result | None:
    """Awaits `work`, but not beyond `stop`: None then."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if working.done():
        return await working
    working.cancel()
    return None


async def start_builtin_crm(client: Client, pool: Pool) -> None:
    """Starts it where it is not running; wakes connections that run as the first release has started them."""
    await client.start_workflow(
        contract.CRM_CONNECTION,
        CrmSettings(name=contract.BUILTIN_CRM),
        id=contract.crm_workflow_id(contract.BUILTIN_CRM),
        task_queue=contract.WORKFLOW_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary="the built-in CRM",
    )
    async with pool.connection() as connection:
        rows = await (await connection.execute("select name from crms where settings is null")).fetchall()
    for (name,) in rows:
        with contextlib.suppress(RPCError):  # it has ended
            await client.get_workflow_handle(contract.crm_workflow_id(name)).signal("serve")


@contextlib.asynccontextmanager
async def beside(run: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Lets it run beside the block, and tells it to stop after that."""
    stop = asyncio.Event()
    running = asyncio.create_task(run(stop))
    try:
        yield
    finally:
        stop.set()
        await running


def stop_on_signals(stop: asyncio.Event, leave_behind_nothing: Callable[[], None] = lambda: None) -> None:
    """The first SIGINT or SIGTERM drains; the second stops at once."""

    def asked() -> None:
        if stop.is_set():
            leave_behind_nothing()
            os._exit(1)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked)


async def serve(settings: WorkerSettings, telemetry: Telemetry) -> int:
    stop = asyncio.Event()
    stop_on_signals(stop)

    async def started(_client: Client, _pool: Pool) -> None:
        logger.info("workers started: %s", ", ".join(sorted(settings.roles)))

    await run(settings, telemetry, stop, started)
    return 0


async def develop(services: DevServices, settings: WorkerSettings, telemetry: Telemetry, *, once: bool) -> int:
    """The workers beside their embedded services, and the sandbox account's tour; 1 where its mail did not come in."""
    stop = asyncio.Event()
    stop_on_signals(stop, lambda: services.__exit__())
    status = 0

    async def started(client: Client, pool: Pool) -> None:
        nonlocal status
        if services.sandbox_address:
            status = await show_sandbox(services, settings, client, pool)
        services.announce()
        if services.sandbox_address:
            print("\nTry, in a new shell:")
            print("\n".join(f"  {command}" for command in commands_to_try(services.sandbox_address)))
        print(f"\nTemporal UI      {services.temporal_ui or f'of the server at {services.temporal_address}'}")
        print(
            f"in a new shell   . {shlex.quote(str(services.env_file))}   (then `mailroom`, `temporal` and `psql` find everything)"
        )
        print("mailroom: ready", flush=True)
        if once:
            print(
                "mailroom: done, and everything stops again; without --once (`make run`) it keeps running", flush=True
            )
            stop.set()

    async with beside(services.tell_of_ended):
        await run(settings, telemetry, stop, started)
    return status if once else 0


def main() -> int:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dev", action="store_true", help="start PostgreSQL, Temporal and a sandbox mailbox as well")
    parser.add_argument("--once", action="store_true", help="with --dev: leave once the sandbox account is retrieved")
    parser.add_argument("--empty", action="store_true", help="with --dev: without the sandbox")
    parser.add_argument(
        "--state", type=Path, default=Path(".mailroom"), metavar="DIR", help="with --dev: the folder where all is kept"
    )
    given = parser.parse_args()
    try:
        if not given.dev:
            settings = WorkerSettings.from_environment(os.environ)
            if settings.key or settings.key_file:
                settings.vault_key()  # better said now than when the first secret is needed
            return _with_telemetry(settings, False, lambda telemetry: serve(settings, telemetry))
        with DevServices(given.state, sandbox=not given.empty) as services:
            os.environ.update(services.environment)
            settings = WorkerSettings.from_environment(os.environ, dev=True)
            return _with_telemetry(
                settings, True, lambda telemetry: develop(services, settings, telemetry, once=given.once)
            )
    except (SettingsError, TemporalUnreachable, WrongType, NoTemporal, ServiceFailed) as error:
        complaint = str(error)
    except RPCError as error:
        complaint = f"the Temporal server refuses: {error}: check TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE"
    except psycopg.Error as error:
        complaint = f"the database of DATABASE_URL does not work: {error}"
    except KeyboardInterrupt:
        return 130
    print(f"mailroom: {log_line(complaint)}", file=sys.stderr)
    return 1


def _with_telemetry(
    settings: WorkerSettings, dev: bool, serving: Callable[[Telemetry], Coroutine[Any, Any, int]]
) -> int:
    telemetry = Telemetry.start(settings, dev=dev)
    try:
        return asyncio.run(serving(telemetry))
    finally:
        telemetry.shutdown()


if __name__ == "__main__":
    leave(main())
