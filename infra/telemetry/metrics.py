"""What sessions and CRMs are measured by."""

from __future__ import annotations

from typing import Literal

from opentelemetry import metrics

from infra.telemetry.spans import SERVICE

SESSION_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 1200.0)
EntryOutcome = Literal["delivered", "found", "uncertain", "failed", "gone"]
"""`found`: the CRM shows what was uncertain. `gone`: its record is no more."""


class SessionMetrics:
    """What POP sessions did, by outcome, failure kind and provider profile: a few dozen series, whatever the accounts."""

    def __init__(self, meters: metrics.MeterProvider | None = None) -> None:
        meter = (meters or metrics.get_meter_provider()).get_meter(SERVICE)
        self._messages = meter.create_counter("mailroom.messages", "{message}", "Messages stored")
        self._bytes = meter.create_counter("mailroom.bytes", "By", "Bytes of the messages stored")
        self._sessions = meter.create_counter("mailroom.sessions", "{session}", "POP sessions that ended")
        self._failures = meter.create_counter("mailroom.failures", "{failure}", "POP sessions that failed")
        self._seconds = meter.create_histogram(
            "mailroom.session.duration",
            "s",
            "How long POP sessions took",
            explicit_bucket_boundaries_advisory=SESSION_SECONDS,
        )

    def session_ended(
        self,
        *,
        outcome: str,
        provider: str,
        seconds: float,
        messages: int = 0,
        size: int = 0,
        failure: str | None = None,
    ) -> None:
        """Counts one session: `outcome` mail, nothing_new or failed; `failure` its kind; `size` bytes of `messages`."""
        by_provider = {"provider": provider}
        self._messages.add(messages, by_provider)
        self._bytes.add(size, by_provider)
        self._sessions.add(1, {"outcome": outcome, **by_provider})
        self._seconds.record(seconds, {"outcome": outcome, **by_provider})
        if failure is not None:
            self._failures.add(1, {"kind": failure, **by_provider})


class CrmMetrics:
    """What CRM sessions did, and how often CRMs were asked, by kind of CRM: a few dozen series, whatever the connections."""

    def __init__(self, meters: metrics.MeterProvider | None = None) -> None:
        meter = (meters or metrics.get_meter_provider()).get_meter(SERVICE)
        self._records = meter.create_counter("mailroom.crm.records", "{record}", "Records that pulls found changed")
        self._entries = meter.create_counter("mailroom.crm.entries", "{entry}", "Attempts to tell a CRM of an entry")
        self._requests = meter.create_counter(
            "mailroom.crm.requests", "{request}", "Requests to CRMs, those of people too"
        )
        self._sessions = meter.create_counter("mailroom.crm.sessions", "{session}", "CRM sessions that ended")
        self._failures = meter.create_counter("mailroom.crm.failures", "{failure}", "CRM sessions that failed")
        self._seconds = meter.create_histogram(
            "mailroom.crm.session.duration",
            "s",
            "How long CRM sessions took",
            explicit_bucket_boundaries_advisory=SESSION_SECONDS,
        )

    def pulled(self, provider: str, records: int) -> None:
        self._records.add(records, {"provider": provider})

    def told(self, provider: str, outcome: EntryOutcome, entries: int = 1) -> None:
        """Counts attempts to tell a CRM of an entry, as they end."""
        self._entries.add(entries, {"outcome": outcome, "provider": provider})

    def requested(self, provider: str, requests: int) -> None:
        self._requests.add(requests, {"provider": provider})

    def session_ended(self, *, outcome: str, provider: str, seconds: float, failure: str | None = None) -> None:
        """Counts one session: `outcome` news (of records, links or entries), nothing_new or failed; `failure` its kind."""
        self._sessions.add(1, {"outcome": outcome, "provider": provider})
        self._seconds.record(seconds, {"outcome": outcome, "provider": provider})
        if failure is not None:
            self._failures.add(1, {"kind": failure, "provider": provider})
