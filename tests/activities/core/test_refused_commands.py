"""Commands about stored mail with input that nobody meant: each is done or refused in words, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from activities.actions.actions import Actions
from activities.actions.context import Contexts
from activities.crm.adapters.registry import Adapters
from activities.directory.address_book import AddressBook
from activities.filing.refile import Filing
from activities.linking.decisions import Decisions
from activities.privacy.privacy import Privacies
from activities.registry import of_filing
from domain.core.commands import MOST_AT_ONCE, Command, name_of
from domain.core.refusal import Refused
from domain.core.validation import parse
from infra.database.pool import Pool
from tests.support.commands import attempt
from tests.support.directory import save_record
from tests.support.filing import Jane, letter
from tests.support.linked_mail import LinkedMail
from tests.support.mailboxes import JANE, local_worker
from workflows.account.mail_commands import DESK
from workflows.contract import DeskRequest

BOB = "bob@example.com"
MEGABYTE = "x" * 1_000_000

STRINGS = [
    "", " ", "\0", "a\0b", "\ud800", "a\r\nb", "\u202e\u200b", "'; drop table mail; --", "%s %(x)s {0} \\", "../../etc/passwd",
    "<script>alert(1)</script>", "sent", "x" * 201, MEGABYTE,
]  # fmt: skip
TIMES = [
    "not a time", "2026-02-30T00:00:00Z", "2026-11-23T10:00:00", "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00",
]  # fmt: skip
OTHERS: list[Any] = [
    None,
    True,
    -1,
    0,
    1.5,
    2**63,
    2**70,
    [],
    [[]],
    [0],
    ["a", "a"],
    [None],
    {},
    {"a": 1},
    list(range(1, 100_001)),
]
HOSTILE = [*STRINGS, *TIMES, *OTHERS]


class Desk:
    """Jane's account with a message of Anna's, whose record there is, and Bob's with one of his own."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.jane = Jane(pool)
        self.models: dict[str, type[Command]] = {name_of(model): model for model in DESK}
        adapters = Adapters(pool, local_worker())
        actions, decisions, book = (
            Actions(pool, adapters.of, "help@mailroom.example"),
            Decisions(pool),
            AddressBook(pool),
        )
        activities: list[Callable[[DeskRequest], Awaitable[Any]]] = [
            *of_filing(pool),
            *(decisions.link_message, decisions.unlink_message, decisions.undo_decision),
            *(book.save_contact, book.remove_contact, Privacies(pool).set_privacy),
            *(actions.add_record, actions.add_task, actions.add_event, actions.add_note),
            Contexts(pool, adapters.of).context,
        ]
        self._activities = {activity.__name__: activity for activity in activities}

    async def set_up(self) -> None:
        await save_record(self.pool, "contact", "anna", "anna@example.org")
        self.mail = LinkedMail(self.pool)
        self.message, self.other = await self.mail.store(await self.mail.account(), letter(1), letter(2))
        [self.bobs] = await self.mail.store(await self.mail.account(BOB), letter(9, to=BOB))
        await self.ask("save_filter", self.sound("save_filter"))

    def sound(self, name: str) -> dict[str, Any]:
        """Input of that command that makes sense, and is used up by nothing."""
        record = {"crm": "builtin", "record_kind": "contact", "record_id": "anna"}
        by_hand = {"message": self.other, "reason": "a mistake", **record}
        action = {"request_id": str(uuid4()), "message": self.other, **record, "subject": "call back", "text": "soon"}
        condition = {"field": "header", "operator": "contains", "value": "offer", "header": "X-Kind"}
        filter_ = {"name": "offers", "match": "all", "conditions": [condition], "actions": [{"label": "offer"}]}
        given: dict[str, dict[str, Any]] = {
            "save_filter": {**filter_, "enabled": True},
            "remove_filter": {"name": "none of that name"},
            "order_filters": {"names": ["offers"]},
            "apply_filter": {"name": "offers", "dry_run": False},
            "recommend_filters": {},
            "move_messages": {"messages": [self.message], "folder": "Customers"},
            "label_messages": {"messages": [self.message], "add": ["a"], "remove": ["b"]},
            "mark_messages": {"messages": [self.message], "seen": True, "flagged": False},
            "undo_filing": {"run": str(uuid4())},
            "delete_messages": {"messages": [2**40]},
            "make_private": {"messages": [self.message], "private": False},
            "set_privacy": {"never_log": ["eve@example.net"], "private": ["example.net"], "internal": "private"},
            "save_contact": {"address": "carl@example.org", "name": "Carl", "pinned": True},
            "remove_contact": {"address": "carl@example.org"},
            "link_message": by_hand,
            "unlink_message": by_hand,
            "undo_decision": by_hand,
            "add_record": {"request_id": str(uuid4()), "message": self.message, "crm": "builtin", "record_kind": "lead",
                           "address": "anna@example.org", "name": "Anna"},
            "add_task": {**action, "due": "2026-12-01T09:00:00Z"},
            "add_event": {**action, "due": "2026-12-01T09:00:00Z", "until": "2026-12-01T10:00:00Z"},
            "add_note": action,
            "context": {"message": self.message},
        }  # fmt: skip
        return {**given[name], "by": "jane"}

    async def ask(self, name: str, given: dict[str, Any]) -> Any:
        """As the workflow does: read first, then carried out by its activity."""
        read = parse(self.models[name], given, what=name).model_dump(mode="json")
        async with asyncio.timeout(60):
            return await attempt(self._activities[name], read)

    async def refusal(self, name: str, given: dict[str, Any]) -> Refused | None:
        """Why the command is refused, in words that are whole and short; None where it is done."""
        try:
            await self.ask(name, given)
        except Refused as error:
            refused = error
        else:
            return None
        assert refused.refusal.code
        assert 10 < len(refused.message) < 2000
        assert MEGABYTE[:300] not in refused.message
        return refused


