"""Spans of a session: what a server says, and whose mailbox it is, goes to no collector of traces."""

from __future__ import annotations

import base64

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from infra.database.pool import Pool
from infra.telemetry import spans
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import JANE, PASSWORD, Watcher, account, mailbox

RESPONSE = base64.b64encode(f"\0{JANE}\0{PASSWORD}".encode()).decode()
WORDS = f"-ERR [AUTH] {JANE} may not come in with {PASSWORD} ({RESPONSE})"


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """What a collector is sent. The tracer is replaced, as a process has its provider for good."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(spans, "TRACER", provider.get_tracer("mailroom"))
    return exporter


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("CONNECT", "pop.connect"),
        ("PASS", "pop.login"),
        ("STAT", "pop.list"),
        ("UIDL", "pop.list"),
        ("RETR", "pop.retrieve"),
        ("TOP", "pop.top"),
        ("DELE", "pop.delete"),
    ],
)
async def test_no_span_repeats_what_a_server_says(
    pool: Pool, exported: InMemorySpanExporter, command: str, name: str
) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(2)) as server:
        settings = account(server.port, start="recent", after_store="delete")
        server.replies[command] = WORDS
        if command in ("TOP", "DELE"):  # about one message, not the session
            await watcher.watch(settings)
        else:
            await watcher.fails(settings)
    spans = exported.get_finished_spans()
    assert name in [span.name for span in spans]
    for span in spans:
        everything = span.to_json()
        assert [word for word in (PASSWORD, JANE, RESPONSE, "may not come in") if word in everything] == []
        assert span.events == ()
    failed = [(span.name, span.status.description) for span in spans if span.status.status_code is StatusCode.ERROR]
    assert failed in ([], [(name, "ServerRefused")])


async def test_spans_of_a_session_that_works_name_its_phases(pool: Pool, exported: InMemorySpanExporter) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(2)) as server:
        await Watcher(pool).watch(account(server.port, after_store="delete"))
    spans = exported.get_finished_spans()
    phases = {"pop.connect", "pop.login", "pop.list", "pop.retrieve", "store.batch", "pop.delete"}
    assert {span.name for span in spans} == phases
    assert [span.name for span in spans if span.status.status_code is StatusCode.ERROR] == []
    [batch] = [span for span in spans if span.name == "store.batch"]
    assert dict(batch.attributes or {}) == {"messages": 2}
