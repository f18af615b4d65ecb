"""A Zoho of a test's own: the accounts server and the APIs of CRM (v8) and Recruit (v2), on 127.0.0.1, all in memory.

It does what Zoho's documents say (tests/servers/zoho_organisation.py), and fails in any way that it is told to.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.servers.zoho_organisation import PRODUCTS, Organisation, Refusal, Result, Row

CLIENT_ID = "1000.MAILROOM"
CLIENT_SECRET = "zoho-client-s3cret"
REFRESH_TOKEN = "1000.refresh-t0ken"
GRANT_CODE = "1000.grant-c0de"
SMALLEST_ID = 10**15
SCOPE = "ZohoCRM.modules.ALL ZohoCRM.settings.ALL"


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


def failing(status: int, code: str, message: str = "no", **details: Any) -> Fault:
    """As Zoho says that a request as a whole has failed."""
    return Fault(status, {"code": code, "message": message, "status": "error", "details": details})


@dataclass(frozen=True)
class Seen:
    """A request as it came, without its token; `since` is its If-Modified-Since."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    since: datetime | None = None


class ZohoTwin(Organisation):
    """Used as `with`. `url` is where all of it is: API, accounts server."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Seen] = []
        self.tokens: set[str] = set()
        self.refreshed = 0
        self._faults: list[tuple[str, re.Pattern[str], Fault]] = []
        self._stopping = threading.Event()
        twin = self

        class Handler(_Handler):
            server_twin = twin

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

    def grant(self) -> dict[str, Any]:
        """What the vault holds of somebody who has agreed."""
        return {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "refresh_token": REFRESH_TOKEN,
            "token_endpoint": f"{self.url}/oauth/v2/token",
            "scope": SCOPE.replace(" ", ","),
        }

    def expire_tokens(self) -> None:
        with self.lock:
            self.tokens.clear()

    def fail(self, method: str, path: str, fault: Fault, *, times: int = 1) -> None:
        """The next `times` requests whose path has `path` (a regular expression) in it fail so."""
        with self.lock:
            self._faults += [(method, re.compile(path), fault)] * times

    def forget_faults(self) -> None:
        with self.lock:
            self._faults.clear()

    def requests(self, method: str, path: str) -> list[Seen]:
        with self.lock:
            return [one for one in self.seen if one.method == method and re.search(path, one.path)]

    def fault_for(self, method: str, path: str) -> Fault | None:
        with self.lock:
            for fault in self._faults:
                if fault[0] == method and fault[1].search(path):
                    self._faults.remove(fault)
                    return fault[2]
            return None

    def wait_until_stopped(self) -> None:
        self._stopping.wait()

    def token(self, form: Mapping[str, str]) -> Row:
        with self.lock:
            if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
                return {"error": "invalid_client"}
            match form.get("grant_type"):
                case "refresh_token" if form.get("refresh_token") == REFRESH_TOKEN:
                    more = {}
                case "authorization_code" if form.get("code") == GRANT_CODE:
                    more = {"refresh_token": REFRESH_TOKEN}
                case _:
                    return {"error": "invalid_code"}
            self.refreshed += 1
            access = f"1000.access-t0ken-{self.refreshed}"
            self.tokens.add(access)
            answer = {"access_token": access, "token_type": "Bearer", "expires_in": 3600, "scope": SCOPE}
            return answer | more | {"api_domain": self.url}

    def answer(self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: Any) -> Result:
        with self.lock:
            if headers.get("authorization", "").removeprefix("Zoho-oauthtoken ") not in self.tokens:
                refusal = Refusal(401, "INVALID_TOKEN", "invalid oauth token")
                return 401, refusal.item
            since = headers.get("if-modified-since")
            self.seen.append(Seen(method, path, dict(query), body, datetime.fromisoformat(since) if since else None))
            product = next((prefix for prefix in PRODUCTS if path.startswith(f"{prefix}/")), None)
            try:
                if product is None:
                    raise Refusal(404, "INVALID_URL_PATTERN", "Please check if the URL is a correct one")
                return self.route(product, method, path.removeprefix(product), query, headers, body)
            except Refusal as refusal:
                return refusal.status, refusal.item


class _Handler(BaseHTTPRequestHandler):
    server_twin: ZohoTwin
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        twin = self.server_twin
        parts = urlsplit(self.path)
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = twin.fault_for(self.command, parts.path)
        status, body = 0, None
        if fault is None or fault.committed:
            status, body = self._usual(parts.path, parts.query, content)
        if fault is None:
            self._answer(status, body)
        elif fault.silent:
            twin.wait_until_stopped()
            self.close_connection = True
        elif fault.half:
            sent = json.dumps(body if fault.committed else fault.body or {"data": []}).encode()
            self._begin(200, len(sent) + 100, "application/json", {})
            self.wfile.write(sent[: len(sent) // 2])
            self.close_connection = True
        elif fault.text is not None:
            self._begin(fault.status, len(fault.text.encode()), "text/html", fault.headers)
            self.wfile.write(fault.text.encode())
        else:
            self._answer(fault.status, fault.body, fault.headers)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - http.server's names

    def _usual(self, path: str, query: str, content: bytes) -> Result:
        if path == "/oauth/v2/token":
            return 200, self.server_twin.token({key: value[0] for key, value in parse_qs(content.decode()).items()})
        body = _with_ids_as_text(json.loads(content)) if content else None
        given = {key: value[0] for key, value in parse_qs(query, keep_blank_values=True).items()}
        return self.server_twin.answer(
            self.command, path, given, {name.lower(): value for name, value in self.headers.items()}, body
        )

    def _answer(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        content = b"" if body is None or status in (204, 304) else json.dumps(body).encode()
        self._begin(status, len(content), "application/json;charset=utf-8" if content else None, headers or {})
        self.wfile.write(content)

    def _begin(self, status: int, length: int, kind: str | None, headers: Mapping[str, str]) -> None:
        self.send_response_only(status)
        self.send_header("Date", format_datetime(self.server_twin.now, usegmt=True))
        if kind:
            self.send_header("Content-Type", kind)
        if status not in (204, 304):
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def _with_ids_as_text(value: Any) -> Any:
    """Zoho takes ids as text and as numbers, and the vendor's SDK sends numbers: here they are one thing."""
    if isinstance(value, dict):
        return {key: _with_ids_as_text(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_ids_as_text(inner) for inner in value]
    return str(value) if type(value) is int and value > SMALLEST_ID else value
