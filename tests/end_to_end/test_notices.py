"""People are told: each notice reaches the URL of MAILROOM_NOTIFY_URL."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.end_to_end.operating import Operator
from tests.servers.scripted_pop import MailboxServer
from tests.support.running import a_new_address, until


class Receiver:
    """An HTTP server that takes every notice."""

    def __init__(self) -> None:
        self.url = ""
        self.told: list[dict[str, Any]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].split("\r\n")[0])
        self.told.append(json.loads(await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async def until_told(self, count: int) -> list[dict[str, Any]]:
        """All notices in the order in which they happened, once there are `count` different ones."""

        async def arrived() -> bool:
            return len({notice["id"] for notice in self.told}) >= count

        await until(arrived, f"{count} notices")
        return sorted({notice["id"]: notice for notice in self.told}.values(), key=lambda notice: notice["at"])


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with await asyncio.start_server(receiver.serve, "127.0.0.1", 0) as server:
        receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/notices"
        yield receiver


@pytest.mark.requirement("R82", "R97")
async def test_people_are_told_when_an_account_is_disabled_and_when_it_is_enabled(
    operator: Operator, receiver: Receiver
) -> None:
    address = a_new_address()
    workflow = ("--workflow-id", f"mail-account/{address}")
    async with MailboxServer() as server:
        await operator.worker(
            MAILROOM_NOTIFY_URL=receiver.url, MAILROOM_MINUTE_SECONDS="0.01", MAILROOM_SUPPORT="help@mailroom.example"
        )
        await operator.connect(address, server.port, await operator.store_secret("jane", server.password))
        await operator.temporal("workflow", "signal", *workflow, "--name", "disable", "--input", '{"by": "ops"}')
        (disabled,) = await receiver.until_told(1)
        assert (disabled["address"], disabled["code"]) == (address, "disabled")
        assert disabled["text"] == f"{address} was disabled by ops."
        assert "enable" in disabled["remedy"]

        await operator.temporal("workflow", "signal", *workflow, "--name", "enable", "--input", '{"by": "ops"}')
        assert [notice["code"] for notice in await receiver.until_told(2)] == ["disabled", "enabled"]

        server.password = "changed by its owner"
        *_, locked_out = await receiver.until_told(3)
        status = await operator.status(address)
        assert (locked_out["code"], status["state"]) == ("disabled", "disabled")
        failure = status["last_failure"]
        assert "10 times in a row" in locked_out["text"]
        for words in (failure["server_said"], failure["reference"], "help@mailroom.example"):
            assert words in locked_out["text"]
        assert locked_out["remedy"] == failure["remedy"]

        await operator.command(address, "change_credential", secret=await operator.store_secret("new", server.password))
        told = await receiver.until_told(4)
        assert [notice["code"] for notice in told] == ["disabled", "enabled", "disabled", "enabled"]

        async def all_delivered() -> bool:
            return await operator.number("select count(*) from notices where delivered_at is null") == 0

        await until(all_delivered, "all notices to be marked as delivered")
        shown = await operator.rows("select id, text, remedy from notices order by at")
        assert [(str(row["id"]), row["text"], row["remedy"]) for row in shown] == [
            (notice["id"], notice["text"], notice["remedy"]) for notice in told
        ]
