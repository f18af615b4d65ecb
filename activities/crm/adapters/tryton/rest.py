"""Tryton's REST user application: requests, and what its answers mean.

Of whatever it refuses, Tryton says 400 and a sentence in the language of its user, so a refusal is told from another only by
reading back. A model that a database does not have is a 500, and so is any model of one that Tryton is only just loading.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from activities.crm.adapters.protocol import CrmFailure
from domain.core.redaction import redact
from domain.failures.failure import Kind
from infra.network.http import AnswerLost, HttpHost, NotSent, Response

SECONDS = 60.0  # for one answer
LARGEST = 32 * 1024 * 1024  # bytes of one answer
LONGEST_SAID = 2000  # characters of a sentence

SERVER_ERRORS = range(500, 600)
REFUSALS = (400, 409, 410, 413, 415, 422)

Values = Mapping[str, Any]


class Declined(Exception):
    """Tryton did not do it: it exists already, or something is wrong with it. `said` are its words, redacted."""

    def __init__(self, said: str | None) -> None:
        super().__init__("Tryton refused a request")
        self.said = said

    def failure(self, kind: Kind, cause: str) -> CrmFailure:
        return CrmFailure(kind, cause, self.said)


class Absent(Exception):
    """There is no record with that id."""


class TrytonRest:
    """The models of one database, as the user application with this key may use them."""

    def __init__(self, host: HttpHost, key: str) -> None:
        self._host = host
        self._key = key
        self.context: Mapping[str, Any] = {}

    async def search(
        self,
        model: str,
        domain: Sequence[Any],
        fields: Sequence[str],
        *,
        limit: int,
        order: Sequence[tuple[str, str]] = (("id", "ASC"),),
    ) -> list[dict[str, Any]]:
        """The records in `domain`, as `{"id": ..., field: value}`; a dotted field is an object, or a list of them."""
        parameters = {"d": _encoded(domain), "f": list(fields), "s": str(limit), "o": _encoded(order)}
        try:
            found = await self._ask("GET", f"/{model}", parameters=parameters)
        except Declined as refused:
            raise refused.failure(Kind.CRM_PERMISSION, f"the user of the key may not read {model}") from None
        except Absent:
            raise _nowhere() from None
        if not isinstance(found, list) or not all(isinstance(one, dict) and "id" in one for one in found):
            raise CrmFailure(Kind.CRM_UNAVAILABLE, f"Tryton did not answer a search of {model} with a list of records")
        return found

    async def ask(self, model: str, method: str, values: Values) -> Any:
        """Calls a method that only reads."""
        try:
            return await self._ask("POST", f"/{model}/{method}", values=values)
        except Declined as refused:
            raise refused.failure(
                Kind.CRM_PERMISSION, f"the user of the key may not call {method} of {model}"
            ) from None
        except Absent:
            raise _nowhere() from None

    async def create(self, model: str, values: Values) -> str:
        """The new record's id; raises Declined."""
        try:
            made = await self._ask("POST", f"/{model}", values=values, parameters={"f": ["id"]}, writes=True)
        except Absent:
            raise _nowhere() from None
        if not isinstance(made, dict) or not isinstance(made.get("id"), int):
            raise CrmFailure(Kind.CRM_UNCERTAIN, "Tryton did not answer with the record that was to be made")
        return str(made["id"])

    async def write(self, model: str, record: str, values: Values) -> None:
        """Raises Declined and Absent."""
        written = await self._ask("PUT", f"/{model}/{record}", values=values, parameters={"f": ["id"]}, writes=True)
        if written is not None and (not isinstance(written, dict) or str(written.get("id")) != record):
            raise CrmFailure(Kind.CRM_UNCERTAIN, "Tryton did not answer with the record that was to be changed")

    async def press(self, model: str, record: str, button: str) -> None:
        """Raises Declined and Absent."""
        await self._ask("POST", f"/{model}/{record}/{button}", values={}, parameters={"f": ["id"]}, writes=True)

    async def delete(self, model: str, record: str) -> None:
        """Raises Declined and Absent."""
        if await self._ask("DELETE", f"/{model}/{record}", writes=True) is not None:
            raise CrmFailure(Kind.CRM_UNCERTAIN, "Tryton did not say that it has deleted the record")

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        values: Values | None = None,
        parameters: Mapping[str, str | Sequence[str]] | None = None,
        writes: bool = False,
    ) -> Any:
        headers = {"Authorization": f"Bearer {self._key}", "Accept": "application/json"}
        if self.context:
            headers["X-Tryton-Context"] = _encoded(self.context)
        content = b""
        if values is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(values).encode()
        unclear = Kind.CRM_UNCERTAIN if writes else Kind.CRM_UNAVAILABLE
        try:
            response = await self._host.request(
                method,
                f"/rest/model{path}",
                headers=headers,
                parameters=parameters,
                content=content,
                seconds=SECONDS,
                largest=LARGEST,
            )
        except NotSent as error:
            raise CrmFailure(Kind.CRM_UNAVAILABLE, f"Tryton was not reached: {error}") from error
        except AnswerLost as error:
            raise CrmFailure(unclear, f"Tryton's answer was lost: {error}") from error
        return self._meaning(response, unclear, _words(values))

    def _meaning(self, response: Response, unclear: Kind, words: Sequence[str]) -> Any:
        status = response.status
        said = redact(_message(response), hide=[self._key, *words]) or None
        if status == 401:
            raise CrmFailure(Kind.CRM_AUTHENTICATION, "Tryton does not take the key (401)", said)
        if status == 403:
            raise CrmFailure(Kind.CRM_PERMISSION, "the user of the key may not do this in Tryton (403)", said)
        if status == 429:
            raise CrmFailure(
                Kind.CRM_RATE_LIMITED, "Tryton asks for fewer requests (429)", said, retry_after=response.retry_after
            )
        if status == 404:
            raise Absent
        if status == 405:
            raise _nowhere()
        if status in REFUSALS:
            raise Declined(said)
        if status in SERVER_ERRORS or status == 408:
            raise CrmFailure(unclear, f"Tryton answered {status}", said, retry_after=response.retry_after)
        if not 200 <= status < 300:
            # A redirect, or a lock that another's change holds: nothing was done.
            raise CrmFailure(Kind.CRM_UNAVAILABLE, f"Tryton answered {status}: is its URL right?", said)
        if status == 204:
            return None
        try:
            return json.loads(response.content or b"")
        except (ValueError, RecursionError) as error:
            raise CrmFailure(unclear, "Tryton answered with something other than JSON") from error


