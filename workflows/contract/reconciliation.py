"""What `Reconcile` and its activities say to each other."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from domain.core.validation import Strict
from domain.mailbox.settings import Address
from domain.reconciliation import Mended, Report
from workflows.contract.request import Request


class Reconciled(Strict):
    """Input of `Reconcile`: which account, whether to mend what is found, and whether to ask the server of an account that
    somebody disabled."""

    address: Address
    repair: bool = False
    ask_server: bool = False


class ReconcileRequest(Request):
    """One pass over an account. `mended` is what a pass before it did, where it follows one."""

    address: str
    repair: bool
    mended: Mended | None = None
    ask_server: bool = False


class Hashed(BaseModel):
    """How far the hashes are recomputed, as heartbeats keep it: up to and with the message `through` of `stored_at`."""

    checked: int = 0
    bytes: int = 0
    stored_at: datetime | None = None
    through: int = 0


class Pass(BaseModel):
    """What one pass came to. `to_fetch`: the account's next session has mail to bring, and is asked for by poll_now once
    `login_delay_seconds` have passed. `last_checked_at` is when a session last looked."""

    report: Report
    to_fetch: bool = False
    login_delay_seconds: float = 0.0
    last_checked_at: datetime | None = None


class AwaitedRetrieval(Request):
    """A look at the mailbox that is later than `last_checked_at`, and leaves nothing behind."""

    address: str
    last_checked_at: datetime | None
