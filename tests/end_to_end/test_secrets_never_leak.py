"""No password, right or wrong, is anywhere but in the vault, whatever a server says and whatever goes wrong."""

from __future__ import annotations

import base64

import pytest
from temporalio.client import Client

from tests.end_to_end.operating import CommandFailed, Operator
from tests.servers.scripted_pop import MailboxServer
from tests.support.running import a_new_address

RIGHT = "r1ght-Horse battery"
WRONG = "wr0ng-Horse battery"
NEXT = "n3xt-Horse battery"
SASL = ("TOP", "UIDL", "SASL PLAIN")


def spellings(secret: str, address: str) -> list[bytes]:
    """The secret as it may be met: plain, and in the Base64 of AUTH PLAIN or alone."""
    response = f"\0{address}\0{secret}".encode()
    return [secret.encode(), base64.b64encode(secret.encode()).rstrip(b"="), base64.b64encode(response).rstrip(b"=")]


@pytest.mark.requirement("R81", "R97")
@pytest.mark.parametrize("capabilities", [("TOP", "UIDL", "USER"), SASL], ids=["USER and PASS", "AUTH PLAIN"])
async def test_a_password_is_nowhere_even_when_the_server_says_it(
    operator: Operator, temporal_client: Client, capabilities: tuple[str, ...]
) -> None:
    address = a_new_address()
    mail = {"uid1": b"From: ann@example.org\r\nSubject: one\r\n\r\nHello\r\n"}
    async with MailboxServer(password=RIGHT, messages=mail, capabilities=capabilities) as server:
        await operator.worker(MAILROOM_MINUTE_SECONDS="0.01")
        await operator.connect(address, server.port, await operator.store_secret("jane", RIGHT))
        await operator.until_stored(address, 1)

        response = base64.b64encode(f"\0{address}\0{RIGHT}".encode()).decode()
        answer = f"-ERR Login failed for {address} with password {RIGHT} ({response})"
        server.password = NEXT
        server.replies |= {"PASS": answer, "AUTH": answer, "AUTH PLAIN": answer}
        await operator.until_state(address, "disabled")
        failure = (await operator.status(address))["last_failure"]
        assert failure["kind"] == "authentication"
        assert "Login failed for" in failure["server_said"]

        wrong = await operator.store_secret("wrong", WRONG)
        server.replies |= {verb: answer.replace(RIGHT, WRONG) for verb in server.replies}
        with pytest.raises(CommandFailed) as refused:
            await operator.command(address, "change_credential", secret=wrong, by="ops")
        with pytest.raises(CommandFailed) as typed:
            await operator.command(address, "enable", password=WRONG)

        server.replies.clear()
        following = await operator.store_secret("next", NEXT)
        await operator.command(address, "change_credential", secret=following, by="ops")
        server.messages["uid2"] = mail["uid1"]
        await operator.until_stored(address, 2)

        # A password that a server says where none was asked for, in the middle of a session.
        server.messages["uid3"] = mail["uid1"]
        server.replies["UIDL"] = f"-ERR mailbox of {address} is away, {NEXT}"
        assert (await operator.command(address, "poll_now"))["outcome"] == "failed"

        everything = {
            "history": await whole_history(temporal_client, address),
            "execution": await execution(temporal_client, address),
            "status": (await operator.temporal(*asked(address, "query", "--name", "status"))).encode(),
            "page in the UI": (await operator.temporal(*asked(address, "metadata"))).encode(),
            "worker's log": operator.worker_logs().encode(),
            "refusals": f"{refused.value} {typed.value}".replace('{"password": "' + WRONG + '"}', "").encode(),
            **await tables(operator),
        }
    assert b"Login failed for" in everything["history"]
    assert b"Login failed for" in everything["log"]
    assert len(everything) > 15
    for secret in (RIGHT, WRONG, NEXT):
        for spelling in spellings(secret, address):
            assert [name for name, content in everything.items() if spelling in content] == [], secret


def asked(address: str, what: str, *more: str) -> list[str]:
    return ["workflow", what, "--workflow-id", f"mail-account/{address}", *more]


async def whole_history(client: Client, address: str) -> bytes:
    """Every event of every run of the account, with its payloads as they are."""
    content = b""
    async for run in client.list_workflows(f"WorkflowId = 'mail-account/{address}'"):
        handle = client.get_workflow_handle(run.id, run_id=run.run_id)
        content += b"".join([event.SerializeToString() async for event in handle.fetch_history_events()])
    assert content
    return content


async def execution(client: Client, address: str) -> bytes:
    """Search attributes, memo, and the pending activity with its heartbeat and its last failure."""
    described = await client.get_workflow_handle(f"mail-account/{address}").describe()
    return described.raw_description.SerializeToString()


async def tables(operator: Operator) -> dict[str, bytes]:
    """Everything in the database, the vault's ciphertexts too; bytea as what it holds."""
    names = await operator.rows(
        "select table_name, table_type from information_schema.tables where table_schema = 'mailroom'"
    )
    content = {}
    for name in (row["table_name"] for row in names):
        rows = await operator.rows(f"select * from {name}")
        content[name] = "\n".join(
            str([bytes(value) if isinstance(value, memoryview) else value for value in row.values()]) for row in rows
        ).encode()
    return content
