"""The sandbox account of `worker.py --dev`: connects it as an operator would, waits for its mail, and shows what came in.

It uses the public names of docs/reference.md and nothing else.
"""

from __future__ import annotations

import asyncio
import json
import sys
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy

from infra.database.pool import Pool
from infra.dev.children import ServiceFailed
from infra.dev.services import PROJECT, DevServices
from infra.settings import WorkerSettings
from infra.vault.vault import Cipher, Vault

SECRET = "sandbox"
OUTGOING_SECRET = "sandbox-smtp"  # the same password; a secret belongs to one server
ANSWER = "sandbox-answer"  # the request that it is sent by
DIRECTORY = Path(__file__).parent / "directory.json"
PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Tour:
    """What the sandbox account has by now. `skipped` is not to come: deleted or erased here, or kept back by a rule."""

    address: str
    messages: int
    skipped: int
    on_server: int
    linked: int
    lines: tuple[str, ...]

    @property
    def retrieved(self) -> str:
        """How many of those on the server, as long as it still has them."""
        gone = self.messages > self.on_server
        return f"{self.messages} messages" if gone else f"{self.messages} of {self.on_server} messages"

    @property
    def complete(self) -> bool:
        return 0 < self.on_server <= self.messages + self.skipped and self.linked > 0


async def connect_account(
    client: Client, pool: Pool, settings: WorkerSettings, *, address: str, pop: str, password: str
) -> None:
    """Stores the secret, fills the built-in CRM and starts the account; what is there already stays."""
    vault, cipher = Vault(pool), Cipher(settings.vault_key())
    stored = await vault.get(SECRET)
    if stored is None:  # later, somebody may have erased one of them, or changed one
        for record in json.loads(DIRECTORY.read_text(encoding="utf-8")):
            await client.get_workflow_handle("crm/builtin").execute_update("save_record", record)
    if stored is None or cipher.open(stored) != password:  # storing it again would free it from its host
        await vault.put(SECRET, password, cipher)
    outgoing = await vault.get(OUTGOING_SECRET)
    if outgoing is None or cipher.open(outgoing) != password:
        await vault.put(OUTGOING_SECRET, password, cipher)
    host, _, port = pop.rpartition(":")
    account: dict[str, Any] = {
        "address": address,
        "incoming": {"host": host, "port": int(port), "tls": "none", "secret": f"vault:{SECRET}"},
        "retrieval": {"interval_minutes": 1},
        "crm": ["builtin"],
    }
    await client.start_workflow(
        "MailAccount",
        account,
        id=f"mail-account/{address}",
        task_queue="mailroom",
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary=f"POP3 {address}",
    )


async def wait_for_mail(client: Client, pool: Pool, address: str) -> Tour:
    """Waits until all of the sandbox's mail is retrieved, or patience ends; raises WorkflowFailureError if it is refused."""
    ended = asyncio.create_task(client.get_workflow_handle(f"mail-account/{address}").result())
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (tour := await look(pool, address)).complete:
                if ended.done():
                    ended.result()  # a set-up that was refused raises here, and says why
                await asyncio.sleep(0.2)
    except TimeoutError:
        return await look(pool, address)
    finally:
        ended.cancel()
    return tour


async def look(pool: Pool, address: str) -> Tour:
    async with pool.connection() as connection:
        counts = await (
            await connection.execute(
                """
                select (select count(*) from ledger where address = %(address)s and epoch > 0 and state in ('stored', 'deleted')),
                    (select count(*) from ledger where address = %(address)s and state = 'skipped'),
                    coalesce((select on_server from accounts where address = %(address)s), 0),
                    (select count(distinct message) from correspondence where address = %(address)s and unlinked_at is null)
                """,
                {"address": address},
            )
        ).fetchone()
        rows = await (
            await connection.execute(
                """
                select m.from_address, m.subject, string_agg(d.name || ' (' || d.record_kind || ')', ', ' order by d.name)
                from messages m
                left join correspondence c on c.message = m.id and c.unlinked_at is null
                left join directory d using (crm, record_kind, record_id)
                where m.address = %s
                group by m.id, m.from_address, m.subject
                order by m.id
                """,
                [address],
            )
        ).fetchall()
    messages, skipped, on_server, linked = counts or (0, 0, 0, 0)
    lines = tuple(f"{_cut(who or '-', 32)}  {_cut(what or '-', 44)}  {whom or ''}".rstrip() for who, what, whom in rows)
    return Tour(address, messages, skipped, on_server, linked, lines)


def _cut(text: str, width: int) -> str:
    """`text` in a column of `width`; a Chinese, Japanese or Korean character takes two places on a screen."""
    shown, used = "", 0
    for character in text:
        places = 2 if unicodedata.east_asian_width(character) in "WF" else 0 if unicodedata.combining(character) else 1
        if used + places > width - 1:
            shown, used = shown + "…", used + 1
            break
        shown, used = shown + character, used + places
    return shown + " " * (width - used)


