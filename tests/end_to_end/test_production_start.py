"""`python worker.py` without what it needs: it ends, and says in one line what is missing and what to do."""

from __future__ import annotations

import sys
import uuid

import pytest

from infra.dev.children import free_port
from tests.end_to_end.operating import Operator
from tests.support.running import until


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("DATABASE_URL", "", ["DATABASE_URL is not set", "--dev"]),
        ("TEMPORAL_ADDRESS", "", ["TEMPORAL_ADDRESS is not set", "--dev"]),
        ("MAILROOM_ROLES", "everything", ["MAILROOM_ROLES", "everything", "workflows,retrieval,crm,sending"]),
        ("MAILROOM_KEY", "too short", ["MAILROOM_KEY", "openssl rand"]),
        ("MAILROOM_ALLOW_HOSTS", "10.0.0.0/64", ["MAILROOM_ALLOW_HOSTS", "CIDR"]),
        ("MAILROOM_CA_FILE", "/nowhere/ca.pem", ["MAILROOM_CA_FILE", "/nowhere/ca.pem"]),
    ],
)
async def test_a_setting_that_is_missing_or_wrong_is_named(
    operator: Operator, setting: str, value: str, words: list[str]
) -> None:
    worker = await operator.starting_worker(**{setting: value, "TEMPORAL_CONFIG_FILE": "/nowhere"})
    assert await worker.ended() != 0
    complaint = worker.said()
    assert all(word in complaint for word in words), complaint
    assert complaint.startswith("mailroom: ")
    assert "Traceback" not in complaint


@pytest.mark.parametrize("role", ["workflows", "retrieval", "crm", "sending"])
async def test_a_worker_of_one_role_alone_takes_its_work(operator: Operator, role: str) -> None:
    worker = await operator.worker(MAILROOM_ROLES=role)
    assert f"workers started: {role}" in worker.said()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"postgresql://jane:hunter2@127.0.0.1:{free_port()}/mailroom", "the database of DATABASE_URL does not work"),
        ("hunter2", "DATABASE_URL is not the URL of a PostgreSQL database"),
        ("postgresql://jane:hunter2@[::1/mailroom", "DATABASE_URL is not the URL of a PostgreSQL database"),
    ],
    ids=["nobody listens", "no URL", "a broken URL"],
)
async def test_a_database_that_does_not_work_is_named_without_its_password(
    operator: Operator, url: str, words: str
) -> None:
    worker = await operator.starting_worker(DATABASE_URL=url)
    assert await worker.ended() != 0
    complaint = worker.said()
    assert complaint.startswith(f"mailroom: {words}")
    assert "hunter2" not in complaint
    assert "Traceback" not in complaint


async def test_a_namespace_that_temporal_does_not_know_is_named(operator: Operator) -> None:
    worker = await operator.starting_worker(TEMPORAL_NAMESPACE="nowhere")
    assert await worker.ended() != 0
    complaint = worker.said()
    assert "nowhere" in complaint
    assert "Traceback" not in complaint


async def a_bare_namespace(operator: Operator) -> str:
    """A new namespace, which the operator uses from now on."""
    namespace = f"bare-{uuid.uuid4().hex[:12]}"
    await operator.temporal("operator", "namespace", "create", "--namespace", namespace, "--retention", "24h")
    operator.environment["TEMPORAL_NAMESPACE"] = namespace
    return namespace


async def test_search_attributes_that_are_missing_are_named_with_the_command_that_registers_them(
    operator: Operator,
) -> None:
    await a_bare_namespace(operator)

    async def known() -> bool:  # the server takes a moment to know its new namespace everywhere
        worker = await operator.starting_worker()
        assert await worker.ended() != 0
        return "MailroomAuthenticationFailures" in worker.said()

    await until(known, "the worker to miss the search attributes")
    complaint = operator.worker_logs()
    assert "python -m infra.search_attributes" in complaint
    await operator.run(sys.executable, "-m", "infra.search_attributes")
    await operator.worker()


async def test_a_search_attribute_of_another_type_is_named(operator: Operator) -> None:
    namespace = await a_bare_namespace(operator)
    await operator.temporal(
        *("operator", "search-attribute", "create", "--name", "MailroomHost", "--type", "Int"),
        *("--namespace", namespace),
    )

    async def told() -> bool:
        worker = await operator.starting_worker()
        assert await worker.ended() != 0
        assert "Traceback" not in worker.said()
        return "MailroomHost" in worker.said() and "must be of type Keyword" in worker.said()

    await until(told, "the worker to see the search attribute")
