"""Replies follow what they answer: all of them, however many there are and whenever they come."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from activities.directory.directory import Directory
from activities.erasure.deletion import Removal
from activities.linking import links as linking
from activities.linking import relinking
from activities.linking.decisions import Decisions
from domain.directory.records import Record
from infra.database.pool import Pool
from tests.support.commands import attempt
from tests.support.linked_mail import LinkedMail, bounce, letter
from tests.support.mailboxes import JANE

DEAL = Record("deal", "d1", "Deal", (), ("c1",))


def reply(number: int, to: int) -> bytes:
    return letter(number, f"In-Reply-To: <{to}@example.org>", sender=f"p{number}@other.example")


async def link_by_hand(pool: Pool, message: int) -> None:
    given = {"message": message, "crm": "builtin", "record_kind": "contact", "record_id": "c1", "by": "jane"}
    await attempt(Decisions(pool).link_message, given)


async def with_the_deal(mail: LinkedMail) -> int:
    [row] = await mail.rows("select count(*) as n from correspondence where record_id = 'd1' and unlinked_at is null")
    return int(row["n"])


async def test_all_replies_of_all_threads_get_the_deal_and_lose_it(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linking, "MOST_FOLLOWERS", 5)
    monkeypatch.setattr(relinking, "PAGE", 10)
    mail = LinkedMail(pool)
    settings = await mail.account()
    await mail.record("contact", "c1", "anna@example.org")
    replies = [reply(100 + 2 * n + k, n) for n in range(10) for k in (0, 1)] + [reply(200 + n, 3) for n in range(25)]
    await mail.store(settings, *[letter(n) for n in range(10)], *replies)
    await mail.work_off()
    await Directory(pool).save("builtin", DEAL)
    await mail.work_off()
    assert await with_the_deal(mail) == 10 + 20 + 25
    await Directory(pool).save("builtin", Record("deal", "d1", "Deal", (), ()))
    await mail.work_off()
    assert await with_the_deal(mail) == 0


async def test_a_reply_to_a_reply_that_names_no_more_than_that_follows(pool: Pool) -> None:
    mail = LinkedMail(pool)
    settings = await mail.account()
    await mail.record("contact", "c1", "eve@example.org")
    [first, *_] = ids = await mail.store(settings, letter(1), *[reply(n, n - 1) for n in range(2, 5)])
    await link_by_hand(pool, first)
    await mail.work_off()
    assert {link["message"] for link in await mail.links()} == set(ids)


async def test_what_a_late_message_passes_on_reaches_all_replies_that_came_before_it(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linking, "MOST_FOLLOWERS", 5)
    mail = LinkedMail(pool)
    settings = await mail.account()
    await mail.record("contact", "c1", "anna@example.org")
    await Directory(pool).save("builtin", DEAL)
    await mail.store(settings, *[reply(n, 1) for n in range(2, 14)])
    await mail.store(settings, letter(1))
    await mail.work_off()
    assert await with_the_deal(mail) == 13


@pytest.mark.parametrize("changed", ["by hand", "by the directory"])
async def test_a_reply_that_is_stored_while_what_it_answers_is_linked_follows(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    mail = LinkedMail(pool)
    settings = await mail.account()
    await mail.record("contact", "c1", "eve@example.org" if changed == "by hand" else "anna@example.org")
    await mail.work_off()
    [parent] = await mail.store(settings, letter(1))
    linked, go_on, link_new = asyncio.Event(), asyncio.Event(), linking.link_new

    async def held_up(*given: Any) -> Any:
        links = await link_new(*given)
        linked.set()
        await go_on.wait()
        return links

    monkeypatch.setattr("activities.delivery.deliver.link_new", held_up)
    arriving = asyncio.create_task(mail.store(settings, reply(2, 1)))
    await linked.wait()
    if changed == "by hand":
        await link_by_hand(pool, parent)
    else:
        await Directory(pool).save("builtin", DEAL)
        async with (
            pool.connection() as connection,
            connection.transaction(),
        ):  # as a page does that was past its barrier
            await linking.relink(connection, [parent])
    go_on.set()
    [answer] = await arriving
    await mail.work_off()
    record = "c1" if changed == "by hand" else "d1"
    assert await mail.linked(answer) == [(record, "Received")]


async def told(mail: LinkedMail) -> list[tuple[str, list[int]]]:
    """The causes in the log, with the messages that changed."""
    rows = await mail.rows("select data from account_events where type = 'MailRelinked' order by version")
    return [(row["data"]["cause"], row["data"]["messages"]) for row in rows]


async def delete(pool: Pool, *messages: int) -> None:
    await attempt(Removal(pool).delete_messages, {"messages": list(messages)})


@pytest.mark.parametrize("most", [500, 1])
async def test_replies_lose_what_they_had_of_a_message_when_it_is_deleted(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr("activities.erasure.deletion.MOST_FOLLOWERS", most)
    mail = LinkedMail(pool)
    settings = await mail.account()
    await mail.record("contact", "c1", "eve@example.org")
    [parent, *replies] = await mail.store(settings, letter(1), reply(2, 1), reply(3, 1))
    await link_by_hand(pool, parent)
    await mail.work_off()
    assert len(await mail.linked(*replies)) == 2
    await delete(pool, parent)
    if most == 500:
        assert await mail.linked() == []
    await mail.work_off()
    assert await mail.linked() == []
    assert {message for cause, messages in await told(mail) if "deleted" in cause for message in messages} == set(
        replies
    )


async def test_what_a_bounce_said_goes_with_the_bounce_and_is_in_the_log_both_times(pool: Pool) -> None:
    mail = LinkedMail(pool)
    settings = await mail.account()
    await mail.record("contact", "c1", "anna@example.org")
    [sent] = await mail.store(settings, letter(1, sender=JANE, to="anna@example.org"))
    await mail.move("Sent", sent)
    plain = await mail.links(sent)
    [report] = await mail.store(settings, bounce(2, "anna@example.org"))
    assert await mail.links(sent) != plain
    assert (await told(mail))[-1] == ("a message of its thread, or a report on it, was stored", [sent])
    await delete(pool, report)
    assert await mail.links(sent) == plain
    assert (await told(mail))[-1] == ("a message of its thread, or a report on it, was deleted", [sent])


async def test_replies_that_are_linked_because_of_another_message_are_in_the_log(pool: Pool) -> None:
    mail = LinkedMail(pool)
    settings = await mail.account()
    await mail.record("contact", "c1", "eve@example.org")
    [parent, answer] = await mail.store(settings, letter(1), reply(2, 1))
    await link_by_hand(pool, parent)
    assert await told(mail) == [("what a message answers is linked otherwise", [answer])]
