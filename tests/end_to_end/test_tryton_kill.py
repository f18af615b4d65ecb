"""Kills and outages on every side of a Mailroom that tells a Tryton: in the end its parties show all their mail, exactly once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from infra.dev.children import Child, Ports
from infra.dev.embedded_temporal import EmbeddedTemporal
from tests.end_to_end.operating import Operator, WorkerProcess
from tests.end_to_end.outages import Postgres, own_postgres
from tests.servers.dovecot import Dovecot
from tests.servers.tapped_line import Break, TappedLine
from tests.servers.tryton import TrytonDatabase, TrytonServer
from tests.support.end_to_end_evidence import evidence
from tests.support.endurance import sized
from tests.support.running import a_new_address, until
from tests.support.services import Services

SETTINGS = {"MAILROOM_MINUTE_SECONDS": "0.3"}
KILLS = ["worker"] * 8 + ["tryton"] * 7 + ["postgres"] * 7
OUTAGES = ["temporal", "the line to Tryton", "the line to Tryton", "the line to the mailbox", "the line to the mailbox"]
PORTION = 24  # messages that arrive before each of them
PATIENCE = 300  # seconds: Temporal, the pool and the connection wait longer after each attempt that failed
PEOPLE = 8
TRYTON_PATIENCE = 60  # seconds until a Tryton whose database was lost is given up

Shown = tuple[str, str, str]  # record, Message-ID, direction


@dataclass
class Mailbox:
    """One person's mailbox, and what of its mail must be shown where."""

    address: str
    dovecot: Dovecot
    delivered: list[str] = field(default_factory=list)

    def deliver(self, text: str, message_id: str) -> None:
        self.delivered.append(message_id)
        self.dovecot.deliver(self.address, text.encode())


@dataclass
class Company:
    """Two mailboxes, the people they write with, and what Tryton must show of it in the end."""

    jane: Mailbox
    joe: Mailbox
    chance: random.Random
    parties: list[str]
    expected: set[Shown] = field(default_factory=set)
    late: str = ""  # the party of somebody who wrote before Tryton knew them
    _number: int = 0

    def deliver(self, count: int) -> None:
        for _ in range(count):
            self._number += 1
            self.chance.choice([self._received, self._received, self._received, self._sent, self._both, self._other])()

    def unfile(self) -> list[str]:
        """The Message-IDs of some of Jane's own that lie in Sent, and from now on no longer do."""
        sent = sorted({message_id for _, message_id, direction in self.expected if direction == "sent"})
        moved = self.chance.sample(sent, 5)
        self.expected = {shown for shown in self.expected if shown[1] not in moved}
        return moved

    def know(self, party: str) -> None:
        """The late one has become a party: all that they wrote belongs to it."""
        self.expected = {(party if record == "late" else record, *rest) for record, *rest in self.expected}  # type: ignore[misc]  # three of them
        self.late = party

    def _received(self) -> None:
        """From somebody whom Tryton knows, or will."""
        who = self.chance.randrange(PEOPLE + 1)
        record = self.parties[who] if who < PEOPLE else self.late or "late"
        text, message_id = self._mail(_person(who), [self.jane.address])
        self.jane.deliver(text, message_id)
        self.expected.add((record, message_id, "received"))

    def _sent(self) -> None:
        """Jane's own, which her filter files: shown on everybody whom she wrote to."""
        whom = self.chance.sample(range(PEOPLE), self.chance.randrange(1, 4))
        text, message_id = self._mail(self.jane.address, [_person(who) for who in whom])
        self.jane.deliver(text, message_id)
        self.expected.update((self.parties[who], message_id, "sent") for who in whom)

    def _both(self) -> None:
        """The same message in two mailboxes is one entry."""
        who = self.chance.randrange(PEOPLE)
        text, message_id = self._mail(_person(who), [self.jane.address, self.joe.address])
        for mailbox in (self.jane, self.joe):
            mailbox.deliver(text, message_id)
        self.expected.add((self.parties[who], message_id, "received"))

    def _other(self) -> None:
        """From somebody who is none of Tryton's."""
        text, message_id = self._mail("someone@elsewhere.example", [self.joe.address])
        self.joe.deliver(text, message_id)

    def _mail(self, sender: str, to: list[str]) -> tuple[str, str]:
        message_id = f"<{self._number}.{self.chance.randbytes(4).hex()}@example.org>"
        body = self.chance.randbytes(self.chance.randrange(1, 3000)).hex()
        lines = "\r\n".join(body[at : at + 70] for at in range(0, len(body), 70))
        return (
            f"From: {sender}\r\nTo: {', '.join(to)}\r\nMessage-ID: {message_id}\r\n"
            f"Date: Mon, 2 Nov 2026 10:{self._number // 60 % 60:02}:{self._number % 60:02} +0000\r\n"
            f"Subject: number {self._number}\r\n\r\n{lines}\r\n"
        ), message_id


