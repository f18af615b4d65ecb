"""Attaching messages by hand: each is stored once, filed, linked, told, and recognised where a server brings it too (R46)."""

from __future__ import annotations

import asyncio
import io
import sys
from pathlib import Path
from typing import Any

import pytest

from activities.attach.__main__ import run
from activities.attach.attach import Attached, Attaching, Folder
from domain.core.refusal import Refused
from infra.database.pool import Pool
from tests.servers.scripted_pop import MailboxServer
from tests.support.directory import save_record
from tests.support.linked_mail import LinkedMail
from tests.support.mailboxes import JANE, PASSWORD, Watcher, account, local_worker, mail

BOB = "bob@example.net"
ONE, TWO = mail(1), mail(2, sender=JANE).replace(f"To: {JANE}".encode(), b"To: anna@example.org")


class AtHand:
    """What is attached to one address."""

    def __init__(self, pool: Pool, address: str = JANE, **worker: Any) -> None:
        self.address = address
        self.watcher = Watcher(pool)
        self.attaching = Attaching(pool, local_worker(**worker))

    async def attach(self, raw: bytes, folder: Folder | None = None, *, crm: tuple[str, ...] = ()) -> Attached:
        settings = await self.attaching.account(self.address, crm)
        return await self.attaching.attach(settings, raw, folder, "jane")

    async def rows(self, query: str) -> list[dict[str, Any]]:
        return await self.watcher.rows(query)


async def refused(asked: Any) -> str:
    with pytest.raises(Refused) as error:
        await asked
    return error.value.message


@pytest.mark.requirement("R46")
async def test_an_address_without_an_account_takes_a_message_with_all_that_belongs_to_it(pool: Pool) -> None:
    await save_record(pool, "contact", "17", "anna@example.org")
    hand = AtHand(pool)
    done = await hand.attach(ONE, crm=("builtin",))
    assert (done.new, done.folder, done.links) == (True, "Inbox", 1)
    [message] = await hand.rows("select * from messages")
    assert (message["id"], message["address"], message["subject"]) == (done.message, JANE, "message 1")
    assert message["uidl"] == f"attached:{message['identity']}"
    [raw] = await hand.rows("select raw from raw_messages")
    assert raw["raw"] == ONE
    [link] = await hand.rows("select record_id, direction from correspondence")
    assert link == {"record_id": "17", "direction": "Received"}
    assert [row["record_id"] for row in await hand.rows("select record_id from outbox")] == ["17"]
    [event] = await hand.rows("select type, actor, data from account_events")
    assert (event["type"], event["actor"]) == ("MessageAttached", "jane")
    assert event["data"] == {"epoch": 0, "bytes": len(ONE), "messages": [done.message], "links": 1}
    [seen] = await hand.rows("select state, messages, bytes from accounts")
    assert seen == {"state": "closed", "messages": 1, "bytes": len(ONE)}


@pytest.mark.requirement("R46")
async def test_it_is_stored_once_however_often_it_is_attached_and_in_whatever_bytes(pool: Pool) -> None:
    hand = AtHand(pool)
    first = await hand.attach(ONE)
    again = await hand.attach(ONE)
    with_other_line_ends = await hand.attach(ONE.replace(b"\r\n", b"\n") + b"\n")
    assert [done.message for done in (again, with_other_line_ends)] == [first.message] * 2
    assert not again.new
    assert not with_other_line_ends.new
    assert len(await hand.rows("select * from messages")) == 1
    assert len(await hand.rows("select * from account_events")) == 1


async def test_two_that_attach_it_at_the_same_time_store_it_once(pool: Pool) -> None:
    hand = AtHand(pool)
    settings = await hand.attaching.account(JANE, ())
    done = await asyncio.gather(*(hand.attaching.attach(settings, ONE, None, "jane") for _ in range(4)))
    assert sorted(one.new for one in done) == [False, False, False, True]
    assert len(await hand.rows("select * from messages")) == 1


@pytest.mark.requirement("R46", "R34")
async def test_the_folder_may_be_said_and_decides_the_direction(pool: Pool) -> None:
    await save_record(pool, "contact", "17", "anna@example.org")
    hand = AtHand(pool)
    done = await hand.attach(TWO, "Sent", crm=("builtin",))
    assert (done.folder, done.links) == ("Sent", 1)
    [link] = await hand.rows("select direction, evidence->>'field' as field from correspondence")
    assert link == {"direction": "Sent", "field": "to"}


