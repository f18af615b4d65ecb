"""What a worker tells about itself: OpenTelemetry traces and metrics, Temporal's own metrics, and logs on standard error.

Traces and metrics leave the process only if OTEL_EXPORTER_OTLP_ENDPOINT is set; the other OTEL_* variables mean what
OpenTelemetry says. Metrics carry no account, no host and no name of a CRM connection: see SessionMetrics and CrmMetrics.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TextIO

import temporalio.activity
import temporalio.workflow
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpanExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.util.re import parse_env_headers
from pythonjsonlogger.json import JsonFormatter
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    OpenTelemetryConfig,
    OpenTelemetryMetricTemporality,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from domain.foreign_text import log_line
from infra.database import without_values
from infra.settings import SettingsError, WorkerSettings
from infra.temporal_client import is_spoken_for

SERVICE = "mailroom"
PROTOCOLS = ("grpc", "http/protobuf")
SHUTDOWN_SECONDS = 3.0  # a collector that is away must not hold a worker that is told to stop
SESSION_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 1200.0)

EntryOutcome = Literal["delivered", "found", "uncertain", "failed", "gone"]
"""`found`: the CRM shows what was uncertain. `gone`: its record is no more."""

TRACER = trace.get_tracer(SERVICE)  # a proxy: spans go nowhere until Telemetry.start, and only there if it exports
LOG_CONFLICTS = metrics.get_meter(SERVICE).create_counter(  # a proxy too
    "mailroom.log.conflicts", "{event}", "Events refused because the log has another event under their id"
)


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


@dataclass(frozen=True)
class Telemetry:
    """The telemetry of this process, started once, before the first Temporal client; `runtime` is for that client."""

    runtime: Runtime
    _tracers: TracerProvider | None = None
    _meters: MeterProvider | None = None

    @classmethod
    def start(cls, settings: WorkerSettings, *, dev: bool) -> Telemetry:
        """Sets up logs (JSON lines, or text to be read when `dev`), and traces and metrics where they are exported.

        Raises SettingsError for OTEL_* values that cannot be used.
        """
        start_logging(dev=dev)
        forwarded = LoggingConfig(
            TelemetryFilter(core_level="WARN", other_level="ERROR"),
            forwarding=LogForwardingConfig(logging.getLogger("temporalio.core"), append_target_to_name=False),
        )
        if not _exports():
            return cls(Runtime(telemetry=TelemetryConfig(logging=forwarded)))
        resource = _resource(settings)
        tracers = meters = core = None
        if _wanted("TRACES"):
            exporter = GrpcSpanExporter() if _protocol("TRACES") == "grpc" else HttpSpanExporter()
            tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
            tracers.add_span_processor(BatchSpanProcessor(exporter))
            trace.set_tracer_provider(tracers)
        if _wanted("METRICS"):
            over_grpc = _protocol("METRICS") == "grpc"
            reader = PeriodicExportingMetricReader(GrpcMetricExporter() if over_grpc else HttpMetricExporter())
            meters = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
            metrics.set_meter_provider(meters)
            LOG_CONFLICTS.add(0)  # an alarm on its increase must see the first one
            core = _core_metrics(over_grpc)
        telemetry = TelemetryConfig(
            logging=forwarded,
            metrics=core,
            global_tags={"service_name": str(resource.attributes["service.name"])},
            attach_service_name=False,
        )
        try:
            return cls(Runtime(telemetry=telemetry), tracers, meters)
        except ValueError as error:
            raise SettingsError(f"OTEL_EXPORTER_OTLP_ENDPOINT cannot be used for Temporal's metrics: {error}") from None

    @property
    def exports_metrics(self) -> bool:
        return self._meters is not None

    def shutdown(self) -> None:
        """Exports what is left, for at most SHUTDOWN_SECONDS. Blocks: call it last, outside the event loop."""
        # In daemon threads, because the exporters retry for longer than a worker that is told to stop may take.
        last_exports = [
            threading.Thread(target=provider.shutdown, daemon=True)
            for provider in (self._tracers, self._meters)
            if provider is not None
        ]
        deadline = time.monotonic() + SHUTDOWN_SECONDS
        for export in last_exports:
            export.start()
        for export in last_exports:
            export.join(max(0.0, deadline - time.monotonic()))


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


def start_logging(*, dev: bool, stream: TextIO | None = None) -> None:
    """Sends all logs to `stream` (standard error): one JSON object a line, or, with `dev`, lines of text."""
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(
        _TextFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S") if dev else _json()
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # at INFO it logs MAILROOM_NOTIFY_URL, which may hold a token
    logging.getLogger("httpcore").setLevel(logging.WARNING)
    logging.getLogger("temporalio.worker").setLevel(
        logging.WARNING
    )  # its own words on shutdown frighten and tell nothing
    logging.getLogger("temporalio.activity").addFilter(_unless_spoken_for)
    # Both put the ids into the record's extra fields; in the message as well they would hide what it says.
    temporalio.activity.logger.activity_info_on_message = False
    temporalio.workflow.logger.workflow_info_on_message = False


def _unless_spoken_for(record: logging.LogRecord) -> bool:
    """Leaves out the SDK's line on a failed activity where the failure was logged, in fewer words, where it happened."""
    return not (record.exc_info and record.exc_info[1] is not None and is_spoken_for(record.exc_info[1]))


