"""Whose mail is not stored, whose is stored and linked to nothing, and how that is found out."""

from __future__ import annotations

from uuid import uuid4

import pytest

from activities.privacy.privacy import Privacies
from activities.retrieval.fetching import HELD_BYTES
from domain.core.refusal import Refused
from infra.database.pool import Pool
from tests.servers.scripted_pop import MailboxServer
from tests.support.commands import attempt
from tests.support.linked_mail import LinkedMail, letter
from tests.support.mailboxes import JANE, PASSWORD, Watcher, account
from tests.support.mailboxes import mail as simple_mail

BOB = "bob@example.com"


@pytest.fixture
def mail(pool: Pool) -> LinkedMail:
    return LinkedMail(pool)


async def test_never_log_mail_is_not_stored_and_the_withheld_log_names_it_and_its_rule(mail: LinkedMail) -> None:
    jane = await mail.account()
    await mail.set_privacy(never_log=["Doctor.example", "lawyer@example.net"])
    stored = await mail.store(
        jane,
        letter(1, sender="dr.who@sub.doctor.example"),
        letter(2),
        letter(3, sender="Lawyer@example.net"),
        letter(4, sender=JANE, to="lawyer@example.net"),
        letter(5, "Cc: anna@example.org", sender=JANE, to="lawyer@example.net"),
    )
    assert len(stored) == 2
    assert [row["subject"] for row in await mail.rows("select subject from messages order by id")] == [
        "message 2",
        "message 5",
    ]
    withheld = await mail.rows("select address, uidl, rule from withheld order by uidl")
    assert withheld == [
        {"address": JANE, "uidl": "uid-1", "rule": "never_log: doctor.example"},
        {"address": JANE, "uidl": "uid-3", "rule": "never_log: lawyer@example.net"},
        {"address": JANE, "uidl": "uid-4", "rule": "never_log: lawyer@example.net"},
    ]
    states = {row["uidl"]: row["state"] for row in await mail.rows("select uidl, state from ledger")}
    assert states == {"uid-1": "skipped", "uid-2": "stored", "uid-3": "skipped", "uid-4": "skipped", "uid-5": "stored"}
    assert len(await mail.rows("select * from blobs")) == 2


async def test_the_log_counts_what_was_withheld_and_names_nobody(mail: LinkedMail) -> None:
    jane = await mail.account()
    answer = await mail.set_privacy(never_log=["doctor.example"], private=["anna@example.org"])
    assert answer == {"never_log": 1, "private": 1, "internal": "private"}
    await mail.store(jane, letter(1, sender="who@doctor.example"))
    events = await mail.rows("select type, data::text as data from account_events order by version")
    assert [event["type"] for event in events] == ["PrivacySet", "MessagesSkipped", "MessagesStored"]
    for event in events:
        assert "doctor" not in event["data"]
        assert "anna" not in event["data"]
    [session] = await mail.rows("select stored, skipped from retrievals")
    assert session == {"stored": 0, "skipped": 1}


async def test_a_colleagues_blocklist_is_private_and_keeps_only_the_colleagues_mail_back(mail: LinkedMail) -> None:
    await mail.record("contact", "anna", "anna@example.org")
    jane, bob = await mail.account(), await mail.account(BOB)
    await mail.set_privacy(BOB, never_log=["anna@example.org"])
    raw = letter(1, to=f"{JANE}, {BOB}")
    await mail.store(bob, raw)
    await mail.store(jane, raw)
    assert [link["address"] for link in await mail.links()] == [JANE]
    assert [row["address"] for row in await mail.rows("select address from withheld")] == [BOB]
    assert await mail.set_privacy() == {"never_log": 0, "private": 0, "internal": "private"}


async def test_changed_rules_hold_for_the_links_of_stored_mail_both_ways(mail: LinkedMail) -> None:
    await mail.record("contact", "anna", "anna@example.org")
    jane = await mail.account()
    await mail.store(jane, letter(1))
    await mail.set_privacy(private=["example.org"])
    await mail.work_off()
    assert await mail.linked() == []
    [entry] = await mail.rows("select action, direction from outbox")
    assert entry["direction"] is None
    await mail.set_privacy(private=[])
    await mail.work_off()
    assert await mail.linked() == [("anna", "Received")]


async def test_internal_mail_may_be_kept_from_being_stored(mail: LinkedMail) -> None:
    jane = await mail.account()
    await mail.set_privacy(internal="never_log")
    raw = letter(1, sender="boss@example.com"), letter(2, sender="boss@example.com", to=f"{JANE}, anna@example.org")
    assert len(await mail.store(jane, *raw)) == 1
    assert [row["rule"] for row in await mail.rows("select rule from withheld")] == ["internal"]


async def test_a_crms_own_never_log_list_holds_for_links_to_that_crm(mail: LinkedMail) -> None:
    await mail.record("contact", "anna", "anna@example.org")
    await mail.rules(never_log=["anna@example.org"])
    await mail.store(await mail.account(), letter(1))
    assert await mail.linked() == []
    assert len(await mail.rows("select * from messages")) == 1


async def test_a_command_that_is_tried_again_changes_and_tells_nothing_more(mail: LinkedMail) -> None:
    await mail.account()
    privacies = Privacies(mail.pool)
    event_id, given = uuid4(), {"private": ["a@b.example"]}
    await attempt(privacies.set_privacy, given, event_id=event_id)
    await mail.set_privacy(private=["a@b.example", "c@d.example"])
    assert (await attempt(privacies.set_privacy, given, event_id=event_id))["private"] == 2
    assert len(await mail.rows("select * from account_events where type = 'PrivacySet'")) == 2


@pytest.mark.parametrize("rule", ["", "@", "a b@example.org", "two words", "x" * 400])
async def test_a_rule_that_is_neither_an_address_nor_a_domain_is_refused(mail: LinkedMail, rule: str) -> None:
    with pytest.raises(Refused) as refused:
        await mail.set_privacy(never_log=[rule])
    assert refused.value.refusal.field == "never_log.0"


async def test_withheld_mail_is_left_on_the_server_and_not_fetched_again(pool: Pool) -> None:
    mail, watcher = LinkedMail(pool), Watcher(pool)
    await mail.set_privacy(never_log=["doctor.example"])
    messages = {"uid-1": simple_mail(1, sender="who@doctor.example"), "uid-2": simple_mail(2)}
    async with MailboxServer(password=PASSWORD, messages=messages) as server:
        settings = account(server.port, after_store="delete")
        assert (await watcher.watch(settings)).skipped == 1
        assert list(server.messages) == ["uid-1"]
        await watcher.finds_nothing(settings)
    assert await watcher.ledger() == {"uid-1": "skipped", "uid-2": "deleted"}


async def test_not_even_a_part_of_a_large_message_is_written_when_it_is_withheld(pool: Pool) -> None:
    mail, watcher = LinkedMail(pool), Watcher(pool)
    await mail.set_privacy(never_log=["doctor.example"])
    large = simple_mail(1, sender="who@doctor.example", size=3 * HELD_BYTES)
    async with MailboxServer(password=PASSWORD, messages={"uid-1": large, "uid-2": simple_mail(2)}) as server:
        assert (await watcher.watch(account(server.port))).stored == 1
    assert await watcher.value("select count(*) from blob_chunks") == 0
    assert await watcher.value("select count(*) from uploads") == 0
    assert await watcher.ledger() == {"uid-1": "skipped", "uid-2": "stored"}
