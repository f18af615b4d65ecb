"""A worker whose memory for lists is taken: whoever brings a long one comes again, and it is nobody's failure."""

from __future__ import annotations

import pytest
from temporalio.exceptions import ApplicationError

import activities.pop.session
from activities.pop.listing_budget import STEP, ListingBudget, Share
from infra.database import Pool
from tests.activities.watching import PASSWORD, Watcher, account, mailbox
from tests.servers.scripted_pop import MailboxServer

LONG = b"+OK\r\n" + b"".join(b"%d %064d\r\n" % (number, number) for number in range(1, 20_001)) + b".\r\n"


@pytest.fixture
def neighbour(monkeypatch: pytest.MonkeyPatch) -> Share:
    """What another mailbox's list holds: all that there is."""
    budget = ListingBudget(most=STEP)
    monkeypatch.setattr(activities.pop.session, "ListingBudget", lambda: budget)
    share = budget.share()
    share.grow(STEP)
    return share


async def test_a_session_comes_again_and_a_small_mailbox_is_retrieved_meanwhile(pool: Pool, neighbour: Share) -> None:
    watcher = Watcher(pool)
    async with (
        MailboxServer(password=PASSWORD, messages=mailbox(2)) as small,
        MailboxServer(password=PASSWORD, messages=mailbox(2)) as long,
    ):
        long.replies["UIDL"] = LONG
        ended = await watcher.finds_nothing(account(long.port, address="long@example.com"))
        assert (ended.type, "memory for lists" in ended.message) == ("Waiting", True)
        assert ended.next_retry_delay is not None
        assert await watcher.rows("select * from retrievals") == []
        assert (await watcher.watch(account(small.port))).stored == 2


async def test_a_login_that_is_tried_comes_again_too(pool: Pool, neighbour: Share) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(2), capabilities=["TOP"]) as server:
        server.replies["UIDL"] = LONG
        with pytest.raises(ApplicationError, match="memory for lists") as ended:
            await watcher.try_login(account(server.port))
        assert ended.value.type == "Waiting"
        neighbour.give_back()
        await watcher.try_login(account(server.port))
