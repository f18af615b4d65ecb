"""Setting an account up: what is refused before anything is tried, what the server refuses, and what a success shows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from temporalio.client import Client, WorkflowQueryFailedError

from domain.account.lifecycle import State
from infra.database.pool import Pool
from infra.settings import WorkerSettings
from tests.servers.scripted_pop import MailboxServer
from tests.support.running import Mailroom, Refusal, RunningAccount, a_new_address, refusal, until
from workflows import contract

PASSWORD = "correct horse battery"


def laid_over(settings: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(settings)
    for key, value in changes.items():
        merged[key] = laid_over(merged[key], value) if isinstance(value, dict) else value
    return merged


async def queries_tell(account: RunningAccount, refused: Refusal) -> None:
    """That the ended workflow's status and settings answer with the refusal: its code, its field and its words."""
    for query in ("status", "settings"):
        with pytest.raises(WorkflowQueryFailedError) as told:
            await account.handle.query(query)
        words = refused.message.partition(" (reference:")[0]
        assert words in str(told.value)
        assert refused.code in str(told.value)
        assert refused.field is None or f"field {refused.field}" in str(told.value)


def nobody_answers() -> MailboxServer:
    """A server that was never brought up: whoever refuses without asking it needs none."""
    server = MailboxServer(password=PASSWORD)
    server.port = 9
    return server


@pytest.mark.parametrize(
    ("changes", "code", "field", "way_out"),
    [
        pytest.param({"intervall": 5}, "unknown_field", "intervall", "remove it or mend its spelling", id="unknown"),
        pytest.param(
            {"incoming": {"hots": "x"}}, "unknown_field", "incoming.hots", "remove it or mend", id="unknown-below"
        ),
        pytest.param({"incoming": {"port": 70000}}, "invalid_field", "incoming.port", "65535", id="port-too-large"),
        pytest.param({"incoming": {"port": "995"}}, "invalid_field", "incoming.port", "integer", id="port-as-text"),
        pytest.param(
            {"retrieval": {"interval_minutes": 0}}, "invalid_field", "retrieval.interval_minutes", "1", id="interval-0"
        ),
        pytest.param(
            {"retrieval": {"interval_minutes": 61}}, "invalid_field", "retrieval.interval_minutes", "60", id="interval"
        ),
        pytest.param(
            {"retrieval": {"messages_per_phase": 19}}, "invalid_field", "retrieval.messages_per_phase", "20", id="phase"
        ),
        pytest.param({"address": "jane at example"}, "invalid_field", "address", "jane@example.com", id="address"),
        pytest.param(
            {"incoming": {"host": "pop example/"}}, "invalid_field", "incoming.host", "without port", id="host"
        ),
        pytest.param({"incoming": {"tls": "ssl"}}, "invalid_field", "incoming.tls", "starttls", id="tls"),
        pytest.param(
            {"incoming": {"secret": PASSWORD}}, "secret_not_allowed", "incoming.secret", "vault:NAME", id="plain-secret"
        ),
        pytest.param(
            {"incoming": {"secret": "env:HOME"}}, "secret_not_allowed", "incoming.secret", "MAILROOM_SECRET_", id="env"
        ),
        pytest.param(
            {"retrieval": {"after_store": "delete_after_days"}},
            "missing_field",
            "retrieval.delete_after_days",
            "with after_store: delete_after_days",
            id="days-missing",
        ),
        pytest.param(
            {"retrieval": {"recent_mode": True, "after_store": "delete"}},
            "recent_mode_conflict",
            "retrieval.after_store",
            "leave",
            id="recent-and-delete",
        ),
    ],
)
async def test_settings_that_make_no_sense_fail_the_start_naming_the_field_and_the_way_out(
    mailroom: Mailroom, changes: dict[str, Any], code: str, field: str, way_out: str
) -> None:
    address = a_new_address()
    settings = laid_over(mailroom.given(nobody_answers(), address), changes)
    account = await mailroom.start(settings, address=address)
    refused = await refusal(account.handle.result())
    assert (refused.code, refused.field, refused.failure) == (code, field, None)
    assert field in refused.message
    assert way_out in refused.message
    assert account.handle.first_execution_run_id is not None
    assert account.handle.first_execution_run_id in refused.message, "a reference that the operator can quote"
    assert PASSWORD not in refused.message
    assert await account.log() == []
    assert await account.seen() is None


