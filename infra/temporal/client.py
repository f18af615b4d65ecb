"""The Temporal client, and what worker, tests and replayer must share: converters, tracing and the workflow sandbox."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NoReturn

from temporalio.api.failure.v1 import Failure as FailureMessage
from temporalio.client import Client
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DefaultFailureConverter, PayloadConverter
from temporalio.envconfig import ClientConfig
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.plugin import SimplePlugin
from temporalio.runtime import Runtime
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from domain.core.refusal import Refused
from domain.failures.failure import Kind
from infra.database.errors import without_values
from infra.settings import SettingsError
from infra.temporal.payloads import TolerantPayloadConverter

REFUSED = "Refused"
DATABASE_UNAVAILABLE = "DatabaseUnavailable"

# What the sandbox takes as it is instead of importing it anew for every workflow run (three times the start rate).
PASSED_THROUGH = (
    "domain",
    "workflows",
    "pydantic",
    "pydantic_core",
    "annotated_types",
    "typing_extensions",
    "email_validator",
    "dns",
    "idna",
    "opentelemetry",
)

# Outcomes that have words of their own: a stack trace beside them would make a healthy worker look broken.
_SPOKEN_FOR = frozenset({REFUSED, DATABASE_UNAVAILABLE, *(kind.value for kind in Kind)})

log = logging.getLogger(__name__)


class TemporalUnreachable(Exception):
    """No Temporal server answered; the text names the address and what to set."""


class FailureConverter(DefaultFailureConverter):
    """Keeps what operators read in the UI and the CLI to one readable line, and other people's words out of it.

    A BENIGN error, a classified failure (its type is a Kind) and a refusal go without stack trace and without cause:
    the cause would repeat, unredacted, what a mail server said. Database errors go without the row that they are about.
    A `Refused` becomes a non-retryable ApplicationError of that type whose details[0] is the Refusal.
    """

    def to_failure(
        self, exception: BaseException, payload_converter: PayloadConverter, failure: FailureMessage
    ) -> None:
        if isinstance(exception, Refused):
            exception = refused_error(exception)
        without_values(exception)
        super().to_failure(exception, payload_converter, failure)
        if is_spoken_for(exception):
            failure.stack_trace = ""
            failure.ClearField("cause")


def refused_error(refused: Refused) -> ApplicationError:
    """The form in which a refusal reaches a caller: type `Refused`, details[0] the Refusal, never retried."""
    return ApplicationError(refused.message, refused.refusal, type=REFUSED, non_retryable=True)


def is_spoken_for(error: BaseException) -> bool:
    """Whether an error is an expected outcome whose message says all that a person needs."""
    if not isinstance(error, ApplicationError):
        return isinstance(error, Refused)
    return error.category == ApplicationErrorCategory.BENIGN or error.type in _SPOKEN_FOR


data_converter = dataclasses.replace(
    pydantic_data_converter,
    payload_converter_class=TolerantPayloadConverter,
    failure_converter_class=FailureConverter,
)


class _ActivityErrors(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 -- the SDK's name for it
        try:
            return await super().execute_activity(input)
        except BaseException as error:
            without_values(error)
            raise


class WithoutValues(Interceptor):
    """Takes other people's words out of an activity's database errors before traces, logs and the history have them."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 -- as above
        return _ActivityErrors(next)


def workflow_runner() -> SandboxedWorkflowRunner:
    """The sandbox that production runs workflows in. Tests also run with the default one, which passes nothing on."""
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH),
    )


class MailroomPlugin(SimplePlugin):
    """Given to a client, reaches its workers too; given to a Replayer, replays as the workers run.

    Never give it to both a client and a worker of that client: it would act twice. `runner` replaces the sandbox.
    """

    def __init__(self, *, runner: WorkflowRunner | None = None) -> None:
        super().__init__(
            "mailroom",
            data_converter=data_converter,
            # Operators start accounts by the CLI, so most workflows have no span of a client above them.
            interceptors=[TracingInterceptor(always_create_workflow_spans=True), WithoutValues()],
            workflow_runner=runner or workflow_runner(),
        )


async def connect(
    *,
    runtime: Runtime | None = None,
    patience: timedelta = timedelta(seconds=30),
    environ: Mapping[str, str] | None = None,
    **overrides: Any,
) -> Client:
    """A client of the server that the environment names as it does for the CLI: TEMPORAL_ADDRESS, TEMPORAL_PROFILE ...

    `environ` stands in for the process's environment; `overrides` are arguments of `Client.connect` that win over both.
    Raises SettingsError when no address is configured and TemporalUnreachable when none answers within `patience`.
    """
    try:
        configured = ClientConfig.load_client_connect_config(override_env_vars=environ)
    except Exception as error:
        raise SettingsError(
            f"the Temporal profile cannot be read ({error}): check TEMPORAL_PROFILE and its file"
        ) from None
    arguments: dict[str, Any] = {**configured, **overrides}
    address = arguments.get("target_host")
    if not address:
        raise SettingsError(
            "TEMPORAL_ADDRESS is not set, and no Temporal profile gives an address: set it to the server's host:port, "
            "or run `python worker.py --dev`, which brings its own"
        )
    arguments.setdefault("plugins", [MailroomPlugin()])
    deadline = time.monotonic() + patience.total_seconds()
    while True:
        try:
            return await Client.connect(**arguments, runtime=runtime)
        except RuntimeError as error:  # what the SDK raises for a server that is not there or not ready
            if time.monotonic() >= deadline:
                raise TemporalUnreachable(
                    f"no Temporal server answers at {address} ({_first_line(error)}): "
                    "start it, or correct TEMPORAL_ADDRESS or the TLS settings of the profile"
                ) from None
            log.info("waiting for the Temporal server at %s", address)
            await asyncio.sleep(1)


def leave(status: int) -> NoReturn:
    """Ends a process that has used a Temporal client, with exit status `status`; everything must be closed by then.

    The SDK's threads may still be letting go of the interpreter when it shuts down, and then Python aborts: about every
    seventh time for a short command (temporalio/sdk-python#300). So the shut-down of the interpreter is left out.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:200]
