"""Commands as signals: they work without an answer, and what is refused is in the log and changes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.account.lifecycle import State
from tests.servers.scripted_pop import MailboxServer
from tests.support.running import Mailroom, RunningAccount, refusal, until
from tests.support.workflows.replaying import HISTORIES, Recorded, replay
from workflows.entity import entity, refused_signals

RECORDED = Recorded(HISTORIES)
SELDOM = {"interval_minutes": 60}


async def test_every_command_works_as_a_signal(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        await account.until_watched()
        await account.signal("set_quota", {"bytes": 1000, "by": "s1"})
        await account.signal("change_settings", {"settings": {"crm": ["builtin"]}, "by": "s2"})
        await account.signal("change_credential", {"secret": mailroom.secret(server.password), "by": "s3"})
        await account.until_logged("CredentialChanged")
        await account.signal("poll_now", {"by": "s4"})
        await account.command("poll_now", by="whoever waits for the answer")
        await account.signal("disable", {"reason": "maintenance", "by": "s5"})
        await account.until_logged("AccountDisabled")
        await account.signal("enable", {"by": "s6"})
        await account.until_state(State.ACTIVE)
        await account.signal("close", {"by": "s7"})
        await account.handle.result()
        by = {entry.actor: entry.type for entry in await account.log()}
        assert {who: by[who] for who in sorted(by) if who.startswith("s")} == {
            "s1": "QuotaSet",
            "s2": "SettingsChanged",
            "s3": "CredentialChanged",
            "s4": "PollRequested",
            "s5": "AccountDisabled",
            "s6": "AccountEnabled",
            "s7": "AccountClosed",
        }


async def test_a_command_without_by_is_the_operators(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server)
        await account.command("disable")
        assert [entry.actor for entry in await account.log("AccountDisabled")] == ["operator"]


@pytest.mark.parametrize(
    ("name", "payloads", "code", "field"),
    [
        pytest.param("disable", [{"reson": "typing error", "by": "ops"}], "unknown_field", "reson", id="unknown-field"),
        pytest.param("disable", [{"by": 5}], "invalid_field", "by", id="by-a-number"),
        pytest.param("disable", ["maintenance"], "invalid_field", None, id="text"),
        pytest.param("disable", [["maintenance"]], "invalid_field", None, id="list"),
        pytest.param("disable", [{}, {}], "invalid_field", None, id="two-arguments"),
        pytest.param(
            "enable", [{"reason": "not of this command", "by": "ops"}], "unknown_field", "reason", id="enable"
        ),
        pytest.param("poll_now", [{"now": True}], "unknown_field", "now", id="poll_now"),
        pytest.param("change_settings", [], "missing_field", "settings", id="change_settings-without-input"),
        pytest.param(
            "change_settings",
            [{"settings": {"incoming": {"port": 0}}}],
            "invalid_field",
            "incoming.port",
            id="change_settings-bad-port",
        ),
        pytest.param("change_credential", [], "missing_field", "secret", id="change_credential-without-input"),
        pytest.param(
            "change_credential", [{"secret": "hunter2"}], "secret_not_allowed", "secret", id="plain-text-secret"
        ),
        pytest.param("set_quota", [{"bytes": -5}], "invalid_field", "bytes", id="set_quota-negative"),
        pytest.param("no_such_thing", [{"secret": "hunter2"}], "unknown_command", None, id="unknown-name"),
        pytest.param("no_such_thing", [], "unknown_command", None, id="unknown-name-without-input"),
    ],
)
async def test_a_refused_signal_is_in_the_log_and_the_account_lives_on(
    mailroom: Mailroom, name: str, payloads: list[Any], code: str, field: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        await account.until_watched()
        before = await account.status()
        await account.signal(name, *payloads)
        [entry] = await account.until_logged("CommandRefused")
        assert (entry.data["command"], entry.data["code"], entry.data["field"]) == (name, code, field)
        assert name in entry.data["message"]
        assert "hunter2" not in str(entry.data)
        given = payloads[0].get("by") if payloads and isinstance(payloads[0], dict) else None
        assert entry.actor == (given if isinstance(given, str) else "operator")
        assert await account.status() == before
        assert f"refused the signal {name}: {code} (" in caplog.text
        assert "hunter2" not in caplog.text
        server.messages["one"] = b"Subject: one\r\n\r\nHello\r\n"
        assert (await account.command("poll_now"))["outcome"] == "mail"


async def test_a_signal_that_the_server_or_the_state_refuses_is_in_the_log(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server)
        await account.signal("change_credential", {"secret": mailroom.secret("wrong"), "by": "ops"})
        [entry] = await account.until_logged("CommandRefused")
        assert (entry.actor, entry.data["command"], entry.data["code"]) == ("ops", "change_credential", "login_failed")
        await account.command("disable")
        await account.signal("poll_now", {"by": "ops"})
        [_, entry] = await account.until_logged("CommandRefused", 2)
        assert (entry.actor, entry.data["command"], entry.data["code"]) == ("ops", "poll_now", "disabled")
        assert "enable" in entry.data["message"]


async def test_a_malformed_update_is_refused_before_it_enters_the_history(
    mailroom: Mailroom, caplog: pytest.LogCaptureFixture
) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        await account.until_watched()
        length, log = await account.history_length(), await account.log()
        refused = await refusal(account.command("disable", reson="typing error"))
        assert (refused.code, refused.field) == ("unknown_field", "reson")
        assert "disable: reson is not a field known here" in refused.message
        assert "reference: update" in refused.message
        assert "refused the command disable: unknown_field (update " in caplog.text
        refused = await refusal(account.handle.execute_update("disable", args=[{}, {}]))
        assert refused.code == "invalid_field"
        assert (await account.history_length(), await account.log()) == (length, log)


async def test_an_unknown_update_is_refused(mailroom: Mailroom, caplog: pytest.LogCaptureFixture) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        await account.until_watched()
        length = await account.history_length()
        for payloads in ([], [{"secret": "hunter2"}], [1, 2]):
            refused = await refusal(account.handle.execute_update("no_such_thing", args=payloads))
            assert (refused.code, refused.field, refused.failure) == ("unknown_command", None, None)
            assert "no_such_thing is not a command of an account; the commands are disable, enable," in refused.message
            assert "hunter2" not in refused.message
        assert (await account.history_length(), await account.log("CommandRefused")) == (length, [])
        assert "refused the command no_such_thing: unknown_command (update " in caplog.text
        assert "hunter2" not in caplog.text
        assert (await account.status()).state is State.ACTIVE


async def test_signals_before_the_end_of_the_set_up_take_effect_after_it(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        server.pauses["PASS"] = 0.3
        account = await mailroom.start(mailroom.given(server))
        await server.until("PASS")
        await account.signal("no_such_thing")
        await account.signal("disable", {"by": "early"})
        await account.until_state(State.DISABLED)
        await account.until_logged("AccountDisabled")
        assert await account.logged() == ["AccountConnected", "CommandRefused", "AccountDisabled"]


async def test_a_flood_of_refused_signals_is_two_entries_of_the_log_and_keeps_nobody_waiting(
    mailroom: Mailroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused_signals, "COUNTED_FOR", timedelta(minutes=30))  # however long sending takes
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        await account.until_watched()
        first_run = (await account.handle.describe()).run_id
        for number in range(3000):  # more than one run may hold
            await account.handle.signal(f"nonsense_{number}", {"by": "a script"})
        await account.command("poll_now")
        assert (await account.handle.describe()).run_id != first_run
        await account.command("close")
        first, rest = await account.log("CommandRefused")
        assert (first.data["times"], rest.data["times"]) == (1, 2999)
        assert (first.data["code"], rest.actor) == ("unknown_command", "a script")
        await replay(await account.handle.fetch_history())


async def test_what_was_counted_is_in_the_log_once_its_time_is_over(
    mailroom: Mailroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused_signals, "COUNTED_FOR", timedelta(seconds=3))
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        await account.until_watched()
        for number in range(5):
            await account.handle.signal(f"nonsense_{number}", {"by": "a script"})

        async def all_are_logged() -> bool:
            return sum(int(entry.data["times"]) for entry in await account.log("CommandRefused")) == 5

        await until(all_are_logged, "the entry that counts the rest")
        await replay(await account.handle.fetch_history())


async def test_what_was_counted_when_an_account_is_closed_is_in_its_log(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        await account.until_watched()
        for number in range(20):
            await account.handle.signal(f"nonsense_{number}", {"by": "a script"})
        await account.handle.signal("set_quota", {"bytes": -5, "by": "a script"})
        await account.handle.signal("set_quota", {"bytes": -6, "by": "a script"})
        await account.command("close")
        await account.handle.result()
        refused = [(entry.data["code"], entry.data["times"]) for entry in await account.log("CommandRefused")]
        assert sorted(refused) == [
            ("invalid_field", 1), ("invalid_field", 1), ("unknown_command", 1), ("unknown_command", 19)
        ]  # fmt: skip
        assert (await account.logged())[-1] == "AccountClosed"
        await replay(await account.handle.fetch_history())


async def test_a_run_that_is_cut_while_refused_signals_are_counted_hands_on_the_count(
    mailroom: Mailroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entity, "RESULTS_PER_RUN", 3)
    monkeypatch.setattr(refused_signals, "COUNTED_FOR", timedelta(minutes=30))
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        await account.until_watched()
        first = (await account.handle.describe()).run_id
        for number in range(5):
            await account.signal(f"nonsense_{number}", {"by": "a script"})
        await until_cut(account, server)
        for number in range(5):
            await account.signal(f"more_{number}", {"by": "another script"})
        await account.command("poll_now")
        assert await times(account) == [1]
        last = (await account.handle.describe()).run_id
        assert last != first
        await account.command("close")
        await account.handle.result()
        assert await times(account) == [1, 9]
        assert [entry.actor for entry in await account.log("CommandRefused")] == ["a script", "another script"]
        for name, run in (("counts_handed_on_from", first), ("counts_handed_on_to", last)):
            history = await mailroom.client.get_workflow_handle(account.handle.id, run_id=run).fetch_history()
            RECORDED.record(name, history)
            await replay(history)


async def test_what_a_run_hands_on_is_told_when_its_time_is_over(
    mailroom: Mailroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entity, "RESULTS_PER_RUN", 3)
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        await account.until_watched()
        monkeypatch.setattr(refused_signals, "COUNTED_FOR", timedelta(minutes=30))
        for number in range(5):
            await account.signal(f"nonsense_{number}", {"by": "a script"})
        await account.command("poll_now")  # all five are counted by now
        monkeypatch.setattr(refused_signals, "COUNTED_FOR", timedelta(seconds=3))
        await until_cut(account, server)

        async def all_are_told() -> bool:
            return await times(account) == [1, 4]

        await until(all_are_told, "the entry that the next run writes")


async def until_cut(account: RunningAccount, server: MailboxServer) -> None:
    """Has it go on as a new run, with RESULTS_PER_RUN of 3."""
    run = (await account.handle.describe()).run_id
    for uidl in ("one", "two", "three", "four"):
        server.messages[uidl] = b"Subject: one\r\n\r\nHello\r\n"
        await account.command("poll_now")

    async def is_cut() -> bool:
        return (await account.handle.describe()).run_id != run

    await until(is_cut, "the run is cut")


async def times(account: RunningAccount) -> list[int]:
    """How many refused signals each entry of the log stands for."""
    return [entry.data["times"] for entry in await account.log("CommandRefused")]
