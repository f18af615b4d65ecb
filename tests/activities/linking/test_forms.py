"""Web forms: From is the account's own, and the customer stands in Reply-To: it is the customer's mail, not the owner's."""

from __future__ import annotations

import pytest

from infra.database.pool import Pool
from tests.support.directory import save_record
from tests.support.filing import OWN_MAIL, Jane, letter
from tests.support.mailboxes import JANE, account
from tests.support.stored_mail import worked_off

ANN = "ann@example.org"
REPLY_TO = f"Reply-To: Ann <{ANN}>"


@pytest.fixture
async def jane(pool: Pool) -> Jane:
    it = Jane(pool)
    await it.watcher.record(it.settings)
    await save_record(pool, "contact", "ann", ANN)
    return it


@pytest.mark.requirement("R34", "R46")
@pytest.mark.parametrize("sender", [JANE, "website@example.com", "noreply-17@example.com", "webform@forms.example.net"])
async def test_a_form_is_received_from_who_filled_it_in(jane: Jane, sender: str) -> None:
    """freescout-help-desk/freescout#2833; faveosuite/faveo-helpdesk#72; BadChoice/handesk#295."""
    await jane.commands("save_filter", **OWN_MAIL)
    await jane.gets(letter(1, sender=sender, header=REPLY_TO))
    assert await jane.folders() == ["Inbox"]
    assert await jane.links() == [("ann", "Received")]
    (evidence,) = await jane.watcher.column("select evidence from correspondence")
    assert (evidence["field"], evidence["from"]) == ("reply-to", sender)
    assert "own_copy" not in evidence


@pytest.mark.requirement("R34", "R38")
async def test_own_mail_to_oneself_is_no_form(jane: Jane) -> None:
    await jane.commands("save_filter", **OWN_MAIL)
    await jane.gets(
        letter(1, sender=JANE),
        letter(2, sender=JANE, header=f"Reply-To: {JANE}"),
        letter(3, sender=JANE, to=f"{ANN}, {JANE}", header="Reply-To: jane@private.example"),
    )
    assert await jane.folders() == ["Sent", "Sent", "Sent"]
    assert await jane.links() == [("ann", "Sent")]


async def test_applying_the_filter_to_stored_mail_leaves_forms_where_they_are(jane: Jane) -> None:
    await jane.gets(letter(1, sender=JANE, header=REPLY_TO), letter(2, sender=JANE))
    await jane.commands("save_filter", **{**OWN_MAIL, "actions": [{"move": "Sent"}, {"label": "mine"}]})
    found = await jane.commands("apply_filter", name="Sent mail", dry_run=False)
    assert found["matching"] == 2, found
    assert await jane.folders() == ["Inbox", "Sent"]
    assert await jane.watcher.column("select labels from messages order by id") == [["mine"], ["mine"]]


async def test_what_a_person_moves_is_where_the_person_moved_it(jane: Jane) -> None:
    ids = await jane.gets(letter(1, sender=JANE, header=REPLY_TO))
    await jane.commands("move_messages", messages=ids, folder="Sent")
    assert await jane.folders() == ["Sent"]
    assert await jane.links() == []


async def test_the_ready_filter_for_own_addresses_takes_no_form_for_own_mail(jane: Jane) -> None:
    _, exact = (await jane.commands("recommend_filters"))["recommended"]
    await jane.commands("save_filter", **exact["filter"])
    await jane.gets(letter(1, sender=JANE, header=REPLY_TO), letter(2, sender=JANE))
    assert await jane.folders() == ["Inbox", "Sent"]


async def test_an_alias_that_is_declared_later_makes_a_form_of_stored_mail(jane: Jane) -> None:
    alias = "orders@example.net"
    await jane.gets(letter(1, sender=alias, header=REPLY_TO))
    assert await jane.links() == []
    jane.settings = account(1, crm=("builtin",), aliases=(alias,))
    await jane.watcher.record(jane.settings)
    await worked_off(jane.pool)
    assert await jane.links() == [("ann", "Received")]
    assert await jane.watcher.value("select author from mail") == ANN
    jane.settings = account(1, crm=("builtin",))
    await jane.watcher.record(jane.settings)
    await worked_off(jane.pool)
    assert await jane.links() == []
    assert await jane.watcher.value("select author from mail") == alias
