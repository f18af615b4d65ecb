"""A front before a real web server that answers for it as it is told to, and passes everything else on."""

from __future__ import annotations

import http.client
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.servers.zoho_twin import Fault

HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "date", "server"}


class FailingFront:
    """Used as `with`; `url` stands for the `url` that it was given, path included."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._faults: list[tuple[str, re.Pattern[str], Fault]] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        front = self

        class Handler(_Handler):
            of = front

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
        return f"http://127.0.0.1:{self._server.server_address[1]}{self._target.path}"

    def fail(self, method: str, path: str, fault: Fault, *, times: int = 1) -> None:
        """The next `times` requests whose path has `path` (a regular expression) in it fail so."""
        with self._lock:
            self._faults += [(method, re.compile(path), fault)] * times

    def fault_for(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if fault[0] == method and fault[1].search(path):
                    self._faults.remove(fault)
                    return fault[2]
            return None

    def wait_until_stopped(self) -> None:
        self._stopping.wait()

    def passed_on(
        self, method: str, path: str, headers: dict[str, str], content: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self._target.netloc, timeout=60)
        try:
            connection.request(method, path, content, headers)
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP}
            return answer.status, kept, answer.read()
        finally:
            connection.close()


class _Handler(BaseHTTPRequestHandler):
    of: FailingFront
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.of.fault_for(self.command, urlsplit(self.path).path)
        status, headers, body = 200, dict[str, str](), b"[]"
        if fault is None or fault.committed:
            status, headers, body = self.of.passed_on(self.command, self.path, dict(self.headers), content)
        if fault is None:
            self._answer(status, headers, body, len(body))
        elif fault.silent:
            self.of.wait_until_stopped()
            self.close_connection = True
        elif fault.half:
            self._answer(200, headers, body[: len(body) // 2], len(body) + 100)
            self.close_connection = True
        else:
            html = fault.text is not None
            body = fault.text.encode() if fault.text is not None else json.dumps(fault.body).encode()
            kind = {"Content-Type": "text/html" if html else "application/json"}
            self._answer(fault.status, {**kind, **fault.headers}, body, len(body))

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - http.server's names

    def _answer(self, status: int, headers: dict[str, str], body: bytes, length: int) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
