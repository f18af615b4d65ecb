"""Entries as an outbox has them for its CRM."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from activities.crm.adapters.protocol import Entry

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def entry(record_id: str, number: int = 1, **changes: Any) -> Entry:
    """What Anna wrote to Jane as her message of that number, for a contact."""
    given: dict[str, Any] = {
        "key": f"{number:064x}",
        "record_kind": "contact",
        "record_id": record_id,
        "direction": "Received",
        "message_id": f"<{number}@client.example>",
        "sent_at": NOON + timedelta(minutes=number),
        "subject": f"Offer {number}",
        "text": "Dear Jane,\nhere it is.",
        "sender": ("Anna Lind", "anna@client.example"),
        "to": [("Jane Doe", "jane@example.com")],
        "account": "jane@example.com",
    }
    return Entry(**given | changes)


def erased(given: Entry) -> Entry:
    """What is left of the entry of a message that is no more here (activities/crm/content.py)."""
    long_ago = datetime(1970, 1, 1, tzinfo=UTC)
    return replace(given, message_id=None, sent_at=long_ago, subject="", text="", sender=("", ""), to=(), account="")
