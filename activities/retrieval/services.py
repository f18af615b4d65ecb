"""What a retrieval session needs of its worker."""

from __future__ import annotations

from dataclasses import dataclass

from activities.directory.address_book import AddressBook
from activities.mailbox.desynchronisation import Suspects
from activities.mailbox.ledger import Ledger
from activities.mailbox.quarantine import Quarantine
from activities.mailbox.state import Mailboxes
from activities.pop.session import Sessions
from activities.privacy.privacy import Privacies
from activities.retrieval.mail_store import MailStore
from activities.retrieval.observer import Observer
from activities.storage.uploads import Uploads


@dataclass(frozen=True, slots=True)
class Services:
    """What every session of a worker works with."""

    sessions: Sessions
    mailboxes: Mailboxes
    ledger: Ledger
    store: MailStore
    uploads: Uploads
    suspects: Suspects
    quarantine: Quarantine
    privacies: Privacies
    address_book: AddressBook
    observer: Observer