class _Handler(logging.StreamHandler[TextIO]):
    """Adds the ids of the current span, says an expected failure in one line instead of a traceback, and nothing of the rows that
    database errors are about."""

    def format(self, record: logging.LogRecord) -> str:
        record = copy.copy(record)
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            record.trace_id = trace.format_trace_id(span.trace_id)
            record.span_id = trace.format_span_id(span.span_id)
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and is_spoken_for(error):
            record.msg, record.args = f"{record.getMessage()}: {error}", ()
            record.exc_info = record.exc_text = None
        elif error is not None:
            without_values(error)
        return log_line(super().format(record))


class _TextFormatter(logging.Formatter):
    """Text for a person: the workflow's id in brackets where there is one. A line that is not the first of its message is
    indented, so that nothing that others wrote begins one that could be taken for the worker's own."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\n", "\n    ")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- logging's name
        where = getattr(record, "temporal_activity", None) or getattr(record, "temporal_workflow", None) or {}
        workflow = where.get("workflow_id")
        return super().formatMessage(record) + (f" [{workflow}]" if workflow else "")


def _json() -> logging.Formatter:
    return JsonFormatter(
        "%(levelname)s %(name)s %(message)s",
        rename_fields={"levelname": "level", "name": "logger", "exc_info": "exception"},
        timestamp=True,
        json_ensure_ascii=False,
    )


def _exports() -> bool:
    return bool(os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")) and _lower("OTEL_SDK_DISABLED") != "true"


def _wanted(signal: str) -> bool:
    return _lower(f"OTEL_{signal}_EXPORTER") != "none"


def _protocol(signal: str) -> str:
    name = f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL"
    if not _lower(name):
        name = "OTEL_EXPORTER_OTLP_PROTOCOL"
    protocol = _lower(name) or "grpc"
    if protocol not in PROTOCOLS:
        raise SettingsError(f"{name} is {protocol!r}: Mailroom exports over {' or '.join(PROTOCOLS)}")
    return protocol


def _resource(settings: WorkerSettings) -> Resource:
    resource = Resource.create({"mailroom.roles": ",".join(sorted(settings.roles))})
    if str(resource.attributes["service.name"]).startswith("unknown_service"):  # neither OTEL_ variable names it
        resource = resource.merge(Resource({"service.name": SERVICE}))
    return resource


def _core_metrics(over_grpc: bool) -> OpenTelemetryConfig:
    """Where Temporal's SDK, which has its own exporter and reads no OTEL_* variables, sends its metrics."""
    url = os.environ.get("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")
    if not url:
        url = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"].rstrip("/") + ("" if over_grpc else "/v1/metrics")
    if "://" not in url:
        url = ("http://" if _lower("OTEL_EXPORTER_OTLP_INSECURE") == "true" else "https://") + url
    headers = os.environ.get("OTEL_EXPORTER_OTLP_METRICS_HEADERS") or os.environ.get("OTEL_EXPORTER_OTLP_HEADERS", "")
    delta = _lower("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE") == "delta"
    try:
        period = timedelta(milliseconds=float(os.environ.get("OTEL_METRIC_EXPORT_INTERVAL") or 60_000))
    except ValueError:
        raise SettingsError("OTEL_METRIC_EXPORT_INTERVAL is not a number of milliseconds") from None
    return OpenTelemetryConfig(
        url,
        headers=parse_env_headers(headers, liberal=True),
        metric_periodicity=period,
        metric_temporality=OpenTelemetryMetricTemporality.DELTA if delta else OpenTelemetryMetricTemporality.CUMULATIVE,
        durations_as_seconds=True,
        http=not over_grpc,
    )


def _lower(name: str) -> str:
    return os.environ.get(name, "").strip().lower()
