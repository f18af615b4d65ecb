"""Everything goes by the one address that the account was configured with, and its declared aliases (R2)."""

from __future__ import annotations

import pytest

from infra.database.pool import Pool
from tests.support.directory import save_record
from tests.support.filing import Jane, letter
from tests.support.mailboxes import JANE, account
from tests.support.stored_mail import worked_off

ALIAS = "j.doe@example.net"


@pytest.fixture
async def jane(pool: Pool) -> Jane:
    """Whose login name is another address, which is none of her own."""
    it = Jane(pool, account(1, crm=("builtin",), aliases=(ALIAS,), username="login@example.net"))
    await it.watcher.record(it.settings)
    await save_record(pool, "contact", "anna", "anna@example.org")
    await save_record(pool, "contact", "login", "login@example.net")
    await save_record(pool, "contact", "alias", ALIAS)
    return it


@pytest.mark.requirement("R2", "R38", "R39")
async def test_filter_direction_and_ownership_go_by_address_and_aliases_and_never_by_the_login(jane: Jane) -> None:
    recipe, exact = (await jane.commands("recommend_filters"))["recommended"]
    assert [one["value"] for one in recipe["filter"]["conditions"]] == [JANE, ALIAS]
    assert recipe["filter"]["match"] == "any"
    await jane.commands("save_filter", **exact["filter"])
    await jane.gets(
        letter(1, sender=JANE, to="anna@example.org"),
        letter(2, sender="J.Doe@Example.net", to=f"anna@example.org, {JANE}"),
        letter(3, sender="login@example.net", to=f"{ALIAS}, x@example.org"),
        letter(4, sender="anna@example.org", to="somebody.else@example.org"),
        letter(
            5, sender="anna@example.org", to="x@example.org", header=f"Delivered-To: other@example.org\nCc: {ALIAS}"
        ),
        aliases=(ALIAS,),
        username="login@example.net",
    )
    assert await jane.folders() == ["Sent", "Sent", "Inbox", "Inbox", "Inbox"]
    assert await jane.links() == [
        ("anna", "Sent"),
        ("anna", "Sent"),
        ("login", "Received"),
        ("anna", "Received"),
        ("anna", "Received"),
    ]


@pytest.mark.requirement("R2")
async def test_an_alias_that_is_declared_later_is_own_from_then_on_and_for_stored_mail(jane: Jane) -> None:
    [one] = await jane.gets(letter(1, sender=ALIAS, to=f"{JANE}, x@example.org"))
    assert await jane.links() == [("alias", "Received")]
    jane.settings = account(1, crm=("builtin",), aliases=(ALIAS,))
    await jane.watcher.record(jane.settings)
    await worked_off(jane.pool)
    assert await jane.links() == []
    await jane.commands("move_messages", messages=[one], folder="Sent")
    assert await jane.links() == []
