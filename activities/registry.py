"""The activities that each kind of worker has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from activities.erasure.deletion import Removal
from activities.filing.apply_filter import Application
from activities.filing.filter_commands import Filters
from activities.filing.refile import Filing
from activities.privacy.private_messages import PrivateMail
from infra.database.pool import Pool


def filing(pool: Pool) -> list[Callable[..., Any]]:
    """The activities of domain.filing.FILING."""
    filters, places = Filters(pool), Filing(pool)
    return [
        filters.save_filter,
        filters.remove_filter,
        filters.order_filters,
        filters.recommend_filters,
        Application(pool).apply_filter,
        places.move_messages,
        places.label_messages,
        places.mark_messages,
        PrivateMail(pool).make_private,
        places.undo_filing,
        Removal(pool).delete_messages,
    ]
