"""The activities that each kind of worker has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from activities.account import Recorder, Vacancies
from activities.actions.actions import Actions
from activities.actions.context import Contexts
from activities.crm.adapters.builtin.adapter import BuiltinCrm
from activities.crm.adapters.registry import Adapters
from activities.crm.connections import CrmConnections
from activities.crm.serve import CrmServing
from activities.directory.address_book import AddressBook
from activities.erasure.deletion import Removal
from activities.erasure.erase_person import Erasing
from activities.filing.apply_filter import Application
from activities.filing.filter_commands import Filters
from activities.filing.refile import Filing
from activities.linking.decisions import Decisions
from activities.linking.preview import LinkingPreview
from activities.mailbox.deletions import Deletions
from activities.mailbox.quarantine import Quarantine
from activities.pop.auth_codes import AuthCodes
from activities.pop.session import Sessions
from activities.privacy.privacy import Privacies
from activities.privacy.private_messages import PrivateMail
from activities.reconciliation.reconcile import Reconciliation
from activities.retrieval.watch import Retrieval
from activities.sending.attempts import Sending
from activities.sending.changes import Changes
from activities.sending.copies import Copies
from activities.sending.logins import Logins, RouteChecks
from activities.sending.queueing import Queueing
from activities.sending.routes import Held, Routes
from activities.smtp.session import SmtpSessions
from infra.database.pool import Pool
from infra.settings import WorkerSettings
from infra.telemetry.metrics import SessionMetrics
from infra.vault.references import Secrets

Activities = Sequence[Callable[..., Any]]


def of_workflows(pool: Pool, settings: WorkerSettings) -> Activities:
    """What is done beside the workflows: the log, and commands that need nothing but the database."""
    connections = CrmConnections(pool)
    builtin = BuiltinCrm(pool)
    quarantine = Quarantine(pool)
    decisions = Decisions(pool)
    book = AddressBook(pool)
    changes = Changes(pool)
    return [
        Recorder(pool).record,
        Vacancies(pool).check_that_no_account_lives,
        connections.check_crms,
        connections.register_crm,
        connections.retry_failed_entries,
        *(builtin.save_record, builtin.preview_record, builtin.delete_record),
        Deletions(pool).deletable_messages,
        LinkingPreview(pool).unlinked_by,
        quarantine.retry_quarantined,
        quarantine.skip_message,
        Erasing(pool).erase_person,
        *(decisions.link_message, decisions.unlink_message, decisions.undo_decision),
        *of_filing(pool),
        Privacies(pool).set_privacy,
        book.save_contact,
        book.remove_contact,
        Routes(pool).check_route_address,
        Held(pool).release_held,
        Queueing(pool, settings).queue_message,
        *(changes.change_message, changes.look_at_message),
        Copies(pool).save_copy,
    ]


def of_retrieval(pool: Pool, settings: WorkerSettings, worker: str) -> Activities:
    """What speaks with mailboxes."""
    sessions = Sessions(Secrets(pool, settings), settings, AuthCodes(pool))
    retrieval = Retrieval(pool, sessions, settings, SessionMetrics(), worker)
    reconciliation = Reconciliation(pool, sessions, settings, worker)
    return [retrieval.watch, retrieval.try_login, reconciliation.reconcile, reconciliation.await_retrieval]


def of_crms(pool: Pool, settings: WorkerSettings, worker: str) -> Activities:
    """What speaks with CRMs."""
    adapters = Adapters(pool, settings)
    serving = CrmServing(pool, adapters, settings, worker)
    actions = Actions(pool, adapters.of, settings.support)
    return [
        serving.check_crm,
        serving.serve_crm,
        actions.add_record,
        actions.add_task,
        actions.add_event,
        actions.add_note,
        Contexts(pool, adapters.of).context,
    ]


def of_sending(pool: Pool, settings: WorkerSettings, worker: str) -> Activities:
    """What speaks with outgoing servers."""
    sessions, logins = SmtpSessions(settings), Logins(Secrets(pool, settings), settings)
    return [
        Sending(pool, sessions, logins, settings, worker).send_message,
        RouteChecks(sessions, logins, settings).check_route,
    ]


def of_filing(pool: Pool) -> Activities:
    """The activities of domain.filing.FILING."""
    filters, places = Filters(pool), Filing(pool)
    return [
        filters.save_filter,
        filters.remove_filter,
        filters.order_filters,
        filters.recommend_filters,
        Application(pool).apply_filter,
        places.move_messages,
        places.label_messages,
        places.mark_messages,
        PrivateMail(pool).make_private,
        places.undo_filing,
        Removal(pool).delete_messages,
    ]