@pytest.mark.requirement("R7")
@pytest.mark.requirement("R21")
async def test_imap_is_refused_with_the_pop_alternative_named(mailroom: Mailroom) -> None:
    account = await mailroom.start(mailroom.given(nobody_answers(), kind="imap"))
    refused = await refusal(account.handle.result())
    assert (refused.code, refused.field) == ("kind_not_supported", "kind")
    assert "use kind: pop" in refused.message
    assert await account.log() == []


async def test_hosted_is_refused_until_it_exists(mailroom: Mailroom) -> None:
    account = await mailroom.start(mailroom.given(nobody_answers(), kind="hosted"))
    assert (await refusal(account.handle.result())).code == "kind_not_supported"


@pytest.mark.parametrize("missing", ["address", "incoming", "incoming.host", "incoming.secret"])
async def test_a_required_field_that_is_missing_is_named(mailroom: Mailroom, missing: str) -> None:
    settings = mailroom.given(nobody_answers())
    above, _, leaf = missing.rpartition(".")
    (settings[above] if above else settings).pop(leaf)
    account = await mailroom.start(settings, address=a_new_address())
    refused = await refusal(account.handle.result())
    assert (refused.code, refused.field) == ("missing_field", missing)
    assert await account.log() == []


@pytest.mark.parametrize(
    ("payloads", "code"),
    [
        pytest.param([], "missing_field", id="none"),
        pytest.param([None], "missing_field", id="null"),
        pytest.param(["jane@example.com"], "invalid_field", id="text"),
        pytest.param([[{"address": "jane@example.com"}]], "invalid_field", id="a-list"),
        pytest.param([{"address": "jane@example.com"}, {"host": "pop.example.com"}], "invalid_field", id="two"),
    ],
)
async def test_input_that_is_not_one_json_object_fails_the_start(
    mailroom: Mailroom, payloads: list[Any], code: str
) -> None:
    account = await mailroom.start(*payloads, address=a_new_address())
    refused = await refusal(account.handle.result())
    assert refused.code == code
    assert "MailAccount" in refused.message
    assert await account.log() == []


@pytest.mark.parametrize("of_the_id", ["somebody-else@example.com", "{address} ", "JANE"])
async def test_an_id_that_is_not_that_of_the_address_is_refused_with_the_right_one(
    mailroom: Mailroom, of_the_id: str
) -> None:
    address = a_new_address()
    settings = mailroom.given(nobody_answers(), address)
    account = await mailroom.start(settings, address=of_the_id.format(address=address))
    refused = await refusal(account.handle.result())
    assert (refused.code, refused.field) == ("address_mismatch", "address")
    assert contract.account_workflow_id(address) in refused.message
    assert await mailroom.log(address) == []


async def test_an_address_in_upper_case_or_with_an_international_domain_is_told_its_normal_form(
    mailroom: Mailroom,
) -> None:
    local = a_new_address().partition("@")[0]
    async with MailboxServer() as server:
        account = await mailroom.connect(server, f"{local}@xn--bcher-kva.example")
        settings = mailroom.given(server, f"{local.upper()}@Bücher.example")
        refused = await refusal((await mailroom.start(settings)).handle.result())
        assert refused.code == "address_mismatch"
        assert contract.account_workflow_id(account.address) in refused.message


@pytest.mark.parametrize("secret", ["file:nowhere", "vault:nowhere", "env:MAILROOM_SECRET_NOWHERE"])
async def test_a_secret_that_does_not_exist_fails_the_start_before_anything_is_sent(
    mailroom: Mailroom, secret: str
) -> None:
    async with MailboxServer() as server:
        account = await mailroom.start(mailroom.given(server, incoming={"secret": secret}))
        refused = await refusal(account.handle.result())
        assert (refused.code, refused.field) == ("secret_not_found", "incoming.secret")
        assert server.connections == 0
    assert await account.log() == []
    await queries_tell(account, refused)