def moment(at: datetime) -> dict[str, Any]:
    """A time in Tryton's terms: UTC, without saying so; a naive one is in them already."""
    at = at.astimezone(UTC) if at.tzinfo else at
    parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    return {"__class__": "datetime", **{part: getattr(at, part) for part in parts}}


def read_moment(value: Any) -> datetime | None:
    """A time of Tryton's, naive; None for anything else."""
    parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    try:
        return datetime(*(value[part] for part in parts)) if value else None  # noqa: DTZ001 -- naive as Tryton's are
    except (TypeError, KeyError, ValueError):
        return None


def _nowhere() -> CrmFailure:
    return CrmFailure(
        Kind.CRM_UNAVAILABLE, "there is no Tryton database at the URL: it is https://HOST/DATABASE with the name of one"
    )


def _encoded(value: Any) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode("ascii")


def _message(response: Response) -> str:
    """Tryton's sentence; of an answer that is not Tryton's nothing is worth showing."""
    try:
        message = json.loads(response.content or b"")["message"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
    return message[:LONGEST_SAID] if isinstance(message, str) else ""


def _words(values: Values | None) -> list[str]:
    """What Tryton may repeat of a request, and nobody should read in an error: subjects, names, texts."""
    shown = ("subject", "name", "description", "text", "recipients", "sender")
    return [str(word)[:1000] for field in shown if values and (word := values.get(field))]
