"""The operator that end-to-end tests are."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client

from tests.end_to_end.operating import Operator, clean_environment


@pytest.fixture
async def operator(
    tmp_path: Path, database_url: str, temporal_environment: dict[str, str], temporal_client: Client
) -> AsyncIterator[Operator]:
    """An operator with a database of the test's own; workers and workflows of the namespace are ended after the test."""
    key = base64.b64encode(os.urandom(32)).decode()
    environment = clean_environment(
        **temporal_environment, DATABASE_URL=database_url, MAILROOM_KEY=key, MAILROOM_ALLOW_HOSTS="127.0.0.1"
    )
    operating = Operator(tmp_path, environment)
    yield operating
    await operating.aclose()
    sys.stdout.write(operating.worker_logs())  # pytest shows it where the test fails
    async for execution in temporal_client.list_workflows('ExecutionStatus = "Running"'):
        await temporal_client.get_workflow_handle(execution.id).terminate("the test is over")
