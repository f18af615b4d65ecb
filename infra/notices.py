"""The courier that takes each notice to MAILROOM_NOTIFY_URL, at least once."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC
from typing import Any
from uuid import UUID

import httpx
import psycopg
from psycopg.rows import dict_row

from infra.database.pool import Pool

FIRST_WAIT = 1.0  # seconds
LONGEST_WAIT = 60.0
LOOK_EVERY = 2.0
RECEIVER_TIMEOUT = 10.0

NEXT_NOTICE = """
select id, address, at, code, text, remedy from notices
where delivered_at is null and not id = any(%s)
order by at, id limit 1 for update skip locked
"""

log = logging.getLogger(__name__)


class _ReceiverDown(Exception):
    """The receiver takes no notice now; says why, without the URL (it may hold a token)."""


class NoticeCourier:
    """Delivers undelivered rows of `mailroom.notices`, oldest first, as JSON {id, address, at, code, text, remedy}.

    A notice is marked after the receiver answered 2xx, so a receiver may get one twice and tells by `id` (also the
    header Idempotency-Key). Any number of couriers may run; they share the work. A receiver that is down is asked
    again after 1, 2, 4 ... 60 seconds; a notice that it refuses (4xx) waits in the same way and keeps no other waiting.
    """

    def __init__(self, pool: Pool, url: str | None, *, look_every: float = LOOK_EVERY) -> None:
        self._pool = pool
        self._url = url
        self._look_every = look_every
        self._refused: dict[UUID, tuple[float, float]] = {}  # id -> when to try again (monotonic), the wait after that

    async def run(self, stop: asyncio.Event) -> None:
        """Delivers until `stop` is set; without a URL it only waits for that."""
        if self._url is None:
            await stop.wait()
            return
        wait = FIRST_WAIT
        async with httpx.AsyncClient(timeout=RECEIVER_TIMEOUT) as http:
            while not stop.is_set():
                try:
                    delivered = await self._deliver_one(http, self._url)
                except (_ReceiverDown, psycopg.Error) as error:
                    cause = str(error) if isinstance(error, _ReceiverDown) else "the database does not answer"
                    log.warning("notices wait: %s; trying again in %.0f s", cause, wait)
                    await _pause(stop, wait)
                    wait = min(wait * 2, LONGEST_WAIT)
                    continue
                wait = FIRST_WAIT
                if not delivered:
                    await _pause(stop, self._look_every)

    async def _deliver_one(self, http: httpx.AsyncClient, url: str) -> bool:
        """Takes the oldest notice that may be tried to the receiver; False when there is none."""
        now = time.monotonic()
        waiting = [notice for notice, (again, _) in self._refused.items() if again > now]
        # The row stays locked while it is on its way: no other courier takes it, and a killed one gives it back.
        async with self._pool.connection() as connection, connection.transaction():
            cursor = await connection.cursor(row_factory=dict_row).execute(NEXT_NOTICE, [waiting])
            notice = await cursor.fetchone()
            if notice is None:
                return False
            if await self._post(http, url, notice):
                await connection.execute("update notices set delivered_at = now() where id = %s", [notice["id"]])
                self._refused.pop(notice["id"], None)
            else:
                _, wait = self._refused.get(notice["id"], (0.0, FIRST_WAIT))
                self._refused[notice["id"]] = (time.monotonic() + wait, min(wait * 2, LONGEST_WAIT))
            return True

    async def _post(self, http: httpx.AsyncClient, url: str, notice: dict[str, Any]) -> bool:
        """True when the receiver took the notice, False when it refuses this one; raises _ReceiverDown otherwise."""
        body = {**notice, "id": str(notice["id"]), "at": _rfc_3339(notice["at"])}
        try:
            answer = await http.post(url, json=body, headers={"Idempotency-Key": body["id"]})
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _ReceiverDown(f"the receiver of notices cannot be reached ({type(error).__name__})") from None
        if answer.is_success:
            return True
        if answer.is_client_error and answer.status_code not in (401, 403, 404, 408, 425, 429):
            log.warning("the receiver of notices refuses notice %s with status %d", body["id"], answer.status_code)
            return False
        raise _ReceiverDown(f"the receiver of notices answers with status {answer.status_code}")


def _rfc_3339(at: Any) -> str:
    return str(at.astimezone(UTC).isoformat()).replace("+00:00", "Z")


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
