"""What the metrics tell of CRM sessions, read as an exporter reads them."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from temporalio.exceptions import ApplicationError

from domain.crm.settings import CrmSettings
from domain.directory.records import Record
from domain.failures.failure import Kind
from infra.database.pool import Pool
from infra.telemetry.metrics import CrmMetrics
from tests.servers.scripted_pop import MailboxServer
from tests.support.directory import register_crm
from tests.support.mailboxes import JANE, PASSWORD, Watcher, account, local_worker, mail
from tests.support.scripted_crm import NAME, Dies, Script, Serving, script, settings

__all__ = ["script"]

ANNA = Record("contact", "1", "Anna Lind", ("anna@example.org",))
BO = Record("contact", "2", "Bo Ek", ("bo@example.org",))


class Read:
    """One worker's metrics, as they are exported."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self.metrics = CrmMetrics(MeterProvider([self._reader]))

    def points(self) -> dict[tuple[str, ...], int | float]:
        """The values above 0 by name and labels; of a histogram how often something was recorded."""
        data = self._reader.get_metrics_data()
        read: dict[tuple[str, ...], int | float] = {}
        for metric in data.resource_metrics[0].scope_metrics[0].metrics if data else ():
            for point in metric.data.data_points:
                labels = [f"{label}={value!s}" for label, value in sorted((point.attributes or {}).items())]
                value = point.count if isinstance(point, HistogramDataPoint) else getattr(point, "value", 0)
                if value:
                    read[metric.name, *labels] = value
        return read

    def of(self, metric: str) -> dict[str, int | float]:
        """The values of one metric by what follows `provider`, which is that of the scripted CRM in all of them."""
        told: dict[str, int | float] = {}
        for (name, *labels), value in self.points().items():
            if name == f"mailroom.crm.{metric}":
                assert labels.pop() == "provider=tryton"
                told[" ".join(labels)] = value
        return told


@pytest.fixture
def read() -> Read:
    return Read()


@pytest.fixture
async def serving(pool: Pool, script: Script, read: Read) -> Serving:
    """A CRM that knows Anna and Bo. Its first session is over, and neither counted nor measured."""
    await register_crm(pool, NAME, "crm")
    script.pages = [[ANNA, BO]]
    made = Serving(pool, worker=local_worker(minute_seconds=60.0))
    await made.sync()
    made.metrics = read.metrics
    script.calls.clear()
    return made


async def stores(pool: Pool, *messages: bytes) -> None:
    numbered = {str(number): message for number, message in enumerate(messages)}
    async with MailboxServer(password=PASSWORD, messages=numbered) as server:
        await Watcher(pool).record(account(server.port, crm=(NAME,)))
        await Watcher(pool).watch(account(server.port, crm=(NAME,)))


async def settles(pool: Pool) -> None:
    """The time passes in which the CRM may still be at what it was asked."""
    async with pool.connection() as connection:
        await connection.execute(
            "update entries set claimed_at = claimed_at - interval '1 hour', next_attempt_at = null"
        )


async def test_a_session_counts_what_it_pulled_what_it_pushed_and_what_it_asked(
    serving: Serving, script: Script, read: Read, pool: Pool
) -> None:
    script.pages.append([Record("lead", "9", "Carl", ("carl@example.org",))])
    await stores(pool, mail(1), mail(2, sender="bo@example.org"), mail(3, sender="stranger@example.org"))
    await serving.sync()
    assert read.points() == {
        ("mailroom.crm.records", "provider=tryton"): 1,
        ("mailroom.crm.entries", "outcome=delivered", "provider=tryton"): 2,
        ("mailroom.crm.requests", "provider=tryton"): sum(script.calls.values()),
        ("mailroom.crm.sessions", "outcome=news", "provider=tryton"): 1,
        ("mailroom.crm.session.duration", "outcome=news", "provider=tryton"): 1,
    }