async def show_sandbox(services: DevServices, settings: WorkerSettings, client: Client, pool: Pool) -> int:
    address = services.sandbox_address
    password = services.sandbox_password_file.read_text(encoding="ascii").strip()
    await connect_account(client, pool, settings, address=address, pop=services.sandbox_pop, password=password)
    seen = await wait_for_mail(client, pool, address)
    print("\n".join(seen.lines))
    print(f"\n{address}: {seen.retrieved} retrieved, {seen.linked} linked to CRM records")
    if not seen.complete:
        return 1
    sent = await answer_somebody(client, pool, address, services.sandbox_smtp)
    print(sent.line)
    return 0 if sent.accepted else 1


@dataclass(frozen=True)
class Sent:
    """The answer as it stands."""

    state: str
    copy: str
    subject: str
    whom: str

    @property
    def goes_on(self) -> bool:
        return self.copy == "pending" or self.state in ("scheduled", "queued", "sending")


@dataclass(frozen=True)
class Answered:
    """What came of the answer that the sandbox sends."""

    accepted: bool
    line: str


async def answer_somebody(client: Client, pool: Pool, address: str, smtp: str) -> Answered:
    """Sends an answer to the first message of a contact, once, by the sandbox's SMTP server."""
    host, _, port = smtp.rpartition(":")
    route = {
        "address": address,
        "outgoing": {"host": host, "port": int(port), "tls": "none", "secret": f"vault:{OUTGOING_SECRET}"},
    }
    await client.start_workflow(
        "SendingRoute",
        route,
        id=f"route/{address}",
        task_queue="mailroom",
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary=f"SMTP {address}",
    )
    if await _answered(pool) is None:
        message = {"request_id": ANSWER, "from": address, "draft": await _draft(pool, address), "by": "sandbox"}
        await client.start_workflow(
            "SendMessage",
            message,
            id=f"send/{ANSWER}",
            task_queue="mailroom",
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (sent := await _answered(pool)) is None or sent.goes_on:  # noqa: ASYNC110 -- it is in the database
                await asyncio.sleep(0.2)
    except TimeoutError:
        sent = await _answered(pool)
    if sent is None or sent.state != "accepted":
        return Answered(False, f"{address}: the answer is {sent.state if sent else 'not queued'}")
    return Answered(True, f"{address}: sent by {smtp}: {sent.subject}, linked to {sent.whom}")


async def _draft(pool: Pool, address: str) -> str:
    """An answer to the sandbox's first message, as `mailroom draft` stores it."""
    async with pool.connection() as connection:
        row = await (
            await connection.execute(
                """
                select min(m.id) from messages m join correspondence c on c.message = m.id and c.unlinked_at is null
                where m.address = %s and m.folder = 'Inbox' and c.direction = 'Received' and c.record_kind = 'contact'
                """,
                [address],
            )
        ).fetchone()
    assert row is not None
    draft = json.dumps({"reply_to": row[0], "text": "Thank you for your message. Our quote follows tomorrow."})
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "activities.draft", address, "-", "--by", "sandbox"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=PROJECT,
    )
    said, _ = await process.communicate(draft.encode())
    if process.returncode != 0:
        raise ServiceFailed("the sandbox's draft could not be stored: see above")
    return said.decode().strip()


async def _answered(pool: Pool) -> Sent | None:
    async with pool.connection() as connection:
        row = await (
            await connection.execute(
                """
                select s.state, s.copy, coalesce(m.subject, ''),
                    coalesce(string_agg(d.name || ' (' || d.record_kind || ')', ', '), '')
                from sent_messages s
                left join messages m on m.id = s.message
                left join correspondence c on c.message = m.id and c.unlinked_at is null
                left join directory d using (crm, record_kind, record_id)
                where s.request_id = %s group by s.state, s.copy, m.subject
                """,
                [ANSWER],
            )
        ).fetchone()
    return Sent(*row) if row else None


def commands_to_try(address: str) -> tuple[str, ...]:
    return (
        f"temporal workflow query --workflow-id mail-account/{address} --name status",
        f"temporal workflow update execute --workflow-id mail-account/{address} --name poll_now",
        f'temporal workflow signal --workflow-id mail-account/{address} --name disable --input \'{{"by": "me"}}\'',
        (
            f"""DRAFT=$(echo '{{"to": ["anna.lindqvist@example.org"], "subject": "Hello", "text": "One thing more."}}' """
            f"| mailroom draft {address} -); temporal workflow execute --type SendMessage --task-queue mailroom "
            f"""--workflow-id send/my-first --input "{{\\"request_id\\": \\"my-first\\", \\"from\\": \\"{address}\\", """
            """\\"draft\\": \\"$DRAFT\\"}\""""
        ),
        'psql "$DATABASE_URL" -c "select version, at, type, actor from mailroom.account_events order by at"',
    )
