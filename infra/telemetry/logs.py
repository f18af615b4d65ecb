"""Logs, as lines of JSON or of text."""

from __future__ import annotations

import copy
import logging
import sys
from typing import TextIO

import temporalio.workflow
from opentelemetry import trace
from pythonjsonlogger.json import JsonFormatter

from domain.core.foreign_text import log_line
from infra.database.errors import without_values
from infra.temporal.client import is_spoken_for


def start_logging(*, dev: bool, stream: TextIO | None = None) -> None:
    """Sends all logs to `stream` (standard error): one JSON object a line, or, with `dev`, lines of text."""
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(
        _TextFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S") if dev else _json()
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # at INFO it logs MAILROOM_NOTIFY_URL, which may hold a token
    logging.getLogger("httpcore").setLevel(logging.WARNING)
    logging.getLogger("temporalio.worker").setLevel(
        logging.WARNING
    )  # its own words on shutdown frighten and tell nothing
    logging.getLogger("temporalio.activity").addFilter(_unless_spoken_for)
    # Both put the ids into the record's extra fields; in the message as well they would hide what it says.
    temporalio.activity.logger.activity_info_on_message = False
    temporalio.workflow.logger.workflow_info_on_message = False


def _unless_spoken_for(record: logging.LogRecord) -> bool:
    """Leaves out the SDK's line on a failed activity where the failure was logged, in fewer words, where it happened."""
    return not (record.exc_info and record.exc_info[1] is not None and is_spoken_for(record.exc_info[1]))


class _Handler(logging.StreamHandler[TextIO]):
    """Adds the ids of the current span, says an expected failure in one line instead of a traceback, and nothing of the rows that
    database errors are about."""

    def format(self, record: logging.LogRecord) -> str:
        record = copy.copy(record)
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            record.trace_id = trace.format_trace_id(span.trace_id)
            record.span_id = trace.format_span_id(span.span_id)
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and is_spoken_for(error):
            record.msg, record.args = f"{record.getMessage()}: {error}", ()
            record.exc_info = record.exc_text = None
        elif error is not None:
            without_values(error)
        return log_line(super().format(record))


class _TextFormatter(logging.Formatter):
    """Text for a person: the workflow's id in brackets where there is one. A line that is not the first of its message is
    indented, so that nothing that others wrote begins one that could be taken for the worker's own."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\n", "\n    ")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- logging's name
        where = getattr(record, "temporal_activity", None) or getattr(record, "temporal_workflow", None) or {}
        workflow = where.get("workflow_id")
        return super().formatMessage(record) + (f" [{workflow}]" if workflow else "")


def _json() -> logging.Formatter:
    return JsonFormatter(
        "%(levelname)s %(name)s %(message)s",
        rename_fields={"levelname": "level", "name": "logger", "exc_info": "exception"},
        timestamp=True,
        json_ensure_ascii=False,
    )
