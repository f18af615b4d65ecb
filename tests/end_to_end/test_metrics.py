"""What a worker that exports metrics tells of CRM connections, from its first minute on."""

from __future__ import annotations

import asyncio

from tests.end_to_end.operating import Operator
from tests.infra.telemetry.test_telemetry import Collector, over_http


async def test_a_worker_exports_how_crm_connections_stand_and_what_their_sessions_did(operator: Operator) -> None:
    collector = Collector()
    with over_http(collector) as endpoint:
        await operator.worker(
            OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
            OTEL_METRIC_EXPORT_INTERVAL="200",
            OTEL_TRACES_EXPORTER="none",
            MAILROOM_MINUTE_SECONDS="1",
        )
        await asyncio.to_thread(
            collector.wait_for,
            *("mailroom.crm.connections", "mailroom.crm.outbox"),
            *("mailroom.crm.sessions", "mailroom.crm.session.duration"),
        )
