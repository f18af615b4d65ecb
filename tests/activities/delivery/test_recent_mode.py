"""Recent mode shows what was sent too, and is a second way to see the same mail: nothing is stored twice because of it."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from domain.mailbox.settings import AccountSettings
from infra.database.pool import Pool
from tests.servers.scripted_pop import MailboxServer
from tests.support.directory import save_record
from tests.support.filing import OWN_MAIL, Jane
from tests.support.mailboxes import JANE, PASSWORD, Watcher, account, mailbox


def written(
    number: int = 1, *, sender: str = JANE, to: str = "anna@example.org", body: int = 4000, received: str = ""
) -> bytes:
    """A message of `sender`; with `received`, the copy that came back by that way."""
    message = EmailMessage()
    if received:
        message["Received"] = received
    message["From"], message["To"], message["Cc"] = sender, to, JANE
    message["Subject"] = f"offer {number}"
    message["Message-ID"] = f"<{number}@mail.example.com>"
    message.set_content("x" * 60 + "\n" + "y" * 70 + "\n" * (body // 2))
    return message.as_bytes().replace(b"\n", b"\r\n")


BACK = "from list.example.net by mx.example.com; Mon, 23 Nov 2026 10:00:00 +0100"


def recent(server: MailboxServer, *, aliases: tuple[str, ...] = ()) -> AccountSettings:
    return account(server.port, provider="google", crm=("builtin",), recent_mode=True, aliases=aliases)


@pytest.fixture
def watcher(pool: Pool) -> Watcher:
    return Watcher(pool)


@pytest.mark.requirement("R70")
@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "in two sessions"])
async def test_sent_mail_that_comes_back_is_stored_once_and_makes_one_correspondence(
    watcher: Watcher, together: bool
) -> None:
    await save_record(watcher.pool, "contact", "anna", "anna@example.org")
    await Jane(watcher.pool).commands("save_filter", **OWN_MAIL)
    sent, back = {"sent": written()}, {"back": written(received=BACK)}
    async with MailboxServer(password=PASSWORD, messages=sent | back if together else sent) as server:
        assert (await watcher.watch(recent(server))).stored == 1
        server.messages |= back
        await watcher.watch(recent(server), report=True)
        await watcher.finds_nothing(recent(server))
        assert server.retrieved == ["sent", "back"]
    assert await watcher.ledger() == {"sent": "stored", "back": "stored"}
    assert await watcher.subjects() == ["offer 1"]
    assert await watcher.value("select count(distinct mail) from pop_ledger where mail is not null") == 1
    assert await watcher.value("select messages from mailboxes") == 1
    links = await watcher.rows("select record_id, direction from correspondence")
    assert [tuple(link.values()) for link in links] == [("anna", "Sent")]


@pytest.mark.requirement("R70")
@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "in two sessions"])
async def test_a_short_message_that_comes_back_with_many_header_fields_is_the_same(
    watcher: Watcher, together: bool
) -> None:
    short = b"Date: Mon, 23 Nov 2026 09:59:00 +0100\r\n" + written(body=10)
    trail = b"".join(b"Received: from hop%d.example.net by mx.example.com\r\n" % number for number in range(30))
    later = trail + short.replace(b"09:59", b"11:59")
    sent, back = {"sent": short}, {"back": trail + short}
    async with MailboxServer(password=PASSWORD, messages=sent | back if together else sent) as server:
        await watcher.watch(recent(server))
        server.messages |= back
        await watcher.watch(recent(server), report=True)
        assert await watcher.ledger() == {"sent": "stored", "back": "stored"}
        assert await watcher.column("select raw from raw_messages") == [short]
        server.messages["another Date"] = later
        assert (await watcher.watch(recent(server))).stored == 1


@pytest.mark.requirement("R70")
async def test_mail_from_an_alias_is_the_owners_too(watcher: Watcher) -> None:
    alias = "j.doe@example.com"
    copies = {"sent": written(sender=alias), "back": written(sender="J.Doe@Example.com", received=BACK)}
    async with MailboxServer(password=PASSWORD, messages=copies) as server:
        assert (await watcher.watch(recent(server, aliases=(alias,)))).stored == 1


@pytest.mark.requirement("R70")
@pytest.mark.parametrize(
    "other",
    [
        written(body=4400),
        written(sender="anna@example.org"),
        written(2),
    ],
    ids=["a size that is off by more than 5 %", "another sender", "another Message-ID"],
)
async def test_what_only_resembles_own_mail_is_another_message(watcher: Watcher, other: bytes) -> None:
    async with MailboxServer(password=PASSWORD, messages={"sent": written(), "other": other}) as server:
        assert (await watcher.watch(recent(server))).stored == 2


async def test_mail_of_others_with_one_message_id_is_two_messages(watcher: Watcher) -> None:
    twice = {"a": written(sender="anna@example.org"), "b": written(sender="anna@example.org", received=BACK)}
    async with MailboxServer(password=PASSWORD, messages=twice) as server:
        assert (await watcher.watch(recent(server))).stored == 2


async def test_without_recent_mode_the_uidl_alone_decides(watcher: Watcher) -> None:
    async with MailboxServer(password=PASSWORD, messages={"sent": written(), "back": written(received=BACK)}) as server:
        assert (await watcher.watch(account(server.port))).stored == 2


@pytest.mark.requirement("R67")
@pytest.mark.parametrize("renamed", [True, False], ids=["other UIDLs", "the same UIDLs"])
async def test_turning_recent_mode_on_and_off_doubles_nothing_whatever_uidls_the_server_gives(
    watcher: Watcher, renamed: bool
) -> None:
    plain = mailbox(4)
    shown = {f"recent-{uidl}" if renamed else uidl: raw for uidl, raw in plain.items()}
    new = mailbox(1, first=5)
    async with MailboxServer(password=PASSWORD, messages=plain) as server:
        normal = account(server.port, provider="google", crm=("builtin",))
        assert (await watcher.watch(normal)).stored == 4
        server.messages = shown | new
        assert (await watcher.watch(recent(server))).stored == 1
        await watcher.finds_nothing(recent(server))
        server.messages = {f"again-{uidl}" if renamed else uidl: raw for uidl, raw in (plain | new).items()}
        await watcher.watch(normal, report=True)
        await watcher.finds_nothing(normal)
    assert await watcher.subjects() == [f"message {number}" for number in range(1, 6)]


async def test_two_equal_messages_of_one_list_stay_two_in_a_mailbox_that_was_never_in_recent_mode(
    watcher: Watcher,
) -> None:
    async with MailboxServer(password=PASSWORD, messages={"a": written(), "b": written()}) as server:
        assert (await watcher.watch(account(server.port))).stored == 2
