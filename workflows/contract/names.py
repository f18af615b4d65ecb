"""Every name that people, workers and tests share: workflow types and ids, task queues, activities, search attributes.

Importing this module starts nothing and needs no worker.
"""

from __future__ import annotations

from typing import Any

from temporalio.common import SearchAttributeKey

MAIL_ACCOUNT = "MailAccount"
CRM_CONNECTION = "CrmConnection"
RECONCILE = "Reconcile"
ERASE_PERSON = "ErasePerson"
STORED_MAIL = "StoredMail"
SENDING_ROUTE = "SendingRoute"
SEND_MESSAGE = "SendMessage"

WORKFLOW_QUEUE = "mailroom"
RETRIEVAL_QUEUE = "mailroom-retrieval"
CRM_QUEUE = "mailroom-crm"
SENDING_QUEUE = "mailroom-sending"

REFUSED = "Refused"  # the type of every ApplicationError that refuses a request
NOTHING_NEW = "NothingNew"  # BENIGN: nothing to say, look again after next_retry_delay
WAITING = "Waiting"  # BENIGN: not started yet, because a lease, a host's slot or LOGIN-DELAY is waited for


def account_workflow_id(address: str) -> str:
    return f"mail-account/{address}"


def crm_workflow_id(name: str) -> str:
    return f"crm/{name}"


def route_workflow_id(address: str) -> str:
    return f"route/{address}"


def message_workflow_id(request_id: str) -> str:
    return f"send/{request_id}"


BUILTIN_CRM = "builtin"

STATE = SearchAttributeKey.for_keyword("MailroomState")
REASON = SearchAttributeKey.for_keyword("MailroomReason")
FAILURE = SearchAttributeKey.for_keyword("MailroomFailure")
HOST = SearchAttributeKey.for_keyword("MailroomHost")
ORGANISATION = SearchAttributeKey.for_keyword("MailroomOrganisation")
PROVIDER = SearchAttributeKey.for_keyword("MailroomProvider")
AUTHENTICATION_FAILURES = SearchAttributeKey.for_int("MailroomAuthenticationFailures")
CONNECTION_FAILURES = SearchAttributeKey.for_int("MailroomConnectionFailures")
BACKLOG = SearchAttributeKey.for_int("MailroomBacklog")
SEARCH_ATTRIBUTES: tuple[SearchAttributeKey[Any], ...] = (
    STATE,
    REASON,
    FAILURE,
    HOST,
    ORGANISATION,
    PROVIDER,
    AUTHENTICATION_FAILURES,
    CONNECTION_FAILURES,
    BACKLOG,
)
