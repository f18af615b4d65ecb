"""Zoho's API, request by request: with an access token that is renewed once when it is refused, and errors told apart."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from activities.crm.adapters.protocol import CrmFailure
from domain.core.redaction import redact
from domain.crm.settings import CrmSettings
from domain.crm.zoho import PREFIXES
from domain.failures.failure import Diagnosed, Kind
from domain.oauth import Grant
from infra.network.http import AnswerLost, HttpHost, NotSent, Response
from infra.oauth.tokens import AccessTokens
from infra.vault.uses import Use

ANSWER_SECONDS = 60.0
LARGEST_ANSWER = 16 * 1024 * 1024
LONGEST_SAID = 2000  # characters
CONCURRENCY_SECONDS = 10.0  # Zoho counts calls under way at once, too: those are over soon

JsonObject = dict[str, Any]
Method = Literal["GET", "POST", "PUT", "DELETE"]

_CODE = re.compile(r"[A-Za-z][A-Za-z_ ]{1,59}")

KINDS: Mapping[str, Kind] = {
    "INVALID_TOKEN": Kind.CRM_AUTHENTICATION,
    "AUTHENTICATION_FAILURE": Kind.CRM_AUTHENTICATION,
    "OAUTH_SCOPE_MISMATCH": Kind.CRM_PERMISSION,
    "NO_PERMISSION": Kind.CRM_PERMISSION,
    "AUTHORIZATION_FAILED": Kind.CRM_PERMISSION,
    "FEATURE_NOT_SUPPORTED": Kind.CRM_PERMISSION,
    "FEATURE_NOT_ENABLED": Kind.CRM_PERMISSION,
    "INVALID_MODULE": Kind.CRM_PERMISSION,  # switched off, or hidden from this user's profile
    "TOO_MANY_REQUESTS": Kind.CRM_RATE_LIMITED,
    "LIMIT_EXCEEDED": Kind.CRM_RATE_LIMITED,
    "ID_ALREADY_DELETED": Kind.CRM_GONE,
    "NOT_FOUND": Kind.CRM_GONE,
    "NO_RECORDS_FOUND": Kind.CRM_GONE,
}
TROUBLE_OF_ITS_OWN = ("INTERNAL_ERROR", "INTERNAL_SERVER_ERROR")
RELATIONS = ("Who_Id", "What_Id", "Parent_Id", "Contact_Name", "linked_record")
STATUSES: Mapping[int, Kind] = {401: Kind.CRM_AUTHENTICATION, 403: Kind.CRM_PERMISSION, 429: Kind.CRM_RATE_LIMITED}

# What it means for a CRM that no access token is to be had. The other kinds are the token endpoint's own trouble.
TOKEN_KINDS: Mapping[Kind, Kind] = {
    Kind.AUTHENTICATION: Kind.CRM_AUTHENTICATION,
    Kind.CONFIGURATION: Kind.CRM_AUTHENTICATION,
    Kind.THROTTLED: Kind.CRM_RATE_LIMITED,
}


class Duplicate(CrmFailure):
    """Zoho has such a record, `id` where it says which."""

    def __init__(self, said: str | None, record_id: str | None) -> None:
        super().__init__(Kind.CRM_REJECTED, "duplicate_data", said)
        self.id = record_id


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON object; an empty one where nothing was found (204) or nothing has changed (304). `at`: by Zoho's clock."""

    at: datetime
    body: JsonObject = field(default_factory=dict)

    def rows(self, name: str = "data") -> list[JsonObject]:
        """Raises CRM_UNAVAILABLE where it has no such list: that is no list without rows, by which something would be taken for
        missing that is there."""
        found = self.body.get(name) if self.body else []
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            raise CrmFailure(Kind.CRM_UNAVAILABLE, "nonsense", f"an answer without the list {name} that it should have")
        return found

    @property
    def info(self) -> JsonObject:
        found = self.body.get("info")
        return found if isinstance(found, dict) else {}