@pytest.mark.requirement("R46", "R34")
async def test_a_message_that_is_there_goes_to_the_folder_that_is_said_with_its_links(pool: Pool) -> None:
    await save_record(pool, "contact", "17", "anna@example.org")
    hand = AtHand(pool)
    first = await hand.attach(TWO, crm=("builtin",))
    moved = await hand.attach(TWO, "Sent")
    assert moved == Attached(first.message, new=False, folder="Sent", links=1, moved=True)
    assert (await hand.attach(TWO)).folder == "Sent", "without a folder it stays where it is"
    [link] = await hand.rows("select direction from correspondence where unlinked_at is null")
    assert link == {"direction": "Sent"}


async def test_a_crm_that_is_named_later_links_what_was_attached_before(pool: Pool) -> None:
    hand = AtHand(pool)
    await hand.attach(ONE)
    await hand.attach(TWO, crm=("builtin",))
    [asked] = await hand.rows("select crm, account from relinking")
    assert asked == {"crm": "builtin", "account": JANE}
    await hand.attach(mail(3))  # it stays the address's
    assert await hand.rows("select crm from accounts_recorded") == [{"crm": ["builtin"]}]
    assert "no CRM connection named nowhere" in await refused(hand.attach(mail(4), crm=("nowhere",)))


@pytest.mark.parametrize("start", ["all", "recent"])
async def test_what_was_attached_before_a_server_brings_it_is_the_same_message(pool: Pool, start: str) -> None:
    hand = AtHand(pool)
    attached = await hand.attach(ONE)
    fresh = mail(5)
    async with MailboxServer(password=PASSWORD, messages={"one": ONE, "twin": ONE, "five": fresh}) as server:
        await hand.watcher.watch(account(server.port, start=start))
    stored = await hand.rows("select id, uidl, subject from messages order by id")
    # The server says that it has two: one of them is the one that was attached.
    assert [row["subject"] for row in stored] == ["message 1", "message 1", "message 5"]
    assert stored[0]["id"] == attached.message
    ledger = await hand.rows("select uidl, epoch from ledger order by epoch, uidl")
    assert [(row["uidl"], row["epoch"]) for row in ledger][1:] == [("five", 2), ("one", 2), ("twin", 2)]


async def test_an_account_that_retrieves_recognises_what_was_attached_meanwhile(pool: Pool) -> None:
    hand = AtHand(pool)
    async with MailboxServer(password=PASSWORD, messages={"one": ONE}) as server:
        settings = account(server.port)
        await hand.watcher.watch(settings)
        already = await hand.attaching.attach(settings, ONE, None, "jane")
        assert not already.new
        assert (await hand.attaching.attach(settings, mail(2), None, "jane")).new
        server.messages |= {"two": b"X-Seen: yes\r\n" + mail(2), "three": mail(3), "four": mail(3)}
        await hand.watcher.watch(settings)
    assert await hand.watcher.subjects() == ["message 1", "message 2", "message 3", "message 3"]
    [counted] = await hand.rows("select messages from mailboxes")
    assert counted["messages"] == 4


async def test_a_session_that_stores_it_at_the_same_time_and_who_attaches_it_make_one_message(pool: Pool) -> None:
    hand = AtHand(pool)
    async with MailboxServer(password=PASSWORD, messages={f"u{n}": mail(n) for n in range(1, 41)}) as server:
        settings = account(server.port)
        await hand.watcher.record(settings)
        await asyncio.gather(
            hand.watcher.watch(settings),
            *(hand.attaching.attach(settings, mail(n), None, "jane") for n in range(1, 41, 4)),
        )
    assert sorted(await hand.watcher.subjects()) == sorted(f"message {n}" for n in range(1, 41))


async def test_an_accounts_own_settings_say_what_it_is_linked_with(pool: Pool) -> None:
    hand = AtHand(pool)
    async with pool.connection() as connection:
        settings = account(1, crm=("builtin",))
        await hand.watcher.record(settings)
        await connection.execute(
            "select append_event(%s, gen_random_uuid(), now(), 'AccountConnected', jsonb_build_object('settings', %s::jsonb), "
            "'jane', null, null)",
            [JANE, settings.model_dump_json()],
        )
    assert (await hand.attach(ONE)).new
    assert (await hand.attaching.account(JANE, ())) == settings
    assert "leave --crm out" in await refused(hand.attach(TWO, crm=("builtin",)))


