"""Telemetry as a collector and a log reader see it."""

from __future__ import annotations

import http.server
import io
import json
import logging
import os
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]  # it has no types
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from temporalio.exceptions import ApplicationError

from infra.telemetry.logs import start_logging
from infra.telemetry.metrics import SessionMetrics

WORKER = """
import asyncio, os, sys
from infra.settings import WorkerSettings
from infra.telemetry.metrics import SessionMetrics
from infra.telemetry.spans import TRACER
from infra.telemetry.telemetry import Telemetry
from infra.temporal.client import connect, leave
telemetry = Telemetry.start(WorkerSettings.from_environment(os.environ), dev=False)
if "TEMPORAL_ADDRESS" in os.environ:
    asyncio.run(connect(runtime=telemetry.runtime))
with TRACER.start_as_current_span("retrieve"):
    SessionMetrics().session_ended(outcome="mail", provider="google", seconds=0.5, messages=3, size=4096)
print("ready", flush=True)
sys.stdin.read()
telemetry.shutdown()
leave(0)
"""


class Collector:
    """Everything that an OTLP collector was sent: names of spans and metrics, and the service that sent them."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self._news: queue.Queue[None] = queue.Queue()

    def traces(self, request: ExportTraceServiceRequest, _context: Any = None) -> ExportTraceServiceResponse:
        for group in request.resource_spans:
            self._note(span.name for scope in group.scope_spans for span in scope.spans)
            self._note(
                f"service={one.value.string_value}" for one in group.resource.attributes if one.key == "service.name"
            )
        return ExportTraceServiceResponse()

    def metrics(self, request: ExportMetricsServiceRequest, _context: Any = None) -> ExportMetricsServiceResponse:
        for group in request.resource_metrics:
            self._note(metric.name for scope in group.scope_metrics for metric in scope.metrics)
        return ExportMetricsServiceResponse()

    def _note(self, names: Iterator[str]) -> None:
        self.seen.update(names)
        self._news.put(None)

    def wait_for(self, *names: str) -> None:
        while not self.seen.issuperset(names):
            self._news.get(timeout=60)


@contextmanager
def over_http(collector: Collector) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/v1/traces":
                collector.traces(ExportTraceServiceRequest.FromString(body))
            elif self.path == "/v1/metrics":
                collector.metrics(ExportMetricsServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def over_grpc(collector: Collector) -> Iterator[str]:
    def handler(service: str, function: Any, request: Any, response: Any) -> Any:
        method = grpc.unary_unary_rpc_method_handler(function, request.FromString, response.SerializeToString)
        return grpc.method_handlers_generic_handler(f"opentelemetry.proto.collector.{service}", {"Export": method})

    with ThreadPoolExecutor(2) as threads:
        server = grpc.server(threads)
        server.add_generic_rpc_handlers(
            (
                handler(
                    "trace.v1.TraceService", collector.traces, ExportTraceServiceRequest, ExportTraceServiceResponse
                ),
                handler(
                    "metrics.v1.MetricsService",
                    collector.metrics,
                    ExportMetricsServiceRequest,
                    ExportMetricsServiceResponse,
                ),
            )
        )
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield f"http://127.0.0.1:{port}"
        server.stop(0).wait()


def run_worker(environ: dict[str, str]) -> subprocess.Popen[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "TEMPORAL_"))}
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER],
        env={**inherited, "DATABASE_URL": "postgresql:///", **environ},
        cwd=Path(__file__).parents[3],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        pytest.fail(process.communicate()[1])
    return process


@pytest.mark.parametrize(("protocol", "serve"), [("http/protobuf", over_http), ("grpc", over_grpc)])
def test_traces_and_metrics_and_temporals_own_metrics_reach_the_collector(
    protocol: str, serve: Any, temporal_environment: dict[str, str]
) -> None:
    collector = Collector()
    with serve(collector) as endpoint:
        worker = run_worker(
            {
                **temporal_environment,
                "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
                "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
                "OTEL_METRIC_EXPORT_INTERVAL": "200",
            }
        )
        collector.wait_for("temporal_request", "mailroom.sessions")
        _, errors = worker.communicate(timeout=60)
        assert worker.returncode == 0, errors
        collector.wait_for("retrieve", "service=mailroom", "mailroom.session.duration", "mailroom.bytes")


def test_a_collector_that_is_away_does_not_hold_a_worker_that_is_told_to_stop() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
    worker = run_worker({"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint})
    _, errors = worker.communicate(timeout=60)
    assert worker.returncode == 0, errors


def test_without_an_endpoint_nothing_is_exported_and_a_wrong_protocol_is_named() -> None:
    worker = run_worker({})
    _, errors = worker.communicate(timeout=60)
    assert (worker.returncode, errors) == (0, "")
    with pytest.raises(pytest.fail.Exception, match=r"SettingsError: OTEL_EXPORTER_OTLP_PROTOCOL is 'carrier-pigeon'"):
        run_worker(
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_PROTOCOL": "carrier-pigeon"}
        )


def test_session_metrics_count_by_outcome_kind_and_provider_only() -> None:
    reader = InMemoryMetricReader()
    metrics = SessionMetrics(MeterProvider([reader]))
    metrics.session_ended(outcome="mail", provider="google", seconds=2.0, messages=3, size=4096)
    metrics.session_ended(outcome="failed", provider="generic", seconds=0.1, failure="authentication")
    data = reader.get_metrics_data()
    assert data is not None
    points = {
        (metric.name, tuple(sorted((point.attributes or {}).items()))): getattr(point, "value", None)
        for scope in data.resource_metrics[0].scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    }
    assert points["mailroom.messages", (("provider", "google"),)] == 3
    assert points["mailroom.bytes", (("provider", "google"),)] == 4096
    assert points["mailroom.sessions", (("outcome", "mail"), ("provider", "google"))] == 1
    assert points["mailroom.failures", (("kind", "authentication"), ("provider", "generic"))] == 1
    assert ("mailroom.session.duration", (("outcome", "failed"), ("provider", "generic"))) in points
    assert {label for _, labels in points for label, _ in labels} == {"provider", "outcome", "kind"}


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    root.handlers.clear()  # `force` closes what it replaces
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


def test_logs_are_json_lines_with_their_context(root_logger: logging.Logger) -> None:
    out = io.StringIO()
    start_logging(dev=False, stream=out)
    with TracerProvider(shutdown_on_exit=False).get_tracer("test").start_as_current_span("retrieve") as span:
        logging.getLogger("mailroom.test").warning("stored %d", 3, extra={"temporal_activity": {"workflow_id": "w"}})
    entry = json.loads(out.getvalue())
    assert entry["level"] == "WARNING"
    assert entry["logger"] == "mailroom.test"
    assert entry["message"] == "stored 3"
    assert entry["temporal_activity"] == {"workflow_id": "w"}
    assert entry["trace_id"] == f"{span.get_span_context().trace_id:032x}"
    assert entry["timestamp"]


@pytest.mark.parametrize("dev", [False, True])
def test_an_expected_failure_is_logged_in_one_line_and_a_defect_with_its_traceback(
    root_logger: logging.Logger, dev: bool
) -> None:
    out = io.StringIO()
    start_logging(dev=dev, stream=out)
    for error in (ApplicationError("wrong password", type="authentication"), ValueError("a defect")):
        try:
            try:
                raise RuntimeError("-ERR jane@example.com unknown")
            except RuntimeError:
                raise error  # noqa: B904 -- what was handled is to be its context
        except Exception:
            root_logger.warning("activity failed", exc_info=True)
    expected, _, defect = out.getvalue().partition("\n")
    assert "activity failed: " in expected
    assert "wrong password" in expected
    assert "Traceback" not in expected
    assert "jane@example.com" not in expected
    assert "Traceback" in defect


def test_text_logs_name_the_workflow(root_logger: logging.Logger) -> None:
    out = io.StringIO()
    start_logging(dev=True, stream=out)
    root_logger.info("stored 3", extra={"temporal_workflow": {"workflow_id": "mail-account/jane@example.com"}})
    assert out.getvalue().endswith("INFO root: stored 3 [mail-account/jane@example.com]\n")
