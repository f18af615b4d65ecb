"""How long an account's own folder is there: as long as mail lies in it, or a filter names it."""

from __future__ import annotations

from typing import Any

import pytest

from infra.database.pool import Pool
from tests.support.filing import Jane
from tests.support.mailboxes import JANE, mail


@pytest.fixture
def jane(pool: Pool) -> Jane:
    return Jane(pool)


async def own_folders(jane: Jane) -> list[str]:
    return await jane.watcher.column("select name from folders where address = %s and own order by name", JANE)


async def saves(jane: Jane, **changes: Any) -> None:
    given: dict[str, Any] = {"name": "offers", "match": "always", "conditions": [], "actions": [{"move": "Offres"}]}
    await jane.commands("save_filter", **given | changes)


@pytest.mark.requirement("R17")
async def test_an_own_folder_ends_with_the_last_message_in_it_and_comes_back_with_the_next(jane: Jane) -> None:
    first, second = await jane.gets(mail(1), mail(2))
    moved = await jane.commands("move_messages", messages=[first, second], folder="Offres")
    await jane.commands("move_messages", messages=[first], folder="Offers")
    assert await own_folders(jane) == ["Offers", "Offres"]
    await jane.commands("delete_messages", messages=[second])
    assert await own_folders(jane) == ["Offers"]
    await jane.commands("move_messages", messages=[first], folder="Inbox")
    assert await own_folders(jane) == []
    await jane.commands("move_messages", messages=[first], folder="offres")
    assert await own_folders(jane) == ["Offres"]  # as it was spelled
    assert moved["messages"] == 2


@pytest.mark.requirement("R17")
async def test_an_empty_own_folder_is_there_while_a_filter_names_it(jane: Jane) -> None:
    await jane.gets()
    await saves(jane)
    assert await own_folders(jane) == ["Offres"]
    await saves(jane, enabled=False)
    assert await own_folders(jane) == ["Offres"]
    await saves(jane, actions=[{"label": "offer"}, {"move": "Offers"}])
    assert await own_folders(jane) == ["Offers"]
    await jane.commands("remove_filter", name="offers")
    assert await own_folders(jane) == []


@pytest.mark.requirement("R17")
async def test_undoing_what_emptied_an_own_folder_brings_it_back(jane: Jane) -> None:
    (one,) = await jane.gets(mail(1))
    await jane.commands("move_messages", messages=[one], folder="Customers")
    out = await jane.commands("move_messages", messages=[one], folder="Archive")
    assert await own_folders(jane) == []
    await jane.commands("undo_filing", run=out["run"])
    assert await own_folders(jane) == ["Customers"]


@pytest.mark.requirement("R17")
async def test_the_four_folders_that_always_exist_are_there_without_mail(jane: Jane) -> None:
    await jane.gets()
    assert await jane.watcher.column("select name from folders where address = %s order by name", JANE) == [
        "Archive",
        "Inbox",
        "Sent",
        "Trash",
    ]
