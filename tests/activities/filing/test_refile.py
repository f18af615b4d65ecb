"""Moving, labelling and marking stored mail by hand: correspondences follow, everything is told and can be undone."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from infra.database.pool import Pool
from tests.support.directory import save_record
from tests.support.filing import Jane, letter
from tests.support.mailboxes import JANE

OWN = letter(1, sender=JANE, to="anna@example.org")
FROM_ANNA = letter(2)


@pytest.fixture
async def jane(pool: Pool) -> Jane:
    await save_record(pool, "contact", "anna", "anna@example.org")
    return Jane(pool)


async def entries(jane: Jane) -> list[tuple[str, str | None]]:
    """What the CRM is to show."""
    rows = await jane.watcher.rows("select record_id, direction from outbox order by id")
    return [(row["record_id"], row["direction"]) for row in rows]


@pytest.mark.requirement("R34")
async def test_moving_a_message_to_sent_makes_it_sent_and_moving_it_out_undoes_that(jane: Jane) -> None:
    own, received = await jane.gets(OWN, FROM_ANNA)
    answer = await jane.commands("move_messages", messages=[own], folder="sent")
    assert (answer["messages"], answer["linked"]) == (1, 1)
    assert await jane.links() == [("anna", "Sent"), ("anna", "Received")]
    assert await entries(jane) == [("anna", "Received"), ("anna", "Sent")]
    answer = await jane.commands("move_messages", messages=[own], folder="Inbox")
    assert answer["unlinked"] == 1
    assert await jane.links() == [("anna", "Received")]
    assert await entries(jane) == [("anna", "Received"), ("anna", None)]
    told = await jane.logged("MessagesMoved")
    assert [(one["actor"], one["folder"], one["changed"], one["linked"], one["unlinked"]) for one in told] == [
        ("ops", "Sent", [own], 1, 0),
        ("ops", "Inbox", [own], 0, 1),
    ]
    assert received


@pytest.mark.requirement("R17")
async def test_an_own_folder_is_made_by_moving_and_its_name_is_not_in_the_log(jane: Jane) -> None:
    (one,) = await jane.gets(FROM_ANNA)
    await jane.commands("move_messages", messages=[one], folder="Anna Lind")
    await jane.commands("move_messages", messages=[one], folder="Archive")
    await jane.commands("move_messages", messages=[one], folder="anna lind")
    assert await jane.folders() == ["Anna Lind"]
    assert [told["folder"] for told in await jane.logged("MessagesMoved")] == [None, "Archive", None]


@pytest.mark.requirement("R17")
async def test_labels_and_marks_are_added_and_taken_off(jane: Jane) -> None:
    first, second = await jane.gets(OWN, FROM_ANNA)
    await jane.commands("label_messages", messages=[first, second], add=["offer", "2026"])
    await jane.commands("label_messages", messages=[first], add=["won"], remove=["offer"])
    await jane.commands("mark_messages", messages=[first], seen=True, flagged=True)
    await jane.commands("mark_messages", messages=[first], flagged=False)
    rows = await jane.watcher.rows("select labels, flags from messages order by id")
    assert [tuple(row.values()) for row in rows] == [(["2026", "won"], ["seen"]), (["offer", "2026"], [])]
    assert [one["messages"] for one in await jane.logged("MessagesLabelled")] == [2, 1]
    assert [(one["seen"], one["flagged"]) for one in await jane.logged("MessagesMarked")] == [
        (True, True),
        (None, False),
    ]


async def test_a_command_that_is_tried_again_changes_nothing_more(jane: Jane) -> None:
    (one,) = await jane.gets(FROM_ANNA)
    once = uuid4()
    first = await jane.commands("move_messages", event_id=once, messages=[one], folder="Archive")
    await jane.commands("move_messages", messages=[one], folder="Inbox")
    assert await jane.commands("move_messages", event_id=once, messages=[one], folder="Archive") == first
    assert await jane.folders() == ["Inbox"]


async def test_what_changes_nothing_is_not_told(jane: Jane) -> None:
    (one,) = await jane.gets(FROM_ANNA)
    assert (await jane.commands("move_messages", messages=[one], folder="inbox"))["messages"] == 0
    assert await jane.logged("MessagesMoved") == []


async def test_undoing_leaves_what_was_filed_anew_since(jane: Jane) -> None:
    first, second = await jane.gets(OWN, FROM_ANNA)
    run = (await jane.commands("move_messages", messages=[first, second], folder="Archive"))["run"]
    await jane.commands("label_messages", messages=[second], add=["later"])
    answer = await jane.commands("undo_filing", run=run)
    assert (answer["messages"], answer["kept"]) == (1, 1)
    assert await jane.folders() == ["Inbox", "Archive"]
    await jane.commands("undo_filing", run=answer["run"])
    assert await jane.folders() == ["Archive", "Archive"]
    (told, _) = await jane.logged("FilingUndone")
    assert (told["undone"], told["changed"]) == (run, [first])
    assert (await jane.is_refused("undo_filing", run=str(uuid4()))).refusal.code == "unknown_run"


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("move_messages", {"folder": "Archive"}),
        ("label_messages", {"add": ["x"]}),
        ("mark_messages", {"seen": True}),
        ("delete_messages", {}),
    ],
)
async def test_an_unknown_message_is_named_and_nothing_is_done(jane: Jane, name: str, given: dict[str, Any]) -> None:
    (hers,) = await jane.gets(FROM_ANNA)
    bob = Jane(jane.pool)
    (his,) = await bob.gets(FROM_ANNA, address="bob@example.com")
    before = await jane.watcher.rows("select * from messages order by id")
    for unknown in his, 4711:
        refused = await jane.is_refused(name, messages=[hers, unknown], **given)
        assert refused.refusal.code == "unknown_message"
        assert f"no stored messages {unknown};" in refused.message
    assert await jane.watcher.rows("select * from messages order by id") == before


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("move_messages", {"messages": [1], "folder": ""}),
        ("move_messages", {"messages": [1], "folder": "x" * 101}),
        ("move_messages", {"messages": [1], "folder": "a\u0007"}),
        ("move_messages", {"messages": [], "folder": "Archive"}),
        ("move_messages", {"messages": ["1"], "folder": "Archive"}),
        ("move_messages", {"messages": [2**63], "folder": "Archive"}),
        ("label_messages", {"messages": [1]}),
        ("label_messages", {"messages": [1], "add": ["a\nb"]}),
        ("mark_messages", {"messages": [1]}),
        ("undo_filing", {"run": "yesterday"}),
        ("delete_messages", {"messages": list(range(1, 1002))}),
    ],
)
async def test_what_makes_no_sense_is_refused(jane: Jane, name: str, given: dict[str, Any]) -> None:
    assert (await jane.is_refused(name, **given)).refusal.code == "invalid_field"
