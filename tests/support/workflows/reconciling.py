"""An account on Dovecot, and `Reconcile` run on it as an operator does; damage as only somebody with the database can do it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from temporalio.client import WorkflowHandle

from tests.servers.dovecot import Dovecot
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import mail
from tests.support.running import Mailroom, RunningAccount, a_new_address
from tests.support.services import as_owner
from workflows import contract

SELDOM = {"interval_minutes": 60}
PASSWORD = "correct-horse"


async def reconcile(mailroom: Mailroom, *payloads: Any) -> WorkflowHandle[Any, Any]:
    """Starts `Reconcile` with these inputs and waits for nothing."""
    return await mailroom.client.start_workflow(
        contract.RECONCILE, args=payloads, id=f"reconcile/{uuid4()}", task_queue=contract.WORKFLOW_QUEUE
    )


@dataclass
class Case:
    """One account and what may be done to it behind Mailroom's back."""

    mailroom: Mailroom
    account: RunningAccount

    @property
    def address(self) -> str:
        return self.account.address

    async def report(self, *, repair: bool = False, ask_server: bool = False) -> dict[str, Any]:
        """The result of a reconciliation, in plain JSON."""
        given = {"address": self.address, "repair": repair} | ({"ask_server": True} if ask_server else {})
        handle = await reconcile(self.mailroom, given)
        answer: dict[str, Any] = await handle.result()
        return answer

    async def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        return await self.mailroom.rows(query, *values)

    async def damage(self, *statements: str) -> None:
        """Runs SQL on this account's rows (`:address`), past all constraints and triggers: a disk asks neither."""
        async with await as_owner(self.mailroom.pool) as connection, connection.transaction():
            await connection.execute("set local session_replication_role = replica")
            for statement in statements:
                await connection.execute(statement.replace(":address", f"'{self.address}'").encode())

    async def bodies(self) -> list[bytes]:
        """The stored bytes of each message, in the order of their ids."""
        query = "select r.raw from messages m join raw_messages r using (id) where m.address = %s order by m.id"
        return [bytes(row["raw"]) for row in await self.rows(query, self.address)]

    async def ids(self) -> list[int]:
        return [
            row["id"] for row in await self.rows("select id from messages where address = %s order by id", self.address)
        ]

    async def events(self, *types: str) -> list[dict[str, Any]]:
        return [entry.data for entry in await self.account.log(*types)]


async def on_dovecot(mailroom: Mailroom, dovecot: Dovecot, count: int = 5, **settings: Any) -> Case:
    """An account with `count` messages retrieved, which looks again only when it is asked."""
    address = a_new_address()
    dovecot.add_user(address, PASSWORD)
    for number in range(1, count + 1):
        dovecot.deliver(address, mail(number))
    incoming = {"host": dovecot.host, "port": dovecot.port, "tls": "none", "secret": mailroom.secret(PASSWORD)}
    given = {"address": address, "incoming": incoming, "retrieval": SELDOM, **settings}
    account = await mailroom.start(given)
    await account.until_logged("AccountConnected")
    await account.until_mail(count)
    await account.until_watched()
    return Case(mailroom, account)


async def on_a_scripted_server(mailroom: Mailroom, server: MailboxServer, **settings: Any) -> Case:
    """The same on a scripted server, with what is in it retrieved."""
    account = await mailroom.connect(server, retrieval=SELDOM, **settings)
    await account.until_mail(len(server.messages))
    await account.until_watched()
    return Case(mailroom, account)


def differences(report: dict[str, Any]) -> dict[str, int]:
    """The kinds of differences that a report names, and how many of each."""
    return {kind: found["count"] for kind, found in report["differences"].items() if found["count"]}
