"""The commands `change_settings`, `change_credential` and `set_quota`, by the state of the account."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from domain.account.lifecycle import State
from tests.servers.scripted_pop import MailboxServer
from tests.support.running import Mailroom, refusal

HELLO = b"From: ann@example.org\r\nSubject: hello\r\n\r\nHello\r\n"
SELDOM = {"interval_minutes": 60}
ANOTHER = "another"  # secret, which no login has opened anything with


class TestChangeSettings:
    async def test_the_interval_changes_without_a_login_and_holds_from_the_next_watch(self, mailroom: Mailroom) -> None:
        async with MailboxServer() as server:
            account = await mailroom.connect(server, retrieval=SELDOM)
            await account.until_watched()
            answer = await account.command("change_settings", settings={"retrieval": {"interval_minutes": 1}}, by="ops")
            assert (answer["state"], answer["settings_version"]) == ("active", 2)
            [entry] = await account.log("SettingsChanged")
            assert (entry.actor, entry.data["fields"]) == ("ops", ["retrieval.interval_minutes"])
            assert (await account.settings())["retrieval"]["interval_minutes"] == 1
            server.messages["one"] = HELLO
            assert await account.until_mail(1) == ["one"]

    @pytest.mark.requirement("R84")
    @pytest.mark.requirement("R87")
    async def test_another_server_is_tried_by_a_live_login_and_then_watched(self, mailroom: Mailroom) -> None:
        async with MailboxServer() as before, MailboxServer(messages={"new": HELLO}, password="other") as after:
            account = await mailroom.connect(before)
            incoming = {"port": after.port, "secret": mailroom.secret("other")}
            answer = await account.command("change_settings", settings={"incoming": incoming})
            assert answer["settings_version"] == 2
            assert await account.until_mail(1) == ["new"]
            assert (await account.settings())["incoming"]["port"] == after.port
            assert after.logins >= 2

    @pytest.mark.requirement("R87")
    @pytest.mark.requirement("R21")
    @pytest.mark.parametrize(
        ("settings", "code", "field"),
        [
            ({"incoming": {"port": 1, "secret": ANOTHER}}, "login_failed", None),
            ({"incoming": {"username": "nobody", "secret": ANOTHER}}, "login_failed", None),
            ({"incoming": {"port": 1}}, "secret_not_allowed", "incoming.secret"),
            ({"incoming": {"username": "nobody"}}, "secret_not_allowed", "incoming.secret"),
            ({"organisation": "another"}, "invalid_field", "organisation"),
            ({"organisation": "another", "crm": ["builtin"]}, "invalid_field", "organisation"),
            ({"incoming": {"secret": "file:nowhere"}}, "secret_not_found", "incoming.secret"),
            ({"incoming": {"tls": "ssl"}}, "invalid_field", "incoming.tls"),
            ({"incoming": {"hots": "pop.example.com"}}, "unknown_field", "incoming.hots"),
            ({"retrieval": {"interval_minutes": 61}}, "invalid_field", "retrieval.interval_minutes"),
            ({"kind": "imap"}, "kind_not_supported", "kind"),
            ({"address": "another@example.com"}, "address_mismatch", "address"),
            ({"crm": ["nowhere"]}, "unknown_crm", "crm"),
        ],
        ids=str,
    )
    async def test_what_does_not_work_is_refused_and_the_old_settings_stay(
        self, mailroom: Mailroom, settings: dict[str, Any], code: str, field: str | None
    ) -> None:
        async with MailboxServer(username="jane") as server:
            account = await mailroom.connect(server, incoming={"username": "jane"})
            before = await account.settings()
            if settings.get("incoming", {}).get("secret") == ANOTHER:
                settings = {"incoming": {**settings["incoming"], "secret": mailroom.secret("another")}}
            refused = await refusal(account.command("change_settings", settings=settings, by="ops"))
            assert (refused.code, refused.field) == (code, field)
            assert (refused.failure is not None) == (code == "login_failed")
            assert "change_settings" in refused.message
            assert await account.settings() == before
            status = await account.status()
            assert (status.state, status.settings_version) == (State.ACTIVE, 1)
            assert status.failures.authentication == status.failures.connection == 0
            server.messages["one"] = HELLO
            assert await account.until_mail(1) == ["one"], "watching resumes"

    @pytest.mark.requirement("R69")
    async def test_recent_mode_is_tried_under_its_user_name_and_forces_leaving_mail_on_the_server(
        self, mailroom: Mailroom
    ) -> None:
        async with MailboxServer() as server:
            account = await mailroom.connect(server, retrieval={"after_store": "delete"})
            await account.command("change_settings", settings={"retrieval": {"recent_mode": True}})
            assert f"USER recent:{account.address}" in server.commands
            assert (await account.settings())["retrieval"]["after_store"] == "leave"
            refused = await refusal(
                account.command("change_settings", settings={"retrieval": {"after_store": "delete"}})
            )
            assert (refused.code, refused.field) == ("recent_mode_conflict", "retrieval.after_store")

    async def test_a_disabled_account_takes_new_settings_and_stays_disabled(self, mailroom: Mailroom) -> None:
        async with MailboxServer() as before, MailboxServer(messages={"new": HELLO}) as after:
            account = await mailroom.connect(before)
            await account.command("disable")
            incoming = {"port": after.port, "secret": mailroom.secret(after.password)}
            answer = await account.command("change_settings", settings={"incoming": incoming})
            assert (answer["state"], answer["reason"], answer["settings_version"]) == ("disabled", "operator", 2)
            assert after.logins == 1
            assert await account.attempts() == 0

    async def test_the_same_settings_again_are_no_change(self, mailroom: Mailroom) -> None:
        async with MailboxServer() as server:
            account = await mailroom.connect(server, retrieval=SELDOM)
            before = await account.log()
            answer = await account.command("change_settings", settings={"incoming": {"port": server.port}})
            assert answer["settings_version"] == 1
            assert await account.log() == before


class TestChangeCredential:
    async def test_another_secret_and_user_name_are_tried_and_then_used(self, mailroom: Mailroom) -> None:
        async with MailboxServer() as server:
            account = await mailroom.connect(server, retrieval=SELDOM)
            server.password, server.username = "new password", "jane.doe"
            answer = await account.command(
                "change_credential", secret=mailroom.secret("new password"), username="jane.doe", by="ops"
            )
            assert (answer["state"], answer["credential_version"], answer["settings_version"]) == ("active", 2, 1)
            [entry] = await account.log("CredentialChanged")
            assert (entry.actor, entry.data["version"]) == ("ops", 2)
            server.messages["one"] = HELLO
            await account.command("poll_now")  # if the session that follows the change has not fetched it by then
            await account.until_mail(1)

    async def test_one_that_the_server_refuses_changes_and_counts_nothing(self, mailroom: Mailroom) -> None:
        async with MailboxServer() as server:
            account = await mailroom.connect(server)
            before = await account.settings()
            refused = await refusal(account.command("change_credential", secret=mailroom.secret("wrong")))
            assert refused.code == "login_failed"
            assert refused.failure is not None
            assert refused.failure["kind"] == "authentication"
            assert await account.settings() == before
            assert (await account.status()).failures.authentication == 0
            server.messages["one"] = HELLO
            assert await account.until_mail(1) == ["one"], "watching resumes with the old one"

    @pytest.mark.parametrize(
        ("given", "code", "field"),
        [
            ({}, "missing_field", "secret"),
            ({"secret": "hunter2"}, "secret_not_allowed", "secret"),
            ({"secret": "env:PATH"}, "secret_not_allowed", "secret"),
            ({"secret": "vault:nowhere"}, "secret_not_found", "incoming.secret"),
            ({"secret": "vault:jane", "username": "jane\r\nDELE 1"}, "invalid_field", "username"),
            ({"secret": "vault:jane", "password": "hunter2"}, "unknown_field", "password"),
        ],
        ids=str,
    )
    async def test_what_makes_no_sense_is_refused_without_repeating_it(
        self, mailroom: Mailroom, given: dict[str, Any], code: str, field: str
    ) -> None:
        async with MailboxServer() as server:
            account = await mailroom.connect(server)
            refused = await refusal(account.command("change_credential", by="ops", **given))
            assert (refused.code, refused.field) == (code, field)
            assert "hunter2" not in refused.message
            assert (await account.status()).credential_version == 1

    async def test_it_does_not_enable_what_an_operator_disabled(self, mailroom: Mailroom) -> None:
        async with MailboxServer() as server:
            account = await mailroom.connect(server)
            await account.command("disable")
            answer = await account.command("change_credential", secret=mailroom.secret(server.password))
            assert (answer["state"], answer["reason"], answer["credential_version"]) == ("disabled", "operator", 2)


@pytest.mark.requirement("R20")
class TestSetQuota:
    async def test_over_its_quota_an_account_pauses_and_goes_on_by_itself_when_there_is_room(
        self, mailroom: Mailroom
    ) -> None:
        async with MailboxServer(messages={"one": HELLO}) as server:
            account = await mailroom.connect(server, retrieval=SELDOM | {"after_store": "delete"})
            await account.until_mail(1)
            answer = await account.command("set_quota", bytes=60, by="ops")
            assert answer["state"] == "active"
            [entry] = await account.log("QuotaSet")
            assert (entry.actor, entry.data) == ("ops", {"user": account.address, "bytes": 60})
            server.messages["two"] = HELLO
            await account.command("poll_now")
            status = await account.until_state(State.OVER_QUOTA)
            assert (status.last_failure, status.failures.connection) == (None, 0)
            await account.until_logged("QuotaReached")
            assert "two" in server.messages, "nothing is deleted from the server"
            assert [told["code"] for told in await mailroom.notices(account.address)] == ["over_quota"]
            assert (await account.search_attributes())["MailroomState"] == "over_quota"
            await account.command("set_quota", bytes=1000)
            assert await account.until_mail(2) == ["one", "two"]
            await account.until_state(State.ACTIVE)
            assert "RetrievalFailed" not in await account.logged()

    async def test_it_is_the_users_over_all_accounts_and_raised_at_one_it_frees_the_other(
        self, mailroom: Mailroom
    ) -> None:
        async with MailboxServer(messages={"one": HELLO}) as first, MailboxServer() as second:
            work = await mailroom.connect(first, user="jane", retrieval=SELDOM)
            home = await mailroom.connect(second, user="jane")
            await work.until_mail(1)
            await work.command("set_quota", bytes=60)
            second.messages["two"] = HELLO
            await home.until_state(State.OVER_QUOTA)
            await work.command("set_quota", bytes=1000)
            assert await home.until_mail(1) == ["two"]
            await home.until_state(State.ACTIVE)

    async def test_a_quota_set_at_one_account_is_not_undone_by_what_happens_to_the_other(
        self, mailroom: Mailroom
    ) -> None:
        async with MailboxServer() as server:
            work = await mailroom.connect(server, user="jane")
            home = await mailroom.connect(server, user="jane")
            await work.command("set_quota", bytes=60)
            await home.command("set_quota", bytes=1000)
            await work.command("poll_now")
            assert await mailroom.rows("select quota_bytes from users where name = 'jane'") == [{"quota_bytes": 1000}]

    @pytest.mark.parametrize(
        ("given", "field"), [({}, "bytes"), ({"bytes": -1}, "bytes"), ({"bytes": "5 GB"}, "bytes"), ({"gb": 5}, None)]
    )
    async def test_what_is_no_size_is_refused(
        self, mailroom: Mailroom, given: dict[str, Any], field: str | None
    ) -> None:
        async with MailboxServer() as server:
            account = await mailroom.connect(server)
            refused = await refusal(account.command("set_quota", **given))
            assert refused.code in ("missing_field", "invalid_field", "unknown_field")
            assert field is None or refused.field == field


async def test_commands_that_need_a_login_take_turns(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        server.locks = True
        account = await mailroom.connect(server)
        secrets = [mailroom.secret(server.password) for _ in range(4)]
        answers = await asyncio.gather(*(account.command("change_credential", secret=secret) for secret in secrets))
        assert sorted(answer["credential_version"] for answer in answers) == [2, 3, 4, 5]
        assert server.most_sessions == 1
        assert await account.log("RetrievalFailed") == []
