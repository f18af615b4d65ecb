"""The command `mailroom` as operators type it: connecting, looking, and giving a command to many."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from tests.end_to_end.operating import PROJECT, CommandFailed, Operator
from tests.servers.scripted_pop import MailboxServer
from tests.support.console import written
from tests.support.running import a_new_address, until

MAILROOM = str(PROJECT / "mailroom")


async def mailroom(operator: Operator, *arguments: str, given: str = "") -> str:
    return await operator.run(MAILROOM, *arguments, given=given)


def settings(operator: Operator, address: str, port: int, secret: str) -> str:
    file = operator.folder / f"{address}.json"
    incoming = {"host": "127.0.0.1", "port": port, "tls": "none", "secret": secret}
    file.write_text(json.dumps({"address": address, "incoming": incoming}))
    return str(file)


async def test_an_account_is_connected_looked_at_and_read(operator: Operator) -> None:
    await operator.worker()
    address = a_new_address()
    async with MailboxServer(messages={"one": written("A quote", "For twelve machines.")}) as server:
        file = settings(operator, address, server.port, f"vault:{address.partition('@')[0]}")
        with pytest.raises(CommandFailed, match=r"mailroom connect: there is no secret vault:.*mailroom vault set"):
            await mailroom(operator, "connect", file)
        name = address.partition("@")[0]
        assert "stored: refer to it as" in await mailroom(operator, "vault", "set", name, given="wrong")
        with pytest.raises(CommandFailed, match=r"mailroom connect: .*authentication"):
            await mailroom(operator, "connect", file)
        await mailroom(operator, "vault", "set", name, given=server.password)
        assert f"{address} is active" in await mailroom(operator, "connect", file)
        with pytest.raises(CommandFailed, match=r"is connected already: change it with change_settings"):
            await mailroom(operator, "connect", file)
        await operator.until_stored(address, 1)

        async def is_found() -> bool:
            return bool(json.loads(await mailroom(operator, "search", "quote", "machines", "--json"))["messages"])

        await until(is_found, "the message by its words", patience=60)
        [found] = json.loads(await mailroom(operator, "search", "quote", "--account", address, "--json"))["messages"]
        assert "For twelve machines." in await mailroom(operator, "read", str(found["id"]))
        assert "by POP, UIDL one" in await mailroom(operator, "why", str(found["id"]))
        said = await mailroom(operator, "status", address)
        assert f"{address} is active since" in said
        assert "AccountConnected" in said
        assert address in await mailroom(operator, "accounts")


async def test_a_command_is_given_to_many_after_a_look_at_whom_it_concerns(operator: Operator) -> None:
    await operator.worker()
    addresses = [a_new_address() for _ in range(3)]
    async with MailboxServer() as server:
        for address in addresses:
            await operator.connect(address, server.port, await operator.store_secret(address, server.password))
        await operator.command(addresses[0], "disable", by="ops")
        await operator.command(addresses[2], "disable", by="ops")
        query = f'MailroomProvider = "generic" AND WorkflowId IN ("mail-account/{addresses[1]}", "mail-account/{addresses[2]}")'

        async def are_listed() -> bool:
            return len(await operator.found(query)) == 2

        await until(are_listed, "both in Temporal's list")
        assert "2 of those that run" in await mailroom(operator, "batch", "poll_now", "--query", query, "--dry-run")
        with pytest.raises(CommandFailed, match="give --yes, after a look with --dry-run"):
            await mailroom(operator, "batch", "poll_now", "--query", query)
        with pytest.raises(CommandFailed) as partly:
            await mailroom(operator, "batch", "poll_now", "--query", query, "--yes")
        assert "1 of 2 did it" in str(partly.value)
        assert f"mail-account/{addresses[2]}" in str(partly.value)
        assert "enable" in str(partly.value)
        both = f'WorkflowId IN ("mail-account/{addresses[1]}", "crm/builtin")'
        said = await mailroom(operator, "batch", "poll_now", "--query", both, "--yes")
        assert "1 of 1 did it" in said
        assert "poll_now is not for crm/builtin" in said
        others = f'WorkflowType = "ErasePerson") OR ({query}'
        assert "2 of those that run" in await mailroom(operator, "batch", "poll_now", "--query", others, "--dry-run")
        with pytest.raises(CommandFailed, match=r"mailroom batch: --query"):
            await mailroom(operator, "batch", "poll_now", "--query", "no such (", "--yes")
        with pytest.raises(CommandFailed, match=r"--input is no JSON"):
            await mailroom(operator, "batch", "disable", "--query", query, "--yes", "--input", "{reason")


async def test_a_batch_that_is_broken_off_says_what_came_of_it_so_far(operator: Operator) -> None:
    await operator.worker()
    addresses = [a_new_address() for _ in range(2)]
    async with MailboxServer() as server:
        for address in addresses:
            await operator.connect(address, server.port, await operator.store_secret(address, server.password))
        query = " OR ".join(f'WorkflowId = "mail-account/{address}"' for address in addresses)

        async def are_listed() -> bool:
            return len(await operator.found(query)) == 2

        await until(are_listed, "both in Temporal's list")
        process = await asyncio.create_subprocess_exec(
            *(MAILROOM, "batch", "disable", "--query", query, "--yes", "--per-second", "0.1"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=operator.environment,
            cwd=os.sep,
        )

        async def one_is_disabled() -> bool:
            return "disabled" in [(await operator.status(address))["state"] for address in addresses]

        await until(one_is_disabled, "the first of them to be disabled")
        process.send_signal(signal.SIGINT)
        said, _ = await process.communicate()
        assert process.returncode == 1
        # Who is disabled has perhaps not answered yet.
        assert "1 of 2 did it" in said.decode() or "it was asked, and may do it" in said.decode()
        assert "it was not asked" in said.decode()


@pytest.mark.requirement("R43")
async def test_a_person_is_erased_after_a_look_at_their_mail(operator: Operator) -> None:
    await operator.worker()
    address = a_new_address()
    organisation = f"org-{address.partition('@')[0]}"
    letters = {"one": written("A quote", "For twelve machines."), "two": written("Lunch", "?", sender="bo@example.org")}
    async with MailboxServer(messages=letters) as server:
        await operator.connect(
            *(address, server.port, await operator.store_secret(address, server.password)),
            organisation=organisation,
            crm=["builtin"],
        )
        await operator.until_stored(address, 2)
        anna = {"record_kind": "contact", "record_id": "c1", "name": "Anna Lind"}
        known_by = ["anna@example.org", "a.lind@work.example"]
        await operator.temporal(
            *("workflow", "update", "execute", "--workflow-id", "crm/builtin", "--name", "save_record"),
            *("--input", json.dumps({**anna, "addresses": known_by})),
        )
        of = ("erase", "--organisation", organisation)
        unknown = await mailroom(operator, *of, "ana@example.org", "--yes")
        assert "Nothing in this organisation names the person" in unknown
        seen = await mailroom(operator, *of, "anna@example.org", "--dry-run")
        assert "A quote" in seen
        assert "Lunch" not in seen
        assert "1 messages" in seen
        assert "contact c1 (Anna Lind) in builtin also has a.lind@work.example" in seen
        with pytest.raises(CommandFailed, match="give --yes, after a look with --dry-run"):
            await mailroom(operator, *of, "anna@example.org")
        assert await operator.stored(address) == 2
        done = json.loads(await mailroom(operator, *of, "anna@example.org", "--yes", "--json"))
        assert (done["found"]["removed"], done["erased"]["removed"]) == (1, 1)
        assert [row["subject"] for row in done["messages"]] == ["A quote"]
        assert await operator.stored(address) == 1
        with pytest.raises(CommandFailed, match=r"mailroom erase: .*address"):
            await mailroom(operator, *of, "nobody at all", "--yes")

    async def are_gone() -> bool:
        return not await operator.found('WorkflowType = "ErasePerson" AND WorkflowId STARTS_WITH "erase-"')

    await until(are_gone, "no history with the address")


async def test_what_cannot_be_answered_is_one_line_and_exit_status_1(operator: Operator, tmp_path: Path) -> None:
    for arguments in (("read", "4711"), ("why", "1"), ("status", "nobody@example.org"), ("log", "crm/nothing")):
        with pytest.raises(CommandFailed, match=rf"mailroom {arguments[0]}: (there is no|the log has nothing)"):
            await mailroom(operator, *arguments)
    for content, complaint in (("{", "is no JSON"), ("[]", "holds no JSON object"), ('{"adress": 1}', "adress")):
        file = tmp_path / "settings.json"
        file.write_text(content)
        with pytest.raises(CommandFailed, match=complaint):
            await mailroom(operator, "connect", str(file))
    with pytest.raises(CommandFailed, match=r"mailroom connect: .*No such file"):
        await mailroom(operator, "connect", str(tmp_path / "missing.json"))
    operator.environment["DATABASE_URL"] = "postgresql://127.0.0.1:1/mailroom"
    with pytest.raises(CommandFailed, match=r"mailroom accounts: the database of DATABASE_URL does not work"):
        await mailroom(operator, "accounts")
    del operator.environment["DATABASE_URL"]
    with pytest.raises(CommandFailed, match=r"mailroom accounts: DATABASE_URL"):
        await mailroom(operator, "accounts")


@pytest.mark.parametrize("command", ["accounts", "accounts --json"])
async def test_whoever_stops_reading_is_no_error(operator: Operator, command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", f"{MAILROOM} {command} | true; exit ${{PIPESTATUS[0]}}"),
        stderr=asyncio.subprocess.PIPE,
        env=operator.environment,
        cwd=os.sep,
    )
    _, complaint = await process.communicate()
    assert (process.returncode, complaint.decode()) == (0, "")


async def test_nothing_in_the_folder_that_one_is_in_is_run(operator: Operator, tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise SystemExit('what a sender has attached')")
    process = await asyncio.create_subprocess_exec(
        *(MAILROOM, "--help"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=operator.environment,
        cwd=tmp_path,
    )
    said, complaint = await process.communicate()
    assert (process.returncode, complaint.decode()) == (0, "")
    assert b"Usage: mailroom" in said


@pytest.mark.parametrize("arguments", [("--help",), ("vault", "--help"), ("attach", "--help"), ("oauth", "--help")])
async def test_every_command_says_what_it_is_for(operator: Operator, arguments: tuple[str, ...]) -> None:
    assert "usage" in (await mailroom(operator, *arguments)).lower()