@pytest.mark.requirement("R5")
async def test_a_crm_that_does_not_exist_is_refused(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.start(mailroom.given(server, crm=["nowhere"]))
        refused = await refusal(account.handle.result())
        assert (refused.code, refused.field) == ("unknown_crm", "crm")
        assert "nowhere" in refused.message
        assert server.connections == 0
    assert await account.log() == []
    await queries_tell(account, refused)


async def test_a_set_up_that_is_cancelled_is_told_as_that(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        server.hangs.add("PASS")
        account = await mailroom.start(mailroom.given(server))
        await server.until("PASS")
        await account.handle.cancel()
        refused = await refusal(account.handle.result())
    assert refused.code == "closed"
    await queries_tell(account, refused)
    assert (await account.search_attributes())["MailroomState"] == "closed"


async def test_who_waits_for_an_account_is_told_at_once_that_its_set_up_was_refused(mailroom: Mailroom) -> None:
    async with MailboxServer(password="right") as server:
        with pytest.raises(AssertionError, match="was not connected"):
            await mailroom.connect(server, incoming={"secret": mailroom.secret("wrong")})
        with pytest.raises(WorkflowQueryFailedError, match="unknown_crm"):
            await mailroom.connect(server, crm=["nowhere"])


async def test_an_account_is_active_only_once_others_find_its_row(mailroom: Mailroom) -> None:
    async with MailboxServer() as server, mailroom.pool.connection() as other:
        async with other.transaction():
            await other.execute("lock table accounts_recorded in exclusive mode")
            account = await mailroom.start(mailroom.given(server))

            async def decided() -> bool:
                return (await account.search_attributes()).get("MailroomState") == "active"

            await until(decided, "the end of the login")
            assert (await account.status()).state is State.VERIFYING
            assert (await account.settings())["address"] == account.address
            assert await account.seen() is None
        await account.until_state(State.ACTIVE)
        shown = await account.seen()
        assert shown is not None
        assert shown["state"] == "active"


class TestOnWorkersThatMayNotConnectToLoopback:
    @pytest.fixture
    def worker_settings(self, database_url: str) -> WorkerSettings:
        return WorkerSettings(database_url=database_url)

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "10.1.2.3", "169.254.169.254"])
    async def test_a_private_host_is_refused_naming_the_setting_that_allows_it(
        self, temporal_client: Client, pool: Pool, worker_settings: WorkerSettings, host: str
    ) -> None:
        settings = {"address": a_new_address(), "incoming": {"host": host, "secret": "vault:jane"}}
        async with Mailroom(temporal_client, pool, worker_settings) as mailroom:
            account = await mailroom.start(settings)
            refused = await refusal(account.handle.result())
            assert (refused.code, refused.field) == ("host_not_allowed", "incoming.host")
            assert "MAILROOM_ALLOW_HOSTS" in refused.message
            assert await account.log() == []
            await queries_tell(account, refused)


@pytest.mark.requirement("R6")
@pytest.mark.requirement("R81")
@pytest.mark.requirement("R97")
async def test_a_wrong_password_fails_the_start_and_leaves_nothing_but_that_in_the_log(mailroom: Mailroom) -> None:
    async with MailboxServer(password="right") as server:
        wrong = mailroom.secret("wrong horse battery")
        account = await mailroom.start(mailroom.given(server, incoming={"secret": wrong}))
        refused = await refusal(account.handle.result())
    assert refused.code == "login_failed"
    assert refused.failure is not None
    assert refused.failure["kind"] == "authentication"
    assert refused.failure["server_said"] == "[AUTH] Authentication failed."
    assert "Authentication failed" in refused.message, "the CLI prints nothing but the message"
    assert refused.failure["remedy"] in refused.message
    assert refused.failure["support"] == mailroom.settings.support
    assert refused.failure["reference"] in refused.message
    [entry] = await account.log()
    assert entry.type == "SetUpRefused"
    assert entry.data["failure"] == refused.failure
    assert await account.seen() is None
    assert await mailroom.rows("select * from retrievals where address = %s", account.address) == []


async def test_an_address_that_was_refused_is_connected_by_a_later_start_and_its_log_goes_on(
    mailroom: Mailroom,
) -> None:
    async with MailboxServer(password="right") as server:
        settings = mailroom.given(server, incoming={"secret": mailroom.secret("wrong", "jane")})
        await refusal((await mailroom.start(settings)).handle.result())
        mailroom.secret("right", "jane")
        account = await mailroom.start(settings)
        await account.until_state(State.ACTIVE)
        await account.until_logged("AccountConnected")
    assert [(entry.version, entry.type) for entry in await account.log()] == [
        (1, "SetUpRefused"),
        (2, "AccountConnected"),
    ]


