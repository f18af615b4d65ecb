"""What every adapter promises (docs/crm-adapters.md), as tests of one adapter and the world that it speaks with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from activities.crm.adapters.protocol import ActivityKind, Crm, CrmFailure, NewActivity, NewRecord
from domain.directory.records import Cursor, Record
from domain.failures.failure import Kind
from tests.support.crm.entries import NOON, entry, erased

OVER_A_YEAR = NOON + timedelta(days=400)


@dataclass
class World:
    """An adapter, and what a test does in its CRM behind its back. `pulls`: whether its directory is the CRM's own;
    `changes_entries`: whether the CRM can turn and remove what it shows."""

    crm: Crm
    pulls: bool = True
    changes_entries: bool = True

    async def add(self, name: str, *addresses: str) -> str:
        """A new contact, as somebody makes it in the CRM; its id."""
        raise NotImplementedError

    async def give_address(self, contact: str, address: str) -> None:
        """One address more."""
        raise NotImplementedError

    async def take_away(self, contact: str) -> None:
        """The contact is no more, in the way that a pull tells of."""
        raise NotImplementedError

    async def shown(self, contact: str) -> Sequence[str]:
        """The directions of the entries that the contact's page shows, in lower case."""
        raise NotImplementedError

    async def pass_time(self) -> None:
        """The CRM's own clock goes on, where a test sets it."""

    async def pulled(self, cursor: Cursor | None = None) -> tuple[dict[str, Record], Cursor]:
        """The contacts that a pull brings, by id, and where the next one goes on."""
        found: dict[str, Record] = {}
        async for page in self.crm.pull(cursor):
            found |= {record.id: record for record in page.records if record.kind == "contact"}
            cursor = json.loads(json.dumps(page.cursor))
        assert cursor is not None, "a pull says where the next one goes on, though it brought nothing"
        return found, cursor

    async def failure_of(self, method: str, *arguments: object) -> Kind:
        with pytest.raises(CrmFailure) as failed:
            await getattr(self.crm, method)(*arguments)
        return failed.value.kind


