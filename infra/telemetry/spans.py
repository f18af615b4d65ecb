"""Spans: where the time of a piece of work went."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from opentelemetry import trace

SERVICE = "mailroom"
TRACER = trace.get_tracer(SERVICE)  # a proxy: spans go nowhere until Telemetry.start, and only there if it exports


@contextlib.contextmanager
def span(name: str, **attributes: int | str) -> Iterator[None]:
    """A span around a phase. An error in it shows by its class alone: its words may be a server's, and quote a password."""
    with TRACER.start_as_current_span(
        name, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield
        except BaseException as error:
            current.set_status(trace.StatusCode.ERROR, type(error).__name__)
            raise
