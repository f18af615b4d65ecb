"""The Temporal client's configuration and what becomes of errors on their way into history."""

from __future__ import annotations

import socket
import uuid
from datetime import timedelta

import pytest
from temporalio.api.failure.v1 import Failure
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import Replayer, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from domain.core.refusal import Refusal, Refused
from domain.failures.failure import Kind
from infra.settings import SettingsError
from infra.temporal.client import FailureConverter, MailroomPlugin, TemporalUnreachable, connect, data_converter
from tests.support.refusing_workflow import Refusing


def as_stored(error: BaseException, *, because: BaseException | None = None) -> Failure:
    """What history would hold of `error`, raised while `because` was handled."""
    try:
        try:
            if because:
                raise because
        except Exception:
            raise error  # noqa: B904 -- what was handled is to be its context
        raise error
    except BaseException as raised:
        failure = Failure()
        FailureConverter().to_failure(raised, data_converter.payload_converter, failure)
        return failure


@pytest.mark.parametrize(
    "error",
    [
        ApplicationError("nothing new", type="NothingNew", category=ApplicationErrorCategory.BENIGN),
        ApplicationError("wrong password", type=Kind.AUTHENTICATION, non_retryable=True),
        ApplicationError("no such command", type="Refused"),
    ],
)
def test_an_expected_outcome_is_one_line_without_a_stack_trace_or_the_servers_raw_words(
    error: ApplicationError,
) -> None:
    failure = as_stored(error, because=RuntimeError("-ERR jane@example.com unknown"))
    assert failure.message == error.message
    assert failure.stack_trace == ""
    assert not failure.HasField("cause")
    assert "jane" not in str(failure)


def test_a_defect_keeps_its_stack_trace_and_its_cause() -> None:
    failure = as_stored(ApplicationError("broken", type="Surprise"), because=ValueError("why"))
    assert "as_stored" in failure.stack_trace
    assert failure.cause.message == "why"


def test_a_refusal_is_never_retried_and_carries_its_data() -> None:
    failure = as_stored(Refused("invalid_field", "incoming.port: 70000 is no port", field="incoming.port"))
    info = failure.application_failure_info
    assert (info.type, info.non_retryable) == ("Refused", True)
    assert failure.message == "incoming.port: 70000 is no port"
    (details,) = data_converter.payload_converter.from_payloads(info.details.payloads)
    assert details == {"code": "invalid_field", "field": "incoming.port", "failure": None}


async def test_a_missing_address_is_an_error_that_names_it() -> None:
    with pytest.raises(SettingsError, match="TEMPORAL_ADDRESS"):
        await connect(environ={"TEMPORAL_CONFIG_FILE": "/dev/null"})


async def test_an_unknown_profile_is_an_error_that_names_it() -> None:
    with pytest.raises(SettingsError, match="TEMPORAL_PROFILE"):
        await connect(environ={"TEMPORAL_CONFIG_FILE": "/dev/null", "TEMPORAL_PROFILE": "absent"})


async def test_a_server_that_is_not_there_is_an_error_that_names_its_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(TemporalUnreachable, match=address):
        await connect(environ={"TEMPORAL_ADDRESS": address}, patience=timedelta(0))


@pytest.mark.parametrize("default_sandbox", [False, True])
async def test_client_worker_and_replayer_agree_on_converter_and_sandbox(
    temporal_client: Client, default_sandbox: bool
) -> None:
    plugin = MailroomPlugin(runner=SandboxedWorkflowRunner()) if default_sandbox else MailroomPlugin()
    client = await connect(
        environ={},
        target_host=temporal_client.service_client.config.target_host,
        namespace=temporal_client.namespace,
        plugins=[plugin],
    )
    refusal = Refusal(code="disabled", field="incoming.port")
    name = f"refusing-{uuid.uuid4().hex}"
    async with Worker(client, task_queue=name, workflows=[Refusing]):
        handle = await client.start_workflow(Refusing.run, refusal, id=name, task_queue=name)
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await handle.execute_update(Refusing.ask)
        assert await handle.result() == refusal
    cause = refused.value.cause
    assert isinstance(cause, ApplicationError)
    assert (cause.type, cause.message, cause.non_retryable) == ("Refused", "that cannot be done", True)
    assert cause.details[0] == refusal.model_dump()
    replayer = Replayer(workflows=[Refusing], plugins=[MailroomPlugin()])
    await replayer.replay_workflow(await handle.fetch_history())