def _person(who: int) -> str:
    return f"person-{who}@example.org"


class Point:
    """Acts when so many pieces of data have passed on a line, in either direction: before the piece is passed on."""

    def __init__(self, line: TappedLine, pieces: int, act: Callable[[], None], *, breaks: Break | None = None) -> None:
        self.reached = asyncio.Event()
        self._pieces = pieces
        self._act = act
        self._breaks = breaks is not None
        line.broken_by = breaks or "silence"
        line.asked, line.answered = self._asked, self._answered

    def _asked(self, _connection: int, data: bytes) -> None:
        if not self._breaks:
            self._count()

    def _answered(self, _connection: int, data: bytes) -> int:
        self._count()
        return 0 if self._breaks and self.reached.is_set() else len(data)

    def _count(self) -> None:
        self._pieces -= 1
        if self._pieces < 0 and not self.reached.is_set():
            self.reached.set()
            self._act()


@dataclass
class Scene:
    """Everything that a Mailroom with a Tryton consists of, each of which can be killed and comes back."""

    operator: Operator
    worker: WorkerProcess
    postgres: Postgres
    temporal: EmbeddedTemporal
    temporal_binary: Path
    tryton: TrytonServer
    sales: TrytonDatabase
    to_tryton: TappedLine
    to_mailbox: TappedLine
    chance: random.Random
    tryton_restarts: int = 0  # because it was dead by its own fault

    async def strike(self, victim: str, deliver: Callable[[], None]) -> None:
        """Mail arrives, and somewhere in the work with it the victim is gone; when this returns it is back."""
        line = self.chance.choice([self.to_tryton, self.to_tryton, self.to_mailbox])
        breaks: Break | None = None
        if victim.startswith("the line"):
            line = self.to_tryton if victim == "the line to Tryton" else self.to_mailbox
            breaks = self.chance.choice(["close", "reset"])
        act: dict[str, Callable[[], None]] = {
            "worker": self.worker.kill,
            "tryton": self.tryton.kill,
            "postgres": lambda: self.postgres.send(signal.SIGKILL),
            "temporal": self._kill_temporal,
        }
        point = Point(line, self.chance.randrange(60), act.get(victim, lambda: None), breaks=breaks)
        deliver()
        with contextlib.suppress(TimeoutError):  # there was not so much to do: then it is killed doing nothing
            async with asyncio.timeout(20):
                await point.reached.wait()
        if not point.reached.is_set() and victim in act:
            act[victim]()
        if breaks:
            await asyncio.sleep(self.chance.uniform(0, 1))  # all that is answered meanwhile is lost
            await line.cut()
        line.let_pass()
        away: dict[str, Callable[[], Awaitable[None]]] = {
            "worker": self._worker_is_gone,
            "tryton": lambda: asyncio.to_thread(self.tryton.stop),
            "postgres": self.postgres.stop,
            "temporal": lambda: asyncio.to_thread(self.temporal.stop),
        }
        back: dict[str, Callable[[], Awaitable[None]]] = {
            "worker": self._start_worker,
            "tryton": lambda: asyncio.to_thread(self._start_tryton),
            "postgres": self.postgres.start,
            "temporal": lambda: asyncio.to_thread(self.temporal.start, self.temporal_binary),
        }
        if victim in act:
            await away[victim]()
            await asyncio.sleep(self.chance.choice([0, self.chance.uniform(0, 3)]))  # an outage, while mail arrives
            await back[victim]()
        if victim == "postgres":
            await self._tryton_answers()

    async def _tryton_answers(self) -> None:
        """Tryton lost its database, too. If it does not find back it is started again, as an operator would."""

        async def answers() -> bool:
            try:
                await asyncio.to_thread(self.sales.rest, "GET", "company.company")
            except (AssertionError, httpx.HTTPError):
                return False
            return True

        try:
            await until(answers, "Tryton", patience=TRYTON_PATIENCE, every=0.2)
        except AssertionError:
            self.tryton_restarts += 1
            print(f"Tryton answers nobody any more, and is started again:\n{self.tryton.log()}")  # noqa: T201 -- the same
            await asyncio.to_thread(self.tryton.stop)
            await asyncio.to_thread(self._start_tryton)

    async def _worker_is_gone(self) -> None:
        await self.worker.ended()

    def _start_tryton(self) -> None:
        self.tryton.start()
        self.sales.wait_until_loaded()

    async def _start_worker(self) -> None:
        self.worker = await self.operator.worker(**SETTINGS)

    def _kill_temporal(self) -> None:
        running = Child(self.operator.folder, "temporal").running()
        assert running is not None, "Temporal is not running"
        running.kill()


