"""Registering the search attributes on a namespace that has none."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from infra.search_attributes import SEARCH_ATTRIBUTES, WrongType, missing, register
from infra.temporal.client import connect


@pytest.fixture
async def bare(temporal_client: Client) -> Client:
    """A client of a namespace of its own without search attributes."""
    namespace = f"attributes-{uuid.uuid4().hex[:12]}"
    await temporal_client.workflow_service.register_namespace(
        RegisterNamespaceRequest(namespace=namespace, workflow_execution_retention_period=Duration(seconds=86_400))
    )
    client = await connect(
        environ={}, target_host=temporal_client.service_client.config.target_host, namespace=namespace
    )
    while True:  # the server takes a moment to know its new namespace everywhere
        try:
            await missing(client)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            await asyncio.sleep(0.2)
        else:
            return client


async def test_the_command_registers_what_is_missing(bare: Client) -> None:
    assert await missing(bare) == list(SEARCH_ATTRIBUTES)
    environ = {
        **os.environ,
        "TEMPORAL_ADDRESS": bare.service_client.config.target_host,
        "TEMPORAL_NAMESPACE": bare.namespace,
    }
    for _ in range(2):
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "infra.search_attributes"],
            env=environ,
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        assert "MailroomAuthenticationFailures\tInt" in done.stdout
    assert await missing(bare) == []
    assert await register(bare) == []


async def test_an_attribute_of_another_type_is_named(bare: Client) -> None:
    await bare.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace=bare.namespace,
            search_attributes={"MailroomHost": IndexedValueType.INDEXED_VALUE_TYPE_INT},
        )
    )
    with pytest.raises(WrongType, match=r"MailroomHost .* of type Keyword"):
        await missing(bare)