@pytest.mark.requirement("R85")
@pytest.mark.requirement("R84")
async def test_a_port_where_nobody_listens_fails_the_start_with_its_cause(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        settings = mailroom.given(server)
        await server.down()
        account = await mailroom.start(settings)
        refused = await refusal(account.handle.result())
    assert refused.failure is not None
    assert refused.code == "login_failed"
    assert (refused.failure["kind"], refused.failure["cause"]) == ("connection", "refused")
    assert str(server.port) in refused.message
    assert await account.logged() == ["SetUpRefused"]


@pytest.mark.requirement("R3")
@pytest.mark.requirement("R6")
@pytest.mark.requirement("R84")
async def test_a_login_that_works_connects_the_account_and_shows_it_everywhere(mailroom: Mailroom) -> None:
    async with MailboxServer(username="jane", password=PASSWORD) as server:
        account = await mailroom.connect(server, incoming={"username": "jane"}, organisation="acme")
        await account.until_watched()
        status, settings, seen = await account.status(), await account.settings(), await account.seen()
        assert "USER jane" in server.commands
    [entry] = await account.log()
    assert (entry.version, entry.type, entry.data["settings"]) == (1, "AccountConnected", settings)
    assert (status.address, status.state, status.reason) == (account.address, State.ACTIVE, None)
    assert (status.settings_version, status.credential_version) == (1, 1)
    assert status.last_failure is None
    assert [warning.code for warning in status.warnings] == ["crm_not_configured"]
    assert settings["incoming"] | {"secret": None} == {
        "host": "127.0.0.1",
        "port": server.port,
        "tls": "none",
        "username": "jane",
        "secret": None,
        "auth": "password",
    }
    assert settings["retrieval"]["messages_per_phase"] == 150
    assert seen is not None
    assert (seen["state"], seen["organisation"], seen["host"]) == ("active", "acme", "127.0.0.1")
    attributes = await account.search_attributes()
    assert {name: value for name, value in attributes.items() if name.startswith("Mailroom")} == {
        "MailroomState": "active",
        "MailroomHost": "127.0.0.1",
        "MailroomOrganisation": "acme",
        "MailroomProvider": "generic",
        "MailroomAuthenticationFailures": 0,
        "MailroomConnectionFailures": 0,
        "MailroomBacklog": 0,
    }
    page = await account.page()
    assert f"{account.address} is **active**" in page
    assert "not configured" in page


async def test_a_password_is_in_no_history_no_log_and_no_log_output(
    mailroom: Mailroom, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="")
    async with MailboxServer(password=PASSWORD, messages={"one": b"Subject: one\r\n\r\nHello\r\n"}) as server:
        account = await mailroom.connect(server)
        await account.until_mail(1)
        server.replies["PASS"] = f"-ERR [AUTH] {account.address} may not log in with {PASSWORD}"
        assert (await account.command("poll_now"))["outcome"] == "failed"
        await account.until_logged("RetrievalFailed")
        status = await account.status()
    assert status.last_failure is not None
    assert "may not log in" in str(status.last_failure.server_said)
    history = await account.whole_history()
    assert b"may not log in" in history
    assert PASSWORD.encode() not in history
    logged = json.dumps([entry.data for entry in await account.log()])
    assert "may not log in" in logged
    assert PASSWORD not in logged
    assert account.address in caplog.text
    assert PASSWORD not in caplog.text
    assert PASSWORD not in status.model_dump_json() + await account.page() + json.dumps(await account.settings())


@pytest.mark.requirement("R44")
async def test_an_exchange_account_is_warned_that_reading_marks_mail_as_read(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, provider="exchange", crm=["builtin"])
        assert [warning.code for warning in (await account.status()).warnings] == ["exchange_marks_read"]


async def test_commands_to_a_start_that_failed_find_no_account(mailroom: Mailroom) -> None:
    async with MailboxServer(password="right") as server:
        server.pauses["PASS"] = 0.5
        account = await mailroom.start(mailroom.given(server, incoming={"secret": mailroom.secret("wrong")}))
        await server.until("PASS")
        refused = await refusal(account.command("disable", by="ops"))
        assert refused.code == "closed"
        await refusal(account.handle.result())
    assert await account.logged() == ["SetUpRefused"]


async def test_a_set_up_that_is_cancelled_ends_and_leaves_nothing(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        server.hangs.add("PASS")
        account = await mailroom.start(mailroom.given(server))
        await server.until("PASS")
        await account.handle.cancel()
        refused = await refusal(account.handle.result())
        assert refused.code == "closed"
    assert await account.log() == []
    assert await account.seen() is None
