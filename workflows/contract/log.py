"""How a workflow has an event recorded."""

from __future__ import annotations

from domain.core.log_event import LoggedEvent, Notice
from workflows.contract.account import RecordedAccount
from workflows.contract.crm import RecordedCrm
from workflows.contract.request import Request
from workflows.contract.sending import RecordedRoute


class RecordRequest(Request):
    """Events to append, in order, with the account they lead to (None: it never was one, the set-up failed).

    `notices` go with the event of the same position.
    """

    address: str
    events: list[LoggedEvent]
    notices: list[Notice | None]
    account: RecordedAccount | None
    quota: tuple[str, int] | None = None
    crm: RecordedCrm | None = None
    route: RecordedRoute | None = None
