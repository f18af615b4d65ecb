"""What becomes of each message that arrives is decided before anything is written."""

from __future__ import annotations

from typing import Any

import pytest

from activities.delivery.dispositions import Buried, Disposition, Duplicate, Withheld, dispositions
from activities.erasure.deletion import Removal
from activities.filing.filter_commands import Filters
from activities.filing.place import Filed
from activities.mailbox.policy import hold_rules
from activities.privacy.privacy import Privacies
from activities.storage.batch import Retrieved
from domain.mailbox.settings import AccountSettings
from domain.retrieval.plan import Listed
from infra.database.pool import Pool
from tests.support.commands import attempt
from tests.support.linked_mail import LinkedMail, letter
from tests.support.mailboxes import rows


def arrived(uidl: str, raw: bytes, occurrence: int = 0, *, shared: bool = False) -> Retrieved:
    return Retrieved.of(Listed(number=1, uidl=uidl, occurrence=occurrence, size=len(raw), shared=shared), raw)


async def decided(pool: Pool, settings: AccountSettings, *messages: Retrieved, epoch: int = 1) -> list[Disposition]:
    async with pool.connection() as connection, connection.transaction():
        rules = await hold_rules(connection, settings, attaching=False)
        return await dispositions(connection, rules, epoch, messages)


async def everything(pool: Pool) -> dict[str, list[Any]]:
    async with pool.connection() as connection:
        names = await rows(connection, "select tablename from pg_tables where schemaname = 'mailroom'")
        return {
            one["tablename"]: await rows(connection, f"select t::text as t from {one['tablename']} t order by 1")
            for one in names
        }


@pytest.fixture
def mailbox(pool: Pool) -> LinkedMail:
    return LinkedMail(pool)


async def test_each_message_has_its_own_in_the_order_in_which_they_came(mailbox: LinkedMail) -> None:
    pool, settings = mailbox.pool, await mailbox.account()
    (stored, deleted) = await mailbox.store(settings, letter(1), letter(2))
    await attempt(Removal(pool).delete_messages, {"messages": [deleted], "by": "ops"})
    await attempt(Privacies(pool).set_privacy, {"never_log": ["example.net"], "by": "ops"})

    new = arrived("new", letter(3))
    again = arrived("new", letter(3), occurrence=1, shared=True)
    buried = arrived("dead", letter(2))
    buried_again = arrived("dead", letter(2), occurrence=1, shared=True)
    withheld = arrived("private", letter(4, sender="bo@example.net"))
    before = await everything(pool)
    found = await decided(pool, settings, buried, withheld, new, buried_again, again)

    assert found == [
        Buried(buried),
        Withheld(withheld, "never_log: example.net"),
        Filed(new),
        Buried(buried_again),
        Duplicate(again, of=("new", 0)),
    ]
    assert await everything(pool) == before, "nothing is written before all is decided"

    known = arrived("elsewhere", letter(1))
    assert await decided(pool, settings, known, epoch=2) == [Duplicate(known, of=stored)]


async def test_the_folder_is_part_of_it(mailbox: LinkedMail) -> None:
    settings = await mailbox.account()
    ones = {
        "name": "Ones",
        "match": "all",
        "conditions": [{"field": "subject", "operator": "contains", "value": "message 1"}],
        "actions": [{"move": "Ones"}],
    }
    await attempt(Filters(mailbox.pool).save_filter, {**ones, "by": "ops"})
    one, other = arrived("1", letter(1)), arrived("2", letter(2))
    found = await decided(mailbox.pool, settings, one, other)
    assert [(what.folder, len(what.by)) for what in found if isinstance(what, Filed)] == [("Ones", 1), ("Inbox", 0)]
