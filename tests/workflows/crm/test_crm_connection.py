"""`CrmConnection` in a running Mailroom: its commands, its life, and an account's mail on its way into the CRM."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from temporalio import workflow

from activities.crm.adapters.protocol import CrmFailure
from domain.directory.records import Record
from domain.failures.failure import Kind
from infra.settings import WorkerSettings
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import mail
from tests.support.running import Mailroom, refusal
from tests.support.scripted_crm import Script, script, settings
from tests.support.workflows.crms import connect_crm, start_crm
from tests.support.workflows.replaying import replay

__all__ = ["script"]

ANNA = Record("contact", "1", "Anna Lind", ("anna@example.org",))
SCRIPTED = {key: value for key, value in settings().items() if key != "name"}


@pytest.fixture
def worker_settings(worker_settings: WorkerSettings) -> WorkerSettings:
    return dataclasses.replace(worker_settings, minute_seconds=0.05)


@pytest.mark.requirement("R3")
async def test_a_crm_added_to_an_account_later_shows_the_mail_stored_before_and_what_comes_then(
    mailroom: Mailroom,
) -> None:
    crm = await connect_crm(mailroom)
    contact = await crm.save("contact", "Anna Lind", "anna@example.org")
    async with MailboxServer(messages={"a": mail(1)}) as server:
        account = await mailroom.connect(server)
        await account.until_mail(1)
        assert [warning.code for warning in (await account.status()).warnings] == ["crm_not_configured"]
        await account.command("change_settings", settings={"crm": [crm.name]}, by="ops")
        shown = f"select * from builtin_correspondence where crm = '{crm.name}' order by sent_at, subject"
        (entry,) = await crm.until_rows(shown, 1)
        assert (entry["record_id"], entry["direction"], entry["subject"]) == (
            contact["record_id"],
            "Received",
            "message 1",
        )
        assert (await account.status()).warnings == []
        server.messages["b"] = mail(2)
        assert [row["subject"] for row in await crm.until_rows(shown, 2)] == ["message 1", "message 2"]
    status = await crm.until(lambda now: now.counts.delivered == 2, "both in the status")
    assert (status.state, status.backlog) == ("active", 0)
    assert (await crm.search_attributes())["MailroomState"] == "active"


@pytest.mark.requirement("R1")
async def test_a_recruit_connection_has_candidates_and_no_leads(mailroom: Mailroom) -> None:
    crm = await connect_crm(mailroom, profile="recruit")
    refused = await refusal(crm.save("lead", "Anna Lind", "anna@example.org"))
    assert (refused.code, refused.field) == ("invalid_field", "record_kind")
    await crm.save("candidate", "Anna Lind", "anna@example.org")
    async with MailboxServer(messages={"a": mail(1)}) as server:
        await mailroom.connect(server, crm=[crm.name])
        (entry,) = await crm.until_rows(f"select * from builtin_correspondence where crm = '{crm.name}'", 1)
    assert entry["record_kind"] == "candidate"


@pytest.mark.requirement("R5")
async def test_an_account_may_name_only_crms_of_its_organisation(mailroom: Mailroom) -> None:
    crm = await connect_crm(mailroom, organisation="north")
    async with MailboxServer() as server:
        refused = await refusal(
            (await mailroom.start(mailroom.given(server, organisation="south", crm=[crm.name]))).handle.result()
        )
        assert (refused.code, refused.field) == ("unknown_crm", "crm")
        assert f"no CRM connection named {crm.name} of the organisation south" in refused.message
        account = await mailroom.connect(server, organisation="north", crm=[crm.name, "builtin"])
        moved = await refusal(account.command("change_settings", settings={"organisation": "south"}))
        assert (moved.code, moved.field) == ("invalid_field", "organisation"), "that is `close`, and a start there"
        await crm.command("close")
        await crm.handle.result()
        later = await refusal(
            (await mailroom.start(mailroom.given(server, organisation="north", crm=[crm.name]))).handle.result()
        )
        assert later.code == "unknown_crm"


@pytest.mark.requirement("R5")
async def test_a_crm_keeps_its_organisation_while_accounts_name_it(mailroom: Mailroom) -> None:
    crm = await connect_crm(mailroom, organisation="north")
    moved = {"organisation": "south"}
    async with MailboxServer() as server:
        account = await mailroom.connect(server, organisation="north", crm=[crm.name])
        refused = await refusal(crm.command("change_settings", settings=moved, by="ops"))
        assert (refused.code, refused.field) == ("invalid_field", "organisation")
        assert "of 1 account of another organisation" in refused.message
        assert await crm.logged() == ["CrmConnected", "CommandRefused"]
        await crm.command("change_settings", settings={"organisation": "north", "daily_calls": 5000})
        await account.command("change_settings", settings={"crm": []})
        assert (await crm.command("change_settings", settings=moved))["settings_version"] == 3
    (row,) = await mailroom.rows("select organisation from crms where name = %s", crm.name)
    assert row["organisation"] == "south"
    await crm.command("close")
    await crm.handle.result()
    await replay(await crm.handle.fetch_history())


@pytest.mark.requirement("R97")
async def test_a_crm_that_does_not_let_us_in_is_no_connection(mailroom: Mailroom, script: Script) -> None:
    script.fail("check", Kind.CRM_AUTHENTICATION)
    crm = await start_crm(mailroom, **SCRIPTED)
    refused = await refusal(crm.handle.result())
    assert (refused.code, "start it again" in refused.message) == ("login_failed", True)
    assert refused.failure is not None
    assert (refused.failure["kind"], refused.failure["counts"]) == ("crm_authentication", None)
    assert all(refused.failure[name] for name in ("remedy", "reference", "support"))
    assert await crm.logged() == ["CrmSetUpRefused"]
    assert await mailroom.rows("select from crms where name = %s", crm.name) == []


async def test_a_crm_that_is_not_reached_at_its_set_up_is_not_said_to_go_on_by_itself(
    mailroom: Mailroom, script: Script
) -> None:
    script.fail("check", Kind.CRM_UNAVAILABLE)
    crm = await start_crm(mailroom, **SCRIPTED)
    refused = await refusal(crm.handle.result())
    assert "The CRM cannot be reached, or does not work. Look whether it is up" in refused.message
    assert "goes on by itself" not in refused.message
    assert (
        "No connection was made, so there is none to give commands to: mend that, and start it again" in refused.message
    )


@pytest.mark.requirement("R97")
async def test_ten_refusals_in_a_row_disable_the_crm_and_no_account(mailroom: Mailroom, script: Script) -> None:
    script.pages = [[ANNA]]
    crm = await connect_crm(mailroom, **SCRIPTED)
    async with MailboxServer(messages={"a": mail(1)}) as server:
        account = await mailroom.connect(server, crm=[crm.name])
        await account.until_mail(1)
        await crm.until(lambda now: now.counts.delivered == 1, "the first entry")
        script.down = CrmFailure(Kind.CRM_AUTHENTICATION, "401", "its words")
        server.messages["b"] = mail(2)
        status = await crm.until(lambda now: now.state == "disabled", "the tenth refusal")
        await account.until_mail(2)
        assert (status.reason, status.failures.authentication) == ("authentication_failures", 10)
        assert (await account.status()).failures.authentication == 0
        assert (await account.status()).state == "active"
        await crm.until_logged("CrmDisabled")  # with which the notice comes
        (notice,) = await mailroom.notices(f"crm/{crm.name}")
        assert "did not let us in 10 times in a row" in notice["text"]
        assert "its words" in notice["text"]
        found = await crm.search_attributes()
        assert (found["MailroomState"], found["MailroomReason"], found["MailroomFailure"]) == (
            "disabled",
            "authentication_failures",
            "crm_authentication",
        )
        assert (found["MailroomAuthenticationFailures"], found["MailroomHost"]) == (10, "127.0.0.1")
        refused = await refusal(crm.command("sync_now"))
        assert (refused.code, "use enable first" in refused.message) == ("disabled", True)
        assert (await refusal(crm.command("enable", by="ops"))).code == "login_failed"
        script.down = None
        enabled = await crm.command("enable", by="ops")
        assert (enabled["state"], enabled["failures"]) == ("active", {"authentication": 0, "connection": 0})
        await crm.until(lambda now: now.counts.delivered == 2, "what had waited")
    assert len(script.shows) == 2
    (row,) = await mailroom.rows("select * from crms where name = %s", crm.name)
    assert (row["state"], row["backlog"], row["failed"]) == ("active", 0, 0)
    assert row["pulled_at"] is not None


async def test_a_missing_right_suspends_and_the_next_look_that_works_ends_that(
    mailroom: Mailroom, script: Script
) -> None:
    crm = await connect_crm(mailroom, **SCRIPTED)
    await crm.until(lambda now: now.pulled_at is not None, "the first pull")
    script.down = CrmFailure(Kind.CRM_PERMISSION, "scope")
    failed = await crm.command("sync_now", by="ops")
    assert (failed["outcome"], failed["failure"]["kind"], failed["status"]["state"]) == (
        "failed",
        "crm_permission",
        "suspended",
    )
    script.down = None
    worked = await crm.command("sync_now", by="ops")
    assert (worked["outcome"], worked["status"]["state"]) == ("nothing_new", "active")
    assert [notice["code"] for notice in await mailroom.notices(f"crm/{crm.name}")] == ["suspended", "resumed"]


async def test_sync_now_respects_a_limit_of_the_crm_and_says_until_when(mailroom: Mailroom, script: Script) -> None:
    crm = await connect_crm(mailroom, **SCRIPTED)
    await crm.until(lambda now: now.pulled_at is not None, "the first pull")
    script.down = CrmFailure(Kind.CRM_RATE_LIMITED, "429", retry_after=3600)
    failed = await crm.command("sync_now", by="ops")
    assert (failed["outcome"], failed["failure"]["kind"]) == ("failed", "crm_rate_limited")
    script.down, before = None, script.calls.total()
    waiting = await crm.command("sync_now", by="ops")
    assert (waiting["outcome"], waiting["failure"]) == ("waiting", failed["failure"])
    assert waiting["waits_until"] == failed["waits_until"] == waiting["status"]["next_attempt_at"] is not None
    assert script.calls.total() == before
    assert (await crm.log("SyncRequested"))[-1].actor == "ops"
    await crm.command("change_settings", settings={"daily_calls": 5000}, by="ops")
    assert (await crm.command("sync_now", by="ops"))["outcome"] == "nothing_new"
    await replay(await crm.handle.fetch_history())


async def test_what_the_crm_rejected_is_pushed_again_when_that_is_asked_for(mailroom: Mailroom, script: Script) -> None:
    script.pages = [[ANNA]]
    script.fail("push", Kind.CRM_REJECTED)
    crm = await connect_crm(mailroom, **SCRIPTED)
    async with MailboxServer(messages={"a": mail(1)}) as server:
        await mailroom.connect(server, crm=[crm.name])
        await crm.until(lambda now: now.counts.failed == 1, "the rejected entry")
    answer = await crm.command("retry_failed", by="ops")
    assert answer["entries"] == 1
    await crm.until(lambda now: (now.counts.failed, now.counts.delivered) == (0, 1), "the entry in the CRM")
    (logged,) = await crm.log("FailedEntriesQueued")
    assert (logged.actor, logged.data) == ("ops", {"entries": 1})


async def test_settings_change_after_a_look_at_the_crm_and_name_kind_and_profile_stay(
    mailroom: Mailroom, script: Script
) -> None:
    crm = await connect_crm(mailroom, **SCRIPTED)
    script.fail("check", Kind.CRM_UNAVAILABLE)
    moved = {"url": "http://127.0.0.1:1/other"}
    refused = await refusal(crm.command("change_settings", settings=moved, by="ops"))
    assert (refused.code, (refused.failure or {})["kind"]) == ("login_failed", "crm_unavailable")
    status = await crm.command("change_settings", settings=moved, by="ops")
    assert status["settings_version"] == 2
    given = await crm.handle.query("settings")
    assert given["url"] == moved["url"]
    for field, value in {"name": "other", "kind": "builtin", "profile": "recruit"}.items():
        refused = await refusal(crm.command("change_settings", settings={field: value}))
        assert (refused.code, refused.field) == ("invalid_field", f"settings.{field}")
    refused = await refusal(crm.command("change_settings", settings={"intervall": 3}))
    assert refused.code == "unknown_field"
    (row,) = await mailroom.rows("select settings from crms where name = %s", crm.name)
    assert row["settings"]["url"] == moved["url"]


async def test_a_disabled_crm_is_told_nothing_and_what_waits_is_told_when_it_is_enabled(
    mailroom: Mailroom, script: Script
) -> None:
    script.pages = [[ANNA]]
    crm = await connect_crm(mailroom, **SCRIPTED)
    await crm.until(lambda now: now.pulled_at is not None, "the directory")
    status = await crm.command("disable", reason="maintenance", by="ops")
    assert (status["state"], status["reason"]) == ("disabled", "operator")
    before = script.calls.total()
    async with MailboxServer(messages={"a": mail(1)}) as server:
        account = await mailroom.connect(server, crm=[crm.name])
        await account.until_mail(1)
    assert script.calls.total() == before
    assert "Disabled `by ops: maintenance`" in await mailroom.started("", crm.handle).page()
    await crm.command("enable", by="ops")
    await crm.until(lambda now: now.counts.delivered == 1, "what had waited")
    assert [notice["code"] for notice in await mailroom.notices(f"crm/{crm.name}")] == ["disabled", "enabled"]
    assert await crm.logged() == ["CrmConnected", "CrmDisabled", "CrmEnabled"]
    assert await mailroom.rows("select * from verify_log(%s)", f"crm/{crm.name}") == []


async def test_an_idle_crm_costs_no_history(mailroom: Mailroom, script: Script) -> None:
    crm = await connect_crm(mailroom, **SCRIPTED)
    await crm.until(lambda now: now.pulled_at is not None, "the first pull")
    running = mailroom.started("", crm.handle)
    length = await running.history_length()
    pulls = len(script.cursors)
    await crm.until_pulled(script.cursors, pulls + 3)
    assert await running.history_length() <= length + 3


async def test_a_run_of_the_first_release_gives_way_when_a_worker_of_this_one_starts(
    mailroom: Mailroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    patched: Callable[[str], bool] = workflow.patched
    monkeypatch.setattr(workflow, "patched", lambda name: name != "served" and patched(name))
    crm = await start_crm(mailroom)
    saved = await crm.save("contact", "Anna Lind", "anna@example.org")
    assert (await crm.status()).state == "active"
    first = (await crm.handle.describe()).run_id
    monkeypatch.undo()
    await crm.handle.signal("serve")
    await crm.until_logged("CrmConnected")
    assert (await crm.handle.describe()).run_id != first
    assert (await crm.command("sync_now"))["status"]["state"] == "active"
    again: dict[str, Any] = await crm.save("contact", "Anna Berg", "anna@example.org", record_id=saved["record_id"])
    assert again["record_id"] == saved["record_id"]


async def test_mail_that_is_stored_follows_a_change_of_the_rules_of_linking(mailroom: Mailroom) -> None:
    crm = await connect_crm(mailroom)
    await crm.save("contact", "Anna Lind", "anna@example.org")
    tagged = mail(2, sender="anna+news@example.org")
    async with MailboxServer(messages={"a": mail(1), "b": tagged}) as server:
        account = await mailroom.connect(server, crm=[crm.name])
        await account.until_mail(2)
        shown = f"select subject from builtin_correspondence where crm = '{crm.name}' order by subject"
        assert [row["subject"] for row in await crm.until_rows(shown, 1)] == ["message 1"]
        await crm.command("change_settings", settings={"linking": {"subaddresses": True}}, by="ops")
        assert [row["subject"] for row in await crm.until_rows(shown, 2)] == ["message 1", "message 2"]