class Promises:
    """To be given a fixture `world` by who inherits it."""

    async def test_the_check_passes_where_nothing_is_missing(self, world: World) -> None:
        await world.crm.check()

    # The directory ----------------------------------------------------------------------------------------------------

    async def test_a_sweep_brings_each_contact_whole(self, world: World) -> None:
        _needs_a_directory(world)
        anna = await world.add("Anna Lind", "Anna@Client.example", "lind@home.example")
        nobody = await world.add("Nobody")
        found, _ = await world.pulled()
        assert found[anna].name == "Anna Lind"
        assert set(found[anna].addresses) == {"Anna@Client.example", "lind@home.example"}
        assert (found[nobody].addresses, found[nobody].gone) == ((), False)

    async def test_a_pull_brings_what_came_changed_and_went_since(self, world: World) -> None:
        _needs_a_directory(world)
        anna, bo = await world.add("Anna Lind", "anna@client.example"), await world.add("Bo Berg", "bo@client.example")
        await world.pass_time()
        _, cursor = await world.pulled()
        await world.pass_time()
        await world.give_address(anna, "lind@home.example")
        await world.take_away(bo)
        cleo = await world.add("Cleo", "cleo@client.example")
        found, cursor = await world.pulled(cursor)
        assert "lind@home.example" in found[anna].addresses
        assert found[bo].gone
        assert found[cleo].addresses == ("cleo@client.example",)
        await world.pass_time()
        later, _ = await world.pulled(cursor)
        assert all(later[one] == found[one] for one in later), "what comes again is as it was"

    async def test_what_changes_during_a_sweep_comes_with_it_or_with_the_next_pull(self, world: World) -> None:
        _needs_a_directory(world)
        anna = await world.add("Anna Lind", "anna@client.example")
        found: dict[str, Record] = {}
        cursor: Cursor | None = None
        async for page in world.crm.pull(None):
            if cursor is None:
                await world.give_address(anna, "lind@home.example")
            found |= {record.id: record for record in page.records if record.kind == "contact"}
            cursor = page.cursor
        await world.pass_time()
        found |= (await world.pulled(cursor))[0]
        assert "lind@home.example" in found[anna].addresses

    # Entries ----------------------------------------------------------------------------------------------------------

    async def test_an_entry_is_shown_once_however_often_it_is_pushed_and_is_found(self, world: World) -> None:
        anna = await world.add("Anna Lind", "anna@client.example")
        given = entry(anna)
        assert await world.crm.find(given) is None
        remote_id = await world.crm.push(given)
        assert await world.crm.push(given) == remote_id
        assert await world.shown(anna) == ["received"]
        found = await world.crm.find(given)
        assert found is not None
        assert found.remote_id == remote_id
        assert found.direction in ("Received", None)

    async def test_entries_of_other_messages_and_records_are_other_entries(self, world: World) -> None:
        anna, bo = await world.add("Anna Lind", "anna@client.example"), await world.add("Bo Berg", "bo@client.example")
        await world.crm.push(entry(anna, 1))
        assert await world.crm.find(entry(anna, 2)) is None
        await world.crm.push(entry(anna, 2))
        await world.crm.push(replace(entry(bo, 3), message_id=entry(anna, 1).message_id))
        assert [len(await world.shown(one)) for one in (anna, bo)] == [2, 1]

    async def test_an_entry_is_turned_and_stays_one(self, world: World) -> None:
        anna = await world.add("Anna Lind", "anna@client.example")
        remote_id = await world.crm.push(entry(anna))
        sent = replace(entry(anna), direction="Sent")
        if not world.changes_entries:
            assert await world.failure_of("turn", sent, remote_id) is Kind.CRM_REJECTED
            return
        await world.crm.turn(sent, remote_id)
        assert await world.shown(anna) == ["sent"]
        found = await world.crm.find(sent)
        assert found is not None
        assert found.direction in ("Sent", None)

    @pytest.mark.parametrize("of_erased_mail", [False, True])
    async def test_an_entry_is_removed_also_where_nothing_but_its_key_is_left(
        self, world: World, of_erased_mail: bool
    ) -> None:
        anna = await world.add("Anna Lind", "anna@client.example")
        remote_id = await world.crm.push(entry(anna))
        given = erased(entry(anna)) if of_erased_mail else entry(anna)
        if not world.changes_entries:  # said, and not passed over: somebody has to do it by hand
            assert await world.failure_of("remove", given, remote_id) is Kind.CRM_REJECTED
            return
        await world.crm.remove(given, remote_id)
        await world.crm.remove(given, remote_id)
        assert await world.shown(anna) == []
        assert await world.crm.find(entry(anna)) is None

    async def test_an_entry_that_nobody_has_pushed_is_removed_already(self, world: World) -> None:
        anna = await world.add("Anna Lind", "anna@client.example")
        await world.crm.remove(entry(anna), "")

    async def test_an_entry_of_a_record_that_is_no_more_says_so(self, world: World) -> None:
        _needs_a_directory(world)
        assert await world.failure_of("push", entry("999999999")) is Kind.CRM_GONE

    # What people ask for ----------------------------------------------------------------------------------------------

    async def test_a_contact_that_was_added_is_found_by_its_address_in_any_spelling(self, world: World) -> None:
        new = NewRecord("contact", "Anna Lind", ("anna@client.example",), request_key="1" * 32)
        assert await world.crm.find_record(new) is None
        made = await world.crm.add_record(new)
        again = await world.crm.find_record(replace(new, addresses=("Anna@CLIENT.example",), request_key="2" * 32))
        assert again is not None
        assert (
            (again.kind, again.id, again.name) == ("contact", made.id, "Anna Lind") == (made.kind, made.id, made.name)
        )

    async def test_a_deal_that_was_added_is_found_by_its_request(self, world: World) -> None:
        anna = await world.crm.add_record(
            NewRecord("contact", "Anna Lind", ("anna@client.example",), request_key="1" * 32)
        )
        new = NewRecord("deal", "Pumps", contacts=(anna.id,), request_key="2" * 32)
        assert await world.crm.find_record(new) is None
        made = await world.crm.add_record(new)
        found = await world.crm.find_record(new)
        assert found is not None
        assert (found.kind, found.id, found.open) == ("deal", made.id, True)

    @pytest.mark.parametrize("kind", ["task", "event", "note"])
    async def test_what_was_added_to_a_record_is_found_by_its_request_and_read_back(
        self, world: World, kind: ActivityKind
    ) -> None:
        anna = await world.crm.add_record(
            NewRecord("contact", "Anna Lind", ("anna@client.example",), request_key="1" * 32)
        )
        due, until = {
            "task": (OVER_A_YEAR, None),
            "event": (OVER_A_YEAR, OVER_A_YEAR + timedelta(hours=1)),
            "note": (None, None),
        }[kind]
        new = NewActivity(kind, "contact", anna.id, "Call back", "About pumps", due, until, request_key="4" * 32)
        made = await world.crm.add_activity(new)
        assert await world.crm.find_activity(new) == made
        assert await world.crm.find_activity(replace(new, request_key="5" * 32)) is None
        (shown,) = await world.crm.activities("contact", anna.id)
        assert (shown.kind, shown.id, shown.subject) == (kind, made, "Call back")
        assert "About pumps" in shown.text


def _needs_a_directory(world: World) -> None:
    if not world.pulls:
        pytest.skip("its directory is Mailroom's own")
