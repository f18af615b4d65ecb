"""The courier of notices, against a real HTTP receiver."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from infra import notices
from infra.database.pool import Pool
from infra.notices import NoticeCourier


class Receiver:
    """An HTTP server that answers each POST with `answer(notice)` and remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.answer: Callable[[dict[str, Any]], int] = lambda _notice: 204
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.split("content-length:")[1].split("\r\n")[0])
            notice = json.loads(await reader.readexactly(length))
            assert head.startswith("post /notices?token=hunter2 ")
            assert f"idempotency-key: {notice['id']}\r\n" in head
            self.told.append(notice)
            writer.write(f"HTTP/1.1 {self.answer(notice)} x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".encode())
            await writer.drain()
        finally:
            writer.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/notices?token=hunter2"
    async with server:
        yield receiver


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "FIRST_WAIT", 0.02)
    monkeypatch.setattr(notices, "LONGEST_WAIT", 0.1)


@asynccontextmanager
async def couriers(pool: Pool, url: str | None, number: int = 1) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as running:
        for _ in range(number):
            running.create_task(NoticeCourier(pool, url, look_every=0.02).run(stop))
        yield
        stop.set()


async def add(pool: Pool, *codes: str) -> None:
    async with pool.connection() as connection:
        for number, code in enumerate(codes):
            await connection.execute(
                "insert into notices (id, address, at, code, text, remedy) values (%s, 'jane@example.com', "
                "timestamptz '2026-03-01 12:00+01' + %s * interval '1 minute', %s, 'Disabled', 'Give the new password')",
                [uuid.uuid4(), number, code],
            )


async def undelivered(pool: Pool) -> list[str]:
    async with pool.connection() as connection:
        rows = await (await connection.execute("select code from notices where delivered_at is null")).fetchall()
    return [code for (code,) in rows]


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await condition():  # noqa: ASYNC110 -- what is waited for is a row of the database
            await asyncio.sleep(0.01)


async def test_notices_arrive_in_order_as_json_and_are_marked(pool: Pool, receiver: Receiver) -> None:
    await add(pool, "disabled", "enabled")
    async with couriers(pool, receiver.url):

        async def all_marked() -> bool:
            return not await undelivered(pool)

        await until(all_marked)
    assert [notice["code"] for notice in receiver.told] == ["disabled", "enabled"]
    first = receiver.told[0]
    assert uuid.UUID(first.pop("id"))
    assert first == {
        "address": "jane@example.com",
        "at": "2026-03-01T11:00:00Z",
        "code": "disabled",
        "text": "Disabled",
        "remedy": "Give the new password",
    }


async def test_a_receiver_that_is_down_is_asked_again_and_its_secret_is_not_logged(
    pool: Pool, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    answers = iter([503, 500, 429, 302])
    receiver.answer = lambda _notice: next(answers, 200)
    await add(pool, "disabled")
    async with couriers(pool, receiver.url):

        async def marked() -> bool:
            return not await undelivered(pool)

        await until(marked)
    assert [notice["code"] for notice in receiver.told] == ["disabled"] * 5
    assert "status 503" in caplog.text
    assert "hunter2" not in caplog.text


async def test_a_notice_that_the_receiver_refuses_keeps_no_other_waiting(pool: Pool, receiver: Receiver) -> None:
    receiver.answer = lambda notice: 422 if notice["code"] == "strange" else 200
    await add(pool, "strange", "disabled")
    async with couriers(pool, receiver.url):

        async def tried_again() -> bool:
            tries = sum(notice["code"] == "strange" for notice in receiver.told)
            return tries >= 2 and await undelivered(pool) == ["strange"]

        await until(tried_again)


async def test_couriers_share_the_work_and_none_delivers_what_another_has(pool: Pool, receiver: Receiver) -> None:
    await add(pool, *(f"code-{number}" for number in range(30)))
    async with couriers(pool, receiver.url, number=3):

        async def all_marked() -> bool:
            return not await undelivered(pool)

        await until(all_marked)
    assert sorted(notice["code"] for notice in receiver.told) == sorted(f"code-{number}" for number in range(30))


async def test_where_nobody_listens_the_notices_wait(pool: Pool, caplog: pytest.LogCaptureFixture) -> None:
    await add(pool, "disabled")
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    async with couriers(pool, f"http://127.0.0.1:{port}/"):

        async def tried_twice() -> bool:
            return caplog.text.count("cannot be reached (ConnectError)") >= 2

        await until(tried_twice)
    assert await undelivered(pool) == ["disabled"]


async def test_without_a_url_the_notices_stay_where_they_are(pool: Pool) -> None:
    await add(pool, "disabled")
    async with couriers(pool, None):
        await asyncio.sleep(0)  # it has begun; whatever it began, it ends before it stops
    assert await undelivered(pool) == ["disabled"]