async def test_what_cannot_be_stored_is_refused_in_words_and_nothing_is_stored(pool: Pool) -> None:
    hand = AtHand(pool, max_message_bytes=2000)
    assert "it is empty" in await refused(hand.attach(b""))
    assert "MAILROOM_MAX_MESSAGE_BYTES allows 2,000" in await refused(hand.attach(mail(1, size=3000)))
    assert await hand.rows("select * from mail") == []
    assert await hand.rows("select * from account_events") == []
    assert await hand.rows("select address from accounts") == [], "an address that was misspelt leaves nothing behind"
    full = AtHand(pool, BOB, quota_bytes=100)
    assert "set_quota" in await refused(full.attach(ONE))


async def test_what_was_deleted_here_is_not_stored_again(pool: Pool) -> None:
    hand = AtHand(pool)
    done = await hand.attach(ONE)
    async with pool.connection() as connection:
        await connection.execute(
            "insert into tombstones (address, identity, sha256, cause, at) "
            "select address, identity, sha256, 'deleted', now() from mail"
        )
        await connection.execute("update pop_ledger set mail = null")
        await connection.execute("delete from mail where id = %s", [done.message])
    assert "was deleted or erased" in await refused(hand.attach(ONE))


@pytest.mark.parametrize(
    ("rules", "rule"),
    [({"never_log": ["example.org"]}, "never_log: example.org"), ({"internal": "never_log"}, "internal")],
)
async def test_what_a_privacy_rule_keeps_out_is_refused_with_that_rule(
    pool: Pool, rules: dict[str, Any], rule: str
) -> None:
    hand = AtHand(pool)
    await LinkedMail(pool).set_privacy(JANE, **rules)
    raw = ONE if "never_log" in rules else ONE.replace(b"anna@example.org", b"boss@example.com")
    told = await refused(hand.attach(raw))
    assert f"privacy rule {rule} keeps it" in told
    assert "set_privacy" in told
    assert await hand.rows("select * from mail") == []
    assert await hand.rows("select * from withheld") == []
    await LinkedMail(pool).set_privacy(JANE, never_log=[], internal="link")
    assert (await hand.attach(raw)).new


async def test_the_command_attaches_each_file_and_says_what_became_of_it(
    pool: Pool, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one.eml").write_bytes(ONE)
    (tmp_path / "no.msg").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TWO)))
    files = [str(tmp_path / "one.eml"), str(tmp_path / "no.msg"), str(tmp_path / "none.eml"), "-"]
    environ = {"DATABASE_URL": database_url}
    assert await run(["Jane@Example.com", *files, "--crm", "builtin", "--by", "ops"], environ) == 1
    out, err = capsys.readouterr()
    assert [line.split(":")[1].split(" message")[0].strip() for line in out.splitlines()] == ["attached as"] * 2
    assert "Outlook file" in err
    assert "none.eml: not attached: it cannot be read (No such file" in err
    hand = AtHand(pool)
    assert [row["actor"] for row in await hand.rows("select actor from account_events")] == ["ops", "ops"]
    assert await run([JANE, files[0], "--folder", "sent"], environ) == 0
    assert "already there as message" in capsys.readouterr().out
    assert "is not an e-mail address" in await refused(run(["jane", files[0]], environ))


async def test_whom_attached_mail_is_with_is_in_the_address_book_once(
    pool: Pool, database_url: str, tmp_path: Path
) -> None:
    files = []
    for number, raw in enumerate((ONE, TWO)):
        file = tmp_path / f"{number}.eml"
        file.write_bytes(raw)
        files.append(str(file))
    for _ in range(2):  # the second time it is there already
        assert await run([JANE, *files], {"DATABASE_URL": database_url}) == 0
    hand = AtHand(pool)
    [person] = await hand.rows("select * from address_book")
    assert (person["address"], person["written"], person["wrote"]) == ("anna@example.org", 1, 1)
    [found] = await hand.rows(f"select address from complete('{JANE}', 'ann')")
    assert found == {"address": "anna@example.org"}


@pytest.mark.requirement("R46")
async def test_an_address_alone_is_of_the_organisation_whose_crm_is_named_and_of_no_second_one(pool: Pool) -> None:
    for name, organisation in (("theirs", "acme"), ("others", "other")):
        async with pool.connection() as connection:
            await connection.execute(
                "insert into crms (name, kind, profile, organisation, state) values (%s, 'tryton', 'crm', %s, 'active')",
                [name, organisation],
            )
    hand = AtHand(pool)
    await hand.attach(ONE)
    await hand.attach(ONE, crm=("builtin", "theirs"))
    assert "acme and other" in await refused(hand.attach(ONE, crm=("others",)))
    await hand.attach(ONE)
    assert await hand.rows("select organisation, crm from accounts_recorded") == [
        {"organisation": "acme", "crm": ["builtin", "theirs"]}
    ]
