"""An account's state inside its workflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from temporalio import workflow

from domain.account.events import AccountConnected, QuotaSet
from domain.account.lifecycle import Account, AnyCommand, decide, evolve
from domain.account.notices import notice
from domain.account.status import details
from domain.core.log_event import LoggedEvent, Notice
from domain.mailbox.providers import profile_of
from workflows import contract
from workflows.entity.recorded_state import Lifecycle


class AccountLifecycle(Lifecycle[Account, AnyCommand]):
    def __init__(self, account: Account) -> None:
        super().__init__(account, decide, evolve, notice, AccountConnected)

    def _request(self, events: list[LoggedEvent], notices: list[Notice | None]) -> contract.RecordRequest:
        return contract.RecordRequest(
            address=self.current.settings.address,
            events=events,
            notices=notices,
            account=self._as_recorded() if self.connected else None,
            quota=_quota_set(events),
        )

    def _as_recorded(self) -> contract.RecordedAccount:
        account = self.current
        return contract.RecordedAccount(
            organisation=account.settings.organisation,
            owner=account.settings.owner,
            host=account.settings.incoming.host,
            crm=account.settings.crm,
            aliases=account.settings.aliases,
            state=account.state,
            reason=account.reason,
            authentication_failures=account.failures.authentication,
            connection_failures=account.failures.connection,
            next_attempt_at=account.next_attempt_at,
        )

    def _search_attributes(self) -> Mapping[Any, Any]:
        account = self.current
        return {
            contract.STATE: account.state.value,
            contract.REASON: account.reason,
            contract.FAILURE: account.last_failure.kind.value if account.last_failure else None,
            contract.HOST: account.settings.incoming.host,
            contract.ORGANISATION: account.settings.organisation,
            contract.PROVIDER: profile_of(account.settings).name,
            contract.AUTHENTICATION_FAILURES: account.failures.authentication,
            contract.CONNECTION_FAILURES: account.failures.connection,
            contract.BACKLOG: account.progress.remaining,
        }

    def _page(self) -> str:
        return details(self.current, workflow.now())


def _quota_set(events: list[LoggedEvent]) -> tuple[str, int] | None:
    """The quota that the last of `events` to set one has set: it is the user's, so it is written once, and by no other."""
    quotas = [event.data for event in events if event.type == QuotaSet.__name__]
    return (quotas[-1]["user"], quotas[-1]["bytes"]) if quotas else None
