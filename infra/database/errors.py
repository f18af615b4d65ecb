"""PostgreSQL's errors without the values that they quote."""

from __future__ import annotations

import re

from psycopg import Error

from domain.core.redaction import redact


def without_values(error: BaseException) -> None:
    """Has the database errors among `error`, its causes and its members say no more than class, SQLSTATE and the primary message.

    Their DETAIL and CONTEXT quote the row that was to be written, which is somebody's mail.
    """
    found, pending = set[int](), [error]
    while pending:
        one = pending.pop()
        if id(one) in found:
            continue
        found.add(id(one))
        if isinstance(one, Error):
            one.args = (_told(one),)
        pending += [also for also in (one.__cause__, one.__context__) if also is not None]
        if isinstance(one, BaseExceptionGroup):
            pending += one.exceptions


def _told(error: Error) -> str:
    said = error.diag.message_primary
    if error.sqlstate is None or said is None:  # of psycopg itself, which says in the first line what it is about
        return redact(str(error).partition("\n")[0])
    if error.sqlstate.startswith("22"):  # data exceptions quote the value in the message as well
        said = re.sub(r'"[^"]*"', '"..."', said.partition(": ")[0])
    return f"{redact(said)} (SQLSTATE {error.sqlstate})"
