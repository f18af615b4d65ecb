"""What a worker tells about itself: OpenTelemetry traces and metrics, and Temporal's own metrics.

Traces and metrics leave the process only if OTEL_EXPORTER_OTLP_ENDPOINT is set; the other OTEL_* variables mean what
OpenTelemetry says. Metrics carry no account, no host and no name of a CRM connection: see SessionMetrics and CrmMetrics.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import dataclass
from datetime import timedelta

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
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    OpenTelemetryConfig,
    OpenTelemetryMetricTemporality,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from infra.settings import SettingsError, WorkerSettings
from infra.telemetry.logs import start_logging
from infra.telemetry.spans import SERVICE

PROTOCOLS = ("grpc", "http/protobuf")
SHUTDOWN_SECONDS = 3.0  # a collector that is away must not hold a worker that is told to stop
LOG_CONFLICTS = metrics.get_meter(SERVICE).create_counter(  # a proxy too
    "mailroom.log.conflicts", "{event}", "Events refused because the log has another event under their id"
)


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