@asynccontextmanager
async def own_temporal(folder: Path, services: Services) -> AsyncIterator[EmbeddedTemporal]:
    temporal = EmbeddedTemporal(folder, Ports(folder), environ={})
    await asyncio.to_thread(temporal.start, Path(services.temporal_binary))
    try:
        yield temporal
    finally:
        await asyncio.to_thread(temporal.stop)


@pytest.mark.timeout(1800)
@pytest.mark.requirement("R1", "R3", "R17", "R19", "R30", "R34", "R37", "R97")
async def test_killed_and_cut_off_on_every_side_each_party_shows_its_mail_exactly_once(
    operator: Operator,
    dovecot: Dovecot,
    services: Services,
    tmp_path: Path,
) -> None:
    seed = int(os.environ.get("MAILROOM_SEED") or random.SystemRandom().randrange(1_000_000))
    print(f"seed {seed}")  # noqa: T201 -- pytest shows it where the test fails
    chance = random.Random(seed)
    async with contextlib.AsyncExitStack() as running:
        postgres = await running.enter_async_context(own_postgres(tmp_path))
        temporal = await running.enter_async_context(own_temporal(tmp_path, services))
        server = running.enter_context(TrytonServer(postgres.owner_url))
        sales = running.enter_context(TrytonDatabase(server))
        to_tryton = await running.enter_async_context(TappedLine(server.port))
        to_mailbox = await running.enter_async_context(TappedLine(dovecot.port))
        operator.environment |= {
            "DATABASE_URL": postgres.url,
            "TEMPORAL_ADDRESS": temporal.address,
            "TEMPORAL_NAMESPACE": "default",
        }
        running.push_async_callback(operator.aclose)
        worker = await operator.worker(**SETTINGS)
        scene = Scene(
            *(
                operator,
                worker,
                postgres,
                temporal,
                Path(services.temporal_binary),
                server,
                sales,
                to_tryton,
                to_mailbox,
            ),
            chance,
        )
        parties = await asyncio.to_thread(sales.parties, *((f"Person {who}", [_person(who)]) for who in range(PEOPLE)))
        jane, joe = (Mailbox(a_new_address(name), dovecot) for name in ("jane", "joe"))
        company = Company(jane, joe, chance, parties)
        logs = {
            "Tryton": server.log,
            "PostgreSQL": postgres.log.read_text,
            "Temporal": Child(tmp_path, "temporal").log.read_text,
        }
        workflows = ["crm/tryton", *(f"mail-account/{mailbox.address}" for mailbox in (jane, joe))]
        await running.enter_async_context(evidence(operator, logs, workflows))
        await connect_tryton(operator, to_tryton, sales)
        for mailbox, after_store in ((jane, "leave"), (joe, "delete")):
            dovecot.add_user(mailbox.address, "secret")
            secret = await operator.store_secret(mailbox.address, "secret")
            await operator.connect(
                *(mailbox.address, to_mailbox.port, secret),
                retrieval={"interval_minutes": 1, "after_store": after_store},
                crm=["tryton"],
            )
        await operator.command(jane.address, "save_filter", **own_mail_to_sent(jane.address))

        victims = victims_of(chance)
        for number, victim in enumerate(victims):
            print(f"{number}: {victim}")  # noqa: T201 -- the same
            if number == len(victims) // 2:
                company.know(await asyncio.to_thread(sales.party, "Late", _person(PEOPLE)))
            if number in (len(victims) // 3, len(victims) // 3 * 2):
                await until_told(operator, company)  # with all of it stored, any of it may be moved
                await move_out_of_sent(operator, jane.address, company.unfile())
            await scene.strike(victim, lambda: company.deliver(PORTION))
            if number % 4 == 3:  # what waits longer after each failure begins anew
                await until_told(operator, company)
        await until_told(operator, company)
        print(f"Tryton was started again by us {scene.tryton_restarts} times")  # noqa: T201 -- the same

        shown = await asyncio.to_thread(shown_in, sales, [*parties, *filter(None, [company.late])])
        expected = {entry for entry in company.expected if entry[0] != "late"}  # of whom Tryton does not know yet
        assert Counter(shown) == Counter(expected)
        assert await asyncio.to_thread(sales.count, "mailroom.correspondence") == len(expected)
        for mailbox in (jane, joe):
            stored = await operator.rows("select message_id from messages where address = %s", mailbox.address)
            assert Counter(row["message_id"] for row in stored) == Counter(mailbox.delivered)
            await operator.assert_log_is_whole(mailbox.address)
            assert (await operator.status(mailbox.address))["state"] == "active"
        assert dovecot.count(jane.address) == len(jane.delivered)
        await operator.assert_log_is_whole("crm/tryton")
        assert await operator.rows("select * from outbox where state <> 'delivered'") == []
        (crm,) = await operator.rows("select state, failed, uncertain from crms where name = 'tryton'")
        assert crm == {"state": "active", "failed": 0, "uncertain": 0}


def victims_of(chance: random.Random) -> list[str]:
    """Whom it hits in which order: all, the first MAILROOM_VICTIMS of them, or in `make test` each kind twice at most."""
    victims = [*KILLS, *OUTAGES]
    chance.shuffle(victims)
    if first := os.environ.get("MAILROOM_VICTIMS"):
        return victims[: int(first)]
    twice = [victim for number, victim in enumerate(victims) if victims[:number].count(victim) < 2]
    return sized(victims, twice)


def own_mail_to_sent(address: str) -> dict[str, object]:
    """FROM contains 'own address' -> move to Sent."""
    return {
        "name": "Sent mail",
        "match": "all",
        "conditions": [{"field": "from", "operator": "contains", "value": address}],
        "actions": [{"move": "Sent"}],
    }


async def move_out_of_sent(operator: Operator, address: str, message_ids: list[str]) -> None:
    rows = await operator.rows(
        "select id from messages where address = %s and message_id = any(%s)", address, message_ids
    )
    await operator.command(address, "move_messages", messages=[row["id"] for row in rows], folder="Archive")


async def connect_tryton(operator: Operator, line: TappedLine, sales: TrytonDatabase) -> None:
    url = f"http://{line.host}:{line.port}/{sales.name}"
    secret = await operator.store_secret("tryton", sales.key)
    given = {"name": "tryton", "kind": "tryton", "url": url, "secret": secret, "interval_minutes": 5}
    await operator.temporal(
        *("workflow", "start", "--type", "CrmConnection", "--task-queue", "mailroom"),
        *("--workflow-id", "crm/tryton", "--input", json.dumps(given)),
    )

    async def active() -> bool:
        rows = await operator.rows("select state from crms where name = 'tryton'")
        return [row["state"] for row in rows] == ["active"]

    await until(active, "the connection with Tryton", patience=PATIENCE)


async def until_told(operator: Operator, company: Company) -> None:
    """Returns once all that was delivered is stored, and Tryton was told of all that is its, and of nothing else."""
    known = sum(1 for record, *_ in company.expected if record != "late")
    outbox = """
        select count(*) filter (where direction is not null) as told, count(*) filter (where state <> 'delivered') as left
        from outbox where crm = 'tryton'
    """
    rejected = "select id, failure, last_error from outbox where crm = 'tryton' and state = 'failed'"
    seen: dict[str, object] = {}

    async def done() -> bool:
        for mailbox in (company.jane, company.joe):
            seen[mailbox.address] = stored = await operator.stored(mailbox.address)
            if stored < len(mailbox.delivered):
                return False
        assert (await operator.rows(rejected)) == [], "what Tryton has rejected is tried no more"
        (seen["outbox"],) = rows = await operator.rows(outbox)
        return rows == [{"told": known, "left": 0}]

    try:
        await until(done, f"{known} entries in Tryton", patience=PATIENCE, every=0.2)
    except AssertionError as error:
        delivered = {mailbox.address: len(mailbox.delivered) for mailbox in (company.jane, company.joe)}
        raise AssertionError(f"{error}; delivered {delivered}, seen {seen}") from None


def shown_in(sales: TrytonDatabase, parties: list[str]) -> list[Shown]:
    return [
        (party, entry["message_id"], entry["direction"]) for party in parties for entry in sales.correspondences(party)
    ]
