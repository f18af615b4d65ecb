"""What `ErasePerson` and its activities say to each other."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from domain.core.foreign_text import By
from domain.core.validation import Name, Strict
from domain.mailbox.settings import Address
from workflows.contract.request import Request


class Erasure(Strict):
    """Input of `ErasePerson`: whom, in which organisation's mailboxes, and whether to count only."""

    address: Address
    organisation: Name = "default"
    by: By = "operator"
    dry_run: bool = False


class ErasureRequest(Request):
    """`erasure` names this run in its events, in all attempts."""

    given: Erasure
    erasure: UUID
    at: datetime
