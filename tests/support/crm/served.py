"""A CRM that knows Anna, behind a line that answers as it is told to; served by real sessions, with mail of hers that arrives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb
from temporalio.testing import ActivityEnvironment

from activities.actions.actions import Actions
from activities.crm.adapters.registry import Adapters
from activities.crm.connections import CrmConnections
from activities.registry import of_filing
from domain.crm.settings import CrmSettings
from domain.directory.records import Profile
from infra.database.pool import Pool
from tests.servers.failing_front import FailingFront
from tests.servers.failing_http import Fault
from tests.servers.scripted_pop import MailboxServer
from tests.servers.tryton import TrytonDatabase
from tests.servers.zoho_twin import ZohoTwin
from tests.support.commands import attempt
from tests.support.granted import KEY, store
from tests.support.mailboxes import PASSWORD, account, local_worker, mail
from tests.support.scripted_crm import Serving
from workflows.contract import RetryFailedRequest

Request = Literal["pull", "push", "probe", "turn", "remove", "note"]
NAME = "sales"

ZOHO: dict[Request, tuple[str, str]] = {
    "pull": ("GET", "/Contacts$"),
    "push": ("POST", "/actions/associate_email$"),
    "probe": ("GET", "/Emails$"),
    "note": ("POST", "/Notes$"),
}
RECRUIT: dict[Request, tuple[str, str]] = {
    "pull": ("GET", "/Contacts$"),
    "push": ("POST", "/Notes$"),
    "probe": ("GET", "/Notes$"),
    "turn": ("PUT", "/Notes$"),
    "remove": ("DELETE", "/Notes/"),
    "note": ("POST", "/Notes$"),
}
TRYTON: dict[Request, tuple[str, str]] = {
    "pull": ("GET", "/party.party$"),
    "push": ("POST", "/mailroom.correspondence$"),
    "probe": ("GET", "/mailroom.correspondence$"),
    "turn": ("PUT", "/mailroom.correspondence/"),
    "remove": ("DELETE", "/mailroom.correspondence/"),
    "note": ("POST", "/mailroom.activity$"),
}


@dataclass
class Served:
    """One connection, an account of it, and what the CRM shows."""

    pool: Pool
    serving: Serving
    line: ZohoTwin | FailingFront
    requests: dict[Request, tuple[str, str]]
    anna: str
    tryton: TrytonDatabase | None = None

    def fail(self, request: Request, fault: Fault, *, times: int = 1) -> None:
        self.line.fail(*self.requests[request], fault, times=times)

    async def connect(self) -> None:
        """As the workflow registers a connection."""
        settings = self.serving.settings
        await ActivityEnvironment().run(CrmConnections(self.pool).register_crm, settings)
        async with self.pool.connection() as connection:
            kept = Jsonb(settings.model_dump(mode="json"))
            await connection.execute("update crms set settings = %s where name = %s", [kept, NAME])

    async def arrives(self, number: int) -> int:
        """A message that Anna wrote to herself comes to Jane's mailbox, so it is hers in any folder; its id."""
        raw = mail(number).replace(b"To: jane@example.com", b"To: anna@example.org")
        async with MailboxServer(password=PASSWORD, messages={f"uid-{number}": raw}) as server:
            settings = account(server.port, crm=(NAME,))
            await self.serving.seen.record(settings)
            report = await self.serving.seen.watch(settings)
        assert report.stored == 1
        return int(await self.serving.seen.value("select max(id) from messages"))

    async def settle(self) -> None:
        """The time passes in which the CRM may still be at what it was asked."""
        async with self.pool.connection() as connection:
            await connection.execute(
                "update entries set claimed_at = claimed_at - interval '1 hour', next_attempt_at = null"
            )

    async def sweep(self) -> None:
        """A day passes."""
        async with self.pool.connection() as connection:
            await connection.execute("update crms set swept_at = null")

    async def retry_failed(self) -> None:
        request = RetryFailedRequest(crm=NAME, by="ops", event_id=uuid4(), at=datetime.now(UTC))
        await ActivityEnvironment().run(CrmConnections(self.pool).retry_failed_entries, request)

    async def desk(self, command: str, **given: Any) -> None:
        """Jane gives a command about all her messages."""
        messages = await self.serving.seen.column("select id from messages")
        given = {"by": "jane", "messages": messages, **given}
        (carry_out,) = [one for one in of_filing(self.pool) if one.__name__ == command]
        await attempt(carry_out, given)

    async def note(self, message: int, request_id: str) -> dict[str, Any]:
        """Somebody adds a note to Anna's record, as the workflow asks for it."""
        actions = Actions(self.pool, Adapters(self.pool, self.serving.worker).of, "help@mailroom.example")
        given = {
            "by": "jane",
            "request_id": request_id,
            "message": message,
            "crm": NAME,
            "record_kind": "contact",
            "record_id": self.anna,
            "subject": f"note {request_id}",
        }
        return await attempt(actions.add_note, given)

    def shown(self) -> list[str]:
        """Subject and direction of what the CRM shows on Anna's record."""
        if self.tryton is not None:
            rows = self.tryton.correspondences(self.anna)
            return sorted(f"{row['subject']} {row['direction'].capitalize()}" for row in rows)
        assert isinstance(self.line, ZohoTwin)
        if self.requests is ZOHO:
            emails = self.line.emails.get(("Contacts", self.anna), [])
            return sorted(f"{row['subject']} {'Sent' if row['sent'] else 'Received'}" for row in emails)
        titles = [row["Note_Title"].partition(": ") for row in self.line.modules["Notes"].values()]
        return sorted(f"{subject} {direction}" for direction, _, subject in titles if subject.startswith("message"))

    def notes(self) -> list[str]:
        """The subjects of the notes on Anna's record that somebody has added."""
        if self.tryton is not None:
            return sorted(row["subject"] for row in self.tryton.rest("GET", "mailroom.activity", f=["subject"]))
        assert isinstance(self.line, ZohoTwin)
        titles = [row["Note_Title"] for row in self.line.modules["Notes"].values()]
        return sorted(title for title in titles if re.match("note ", title))


def _serving(pool: Pool, **settings: Any) -> Serving:
    worker = local_worker(key=KEY.hex(), minute_seconds=10.0)
    return Serving(pool, worker=worker, settings=CrmSettings(name=NAME, **settings))


async def zoho(pool: Pool, twin: ZohoTwin, profile: Profile = "crm") -> Served:
    anna = twin.add("Contacts", Last_Name="Lind", Email="anna@example.org")
    secret = await store(pool, twin.grant(), "zoho")
    serving = _serving(pool, kind="zoho", data_centre="eu", url=twin.url, secret=secret, profile=profile)
    served = Served(pool, serving, twin, ZOHO if profile == "crm" else RECRUIT, anna)
    await served.connect()
    return served


@contextmanager
def fronted(tryton: TrytonDatabase) -> Iterator[FailingFront]:
    with FailingFront(tryton.url) as front:
        yield front


async def tryton(pool: Pool, database: TrytonDatabase, front: FailingFront, monkeypatch: pytest.MonkeyPatch) -> Served:
    monkeypatch.setenv("MAILROOM_SECRET_TRYTON", database.key)
    anna = database.party("Anna Lind", "anna@example.org")
    serving = _serving(pool, kind="tryton", url=front.url, secret="env:MAILROOM_SECRET_TRYTON")
    served = Served(pool, serving, front, TRYTON, anna, database)
    await served.connect()
    return served