@pytest.fixture
async def desk(pool: Pool) -> Desk:
    made = Desk(pool)
    await made.set_up()
    return made


def variants(sound: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The command with one field of it hostile, at any depth, or left out, or with one that nobody knows."""
    yield {**sound, "nobody_knows": 1}
    for name, value in sound.items():
        yield {field: kept for field, kept in sound.items() if field != name}
        for hostile in HOSTILE:
            yield {**sound, name: hostile}
        if isinstance(value, list) and value:
            inner = variants(value[0]) if isinstance(value[0], dict) else iter(HOSTILE)
            for one in inner:
                yield {**sound, name: [one]}


COMMANDS = sorted(name_of(model) for model in DESK)


@pytest.mark.parametrize("name", COMMANDS)
async def test_whatever_a_command_is_given_it_is_done_or_refused_in_words(desk: Desk, name: str) -> None:
    before = await desk.jane.watcher.rows("select id, sha256 from messages order by id")
    for given in variants(desk.sound(name)):
        if "request_id" in given and len(str(given["request_id"])) == 36:
            given["request_id"] = str(uuid4())
        await desk.refusal(name, given)
    assert await desk.jane.watcher.rows("select id, sha256 from messages order by id") == before
    assert await desk.jane.watcher.rows("select * from verify_log(%s)", JANE) == []
    for later in COMMANDS:  # and nothing of it is in the way of what comes then
        refused = await desk.refusal(later, desk.sound(later))
        assert refused is None or refused.refusal.code.startswith(
            ("unknown_", "nothing_", "not_linked", "no_record")
        ), later
    context = await desk.ask("context", desk.sound("context"))
    assert [(crm["crm"], crm["asked"]) for crm in context["crms"]] == [("builtin", True)]


@pytest.mark.parametrize(
    "name",
    ["move_messages", "label_messages", "mark_messages", "delete_messages", "make_private",
     "link_message", "unlink_message", "undo_decision",
     "add_record", "add_task", "add_event", "add_note", "context"],
)  # fmt: skip
async def test_another_accounts_message_is_as_unknown_as_one_that_never_was(desk: Desk, name: str) -> None:
    mail = "select id, folder, labels, flags from messages where address = %s"
    links = "select record_id, unlinked_at from correspondence where address = %s"
    before = [await desk.jane.watcher.rows(query, BOB) for query in (mail, links)]
    told = []
    for message in desk.bobs, 2**40:
        sound = desk.sound(name)
        given = {**sound, "messages": [message]} if "messages" in sound else {**sound, "message": message}
        refused = await desk.refusal(name, given)
        assert refused is not None
        told.append((refused.refusal.code, refused.message.replace(str(message), "N")))
        if "messages" in sound:  # nothing is done of what is its own, either
            given["messages"] = [desk.message, message]
            assert await desk.refusal(name, given) is not None
    assert told[0] == told[1], "the words do not tell that there is such a message"
    assert told[0][0] == "unknown_message"
    assert [await desk.jane.watcher.rows(query, BOB) for query in (mail, links)] == before
    assert await desk.jane.watcher.column("select folder from messages where address = %s", JANE) == ["Inbox", "Inbox"]


async def test_another_accounts_run_is_undone_by_nobody_else(desk: Desk) -> None:
    given = {"messages": [desk.bobs], "folder": "Sent", "by": "bob"}
    done = await attempt(Filing(desk.pool).move_messages, given, address=BOB)
    refused = await desk.refusal("undo_filing", {"run": done["run"], "by": "jane"})
    assert refused is not None
    assert refused.refusal.code == "unknown_run"
    assert await desk.jane.watcher.column("select folder from messages where address = %s", BOB) == ["Sent"]


async def test_a_command_names_some_of_many_ids_and_takes_no_more_than_a_thousand(desk: Desk) -> None:
    given = {"messages": list(range(10**6, 10**6 + MOST_AT_ONCE)), "folder": "Sent"}
    refused = await desk.refusal("move_messages", given)
    assert refused is not None
    assert "and 980 more" in refused.message
    refused = await desk.refusal("move_messages", {**given, "messages": list(range(1, 100_001))})
    assert refused is not None
    assert refused.refusal.code == "invalid_field"
    assert (await desk.ask("move_messages", {"messages": [desk.message] * 3, "folder": "Sent"}))["messages"] == 1


# Filters and folders ----------------------------------------------------------------------------------------------------


async def test_filters_are_ordered_by_name_the_first_of_two_counts_and_an_unknown_one_is_refused(desk: Desk) -> None:
    sound = desk.sound("save_filter")
    for name in "a", "b", "A":
        await desk.ask("save_filter", {**sound, "name": name})
    answer = await desk.ask("order_filters", {"names": ["b", "a", "b"]})
    assert answer["names"] == ["b", "a", "offers", "A"]
    for names in (["c"], ["a", "c"], ["offers "] * 101, []):
        refused = await desk.refusal("order_filters", {"names": names})
        assert refused is not None
        assert refused.refusal.field == "names" or refused.refusal.code == "invalid_field"
    order = "select name from filters where address = %s order by position"
    assert await desk.jane.watcher.column(order, JANE) == ["b", "a", "offers", "A"]


@pytest.mark.parametrize("name", ["sent", "SENT", " Sent ", "inbox", "ARCHIVE", "trash"])
async def test_the_folders_that_always_exist_have_no_second_spelling(desk: Desk, name: str) -> None:
    await desk.ask("move_messages", {"messages": [desk.message], "folder": name})
    shown = await desk.jane.watcher.column("select folder from messages where id = %s", desk.message)
    assert shown == [name.strip().capitalize()]
    folders = await desk.jane.watcher.column("select name from folders where address = %s", JANE)
    assert len(folders) == len({folder.lower() for folder in folders})


async def test_own_folders_have_one_spelling_too_and_any_characters(desk: Desk) -> None:
    folders: set[str] = set()
    for name in "Straße/Köln", "STRASSE/KÖLN", "straße/köln", "a/../b", "Customers", "CUSTOMERS", "'; drop", "客户":
        await desk.ask("move_messages", {"messages": [desk.message], "folder": name})
        folders |= set(await desk.jane.watcher.column("select folder from messages where id = %s", desk.message))
    assert len(folders) == len({folder.lower() for folder in folders})
    assert {"Straße/Köln", "Customers", "客户"} <= folders
    assert "CUSTOMERS" not in folders


@pytest.mark.requirement("R36")
async def test_a_filter_is_applied_while_mail_arrives_and_misses_none_of_it(desk: Desk) -> None:
    everything = {"name": "all", "match": "always", "conditions": [], "actions": [{"move": "Archive"}]}
    jane = await desk.mail.account()

    async def arrives() -> None:
        for number in range(100, 120):
            await desk.mail.store(jane, letter(number))

    arriving = asyncio.ensure_future(arrives())
    await desk.ask("save_filter", everything)
    answers = [await desk.ask("apply_filter", {"name": "all", "dry_run": False}) for _ in range(3)]
    await arriving
    await desk.ask("apply_filter", {"name": "all", "dry_run": False})
    folders = await desk.jane.watcher.column("select folder from messages where address = %s", JANE)
    assert set(folders) == {"Archive"}
    assert len(folders) == 22
    changed = await desk.jane.watcher.value("select count(*) from refilings where address = %s", JANE)
    assert sum(answer["changed"] for answer in answers) <= changed <= 22, "no message is filed anew twice"


# Requests of people to CRMs ---------------------------------------------------------------------------------------------


@pytest.mark.requirement("R73")
@pytest.mark.parametrize("due", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:30:00Z", "9999-12-31T23:59:59-14:00"])
@pytest.mark.parametrize("name", ["add_task", "add_event"])
async def test_a_time_that_no_calendar_shows_is_refused_and_leaves_nothing(desk: Desk, name: str, due: str) -> None:
    sound = {**desk.sound(name), "due": due}
    sound.pop("until", None)
    refused = await desk.refusal(name, sound)
    assert refused is not None
    assert (refused.refusal.code, refused.refusal.field) == ("invalid_field", "due")
    assert await desk.jane.watcher.rows("select from activities") == []


@pytest.mark.requirement("R72")
async def test_one_request_id_is_one_request_whatever_comes_under_it(desk: Desk) -> None:
    sound = desk.sound("add_note")
    await desk.ask("add_note", sound)
    for changed in ({"subject": "another"}, {"text": ""}, {"message": desk.message}, {"record_id": "bo"}):
        refused = await desk.refusal("add_note", {**sound, **changed})
        assert refused is not None
        assert (refused.refusal.code, refused.refusal.field) == ("request_conflict", "request_id")
    refused = await desk.refusal("add_task", {**sound, "due": None})
    assert refused is not None
    assert refused.refusal.code == "request_conflict"
    assert len(await desk.jane.watcher.rows("select from activities")) == 1
