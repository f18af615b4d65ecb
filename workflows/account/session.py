"""An account's sessions with its mailbox: a watch, or a live login for a command while none is watching."""

from __future__ import annotations

from datetime import timedelta

from temporalio.common import Priority
from temporalio.exceptions import ApplicationError

from domain.account.lifecycle import Account
from domain.core.refusal import Refused
from domain.mailbox.settings import AccountSettings, Retrieval
from domain.retrieval.reports import FailureReport, LoginReport, SessionReport
from workflows import contract
from workflows.entity.activities import KINDS
from workflows.entity.session import Session

SESSION_TIMEOUT = timedelta(minutes=40)  # a session ends itself after 20 minutes and its last message
LOGIN_TIMEOUT = timedelta(minutes=5)
FAIRNESS_KEY_BYTES = 64  # the server refuses a longer one


class MailboxSession(Session):
    """Sessions on a retrieval worker."""

    queue = contract.RETRIEVAL_QUEUE
    interruption = "the account was disabled or closed while the login was tried"

    async def log_in(
        self,
        settings: AccountSettings,
        asked_by: str,
        *,
        before: Retrieval | None = None,
        confirm_deletes: int | None = None,
    ) -> LoginReport:
        """Tries a login; raises Refused with the server's failure, with what the settings lack, or because they have messages
        deleted that the policy `before` leaves, and nobody confirmed so many."""
        host = settings.incoming.host
        request = contract.LoginRequest(
            settings=settings, command=asked_by, before=before, confirm_deletes=confirm_deletes
        )
        summary = f"log in to {host} for {asked_by}"
        login = self._start("try_login", request, LoginReport, LOGIN_TIMEOUT, summary, _fair_share_of(host))
        return await self._hold_for_command(asked_by, login)

    async def watch(self, account: Account, *, report: bool) -> SessionReport | FailureReport | Refused | None:
        """One watch, until a session brings news; with `report` one session, whatever it brings. None where it was stopped.

        Refused is the answer of a session that was asked to report and may not be held now.
        """
        request = contract.WatchRequest(
            settings=account.settings,
            settings_version=account.settings_version,
            credential_version=account.credential_version,
            total_stored=account.total_stored,
            recovering=account.recovering,
            report=report,
            not_before=None if report else account.next_attempt_at,
            needed_bytes=account.needed_bytes,
            observed=account.observed,
            remaining=account.progress.remaining,
            in_quarantine=account.in_quarantine,
            deletes_from=account.deletes_from,
        )
        host = request.settings.incoming.host
        summary = f"look for mail at {host}"
        watch = self._start("watch", request, SessionReport, SESSION_TIMEOUT, summary, _fair_share_of(host))
        return await self._hold(watch, _failed_or_refused)


def _failed_or_refused(cause: ApplicationError) -> FailureReport | Refused | None:
    if cause.details and cause.type == contract.REFUSED:
        return Refused(cause.details[0]["code"], f"poll_now: {cause.message}")
    if cause.details and cause.type in KINDS:
        return FailureReport.model_validate({**cause.details[1], "failure": cause.details[0]})
    return None


def _fair_share_of(host: str) -> Priority:
    """Each host has its fair share of the retrieval queue, where the server offers that."""
    return Priority(fairness_key=host[-FAIRNESS_KEY_BYTES:])
