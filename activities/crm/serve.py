"""The activities that speak with a CRM: `check_crm` looks whether it lets us in, `serve_crm` serves it until there is news.

As with mailboxes (activities/retrieval/watch.py), an attempt without news raises a BENIGN error and costs no history; a failure
is raised under its kind; anything else counts against nobody, and is tried again after a pause (activities/pauses.py).
"""

from __future__ import annotations

import logging
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.core.attempts import call_again, heartbeats
from activities.crm.adapters.faults import told_as
from activities.crm.adapters.protocol import CrmFailure
from activities.crm.adapters.registry import Adapters
from activities.crm.connections import check_unchanged
from activities.crm.outbox import Outbox
from activities.crm.sync import Session
from activities.mailbox.leases import Leases, NotNow
from domain.core.refusal import Refused, WorkerLacks
from domain.core.text import storable
from domain.crm.commands import CrmChecked, SyncReport
from domain.crm.failures import REMEDIES, crm_failure
from domain.failures.failure import Failure, Kind
from domain.failures.remedy import Remedy
from infra.database.pool import Pool
from infra.settings import WorkerSettings
from workflows.contract import NOTHING_NEW, WAITING, CheckCrmRequest, ServeRequest

logger = logging.getLogger(__name__)

LONGEST_SAID = 300
LEAST_WAIT_MINUTES = 1 / 6


class CrmServing:
    def __init__(self, pool: Pool, adapters: Adapters, settings: WorkerSettings, worker: str) -> None:
        self._pool = pool
        self._settings = settings
        self._adapters = adapters
        self._leases = Leases(pool, worker, 1, settings.minute_seconds)

    @activity.defn
    async def check_crm(self, request: CheckCrmRequest) -> CrmChecked:
        """Looks whether the CRM lets us in. Stores nothing, counts nothing."""
        await check_unchanged(self._pool, request.settings)
        try:
            async with heartbeats(lambda: None), self._adapters.open(request.settings) as (crm, host):
                with told_as(Kind.CRM_UNAVAILABLE):
                    await crm.check()
                await self._adapters.accept(request.settings, host)
        except CrmFailure as failed:
            failure = self._failure(request.settings.name, failed).model_copy(update={"counts": None})
            # A connection that was never made does not go on by itself.
            made = request.command != "set-up"
            raise _error(failure, failure.remedy if made else REMEDIES[failed.kind].advice) from None
        return CrmChecked(minute_seconds=self._settings.minute_seconds)

    @activity.defn
    async def serve_crm(self, request: ServeRequest) -> SyncReport:
        """One session. Returns news, raises NothingNew, or raises the failure under its kind."""
        name = request.settings.name
        session: Session | None = None
        failure: Failure | None = None
        began = time.monotonic()
        try:
            async with (
                heartbeats(lambda: asdict(session.progress) if session else None),
                self._leases.hold(f"crm/{name}", f"crm/{name}") as lease,
            ):
                session = Session(request, lease, self._pool, self._adapters, self._settings.minute_seconds)
                try:
                    report = await session.run()
                except (CrmFailure, Refused) as failed:  # said before the lease is given back, whatever comes of that
                    failure = self._classified(name, failed)
                    raise
        except NotNow as busy:
            call_again("another session serves the CRM", timedelta(seconds=busy.seconds), WAITING)
        except WorkerLacks as lacking:  # Temporal tries again, perhaps on a worker that has it
            raise RuntimeError(lacking.message) from None
        except (CrmFailure, Refused) as failed:
            failure = failure or self._classified(name, failed)
            self._count(request, began, "failed", failure.kind)
            counts = session.counts() if session else Outbox(self._pool, name, 60.0).counts()
            raise _error(
                failure,
                failure.remedy,
                {
                    "settings_version": request.settings_version,
                    "counts": (await counts).model_dump(mode="json"),
                    "authenticated": session.authenticated if session else False,
                    "retry_after": self._wait(failed),
                    "pulled_at": session.pulled_at.isoformat() if session and session.pulled_at else None,
                    "minute_seconds": self._settings.minute_seconds,
                },
            ) from None
        self._count(request, began, "news" if session.progress.anything else "nothing_new")
        if report is None:
            call_again("nothing new", timedelta(milliseconds=1), NOTHING_NEW)
        return report

    def _count(self, request: ServeRequest, began: float, outcome: str, failure: str | None = None) -> None:
        self._adapters.metrics.session_ended(
            outcome=outcome, provider=request.settings.kind, seconds=time.monotonic() - began, failure=failure
        )

    def _wait(self, failed: CrmFailure | Refused) -> float | None:
        """Seconds that the CRM asked for, and some where it asked for none: it would be asked again and again."""
        asked = failed.retry_after if isinstance(failed, CrmFailure) else None
        return None if asked is None else max(asked, LEAST_WAIT_MINUTES * self._settings.minute_seconds)

    def _classified(self, crm: str, failed: CrmFailure | Refused) -> Failure:
        return self._refusal(crm, failed) if isinstance(failed, Refused) else self._failure(crm, failed)

    def _failure(self, crm: str, failed: CrmFailure) -> Failure:
        said = storable(failed.said)[:LONGEST_SAID] if failed.said else None
        return self._made(crm, failed.kind, storable(failed.cause)[:LONGEST_SAID], said, None)

    def _refusal(self, crm: str, refused: Refused) -> Failure:
        """A secret that is no more, or a host that may not be spoken to: somebody has to mend it."""
        remedy = Remedy.of(f"{refused.message}. Then give `enable`.")
        return self._made(crm, Kind.CRM_PERMISSION, refused.refusal.code, None, remedy)

    def _made(self, crm: str, kind: Kind, cause: str, said: str | None, remedy: Remedy | None) -> Failure:
        failure = crm_failure(
            kind,
            cause,
            said=said,
            reference=f"MR-{token_hex(5).upper()}",
            support=self._settings.support,
            at=datetime.now(UTC),
            remedy=remedy,
        )
        logger.warning(
            *("crm/%s: %s (%s)", crm, kind, cause),
            extra={"reference": failure.reference, "kind": kind, "cause": cause},
        )
        return failure


def _error(failure: Failure, remedy: str, *more: dict[str, Any]) -> ApplicationError:
    said = f' The CRM said: "{failure.server_said}".' if failure.server_said else ""
    cause = f" ({failure.cause})" if failure.cause else ""
    return ApplicationError(
        f"{failure.kind}{cause}.{said} {remedy} Reference {failure.reference}; support: {failure.support}",
        failure.model_dump(mode="json"),
        *more,
        type=failure.kind,
        non_retryable=True,
    )
