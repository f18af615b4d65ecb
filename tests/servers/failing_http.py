"""An HTTP server on 127.0.0.1 that fails as it is told to, and otherwise answers as whoever builds on it says."""

from __future__ import annotations

import json
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

WITHOUT_BODY = (204, 304)


@dataclass(frozen=True)
class Request:
    """As it came; `headers` have their names in lower case, `target` is the path with its query."""

    method: str
    target: str
    headers: Mapping[str, str]
    content: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path


@dataclass(frozen=True)
class Answer:
    """`half`: the line ends in the middle of the content."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    half: bool = False


@dataclass(frozen=True)
class Fault:
    """What happens to one request instead; `committed`: after it was carried out. `text` is sent as HTML, `body` as JSON."""

    status: int = 500
    body: Any = None
    text: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    committed: bool = False
    half: bool = False
    silent: bool = False

    @property
    def answer(self) -> Answer:
        kind, text = ("text/html", self.text) if self.text is not None else ("application/json", json.dumps(self.body))
        return Answer(self.status, {"Content-Type": kind, **self.headers}, text.encode())


class FailingServer(ABC):
    """Used as `with`; `url` is where it is."""

    def __init__(self) -> None:
        self._faults: list[tuple[str, re.Pattern[str], Fault]] = []
        self._faults_lock = threading.Lock()
        self._stopping = threading.Event()
        server = self

        class Handler(_Handler):
            of = server

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @abstractmethod
    def usual(self, request: Request) -> Answer:
        """What is answered to a request that nothing befalls; called by many threads."""

    def headers(self) -> Mapping[str, str]:
        """What every answer has besides its own headers."""
        return {}

    def fail(self, method: str, path: str, fault: Fault, *, times: int = 1) -> None:
        """The next `times` requests whose path has `path` (a regular expression) in it fail so."""
        with self._faults_lock:
            self._faults += [(method, re.compile(path), fault)] * times

    def forget_faults(self) -> None:
        with self._faults_lock:
            self._faults.clear()

    def answer_to(self, request: Request) -> Answer | None:
        """Nothing where the fault is silence, and then only once the server stops."""
        fault = self._fault_for(request)
        if fault is None:
            return self.usual(request)
        usual = self.usual(request) if fault.committed else None
        if fault.silent:
            self._stopping.wait()
            return None
        if fault.half:
            return replace(usual or fault.answer, status=200, half=True)
        return fault.answer

    def _fault_for(self, request: Request) -> Fault | None:
        with self._faults_lock:
            for number, (method, path, fault) in enumerate(self._faults):
                if method == request.method and path.search(request.path):
                    del self._faults[number]
                    return fault
            return None


class _Handler(BaseHTTPRequestHandler):
    of: FailingServer
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.of.answer_to(Request(self.command, self.path, headers, content))
        if answer is None or answer.half:
            self.close_connection = True
        if answer is not None:
            self._send(answer)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 -- http.server's names

    def _send(self, answer: Answer) -> None:
        length = len(answer.content)
        self.send_response_only(answer.status)
        for name, value in {**self.of.headers(), **answer.headers}.items():
            self.send_header(name, value)
        if answer.status not in WITHOUT_BODY:
            self.send_header("Content-Length", str(length + 100 if answer.half else length))
        self.end_headers()
        self.wfile.write(answer.content[: length // 2] if answer.half else answer.content)

    def log_message(self, *_: object) -> None:
        pass
