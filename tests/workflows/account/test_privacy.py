"""`set_privacy` and `make_private` by an account's workflow: as an update and as a signal, and refused in words."""

from __future__ import annotations

from tests.servers.scripted_pop import MailboxServer
from tests.support.running import Mailroom, refusal, until
from tests.support.workflows.crms import connect_crm

HELLO = b"From: ann@example.org\r\nSubject: hello\r\n\r\nHello\r\n"
SECRET = b"From: who@doctor.example\r\nSubject: secret\r\n\r\nHello\r\n"


async def test_rules_given_as_an_update_hold_for_the_next_session(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"one": HELLO}) as server:
        account = await mailroom.connect(server, retrieval={"interval_minutes": 60})
        await account.until_mail(1)
        answer = await account.command("set_privacy", never_log=["doctor.example"], by="jane", reason="a promise")
        assert answer == {"never_log": 1, "private": 0, "internal": "private"}
        [entry] = await account.log("PrivacySet")
        assert (entry.actor, entry.data) == ("jane", {**answer, "because": "a promise"})
        server.messages |= {"two": SECRET, "three": HELLO}
        await account.command("poll_now")
        assert await account.until_mail(2) == ["one", "three"]
        withheld = await mailroom.rows("select uidl, rule from withheld where address = %s", account.address)
        assert withheld == [{"uidl": "two", "rule": "never_log: doctor.example"}]
        refused = await refusal(account.command("set_privacy", private=["not an address"]))
        assert (refused.code, refused.field) == ("invalid_field", "private.0")


async def test_a_dry_run_says_which_rules_come_and_go_and_what_they_unlink_and_changes_nothing(
    mailroom: Mailroom,
) -> None:
    crm = await connect_crm(mailroom)
    await crm.save("contact", "Ann", "ann@example.org")
    async with MailboxServer(messages={"one": HELLO, "two": HELLO.replace(b"ann@", b"bo@")}) as server:
        account = await mailroom.connect(server, crm=[crm.name])
        await crm.until_rows(f"select * from builtin_correspondence where crm = '{crm.name}'", 1)
        await account.command("set_privacy", never_log=["doctor.example"])
        answer = await account.command("set_privacy", never_log=["union.example", "example.org"], dry_run=True)
        [linked] = await mailroom.rows(
            "select message from correspondence where crm = %s and unlinked_at is null", crm.name
        )
        assert answer == {
            "dry_run": True,
            "rules": {"never_log": {"added": 2, "removed": 1}, "private": {"added": 0, "removed": 0}},
            "internal": ["private", "private"],
            "unlinks": 1,
            "examples": [linked["message"]],
        }
        assert len(await account.log("PrivacySet")) == 1
        kept = await mailroom.rows("select rules from account_privacy where address = %s", account.address)
        assert kept[0]["rules"]["never_log"] == ["doctor.example"]


async def test_one_message_is_kept_out_of_the_crm_until_that_is_taken_back(mailroom: Mailroom) -> None:
    crm = await connect_crm(mailroom)
    await crm.save("contact", "Ann", "ann@example.org")
    shown = f"select * from builtin_correspondence where crm = '{crm.name}'"
    async with MailboxServer(messages={"one": HELLO}) as server:
        account = await mailroom.connect(server, crm=[crm.name])
        await crm.until_rows(shown, 1)
        [message] = await mailroom.rows("select id from messages where address = %s", account.address)
        answer = await account.command("make_private", messages=[message["id"]], by="jane")
        assert answer == {"messages": 1, "linked": 0, "unlinked": 1}

        async def gone() -> bool:
            return await mailroom.rows(shown) == []

        await until(gone, "the CRM to show it no more")
        await account.signal("make_private", {"messages": [message["id"]], "private": False, "by": "jane"})
        await crm.until_rows(shown, 1)
        assert [entry.data["private"] for entry in await account.log("MessagesMadePrivate")] == [True, False]
        refused = await refusal(account.command("make_private", messages=[message["id"] + 1000]))
        assert (refused.code, refused.field) == ("unknown_message", "messages")
