"""A Zoho of a test's own: the accounts server and the APIs of CRM (v8) and Recruit (v2), on 127.0.0.1, all in memory.

It does what Zoho's documents say (tests/servers/zoho_organisation.py), and fails in any way that it is told to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.servers.failing_http import WITHOUT_BODY, Answer, FailingServer, Fault, Request
from tests.servers.zoho_organisation import Organisation, Refusal, Result
from tests.servers.zoho_schema import PRODUCTS, Row

CLIENT_ID = "1000.MAILROOM"
CLIENT_SECRET = "zoho-client-s3cret"
REFRESH_TOKEN = "1000.refresh-t0ken"
GRANT_CODE = "1000.grant-c0de"
SMALLEST_ID = 10**15
SCOPE = "ZohoCRM.modules.ALL ZohoCRM.settings.ALL"


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


class ZohoTwin(FailingServer, Organisation):
    """Used as `with`. `url` is where all of it is: API, accounts server."""

    def __init__(self) -> None:
        FailingServer.__init__(self)
        Organisation.__init__(self)
        self.seen: list[Seen] = []
        self.tokens: set[str] = set()
        self.refreshed = 0

    def headers(self) -> Mapping[str, str]:
        return {"Date": format_datetime(self.now, usegmt=True)}

    def usual(self, request: Request) -> Answer:
        status, body = self._result(request)
        if body is None or status in WITHOUT_BODY:
            return Answer(status, {}, b"")
        return Answer(status, {"Content-Type": "application/json;charset=utf-8"}, json.dumps(body).encode())

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

    def requests(self, method: str, path: str) -> list[Seen]:
        with self.lock:
            return [one for one in self.seen if one.method == method and re.search(path, one.path)]

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

    def _result(self, request: Request) -> Result:
        query = urlsplit(request.target).query
        if request.path == "/oauth/v2/token":
            return 200, self.token({key: value[0] for key, value in parse_qs(request.content.decode()).items()})
        body = _with_ids_as_text(json.loads(request.content)) if request.content else None
        given = {key: value[0] for key, value in parse_qs(query, keep_blank_values=True).items()}
        return self.answer(request.method, request.path, given, request.headers, body)


def _with_ids_as_text(value: Any) -> Any:
    """Zoho takes ids as text and as numbers, and the vendor's SDK sends numbers: here they are one thing."""
    if isinstance(value, dict):
        return {key: _with_ids_as_text(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_ids_as_text(inner) for inner in value]
    return str(value) if type(value) is int and value > SMALLEST_ID else value
