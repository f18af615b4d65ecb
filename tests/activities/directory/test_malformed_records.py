"""What nobody should say of a record: each pull is bounded and ends, and no record holds up the others."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from activities.crm import sync as sessions
from activities.directory.directory import LONGEST_ID, MOST_ADDRESSES, Directory
from domain.crm.failures import FATES
from domain.directory.records import Cursor, Page, Record
from domain.failures.failure import Kind
from infra.database.pool import Pool
from tests.servers.failing_http import Fault
from tests.servers.zoho_twin import ZohoTwin
from tests.support.crm import served
from tests.support.crm.zoho import connected, pulled, running_twin
from tests.support.directory import register_crm
from tests.support.filing import Jane, letter
from tests.support.mailboxes import local_worker
from tests.support.scripted_crm import NAME, Script, ScriptedCrm, Serving, script

__all__ = ["script"]

CRM = "builtin"


def unpressed(characters: int, seed: int = 1) -> str:
    """Text that hardly compresses."""
    chosen = random.Random(seed)
    return "".join(chr(chosen.randrange(0x20000, 0x2A6D0)) for _ in range(characters))


MALFORMED: dict[str, Record] = {
    "no address": Record("contact", "none", "Nobody"),
    "a hundred addresses": Record("contact", "many", "Many", tuple(f"m{n}@example.org" for n in range(100))),
    "a hundred thousand addresses": Record("contact", "more", "More", tuple(f"n{n}@x.example" for n in range(100_000))),
    "addresses that are none": Record(
        "contact", "odd", "Odd", ("", " ", "@", "a@", "@b", "a b@c", "a@b@c", "\x01@example.org", "x" * 100_000, "x@" * 5000)
    ),
    "no name": Record("contact", "unnamed", "", ("unnamed@example.org",)),
    "a name of a thousand characters": Record("contact", "long", unpressed(1000), ("long@example.org",)),
    "a name of a megabyte": Record("contact", "longer", "ab " * 350_000, ("longer@example.org",)),
    "NUL and half characters": Record("lead", "nul\0\ud800", "a\0b\ud800", ("nul\0@example.org", "half\ud800@example.org")),
    "an id of two thousand characters": Record("contact", unpressed(2000), "Id", ("id@example.org",)),
    "an empty id": Record("contact", "", "Id", ("empty@example.org",)),
    "a lead that became what has no such id": Record("lead", "l", "L", ("l@example.org",), converted_to=unpressed(2000)),
    "a lead that became itself": Record("lead", "self", "L", ("self@example.org",), converted_to="self"),
    "a record merged into itself": Record("contact", "own", "O", ("own@example.org",), merged_into="own"),
    "a deal of nobody's and of ten thousand": Record("deal", "d", "D", (), ("", unpressed(2000), *map(str, range(10_000)))),
    "markup and quotes": Record("contact", "'; drop table records; --", "<script>'\"\\%_", ("o'neill@example.org",)),
}  # fmt: skip
SOUND = Record("contact", "sound", "Anna Lind", ("anna@example.org",))


async def entered(pool: Pool, *records: Record, sweep: bool = False) -> int:
    return await Directory(pool).apply(CRM, Page(records, {}), sweep=sweep)


@pytest.mark.parametrize("what", MALFORMED)
async def test_one_malformed_record_holds_up_neither_its_page_nor_the_next_pull(
    pool: Pool, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    record = MALFORMED[what]
    await entered(pool, record, SOUND)
    left_out = f"crm/{CRM}: a contact is left out of the directory"
    assert (left_out in caplog.text) == (not 1 <= len(record.id) <= LONGEST_ID)
    assert await entered(pool, record, SOUND, sweep=True) == 0, "what is kept of it is compared with what is said of it"
    jane = Jane(pool)
    message, *_ = await jane.gets(letter(1), *(letter(n, sender=address) for n, address in _written_by(record)))
    assert ("sound", "Received") in await jane.links()
    assert await jane.watcher.rows("select from complete(%s, 'anna')", jane.settings.address)
    (kept,) = await jane.watcher.rows(
        "select max(octet_length(name)) as name, max(cardinality(addresses)) as addresses, max(length(record_id)) as id "
        "from directory"
    )
    assert kept["name"] <= 1600
    assert kept["addresses"] <= MOST_ADDRESSES
    assert kept["id"] <= LONGEST_ID
    assert message


def _written_by(record: Record) -> list[tuple[int, str]]:
    """Mail from those of its addresses that can stand in a header."""
    sound = [one for one in record.addresses if one.isprintable() and one.isascii() and 2 < len(one) < 100]
    return list(enumerate(sound[:2], 2))


async def test_of_a_record_that_comes_twice_in_a_page_the_last_holds(pool: Pool) -> None:
    first, last = (Record("contact", "1", name, (f"{name}@example.org",)) for name in ("old", "new"))
    assert await entered(pool, first, last) == 1
    assert await entered(pool, last) == 0
    jane = Jane(pool)
    await jane.gets(letter(1, sender="old@example.org"), letter(2, sender="new@example.org"))
    assert len(await jane.links()) == 1


async def test_records_that_become_each_other_link_nothing_and_end(pool: Pool) -> None:
    await entered(
        pool,
        Record("lead", "1", "A", ("anna@example.org",), converted_to="2"),
        Record("contact", "2", "A", ("anna@example.org",), merged_into="3"),
        Record("contact", "3", "A", ("anna@example.org",), merged_into="2"),
    )
    jane = Jane(pool)
    await jane.gets(letter(1))
    assert await jane.links() == []


# Pulls ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def serving(pool: Pool, script: Script) -> Serving:
    await register_crm(pool, NAME, "crm")
    return Serving(pool, worker=local_worker(minute_seconds=10.0))


class Endless(ScriptedCrm):
    """A CRM whose pull never ends: `same` again and again."""

    async def pull(self, cursor: Cursor | None) -> AsyncIterator[Page]:
        while True:
            await self._call("pull")
            for number, record in enumerate(self._script.pages[0]):
                yield Page([record], {"page": number})


@pytest.mark.parametrize("pages", [1, 3])
async def test_a_directory_that_repeats_itself_for_ever_is_a_failure_that_is_told_and_counted(
    serving: Serving, script: Script, pages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScriptedCrm, "pull", Endless.pull)
    script.pages = [[Record("contact", str(number), "A", (f"{number}@example.org",)) for number in range(pages)]]
    failure, _ = await serving.fails()
    assert (failure.kind, failure.counts) == (Kind.CRM_UNAVAILABLE, FATES[Kind.CRM_UNAVAILABLE].counts)
    assert "again and again" in (failure.cause or "")
    assert script.calls["pull"] <= sessions.MOST_OF_ONE_PAGE + 1
    assert len(await serving.seen.rows("select from directory where crm = %s", NAME)) == pages


@pytest.mark.parametrize("call", ["check", "pull"])
async def test_a_fault_of_an_adapter_at_its_directory_is_told_and_counted(
    serving: Serving, script: Script, call: str
) -> None:
    script.pages = [[SOUND]]
    script.fail(call, KeyError("id"))
    failure, _ = await serving.fails()
    assert (failure.kind, failure.counts) == (Kind.CRM_UNAVAILABLE, "connection")
    assert "KeyError" in (failure.cause or "")
    assert (await serving.sync()).pulled == 1


@pytest.fixture
def twin() -> Iterator[ZohoTwin]:
    yield from running_twin()


ROWS: dict[str, dict[str, Any]] = {
    "fields of other types": {"Last_Name": 7, "Email": ["a@example.org"], "Secondary_Email": {"x": 1}, "Full_Name": None},
    "a name of ten thousand characters": {"Last_Name": unpressed(10_000), "Email": "long@client.example"},
    "an address that is none": {"Last_Name": "Odd", "Email": "none", "Secondary_Email": "\0@\0"},
    "no times": {"Last_Name": "Timeless", "Modified_Time": None, "Created_Time": 5},
}  # fmt: skip


@pytest.mark.parametrize("what", ROWS)
async def test_zohos_rows_of_any_sort_are_pulled(pool: Pool, twin: ZohoTwin, what: str) -> None:
    crm = await served.zoho(pool, twin)
    odd = twin.add("Contacts", Last_Name="Odd")
    twin.modules["Contacts"][odd] |= {"Modified_Time": twin.modules["Contacts"][odd]["Modified_Time"], **ROWS[what]}
    if ROWS[what].get("Modified_Time", "") is None:
        twin.modules["Contacts"][odd]["Modified_Time"] = "soon"  # which sorts, and is no time
    await crm.arrives(1)
    report = await crm.serving.sync()
    assert (report.pulled, report.pushed) == (2, 1)
    assert crm.shown() == ["message 1 Received"]


async def test_a_row_without_an_id_is_told_and_a_later_answer_is_taken(pool: Pool, twin: ZohoTwin) -> None:
    crm = await served.zoho(pool, twin)
    await crm.serving.sync()
    await crm.sweep()
    twin.fail(
        "GET", "v8/Contacts$", Fault(200, {"data": [{"Last_Name": "Lind"}]}), times=2
    )  # at the check, at the pull
    await crm.arrives(1)
    failure, _ = await crm.serving.fails()
    assert (failure.kind, failure.counts) == (Kind.CRM_UNAVAILABLE, "connection")
    assert "KeyError" in (failure.cause or "")
    await crm.serving.sync()
    assert crm.shown() == ["message 1 Received"]


async def test_a_time_that_is_still_to_come_hides_no_later_change(pool: Pool, twin: ZohoTwin) -> None:
    ahead, other = (twin.add("Contacts", Last_Name=name) for name in ("Ahead", "Other"))
    twin.modules["Contacts"][ahead]["Modified_Time"] = "2099-01-01T00:00:00+00:00"
    async with connected(pool, twin) as zoho:
        _, cursor = await pulled(zoho)
        twin.pass_time(minutes=10)
        twin.change("Contacts", other, Email="other@client.example")
        found, _ = await pulled(zoho, cursor)
    assert found[other].addresses == ("other@client.example",)


async def test_a_record_that_changes_while_it_is_pulled_is_as_it_was_changed(pool: Pool, twin: ZohoTwin) -> None:
    ids = [twin.add("Contacts", Last_Name=f"Number {number}") for number in range(250)]
    cursor: Cursor | None = None
    latest: dict[str, Record] = {}
    async with connected(pool, twin) as zoho:
        async for page in zoho.pull(None):
            latest |= {record.id: record for record in page.records}
            if cursor is None:
                twin.change("Contacts", ids[0], Email="now@client.example")
                twin.change("Contacts", ids[-1], Email="now@client.example")
            cursor = page.cursor
        found, _ = await pulled(zoho, cursor)
    latest |= found
    assert {latest[one].addresses for one in (ids[0], ids[-1])} == {("now@client.example",)}
