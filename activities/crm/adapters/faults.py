"""What nobody expected of an adapter: as a rule its CRM has answered something that nothing can be made of."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import psycopg

from activities.crm.adapters.protocol import CrmFailure
from domain.core.refusal import Refused
from domain.failures.failure import Kind

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def told_as(kind: Kind) -> Iterator[None]:
    """Raises a fault of an adapter as a failure of this kind, so that it is shown and counted, and not tried again for ever
    unseen. What the database and the secrets refuse passes through."""
    try:
        yield
    except (CrmFailure, psycopg.Error, Refused):
        raise
    except Exception as error:
        logger.exception("an adapter failed")
        raise CrmFailure(kind, f"nothing can be made of its answer ({type(error).__name__})") from error
