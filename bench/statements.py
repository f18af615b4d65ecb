"""What Mailroom asks of the database about a mailbox of hundreds of thousands of messages: the product's own calls, one by one.

Each is asked for the whole list, or for as much as one transaction takes. What a call needs to find is put there before it, by a
connection of its own, which nobody measures.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, LiteralString
from uuid import uuid4

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from temporalio.testing import ActivityEnvironment

from activities.crm.outbox import Outbox
from activities.delivery.recent_mode import RecentMode
from activities.directory.address_book import AddressBook
from activities.directory.directory import Directory
from activities.erasure.deletion import Removal
from activities.erasure.erase_person import Erasing
from activities.filing.apply_filter import Application
from activities.filing.refile import Filing
from activities.linking.relinking import (
    BackLinking,
    ask_to_follow_records,
    ask_to_relink_account,
    ask_to_relink_addresses,
)
from activities.mailbox.leases import Lease
from activities.mailbox.ledger import Ledger
from activities.mailbox.quarantine import Quarantine
from activities.mailbox.state import Live, Mailboxes, SessionRow
from activities.pop.listing_budget import ListingBudget
from activities.privacy.private_messages import PrivateMail
from activities.reconciliation.blob_hashes import BlobHashes
from activities.reconciliation.comparison import compare_stored
from activities.reconciliation.repair import Repair
from activities.retrieval.context import SessionContext
from activities.retrieval.listing import Found
from activities.retrieval.mail_store import MailStore, Source
from activities.retrieval.observer import Observer
from activities.storage.batch import Batch, Retrieved
from bench.mailroom import account
from bench.stored_mailbox import BATCH, JANE, WRITERS, uidl
from domain.directory.records import Page, Record
from domain.retrieval.outcome import Agenda
from domain.retrieval.plan import Listed
from infra.database.pool import Pool
from infra.settings import WorkerSettings
from workflows.contract import DeskRequest, Erasure, ErasureRequest, Hashed, RetryQuarantinedRequest, WatchRequest

CRM = "builtin"
FEW = 2_000  # that something is the matter with, beside the whole list
AT_ONCE = 1_000  # messages of one command
PAGES = 1_000  # messages before the end where what goes page by page begins

Connection = AsyncConnection[TupleRow]
Call = Callable[[], Awaitable[object]]


class Statements:
    """The calls, in the order of a session's life and of what people do afterwards. `lease` is that of Jane's mailbox."""

    def __init__(self, pool: Pool, lease: Lease, beside: Connection, messages: int) -> None:
        self._pool = pool
        self._lease = lease
        self._beside = beside
        self._ledger = Ledger(pool)
        self._quarantine = Quarantine(pool)
        self._store = MailStore(pool)
        self._now = datetime.now(UTC)
        self.whole = [
            Listed(number=number, uidl=uidl(number), occurrence=0, size=2000) for number in range(1, messages + 1)
        ]
        self.some = self.whole[:: max(messages // FEW, 1)][:FEW]
        self._settings = account(JANE, 110)

    async def prepared(self) -> None:
        """Reads what the calls refer to."""
        rows = await self._rows("select id from mail where address = %s and state = 'stored' order by id", [JANE])
        self._ids = [row[0] for row in rows]

    def _from(self, share: float, count: int) -> list[int]:
        """So many messages from there on: all of the mailbox is before 1, where the last ones are meant."""
        begin = max(min(int(share * len(self._ids)), len(self._ids) - count), 0)
        return self._ids[begin : begin + count]

    def calls(self) -> dict[str, Call]:
        return {
            **self.of_sessions(),
            **self._of_reconciliations(),
            **self._of_people(),
            **self._of_crms(),
        }

    # A session ----------------------------------------------------------------------------------------------------------

    def of_sessions(self) -> dict[str, Call]:
        ledger, lease, now = self._ledger, self._lease, self._now
        return {
            "open the mailbox": lambda: Mailboxes(self._pool, 10**12).open(self._settings),
            "note that deleted ones are gone": self._after("state = 'deleted', vanished_at = null", self._note_gone),
            "entries of the list": lambda: ledger.entries(JANE, 1, {one.uidl for one in self.whole}),
            "envelopes of doubtful ones": lambda: ledger.envelopes(JANE, 1, [one.uidl for one in self.whole[:10_000]]),
            "what is expected": lambda: ledger.expected(JANE, 1),
            "whether anything is stored": lambda: ledger.any_stored(
                JANE, [(one.message.message_id, one.message.sent_at) for one in self._mail(32, 1)]
            ),
            "settle quarantine": self._after(
                "state = 'quarantined', retry_at = now()",
                lambda: self._quarantine.settle(lease, self._row(), 1, self._identities(self._rest()), now),
            ),
            "release quarantine": lambda: self._quarantine.retry_quarantined(
                RetryQuarantinedRequest(address=JANE, uidl=None, by="bench", event_id=uuid4(), at=now)
            ),
            "disclaim": self._after(
                "state = 'stored', vanished_at = null", lambda: self._quarantine.disclaim(lease, 1, self._strangers())
            ),
            "disclaimed": lambda: self._quarantine.disclaimed(
                JANE, 1, self._identities(self.whole + self._strangers())
            ),
            "skip the list": lambda: ledger.skip(lease, self._row(), 1, self.whole, now, complete=False),
            "skip a new list": lambda: ledger.skip(lease, self._row(), 2, self.whole, now, complete=False),
            "ask for deletion": lambda: ledger.ask_deletion(lease, JANE, 1, self.some, now),
            "settle deletions": lambda: ledger.settle_deletions(
                lease, self._row(), 1, self._identities(self._rest()), now
            ),
            "note deletions": self._after(
                "state = 'stored'", lambda: ledger.deleted(lease, self._row(), 1, self.some, now)
            ),
            "observe what has left the list": self._after(
                "state = 'stored', deleted_at = null, deletion_asked_at = null", partial(self._observe, 0)
            ),
            "observe what is back": partial(self._observe, 1),
            "store a batch": partial(self._commit, 1, 0),
            "store a batch of an earlier server's mail": partial(self._commit, 3, 1),
            "store second copies": partial(self._commit, 4, 1, recent=True),
        }

    def _after(self, change: LiteralString, call: Call) -> Call:
        """The call, once `some` of the ledger's entries are so."""

        async def both() -> object:
            await self._rows(
                f"update pop_ledger set {change} where address = %s and epoch = 1 and uidl = any(%s) returning 1",
                [JANE, [one.uidl for one in self.some]],
            )
            return await call()

        return both

    async def _note_gone(self) -> None:
        await self._ledger.note_deleted_ones_gone(self._lease, JANE, 1, {one.uidl for one in self._rest()}, self._now)

    async def _observe(self, missing: int) -> None:
        """A look at a list that lacks `some`, or has them again."""
        listed = self._rest() if missing == 0 else self.whole
        mailbox = await Mailboxes(self._pool, 10**12).open(self._settings)
        request = WatchRequest(
            settings=self._settings,
            settings_version=1,
            credential_version=1,
            total_stored=0,
            recovering=False,
            report=False,
            not_before=None,
            needed_bytes=0,
        )
        observer = Observer(self._pool)
        context = SessionContext(
            request,
            self._lease,
            ListingBudget().share(),
            self._row(),
            WorkerSettings(database_url=""),
            lambda: self._now,
        )
        remembered = await observer.remembered(self._settings, mailbox, self._now)
        found = Found(mailbox, len(listed), listed, {}, counted=len(listed), uids=len(listed), complete=True)
        remembered, seen = await observer.look(context, remembered, found, self._now)
        await observer.conclude(context, remembered, seen, Agenda(), None, expire_days=None, greeting="", at=self._now)

    async def _commit(self, epoch: int, known: int, *, recent: bool = False) -> None:
        """One batch; of its messages so many of two are stored already, by another server's list."""
        batch = Batch(number=epoch)
        live = Live(on_server=len(self.whole), remaining=0)
        mode = RecentMode(True, self._now, frozenset({JANE})) if recent else None
        arrived = self._mail(BATCH, known)
        source = Source(self._lease, self._row(), self._settings, epoch, mode)
        await self._store.commit(source, batch, arrived, live, self._now)

    def _mail(self, count: int, known: int) -> list[Retrieved]:
        """Messages as they arrive; with `known`, every other has the Message-ID and the author of one that is stored."""
        found = []
        for number in range(1, count + 1):
            name = f"{number}@{JANE}" if known and number % 2 else f"{uuid4()}@example.net"
            raw = (
                f"From: Somebody <s{number % WRITERS}@example.org>\r\nTo: {JANE}\r\nSubject: message {number}\r\n"
                f"Date: Mon, 01 Jun 2026 10:00:00 +0000\r\nMessage-ID: <{name}>\r\n"
                f"In-Reply-To: <{number + 7}@{JANE}>\r\n\r\nThis is it.\r\n"
            ).encode()
            listed = Listed(number=number, uidl=f"new-{uuid4()}", occurrence=0, size=len(raw))
            found.append(Retrieved.of(listed, raw))
        return found

    def _rest(self) -> list[Listed]:
        some = {one.uidl for one in self.some}
        return [one for one in self.whole if one.uidl not in some]

    def _strangers(self) -> list[Listed]:
        """Listed, and unknown to the ledger."""
        return [dataclasses.replace(one, uidl=f"disclaimed-{one.uidl}") for one in self.some]

    def _identities(self, listed: Sequence[Listed]) -> set[tuple[str, int]]:
        return {one.identity for one in listed}

    def _row(self) -> SessionRow:
        return SessionRow(id=uuid4(), address=JANE, started_at=self._now, worker="bench")

    # A reconciliation ---------------------------------------------------------------------------------------------------

    def _of_reconciliations(self) -> dict[str, Call]:
        end = Hashed(checked=len(self._ids), stored_at=self._now, through=self._ids[-1])
        hashes = partial(BlobHashes, self._pool, JANE)
        return {
            "hash a page of bytes": lambda: hashes(Hashed()).page(),
            "whether all bytes were hashed": lambda: hashes(end).is_whole(),
            "hash damaged bytes again": self._with_damage(lambda: hashes(Hashed()).recheck()),
            "compare": self._compare,
            "repair what is lost": self._with_losses(
                lambda: Repair(self._pool, self._lease, 1, lambda: self._now).mend(self.whole, [])
            ),
        }

    async def _compare(self) -> None:
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute("set transaction isolation level repeatable read, read only")
            await compare_stored(connection, JANE, 1)

    def _with_damage(self, call: Call) -> Call:
        async def both() -> object:
            await self._rows(
                "insert into damaged_blobs select distinct sha256, 'differs' from mail where id = any(%s) returning 1",
                [self._from(0, BATCH)],
            )
            return await call()

        return both

    def _with_losses(self, call: Call) -> Call:
        """Ledger entries without their message, and messages without their entry."""

        async def both() -> object:
            await self._rows(
                "update pop_ledger set mail = null where mail = any(%s) returning 1", [self._from(1 / 8, BATCH)]
            )
            await self._rows("delete from pop_ledger where mail = any(%s) returning 1", [self._from(1 / 4, BATCH)])
            return await call()

        return both

    # People -------------------------------------------------------------------------------------------------------------

    def _of_people(self) -> dict[str, Call]:
        named = self._from(1 / 2, AT_ONCE)
        erasing = ErasureRequest(
            given=Erasure(organisation="default", address="s7@example.org", by="bench"),
            erasure=uuid4(),
            at=self._now,
        )
        return {
            "apply a filter": self._apply_filter,
            "move messages": partial(self._command, Filing(self._pool).move_messages, messages=named, folder="Sent"),
            "make messages private": partial(self._command, PrivateMail(self._pool).make_private, messages=named),
            "delete messages": partial(self._command, Removal(self._pool).delete_messages, messages=named),
            "count the address book": self._count,
            "look for what names a person": lambda: ActivityEnvironment().run(
                Erasing(self._pool).erase_person, erasing
            ),
        }

    async def _command(self, command: Callable[[DeskRequest], Awaitable[Any]], **given: Any) -> None:
        request = DeskRequest(address=JANE, given={"by": "bench", **given}, event_id=uuid4(), at=self._now)
        await ActivityEnvironment().run(command, request)

    async def _apply_filter(self) -> None:
        """On the last pages of the mail."""
        await self._rows(
            """
            insert into account_filters (address, name, position, match, conditions, actions) values
                (%s, 'bench', 1, 'all', '[{"field": "subject", "operator": "contains", "value": "7"}]', '[{"label": "seven"}]')
            on conflict do nothing returning 1
            """,
            [JANE],
        )
        environment = ActivityEnvironment()
        environment.info = dataclasses.replace(
            environment.info, heartbeat_details=[{"through": self._from(1, PAGES)[0]}]
        )
        request = DeskRequest(
            address=JANE, given={"by": "bench", "name": "bench", "dry_run": False}, event_id=uuid4(), at=self._now
        )
        await environment.run(Application(self._pool).apply_filter, request)

    async def _count(self) -> None:
        """The last pages of the mail."""
        await self._rows(
            """
            insert into people_counted (account, through) values (%s, %s)
            on conflict (account) do update set through = excluded.through returning 1
            """,
            [JANE, self._from(1, PAGES)[0]],
        )
        await AddressBook(self._pool).catch_up(JANE, [JANE])

    # CRMs ---------------------------------------------------------------------------------------------------------------

    def _of_crms(self) -> dict[str, Call]:
        outbox = Outbox(self._pool, CRM, 60)
        changed = [
            Record(kind="contact", id=str(number), name=f"Somebody {number}", addresses=(f"s{number}@example.net",))
            for number in range(0, BATCH, 2)
        ]
        return {
            "link an account anew": self._relinked(lambda c: ask_to_relink_account(c, CRM, JANE, cause="bench")),
            "link mail of one address anew": self._relinked(
                lambda c: ask_to_relink_addresses(c, CRM, ["s7@example.org"], cause="bench")
            ),
            "link mail of many addresses anew": self._relinked(
                lambda c: ask_to_relink_addresses(c, CRM, [f"s{n}@example.org" for n in range(BATCH)], cause="bench")
            ),
            "follow a record": self._relinked(
                lambda c: ask_to_follow_records(c, CRM, [("contact", "10")], cause="bench")
            ),
            "take a page of a directory": lambda: Directory(self._pool).apply(CRM, Page(changed, {})),
            "count an outbox": lambda: outbox.counts(),
            "what is due in an outbox": outbox.due,
        }

    def _relinked(self, ask: Callable[[Connection], Awaitable[None]]) -> Call:
        """Two pages of what is asked for."""

        async def both() -> None:
            await self._rows("delete from relinking returning 1")
            await ask(self._beside)
            linking = BackLinking(self._pool)
            for _ in range(2):
                await linking.page(CRM)

        return both

    async def _rows(self, query: LiteralString, values: Sequence[object] = ()) -> list[TupleRow]:
        return await (await self._beside.execute(query, values)).fetchall()