class ZohoApi:
    """One product's API of one organisation. Refused, of its secret or host, and psycopg errors pass through."""

    def __init__(self, settings: CrmSettings, host: HttpHost, tokens: AccessTokens, use: Use) -> None:
        assert settings.secret is not None
        self._http = host
        self._prefix = PREFIXES[settings.profile]
        self._secret = settings.secret
        self._tokens = tokens
        self._use = use
        self._hide: tuple[str, ...] = ()

    async def get(
        self, path: str, parameters: Mapping[str, str] | None = None, *, since: datetime | None = None
    ) -> Answer:
        headers = {"If-Modified-Since": since.isoformat(timespec="seconds")} if since else {}
        return await self._ask("GET", path, parameters=parameters, headers=headers)

    async def change(
        self,
        method: Method,
        path: str,
        body: JsonObject | None = None,
        *,
        parameters: Mapping[str, str] | None = None,
        name: str = "data",
    ) -> JsonObject:
        """Changes one thing; the `details` that Zoho gives of it.

        An answer may be a success as a whole and tell of the one record that it failed (200, 202 and 207).
        """
        answer = await self._ask(method, path, parameters=parameters, body=body)
        items = answer.body.get(name)
        if not isinstance(items, list) or len(items) != 1 or not isinstance(items[0], dict):
            raise CrmFailure(Kind.CRM_UNCERTAIN, "nonsense", "an answer without the one result that it should have")
        item = items[0]
        if item.get("code") != "SUCCESS":
            raise self._failure(200, item, None, writes=True)
        details = item.get("details")
        return details if isinstance(details, dict) else {}

    async def _ask(
        self,
        method: Method,
        path: str,
        *,
        parameters: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: JsonObject | None = None,
    ) -> Answer:
        writes = method != "GET"
        grant = await self._grant()
        response = await self._send(method, path, parameters, headers or {}, body, grant)
        if response.status == 401 and _code(_object(response)) != "OAUTH_SCOPE_MISMATCH":
            # Refused before anything was done: once more with another token, which everybody else has from the vault then.
            grant = await self._grant(rejected=grant.access_token)
            response = await self._send(method, path, parameters, headers or {}, body, grant)
        self._hide = grant.secrets
        return self._understood(response, writes)

    async def _grant(self, rejected: str | None = None) -> Grant:
        try:
            return await self._tokens.get(self._secret, use=self._use, rejected=rejected)
        except Diagnosed as diagnosed:
            kind = TOKEN_KINDS.get(diagnosed.diagnosis.kind, Kind.CRM_UNAVAILABLE)
            if diagnosed.said and diagnosed.said.startswith("HTTP 4"):
                # No code of OAuth's: Zoho answers so to who asks for tokens too often. It says nothing about the grant.
                kind = Kind.CRM_RATE_LIMITED
            raise CrmFailure(kind, "token_endpoint", diagnosed.said) from None

    async def _send(
        self,
        method: Method,
        path: str,
        parameters: Mapping[str, str] | None,
        headers: Mapping[str, str],
        body: JsonObject | None,
        grant: Grant,
    ) -> Response:
        sent = {"Authorization": f"Zoho-oauthtoken {grant.access_token}", "Accept": "application/json", **headers}
        if body is not None:
            sent["Content-Type"] = "application/json"
        try:
            return await self._http.request(
                method,
                self._prefix + path,
                headers=sent,
                parameters=parameters,
                content=json.dumps(body).encode() if body is not None else b"",
                seconds=ANSWER_SECONDS,
                largest=LARGEST_ANSWER,
            )
        except NotSent as error:
            raise CrmFailure(Kind.CRM_UNAVAILABLE, "connection", str(error)) from None
        except AnswerLost as error:
            kind = Kind.CRM_UNAVAILABLE if method == "GET" else Kind.CRM_UNCERTAIN
            raise CrmFailure(kind, "answer_lost", str(error)) from None

    def _understood(self, response: Response, writes: bool) -> Answer:
        at = _date(response)
        if response.status in (204, 304):
            return Answer(at)
        body = _object(response)
        if body and response.status < 300 and body.get("status") != "error":
            return Answer(at, body)
        raise self._failure(response.status, body, response.retry_after, writes=writes)

    def _failure(self, status: int, body: JsonObject | None, wait: float | None, *, writes: bool) -> CrmFailure:
        if body is not None and not _code(body):
            body = _first(body) or body  # the one record's error, within an answer that is a failure as a whole
        code = _code(body)
        said = _said(status, code, body, self._hide)
        cause = code.lower().replace(" ", "_") if code else f"http_{status}"
        details = (body or {}).get("details")
        details = details if isinstance(details, dict) else {}
        if status == 429 or KINDS.get(code) is Kind.CRM_RATE_LIMITED:
            if wait is None and "concurren" in said.lower():
                wait = CONCURRENCY_SECONDS
            return CrmFailure(Kind.CRM_RATE_LIMITED, cause, said, retry_after=wait)
        if status >= 500 or code in TROUBLE_OF_ITS_OWN or (status < 300 and not code):
            return CrmFailure(Kind.CRM_UNCERTAIN if writes else Kind.CRM_UNAVAILABLE, cause, said)
        if body is None and status not in STATUSES:
            # A page of somebody's in between: no verdict of Zoho's on what was asked, and not carried out.
            return CrmFailure(Kind.CRM_UNAVAILABLE, "nonsense", said)
        if code == "DUPLICATE_DATA":
            return Duplicate(said, _duplicate_of(details))
        if code == "INVALID_DATA" and ("resource_path_index" in details or details.get("api_name") in RELATIONS):
            return CrmFailure(Kind.CRM_GONE, cause, said)  # the id in the path, or of what it is to hang on, is none
        return CrmFailure(KINDS.get(code) or STATUSES.get(status, Kind.CRM_REJECTED), cause, said)


def _object(response: Response) -> JsonObject | None:
    try:
        body = json.loads(response.content or b"")
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _code(body: JsonObject | None) -> str:
    found = (body or {}).get("code")
    return found if isinstance(found, str) and _CODE.fullmatch(found) else ""


def _first(body: JsonObject) -> JsonObject | None:
    for value in body.values():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return value[0]
    return None


def _said(status: int, code: str, body: JsonObject | None, hide: tuple[str, ...]) -> str:
    """Zoho's words as they may be shown; of the details only which field it is about."""
    if body is None:
        return f"HTTP {status}, with an answer that is not Zoho's"
    details = body.get("details")
    about = details.get("api_name") or details.get("param_name") if isinstance(details, dict) else None
    words = f"{code or 'no code'} (HTTP {status}): {body.get('message', '')}"[:LONGEST_SAID]
    return redact(words + (f" ({about})"[:100] if about else ""), hide=hide)


def _duplicate_of(details: JsonObject) -> str | None:
    record = details.get("duplicate_record")
    found = record.get("id") if isinstance(record, dict) else details.get("id")
    return str(found) if found else None


def _date(response: Response) -> datetime:
    try:
        return parsedate_to_datetime(response.headers["date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return datetime.now(UTC)
