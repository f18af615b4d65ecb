"""A server in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import weakref
from abc import ABC, abstractmethod
from typing import ClassVar, Self


class ServerProcess(ABC):
    """Used as a context manager: afterwards nothing of it is left. `start` sets `_process`, in a session of its own."""

    at_work: ClassVar[weakref.WeakSet[ServerProcess]] = weakref.WeakSet()
    """The servers of this process that were set up and are not taken away."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._set_up()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        self.at_work.add(self)
        return self

    def __exit__(self, *_exception: object) -> None:
        self.at_work.discard(self)
        self.stop()
        self._clean_up()

    @abstractmethod
    def _set_up(self) -> None:
        """Makes what the server needs, before it is started for the first time."""

    @abstractmethod
    def start(self) -> None:
        """Starts the server, again after `stop`, on the same ports with the same data; returns when it answers."""

    def stop(self) -> None:
        """Ends the server with all that it does: its ports refuse connections afterwards. Its data stay."""
        self._end(signal.SIGTERM)

    @abstractmethod
    def _clean_up(self) -> None:
        """Takes away what was set up."""

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # its own session, so all of it is ours
            process.wait()
        if process.stderr:
            process.stderr.close()
