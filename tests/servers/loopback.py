"""TCP servers on 127.0.0.1 that go down and come up again."""

from __future__ import annotations

import asyncio
import ssl
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class LoopbackServer(ABC):
    """A TCP server on 127.0.0.1 and a free port, which it keeps when it goes down and comes up again."""

    host = "127.0.0.1"

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self.port = 0
        self._tls = tls
        self._listener: asyncio.Server | None = None
        self._sessions: set[asyncio.Task[None]] = set()

    async def up(self) -> None:
        """Listen; on the same port as before where there was one."""
        # The stream reader takes 1 MB lines: tests send long ones.
        self._listener = await asyncio.start_server(self._accept, self.host, self.port, ssl=self._tls, limit=1 << 20)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Stop listening and drop every session: connecting is refused from now on."""
        if self._listener is not None:
            self._listener.close()
        await self.hang_up()

    async def hang_up(self) -> None:
        """Drop every open session, go on listening."""
        sessions = list(self._sessions)
        for session in sessions:
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.up()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.down()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._sessions.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # the client went away, or the test is over
        finally:
            self._sessions.discard(task)
            writer.transport.abort() if task.cancelling() else writer.close()

    @abstractmethod
    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None: ...
