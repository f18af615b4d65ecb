"""The built-in CRM: which records a profile has, saving them, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from domain.core.refusal import Refused
from domain.directory.records import RecordKind
from infra.database.pool import Pool
from tests.servers.scripted_pop import MailboxServer
from tests.support.directory import register_crm, save_record
from tests.support.mailboxes import PASSWORD, Watcher, account, mail


async def directory(pool: Pool) -> list[dict[str, Any]]:
    return await Watcher(pool).rows("select * from directory order by crm, record_kind, record_id")


async def test_a_saved_record_is_in_the_directory_as_it_was_spelled(pool: Pool) -> None:
    saved = await save_record(pool, "contact", "4711", "Anna.Lind@Example.ORG", "anna@home.example")
    (kept,) = await directory(pool)
    assert saved.model_dump(exclude={"changes", "warnings"}) == {
        "crm": "builtin",
        "record_kind": "contact",
        "record_id": "4711",
        "name": "Anna Lind",
        "addresses": ["Anna.Lind@Example.ORG", "anna@home.example"],
    }
    assert saved.model_dump(exclude={"changes", "warnings"}).items() <= kept.items()


async def test_saving_it_again_changes_nothing_and_saving_it_changed_replaces_it(pool: Pool) -> None:
    for _ in range(2):
        await save_record(pool, "lead", "1", "old@example.org", "OLD@example.org")
    await save_record(pool, "lead", "1", "new@example.org", name="Anna Berg")
    (record,) = await directory(pool)
    assert (record["name"], record["addresses"]) == ("Anna Berg", ["new@example.org"])
    async with MailboxServer(password=PASSWORD) as server:
        server.messages = {"a": mail(1, sender="old@example.org"), "b": mail(2, sender="new@example.org")}
        watcher = Watcher(pool)
        await watcher.watch(account(server.port, crm=("builtin",)))
    assert await watcher.column("select matched_address from correspondence") == ["new@example.org"]


@pytest.mark.requirement("R1")
@pytest.mark.parametrize(
    ("profile", "has", "has_not"),
    [("crm", ["contact", "lead", "deal"], ["candidate"]), ("recruit", ["contact", "candidate"], ["lead", "deal"])],
)
async def test_a_profile_says_which_kinds_of_records_there_are(
    pool: Pool, profile: Any, has: list[RecordKind], has_not: list[RecordKind]
) -> None:
    await register_crm(pool, "people", profile)
    for kind in has:
        await save_record(pool, kind, "1", "anna@example.org", crm="people", profile=profile)
    for kind in has_not:
        with pytest.raises(Refused, match=f"{kind} is not part of the profile {profile}") as refused:
            await save_record(pool, kind, "1", "anna@example.org", crm="people", profile=profile)
        assert (refused.value.refusal.code, refused.value.refusal.field) == ("invalid_field", "record_kind")
    assert sorted(record["record_kind"] for record in await directory(pool)) == sorted(has)


@pytest.mark.requirement("R1")
@pytest.mark.parametrize(("profile", "linked"), [("crm", ["contact", "lead"]), ("recruit", ["candidate", "contact"])])
async def test_the_same_engine_links_the_records_of_both_profiles(pool: Pool, profile: Any, linked: list[Any]) -> None:
    await register_crm(pool, "people", profile)
    for kind in linked:
        await save_record(pool, kind, "1", "anna@example.org", crm="people", profile=profile)
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages={"a": mail(1, sender="anna@example.org")}) as server:
        await watcher.watch(account(server.port, crm=("people",)))
    assert await watcher.column("select record_kind from correspondence order by 1") == linked


async def test_a_connection_keeps_its_profile(pool: Pool) -> None:
    await register_crm(pool, "people", "recruit")
    await register_crm(pool, "people", "recruit")
    with pytest.raises(Refused, match="has the profile recruit, which stays") as refused:
        await register_crm(pool, "people", "crm")
    assert refused.value.refusal.field == "profile"


@pytest.mark.parametrize("address", ["anna", "anna@", "", "anna@example.org, bob@example.org", "a\0b@example.org"])
async def test_what_is_no_address_is_refused_by_its_place_and_not_repeated(pool: Pool, address: str) -> None:
    with pytest.raises(Refused) as refused:
        await save_record(pool, "contact", "1", "good@example.org", address)
    assert (refused.value.refusal.code, refused.value.refusal.field) == ("invalid_field", "addresses.1")
    assert not address or address not in refused.value.message
    assert await directory(pool) == []


@pytest.mark.parametrize(
    ("kind", "named", "field"),
    [
        ("lead", {"converted_to": "l1"}, "converted_to"),
        ("contact", {"merged_into": "l1"}, "merged_into"),
        ("deal", {"contacts": ("l1",)}, "contacts.0"),
    ],
)
async def test_a_record_that_names_one_that_there_is_not_is_refused_by_its_place(
    pool: Pool, kind: RecordKind, named: dict[str, Any], field: str
) -> None:
    await save_record(pool, "lead", "l1", "bo@example.org")
    with pytest.raises(Refused) as refused:
        await save_record(pool, kind, "new", **named)
    assert (refused.value.refusal.code, refused.value.refusal.field) == ("unknown_record", field)
    assert [row["record_id"] for row in await directory(pool)] == ["l1"]


async def test_a_deal_has_contacts_a_lead_becomes_one_and_a_double_is_merged(pool: Pool) -> None:
    await save_record(pool, "contact", "c1", "anna@example.org")
    await save_record(pool, "contact", "c2", merged_into="c1")
    await save_record(pool, "lead", "l1", "bo@example.org", converted_to="c1")
    await save_record(pool, "deal", "d1", contacts=("c1", "c2"))
    found = [
        (row["record_id"], row["converted_to"], row["merged_into"], row["contacts"]) for row in await directory(pool)
    ]
    assert found == [
        ("c1", None, None, []),
        ("c2", None, "c1", []),
        ("d1", None, None, ["c1", "c2"]),
        ("l1", "c1", None, []),
    ]


async def test_text_that_postgresql_cannot_keep_never_makes_it_try_for_ever(pool: Pool) -> None:
    await save_record(pool, "contact", "1", name="An\0na")
    assert [record["name"] for record in await directory(pool)] == ["An na"]
    with pytest.raises(Refused) as refused:
        await save_record(pool, "contact", "1\0")
    assert (refused.value.refusal.code, refused.value.refusal.field) == ("invalid_field", "record_id")
