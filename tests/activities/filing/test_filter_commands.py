"""Filters at work: before a message is visible, and on stored mail when they are applied; and the commands that keep them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from activities.filing import apply_filter
from activities.retrieval.fetching import HELD_BYTES
from infra.database.pool import Pool
from tests.servers.scripted_pop import MailboxServer
from tests.support.directory import save_record
from tests.support.filing import OWN_MAIL, Jane, letter
from tests.support.mailboxes import JANE, PASSWORD, account
from tests.support.services import as_owner

OWN = letter(1, sender=JANE, to="anna@example.org")
FROM_ANNA = letter(2)


@pytest.fixture
async def jane(pool: Pool) -> Jane:
    it = Jane(pool)
    await it.watcher.record(it.settings)
    await save_record(pool, "contact", "anna", "anna@example.org")
    return it


@pytest.mark.requirement("R32")
async def test_without_a_filter_own_mail_lands_in_the_inbox(jane: Jane) -> None:
    await jane.gets(OWN, FROM_ANNA)
    assert await jane.folders() == ["Inbox", "Inbox"]
    assert await jane.links() == [("anna", "Received")]


@pytest.mark.requirement("R33")
@pytest.mark.requirement("R35")
@pytest.mark.requirement("R36")
async def test_with_the_recipe_own_mail_goes_to_sent_and_is_never_seen_in_the_inbox(jane: Jane) -> None:
    answer = await jane.commands("save_filter", **OWN_MAIL)
    assert answer["filter"] == {"id": 1, **OWN_MAIL, "enabled": True, "version": 1, "position": 1}
    assert "also matches longer addresses" in answer["warnings"][0]
    await jane.gets(OWN, FROM_ANNA)
    assert await jane.folders() == ["Sent", "Inbox"]
    assert await jane.links() == [("anna", "Sent"), ("anna", "Received")]
    rows = await jane.watcher.rows("select filed from messages order by id")
    assert [row["filed"] for row in rows] == [[{"filter": 1, "version": 1}], []]
    (stored,) = await jane.logged("MessagesStored")
    assert stored["filters"] == [{"filter": 1, "version": 1, "messages": 1}]
    assert await jane.logged("MessagesMoved") == [], "it was never anywhere else"


@pytest.mark.requirement("R33")
@pytest.mark.requirement("R36")
async def test_no_row_of_a_message_ever_has_another_folder_than_its_filter_says(jane: Jane) -> None:
    async with await as_owner(jane.pool) as connection:
        await connection.execute("create table seen (what text); grant all on seen to public")
        for table, column in ("mail", "folder"), ("links", "direction"), ("entries", "direction"):
            await connection.execute(
                f"""
                create function see_{table}() returns trigger language plpgsql as
                    $$ begin insert into seen values ('{table}: ' || new.{column}); return null; end $$;
                create trigger see after insert or update of {column} on {table} for each row execute function see_{table}()
                """.encode()
            )
    await jane.commands("save_filter", **OWN_MAIL)
    await jane.gets(OWN)
    assert await jane.watcher.column("select what from seen order by 1") == [
        "entries: Sent",
        "links: Sent",
        "mail: Sent",
    ]


@pytest.mark.requirement("R17")
async def test_a_filter_a_folder_and_a_label_are_one_accounts_own(jane: Jane) -> None:
    bob = Jane(jane.pool, account(1, address="bob@example.com", crm=("builtin",)))
    await bob.watcher.record(bob.settings)
    actions = [{"move": "Customers"}, {"label": "vip"}, {"mark": "flagged"}]
    await jane.commands("save_filter", name="All", match="always", actions=actions)
    await jane.gets(FROM_ANNA)
    await bob.gets(FROM_ANNA, address="bob@example.com")
    found = await jane.watcher.rows("select address, folder, labels, flags from messages order by address")
    assert [tuple(row.values()) for row in found] == [
        ("bob@example.com", "Inbox", [], []),
        (JANE, "Customers", ["vip"], ["flagged"]),
    ]
    assert await jane.watcher.column("select address from folders where name = 'Customers'") == [JANE]
    assert (await bob.is_refused("apply_filter", name="All")).refusal.code == "unknown_filter"
    assert (await bob.is_refused("remove_filter", name="All")).refusal.code == "unknown_filter"


@pytest.mark.requirement("R38")
async def test_own_mail_by_cc_and_an_alias_is_taken_too(jane: Jane) -> None:
    await jane.commands(
        "save_filter", **OWN_MAIL | {"conditions": [{"field": "own_address", "operator": "is", "value": True}]}
    )
    await jane.gets(
        letter(1, sender="j.doe@example.com", to="anna@example.org", header=f"Cc: {JANE}"),
        aliases=("j.doe@example.com",),
    )
    assert await jane.folders() == ["Sent"]


async def test_headers_and_attachments_of_a_message_too_large_for_memory_are_read(jane: Jane) -> None:
    conditions = [
        {"field": "header", "header": "X-Project", "operator": "is", "value": "Apollo"},
        {"field": "list_id", "operator": "is", "value": "moon.example.org"},
        {"field": "has_attachment", "operator": "is", "value": True},
    ]
    await jane.commands(
        "save_filter",
        name="Apollo",
        conditions=conditions,
        actions=[{"move": "Apollo"}, {"label": "moon"}, {"mark": "seen"}],
    )
    head = "X-Project: Apollo\nList-Id: <moon.example.org>\nContent-Type: multipart/mixed; boundary=b"
    raw = letter(1, header=head) + b"--b\r\nContent-Disposition: attachment\r\n\r\n" + b"x" * 70 + b"\r\n"
    raw += (b"x" * 70 + b"\r\n") * (HELD_BYTES // 72 + 1) + b"--b--\r\n"
    await jane.gets(raw, letter(2, header=head.replace("Apollo", "Gemini")))
    rows = await jane.watcher.rows("select folder, labels, flags from messages order by id")
    assert [tuple(row.values()) for row in rows] == [("Apollo", ["moon"], ["seen"]), ("Inbox", [], [])]


async def test_a_filter_that_cannot_be_read_is_skipped_and_recorded_and_mail_lands_in_the_inbox(jane: Jane) -> None:
    async with jane.pool.connection() as connection:
        await connection.execute(
            """
            insert into account_filters (address, name, position, match, conditions, actions)
            values (%s, 'of a later version', 1, 'all', '[{"field": "mood", "operator": "is", "value": "bad"}]', '[]')
            """,
            [JANE],
        )
    await jane.gets(FROM_ANNA)
    assert await jane.folders() == ["Inbox"]
    (stored,) = await jane.logged("MessagesStored")
    assert [one["failed"] for one in stored["filters"]] == ["ValueError"]


async def test_mail_keeps_arriving_whatever_filters_would_take(jane: Jane) -> None:
    slow = [
        {"field": field, "operator": "matches", "value": rf"(a?){{150}}a{{150}}b{number}", **more}
        for number in range(25)
        for field, more in (("subject", {}), ("header", {"header": "X-Long"}))
    ]
    for number in range(20):
        await jane.commands(
            "save_filter", name=f"slow {number}", match="any", conditions=slow, actions=[{"move": "Archive"}]
        )
    await jane.commands("save_filter", **OWN_MAIL)
    header = "\n".join(f"X-Long: {'a' * 4000}" for _ in range(100))
    ids = await jane.gets(*(letter(n, sender=JANE, subject="a" * 5000, header=header) for n in range(1, 4)))
    assert await jane.folders() == ["Sent"] * 3
    (stored,) = await jane.logged("MessagesStored")
    assert {one.get("failed") for one in stored["filters"]} == {"TooMuchWork", None}
    tried = await jane.commands("apply_filter", name="slow 1")
    assert (tried["checked"], tried["matching"]) == (len(ids), 0)


# Keeping filters -------------------------------------------------------------------------------------------------------


def about(name: str, *, subject: str = "x", move: str = "Archive", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "conditions": [{"field": "subject", "operator": "contains", "value": subject}],
        "actions": [{"move": move}],
        **more,
    }


async def filters(jane: Jane) -> list[tuple[str, int]]:
    rows = await jane.watcher.rows("select name, version from filters where address = %s order by position", JANE)
    return [(row["name"], row["version"]) for row in rows]


@pytest.mark.requirement("R17")
async def test_a_filter_of_the_same_name_is_replaced_and_keeps_its_place(jane: Jane) -> None:
    for name in "a", "b":
        await jane.commands("save_filter", **about(name))
    answer = await jane.commands("save_filter", **about("a", subject="y"))
    assert (answer["filter"]["version"], answer["filter"]["position"]) == (2, 1)
    await jane.commands("save_filter", **about("a", subject="y"))
    assert await filters(jane) == [("a", 2), ("b", 1)]
    told = await jane.logged("FilterSaved")
    assert [(one["actor"], one["filter"], one["version"]) for one in told] == [
        ("ops", 1, 1),
        ("ops", 2, 1),
        ("ops", 1, 2),
    ]
    assert "y" not in str(told[-1].values()), "what a filter says is nobody's business in the log"


@pytest.mark.requirement("R17")
async def test_a_filter_is_saved_at_the_position_that_was_asked_for(jane: Jane) -> None:
    for name in "a", "b":
        await jane.commands("save_filter", **about(name))
    once = uuid4()
    for _ in range(2):
        answer = await jane.commands("save_filter", event_id=once, **about("c", position=1))
        assert (answer["filter"]["version"], answer["filter"]["position"]) == (1, 1)
    assert await filters(jane) == [("c", 1), ("a", 1), ("b", 1)]
    assert (await jane.commands("save_filter", **about("c", position=99)))["filter"]["position"] == 3
    assert await filters(jane) == [("a", 1), ("b", 1), ("c", 1)]
    assert (await jane.commands("save_filter", **about("a", subject="y", position=2)))["filter"]["version"] == 2
    await jane.commands("save_filter", **about("a", subject="y", position=2))
    assert await filters(jane) == [("b", 1), ("a", 2), ("c", 1)]
    assert [one["position"] for one in await jane.logged("FilterSaved")] == [1, 2, 1, 2]
    assert [one["filters"] for one in await jane.logged("FiltersOrdered")] == [[1, 2, 3]], "where nothing else changed"
    assert (await jane.is_refused("save_filter", **about("d", position=0))).refusal.field == "position"


async def test_a_command_that_is_tried_again_is_done_once(jane: Jane) -> None:
    once = uuid4()
    for _ in range(2):
        assert (await jane.commands("save_filter", event_id=once, **about("a")))["filter"]["version"] == 1
    await jane.commands("save_filter", **about("b"))
    order = uuid4()
    for _ in range(2):
        assert (await jane.commands("order_filters", event_id=order, names=["b"]))["names"] == ["b", "a"]
    removal = uuid4()
    for _ in range(2):
        assert await jane.commands("remove_filter", event_id=removal, name="a") == {"removed": "a"}
    assert [len(await jane.logged(kind)) for kind in ("FilterSaved", "FiltersOrdered", "FilterRemoved")] == [2, 1, 1]


async def test_an_unknown_filter_is_refused_by_name(jane: Jane) -> None:
    for name, given in (
        ("remove_filter", {"name": "z"}),
        ("apply_filter", {"name": "z"}),
        ("order_filters", {"names": ["z"]}),
    ):
        refused = await jane.is_refused(name, **given)
        assert refused.refusal.code == "unknown_filter"
        assert '"z"' in refused.message


async def test_there_are_at_most_a_hundred_filters(jane: Jane) -> None:
    for number in range(100):
        await jane.commands("save_filter", **about(f"filter {number}"))
    assert (await jane.is_refused("save_filter", **about("one more"))).refusal.code == "too_many_filters"
    await jane.commands("save_filter", **about("filter 7", subject="other"))


@pytest.mark.requirement("R35")
@pytest.mark.requirement("R71")
async def test_the_ready_made_filters_are_offered_and_not_switched_on(jane: Jane) -> None:
    recipe, exact = (await jane.commands("recommend_filters"))["recommended"]
    assert recipe["filter"] == OWN_MAIL
    assert "my.jane@example.com" in recipe["warnings"][0]
    assert exact["warnings"] == []
    assert await filters(jane) == []
    for offered in recipe, exact:
        await jane.commands("save_filter", **offered["filter"])
    assert len(await filters(jane)) == 2


@pytest.mark.requirement("R17")
async def test_an_own_folder_comes_to_exist_by_being_named_and_keeps_its_spelling(jane: Jane) -> None:
    await jane.commands("save_filter", **about("a", subject="message", move="Customers"))
    answer = await jane.commands("save_filter", **about("b", move="CUSTOMERS"))
    assert answer["filter"]["actions"] == [{"move": "Customers"}]
    await jane.gets(FROM_ANNA)
    rows = await jane.watcher.rows(
        "select name, own, messages, unseen from folders where address = %s order by own, name", JANE
    )
    assert [tuple(row.values()) for row in rows] == [
        ("Archive", False, 0, 0),
        ("Inbox", False, 0, 0),
        ("Sent", False, 0, 0),
        ("Trash", False, 0, 0),
        ("Customers", True, 1, 1),
    ]


# Applying one to stored mail -------------------------------------------------------------------------------------------


@pytest.mark.requirement("R36")
async def test_a_dry_run_counts_and_shows_examples_and_changes_nothing(jane: Jane) -> None:
    ids = await jane.gets(OWN, FROM_ANNA)
    await jane.commands("save_filter", **OWN_MAIL)
    assert await jane.folders() == ["Inbox", "Inbox"], "a filter files mail that comes later"
    answer = await jane.commands("apply_filter", name="Sent mail")
    assert answer == {
        "dry_run": True,
        "run": None,
        "filter": 1,
        "version": 1,
        "checked": 2,
        "matching": 1,
        "changed": 1,
        "moved": 1,
        "labelled": 0,
        "marked": 0,
        "examples": ids[:1],
    }
    assert await jane.folders() == ["Inbox", "Inbox"]
    assert await jane.logged("FilterApplied") == []


@pytest.mark.requirement("R34")
@pytest.mark.requirement("R36")
async def test_an_applied_filter_moves_old_mail_makes_it_sent_and_is_undone(jane: Jane) -> None:
    ids = await jane.gets(OWN, FROM_ANNA)
    await jane.commands("save_filter", **OWN_MAIL)
    answer = await jane.commands("apply_filter", name="Sent mail", dry_run=False)
    assert (answer["moved"], answer["examples"]) == (1, ids[:1])
    assert await jane.folders() == ["Sent", "Inbox"]
    assert await jane.links() == [("anna", "Sent"), ("anna", "Received")]
    (told,) = await jane.logged("FilterApplied")
    assert (told["actor"], told["filter"], told["version"], told["changed"]) == ("ops", 1, 1, ids[:1])
    again = await jane.commands("apply_filter", name="Sent mail", dry_run=False)
    assert (again["matching"], again["changed"]) == (1, 0)
    undone = await jane.commands("undo_filing", run=answer["run"])
    assert (undone["messages"], undone["kept"]) == (1, 0)
    assert await jane.folders() == ["Inbox", "Inbox"]
    assert await jane.links() == [("anna", "Received")]
    rows = await jane.watcher.rows("select filed from messages order by id")
    assert [row["filed"] for row in rows] == [[], []]


async def test_mail_in_trash_stays_there(jane: Jane) -> None:
    (one,) = await jane.gets(OWN)
    await jane.commands("move_messages", messages=[one], folder="Trash")
    await jane.commands("save_filter", **OWN_MAIL)
    assert (await jane.commands("apply_filter", name="Sent mail", dry_run=False))["matching"] == 0


async def test_a_run_that_died_goes_on_where_it_was_and_counts_all_of_it(
    jane: Jane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply_filter, "PAGE", 2)
    ids = await jane.gets(*(letter(number, sender=JANE) for number in range(1, 6)))
    await jane.commands("save_filter", **OWN_MAIL)
    run, beats = uuid4(), list[Any]()

    class Died(Exception):
        pass

    def heartbeat(*details: Any) -> None:
        beats.append(details)
        if len(beats) == 2:
            raise Died

    jane.environment.on_heartbeat = heartbeat
    with pytest.raises(Died):
        await jane.commands("apply_filter", event_id=run, name="Sent mail", dry_run=False)
    assert (await jane.folders()).count("Sent") == 4
    answer = await jane.commands("apply_filter", event_id=run, name="Sent mail", dry_run=False)
    assert (answer["changed"], answer["moved"], answer["examples"]) == (5, 5, ids)
    assert [one["messages"] for one in await jane.logged("FilterApplied")] == [2, 2, 1]


async def test_stored_mail_is_read_for_its_header_whether_it_is_whole_or_in_pieces(jane: Jane) -> None:
    large = letter(2, header="X-Project: Apollo") + (b"x" * 70 + b"\r\n") * (HELD_BYTES // 72 + 1)
    await jane.gets(letter(1, header="X-Project: Apollo"), large, letter(3))
    await jane.commands(
        "save_filter",
        name="Apollo",
        conditions=[{"field": "header", "header": "X-Project", "operator": "is", "value": "apollo"}],
        actions=[{"label": "moon"}, {"mark": "flagged"}],
    )
    answer = await jane.commands("apply_filter", name="Apollo", dry_run=False)
    assert (answer["labelled"], answer["marked"], answer["moved"]) == (2, 2, 0)


@pytest.mark.requirement("R33")
async def test_mail_that_comes_after_a_filter_is_saved_is_filed_by_it(jane: Jane) -> None:
    async with MailboxServer(password=PASSWORD, messages={"1": OWN}) as server:
        settings = account(server.port, crm=("builtin",))
        await jane.watcher.watch(settings)
        await jane.commands("save_filter", **OWN_MAIL)
        server.messages["2"] = letter(2, sender=JANE)
        await jane.watcher.watch(settings)
    assert await jane.folders() == ["Inbox", "Sent"]
