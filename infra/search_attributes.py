"""The search attributes by which accounts are found, and the command that registers them on a Temporal server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from infra import commands
from infra.commands import say
from infra.temporal.client import TemporalUnreachable, connect, leave

COMMAND = "python -m infra.search_attributes"

# Visibility on PostgreSQL, MySQL and SQLite has room for 10 Keywords and 3 Ints per namespace.
SEARCH_ATTRIBUTES: Mapping[str, Literal["Keyword", "Int"]] = {
    "MailroomState": "Keyword",
    "MailroomReason": "Keyword",
    "MailroomFailure": "Keyword",
    "MailroomHost": "Keyword",
    "MailroomOrganisation": "Keyword",
    "MailroomProvider": "Keyword",
    "MailroomAuthenticationFailures": "Int",
    "MailroomConnectionFailures": "Int",
    "MailroomBacklog": "Int",
}


class WrongType(Exception):
    """A search attribute exists with another type than Mailroom's; the text says which."""


async def missing(client: Client) -> list[str]:
    """The search attributes that the client's namespace lacks. Raises WrongType where one has another type."""
    request = ListSearchAttributesRequest(namespace=client.namespace)
    answer = await client.operator_service.list_search_attributes(request)
    present = answer.custom_attributes
    for name, wanted in SEARCH_ATTRIBUTES.items():
        if name in present and present[name] != _value_type(wanted):
            raise WrongType(
                f"the search attribute {name} of namespace {client.namespace} must be of type {wanted} and is not: remove "
                f"it with `temporal operator search-attribute remove --name {name}`, then run {COMMAND}"
            )
    return [name for name in SEARCH_ATTRIBUTES if name not in present]


async def register(client: Client) -> list[str]:
    """Registers what is missing and returns its names; safe to run by many at once. Raises WrongType and RPCError."""
    names = await missing(client)
    if names:
        try:
            types = {name: _value_type(SEARCH_ATTRIBUTES[name]) for name in names}
            await client.operator_service.add_search_attributes(
                AddSearchAttributesRequest(namespace=client.namespace, search_attributes=types)
            )
        except RPCError as error:
            if error.status != RPCStatusCode.ALREADY_EXISTS:
                raise
    return names


def _value_type(name: str) -> IndexedValueType.ValueType:
    return IndexedValueType.Value(f"INDEXED_VALUE_TYPE_{name.upper()}")


async def run() -> int:
    client = await connect()
    added = await register(client)
    for name, of_type in SEARCH_ATTRIBUTES.items():
        say(f"{name}\t{of_type}\t{'added' if name in added else 'was there'}")
    return 0


def main() -> int:
    return commands.run("search attributes", run(), TemporalUnreachable, WrongType, RPCError)


if __name__ == "__main__":
    leave(main())
