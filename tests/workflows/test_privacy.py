"""`set_privacy` by an account's workflow: as an update and as a signal, and refused in words."""

from __future__ import annotations

from tests.running import Mailroom, refusal
from tests.servers.scripted_pop import MailboxServer

HELLO = b"From: ann@example.org\r\nSubject: hello\r\n\r\nHello\r\n"
SECRET = b"From: who@doctor.example\r\nSubject: secret\r\n\r\nHello\r\n"


async def test_rules_given_as_an_update_hold_for_the_next_session(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"one": HELLO}) as server:
        account = await mailroom.connect(server, retrieval={"interval_minutes": 60})
        await account.until_mail(1)
        answer = await account.command("set_privacy", never_log=["doctor.example"], by="jane")
        assert answer == {"never_log": 1, "private": 0, "internal": "private"}
        [entry] = await account.log("PrivacySet")
        assert (entry.actor, entry.data) == ("jane", answer)
        server.messages |= {"two": SECRET, "three": HELLO}
        await account.command("poll_now")
        assert await account.until_mail(2) == ["one", "three"]
        withheld = await mailroom.rows("select uidl, rule from withheld where address = %s", account.address)
        assert withheld == [{"uidl": "two", "rule": "never_log: doctor.example"}]
        refused = await refusal(account.command("set_privacy", private=["not an address"]))
        assert (refused.code, refused.field) == ("invalid_field", "private.0")
