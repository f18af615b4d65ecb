"""Every kind of answer of a CRM, at every kind of request: each entry is shown once in the end, and mail keeps arriving."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field, replace

import pytest

from activities.actions import requests
from activities.crm import outbox
from activities.crm.adapters.tryton import rest
from activities.crm.adapters.zoho import api
from activities.mailbox import leases
from domain.core.refusal import Refused
from domain.crm.failures import FATES
from domain.failures.failure import Kind
from infra.database.pool import Pool
from tests.servers.failing_http import Fault
from tests.servers.tryton import TrytonDatabase
from tests.servers.zoho_twin import ZohoTwin, failing
from tests.support.crm import served
from tests.support.crm.served import Request, Served
from tests.support.crm.zoho import running_twin
from tests.support.endurance import sized

pytestmark = [
    pytest.mark.requirement("R97"),
]

PAGE = "<html><body>Log in here</body></html>"


@dataclass(frozen=True)
class Answer:
    """`read` and `write`: what it means at a request that only reads, and at one that changes something; None: nothing, it works
    all the same. `at`: what it means at some requests instead. `times`: how often it is given."""

    fault: Fault
    read: Kind | None
    write: Kind | None
    retry_after: float | None = None
    times: int = 1
    at: Mapping[Request, Kind | None] = field(default_factory=dict)

    def to(self, request: Request) -> Answer:
        """As it is given to that request. That what is to go is no more, has to be true."""
        answer = replace(self, write=self.at.get(request, self.write))
        if request == "remove" and answer.write in (None, GONE):
            answer = replace(answer, fault=replace(answer.fault, committed=True))
        return answer


AUTHENTICATION, PERMISSION, LIMITED = Kind.CRM_AUTHENTICATION, Kind.CRM_PERMISSION, Kind.CRM_RATE_LIMITED
UNAVAILABLE, UNCERTAIN, REJECTED, GONE = (
    Kind.CRM_UNAVAILABLE,
    Kind.CRM_UNCERTAIN,
    Kind.CRM_REJECTED,
    Kind.CRM_GONE,
)

# What any CRM may answer, and whatever stands in between.
ANY: dict[str, Answer] = {
    "429 with Retry-After": Answer(Fault(429, text=PAGE, headers={"Retry-After": "17"}), LIMITED, LIMITED, 17.0),
    "429 without": Answer(Fault(429, text=PAGE), LIMITED, LIMITED),
    "500 before it was done": Answer(Fault(500, text=PAGE), UNAVAILABLE, UNCERTAIN),
    "500 after it was done": Answer(Fault(500, text=PAGE, committed=True), UNAVAILABLE, UNCERTAIN),
    "a page instead of JSON": Answer(Fault(200, text=PAGE), UNAVAILABLE, UNCERTAIN),
    "a page after it was done": Answer(Fault(200, text=PAGE, committed=True), UNAVAILABLE, UNCERTAIN),
    "JSON of no sense": Answer(Fault(200, text='{"data": 7, "id": {}}', committed=True), UNAVAILABLE, UNCERTAIN),
    "JSON of nothing": Answer(Fault(200, text="{}", committed=True), UNAVAILABLE, UNCERTAIN),
    "brackets without end": Answer(Fault(200, text="[" * 100_000, committed=True), UNAVAILABLE, UNCERTAIN),
    "half an answer": Answer(Fault(half=True, committed=True), UNAVAILABLE, UNCERTAIN),
    "silence before it was done": Answer(Fault(silent=True), UNAVAILABLE, UNCERTAIN),
    "silence after it was done": Answer(Fault(silent=True, committed=True), UNAVAILABLE, UNCERTAIN),
}
ZOHO: dict[str, Answer] = ANY | {
    "401 once": Answer(failing(401, "INVALID_TOKEN"), None, None),  # another token is had, and it works
    "401": Answer(failing(401, "INVALID_TOKEN"), AUTHENTICATION, AUTHENTICATION, times=2),
    "403": Answer(failing(403, "NO_PERMISSION"), PERMISSION, PERMISSION),
    "404": Answer(failing(404, "INVALID_DATA", resource_path_index=1), GONE, GONE),
    "404 of somebody in between": Answer(Fault(404, text=PAGE), UNAVAILABLE, UNAVAILABLE),
    "409": Answer(failing(409, "CANNOT_PROCESS"), REJECTED, REJECTED),
    "422": Answer(failing(422, "INVALID_DATA", api_name="date_time"), REJECTED, REJECTED),
}
TRYTON: dict[str, Answer] = ANY | {
    "401": Answer(Fault(401, text=PAGE), AUTHENTICATION, AUTHENTICATION),
    "403": Answer(Fault(403, text=PAGE), PERMISSION, PERMISSION),
    # Of an entry that was found just now it says that somebody has deleted it meanwhile.
    "404": Answer(Fault(404, text=PAGE), UNAVAILABLE, UNAVAILABLE, at={"turn": UNCERTAIN, "remove": None}),
    "409": Answer(Fault(409, text=PAGE), PERMISSION, REJECTED),  # a search that is refused is a right that is missing
    "422": Answer(Fault(422, text=PAGE), PERMISSION, REJECTED),
}

# Of a CRM whose databases take long to make, and of an adapter that shares its client with another, one answer of each sort;
# `make test` has fewer of them, and one of those answers that differ in their bytes alone.
OF_ZOHO = sized(
    tuple(ZOHO),
    tuple(
        answer
        for answer in ZOHO
        if answer
        not in {
            *("429 without", "500 before it was done", "a page instead of JSON", "JSON of nothing"),
            *("silence before it was done", "404 of somebody in between"),
        }
    ),
)
OF_RECRUIT = sized(
    (
        *("401", "JSON of no sense", "403", "404", "409", "429 with Retry-After"),
        *("500 after it was done", "half an answer"),
    ),
    ("401", "404", "500 after it was done"),
)
OF_TRYTON = sized(
    (
        *("401", "403", "404", "409", "422", "429 with Retry-After", "429 without", "500 after it was done"),
        *("a page after it was done", "JSON of no sense", "half an answer", "silence after it was done"),
    ),
    ("403", "404", "409", "429 with Retry-After", "500 after it was done", "half an answer"),
)


@pytest.fixture(autouse=True)
def impatient(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "silence" in request.node.name:
        monkeypatch.setattr(api, "ANSWER_SECONDS", 4)
        monkeypatch.setattr(rest, "SECONDS", 4)


@pytest.fixture
def twin() -> Iterator[ZohoTwin]:
    yield from running_twin()


@pytest.fixture
async def in_front(pool: Pool, tryton: TrytonDatabase, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    with served.fronted(tryton) as front:
        yield await served.tryton(pool, tryton, front, monkeypatch)


async def ends(crm: Served, kind: Kind | None, answer: Answer) -> None:
    """One session, which ends with that failure, told and counted as its kind is; or works."""
    if kind is None:
        await crm.serving.sync()
        return
    failure, more = await crm.serving.fails()
    assert (failure.kind, failure.counts) == (kind, FATES[kind].counts)
    assert more["retry_after"] == answer.retry_after
    assert failure.remedy
    assert failure.reference.startswith("MR-")


async def works_in_the_end(crm: Served, *shown: str) -> None:
    """What was lost is found out, what has failed is tried again, and the CRM shows that and nothing else."""
    await crm.settle()
    await crm.serving.sync()
    states = await crm.serving.states()
    if "failed" in states:
        await crm.retry_failed()
    if set(states) != {"delivered"}:
        await crm.settle()
        await crm.serving.sync()
    assert set(await crm.serving.states()) <= {"delivered"}
    assert crm.shown() == sorted(shown)


async def at_a_pull(crm: Served, answer: Answer) -> None:
    await crm.arrives(1)
    crm.fail("pull", answer.fault, times=answer.times)
    await ends(crm, answer.read, answer)
    await crm.arrives(2)
    await crm.sweep()
    await works_in_the_end(crm, "message 1 Received", "message 2 Received")


async def at_a_write(crm: Served, answer: Answer, request: Request, *shown: str) -> None:
    """What is queued fails at the CRM with this answer; whatever else waits goes on or stays in order."""
    answer = answer.to(request)
    before = len([state for state in await crm.serving.states() if state == "delivered"])
    crm.fail(request, answer.fault, times=answer.times)
    match answer.write:
        case Kind.CRM_AUTHENTICATION | Kind.CRM_RATE_LIMITED | Kind.CRM_UNAVAILABLE:
            await ends(crm, answer.write, answer)
            assert set(await crm.serving.states()) <= {"delivered", "queued"}
        case Kind.CRM_UNCERTAIN:
            report = await crm.serving.sync()
            assert report.counts.uncertain == 1
        case Kind.CRM_PERMISSION | Kind.CRM_REJECTED:
            report = await crm.serving.sync()
            assert (report.counts.failed, report.counts.delivered >= before) == (1, True)
            (parked,) = [row for row in await crm.serving.outbox() if row["state"] == "failed"]
            assert parked["failure"] == answer.write
            assert parked["last_error"]
        case Kind.CRM_GONE:
            await crm.serving.sync()
            assert await crm.serving.seen.rows("select from directory where crm = %s", served.NAME) == []
        case _:
            await crm.serving.sync()
            assert set(await crm.serving.states()) == {"delivered"}
    await crm.sweep()  # by which a record that was not gone comes back
    await works_in_the_end(crm, *shown)


async def at_a_probe(crm: Served, answer: Answer, number: int, *shown: str) -> None:
    await crm.arrives(number)
    crm.fail("push", Fault(500, text=PAGE, committed=True))
    assert (await crm.serving.sync()).counts.uncertain == 1
    await crm.settle()
    crm.fail("probe", answer.fault, times=answer.times)
    if answer.read in (None, Kind.CRM_PERMISSION, Kind.CRM_REJECTED, Kind.CRM_GONE):
        await crm.serving.sync()
    else:
        await ends(crm, answer.read, answer)
        assert "uncertain" in await crm.serving.states()
    await crm.sweep()
    await works_in_the_end(crm, *shown)


async def at_an_action(crm: Served, answer: Answer, message: int) -> None:
    before = crm.notes()
    crm.fail("note", answer.fault, times=answer.times)
    lost_and_found = answer.write is Kind.CRM_UNCERTAIN and answer.fault.committed
    if answer.write is None or lost_and_found:
        await crm.note(message, "r1")
    else:
        with pytest.raises(Refused) as refused:
            await crm.note(message, "r1")
        assert refused.value.refusal.code == answer.write
        assert refused.value.refusal.failure is not None
        assert refused.value.refusal.failure["reference"] == "request r1"
    answered = await crm.note(message, "r1")
    assert answered["created"] is True
    assert crm.notes() == [*before, "note r1"]


async def through_all(crm: Served, answer: Answer) -> None:
    await at_a_pull(crm, answer)
    shown = ["message 1 Received", "message 2 Received"]
    message = await crm.arrives(3)
    shown.append("message 3 Received")
    await at_a_write(crm, answer, "push", *shown)
    await at_an_action(crm, answer, message)
    shown.append("message 4 Received")
    await at_a_probe(crm, answer, 4, *shown)
    if "turn" in crm.requests:
        await crm.desk("move_messages", folder="Sent")
        await at_a_write(crm, answer, "turn", *(one.replace("Received", "Sent") for one in shown))
        await crm.desk("delete_messages")
        await at_a_write(crm, answer, "remove")


@pytest.mark.parametrize("what", OF_ZOHO)
async def test_whatever_zoho_answers_each_message_is_shown_once_in_the_end(
    pool: Pool, twin: ZohoTwin, what: str
) -> None:
    await through_all(await served.zoho(pool, twin), ZOHO[what])


@pytest.mark.parametrize("what", OF_RECRUIT)
async def test_whatever_recruit_answers_each_message_is_shown_once_in_the_end(
    pool: Pool, twin: ZohoTwin, what: str
) -> None:
    await through_all(await served.zoho(pool, twin, "recruit"), ZOHO[what])


@pytest.mark.parametrize("what", OF_TRYTON)
async def test_whatever_tryton_answers_each_message_is_shown_once_in_the_end(in_front: Served, what: str) -> None:
    await through_all(in_front, TRYTON[what])


def test_ten_minutes_of_silence_are_not_waited_for() -> None:
    """The client gives up first; else whoever waits for the adapter does."""
    assert max(api.ANSWER_SECONDS, rest.SECONDS) <= 60 < outbox.CALL_SECONDS <= 120
    assert outbox.CALL_SECONDS + leases.LEASE_SECONDS < outbox.SETTLES_MINUTES * 60
    assert requests.CALL_SECONDS <= 30