async def test_a_session_without_news_is_counted_too(serving: Serving, script: Script, read: Read) -> None:
    serving.worker = local_worker()
    with pytest.raises(ApplicationError):
        await serving.sync(report=False, pulled=True)
    await serving.sync()  # which is answered, though there is nothing to tell
    assert read.of("sessions") == {"outcome=nothing_new": 2}
    assert read.of("session.duration") == {"outcome=nothing_new": 2}
    assert read.of("failures") == {}


async def test_an_entry_that_the_crm_will_not_have_and_one_whose_record_is_gone_are_told_apart(
    serving: Serving, script: Script, read: Read, pool: Pool
) -> None:
    await stores(pool, mail(1), mail(2), mail(3))
    script.fail("push", Kind.CRM_REJECTED)
    script.fail("push", Kind.CRM_GONE)
    await serving.sync()
    assert read.of("entries") == {"outcome=failed": 1, "outcome=gone": 1, "outcome=delivered": 1}
    assert read.of("failures") == {}


async def test_a_lost_answer_counts_as_uncertain_and_as_found_once_the_crm_shows_the_entry(
    serving: Serving, script: Script, read: Read, pool: Pool
) -> None:
    await stores(pool, mail(1))
    script.fail("push", Kind.CRM_UNCERTAIN, after_commit=True)
    await serving.sync()
    assert read.of("entries") == {"outcome=uncertain": 1}
    await settles(pool)
    await serving.sync()
    assert read.of("entries") == {"outcome=uncertain": 1, "outcome=found": 1}


async def test_what_a_worker_that_died_leaves_counts_as_uncertain(
    serving: Serving, script: Script, read: Read, pool: Pool
) -> None:
    await stores(pool, mail(1), mail(2, sender="bo@example.org"))
    script.fail("push", Dies())
    with pytest.raises(Dies):
        await serving.sync()
    another = Read()
    serving.metrics = another.metrics
    async with pool.connection() as connection:
        await connection.execute("update leases set expires_at = now() - interval '1 second'")
    await serving.sync()
    assert another.of("entries")["outcome=uncertain"] >= 1
    assert read.of("sessions") == {}


@pytest.mark.parametrize(
    "kind", [Kind.CRM_AUTHENTICATION, Kind.CRM_PERMISSION, Kind.CRM_RATE_LIMITED, Kind.CRM_UNAVAILABLE]
)
async def test_a_session_that_failed_is_counted_by_the_kind_of_its_failure(
    serving: Serving, script: Script, read: Read, pool: Pool, kind: Kind
) -> None:
    await stores(pool, mail(1))
    script.fail("check", kind)
    await serving.fails()
    assert read.of("failures") == {f"kind={kind}": 1}
    assert read.of("sessions") == {"outcome=failed": 1}
    assert read.of("entries") == {}


async def test_a_budget_that_is_used_up_and_a_secret_that_is_no_more_are_failures_like_others(
    serving: Serving, script: Script, read: Read, pool: Pool
) -> None:
    async with pool.connection() as connection:
        await connection.execute("update crm_calls set calls = 100")
    serving.settings = CrmSettings.model_validate(settings(daily_calls=100))
    await serving.fails()
    assert read.of("requests") == {}  # none was left to make
    script.wants_the_secret = True
    serving.settings = CrmSettings.model_validate(settings(secret="vault:gone"))
    await serving.fails()
    assert read.of("failures") == {"kind=crm_rate_limited": 1, "kind=crm_permission": 1}


async def test_no_label_tells_of_a_connection_a_record_a_message_or_a_person(
    serving: Serving, script: Script, read: Read, pool: Pool
) -> None:
    await stores(pool, mail(1), mail(2), mail(3, sender="bo@example.org"))
    script.fail("push", Kind.CRM_REJECTED)
    await serving.sync()
    script.fail("check", Kind.CRM_UNAVAILABLE)
    await serving.fails()
    told = " ".join(" ".join(point) for point in read.points())
    for private in NAME, JANE, "anna", "bo@", "message", "its words", "scripted", "127.0.0.1":
        assert private not in told.lower()
    labels = {label.split("=")[0] for _, *labels in read.points() for label in labels}
    assert labels == {"provider", "outcome", "kind"}
