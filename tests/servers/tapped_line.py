"""A line to a server that a test listens in on: it may act at any byte, before the client can see what comes after."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import Literal, Self

Break = Literal["silence", "close", "reset"]
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER of no time: closing sends RST


class TappedLine:
    """A TCP relay on 127.0.0.1; while the server is down it hangs up on its clients.

    `asked` and `answered` see every piece of data before it is passed on.
    `asked` gets what a client says, `answered` what the server says, and the number of the connection, from 1.
    `answered` returns how many bytes to pass on. With fewer than all of them the server is heard no further, and the client
    finds the line as `broken_by` says: silent, closed by the server, or reset.
    """

    host = "127.0.0.1"

    def __init__(self, server_port: int) -> None:
        self.port = 0
        self.connections = 0
        self.broken_by: Break = "silence"
        self.asked: Callable[[int, bytes], None]
        self.answered: Callable[[int, bytes], int]
        self.let_pass()
        self._server_port = server_port
        self._listener: asyncio.Server
        self._relays: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._relay, self.host, 0)
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_exception: object) -> None:
        self._listener.close()
        await self.cut()

    def let_pass(self) -> None:
        """Listens in no more: everything is passed on."""
        self.asked = lambda _connection, _data: None
        self.answered = lambda _connection, data: len(data)

    async def until_idle(self) -> None:
        """Returns once there is no connection."""
        while relays := list(self._relays):
            await asyncio.wait(relays)

    async def cut(self) -> None:
        """Ends every connection; new ones are taken."""
        relays = list(self._relays)
        for relay in relays:
            relay.cancel()
        await asyncio.gather(*relays, return_exceptions=True)

    async def _relay(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._relays.add(task)
        self.connections += 1
        number = self.connections
        to_server: asyncio.StreamWriter | None = None
        try:
            server, to_server = await asyncio.open_connection(self.host, self._server_port)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_questions(number, client, to_server))
                both.create_task(self._pass_answers(number, server, to_client))
        except* (OSError, EOFError):
            pass
        except* asyncio.CancelledError:
            pass
        finally:
            self._relays.discard(task)
            for writer in filter(None, (to_server, to_client)):
                with contextlib.suppress(OSError):
                    writer.close()

    async def _pass_questions(self, number: int, client: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        while data := await client.read(65536):
            self.asked(number, data)
            server.write(data)
            await server.drain()
        raise EOFError("the client hung up")

    async def _pass_answers(self, number: int, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while data := await server.read(65536):
            passed = self.answered(number, data)
            client.write(data[:passed])
            await client.drain()
            if passed < len(data):
                self._break(client)
                return  # what follows never arrives; the client may still hang up
        client.write_eof()

    def _break(self, client: asyncio.StreamWriter) -> None:
        if self.broken_by == "close":
            client.write_eof()
        elif self.broken_by == "reset":
            client.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            client.transport.abort()
