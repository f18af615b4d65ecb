"""Stores messages that people have as files, as if their server had handed them out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal
from uuid import uuid4

from pydantic import ValidationError

from activities.core.log import append
from activities.crm.connections import CrmConnections
from activities.delivery.deliver import deliver
from activities.delivery.dispositions import Buried, Duplicate, Withheld, dispositions
from activities.delivery.duplicates import stored_as
from activities.directory.address_book import AddressBook
from activities.filing.place import Filed
from activities.filing.refile import Filing
from activities.linking.links import STORED, log_relinked
from activities.linking.relinking import ask_to_relink_account
from activities.mailbox.known_account import known_account
from activities.mailbox.policy import StandingRules, hold_rules
from activities.mailbox.state import Mailboxes
from activities.pop.session import now_utc
from activities.storage.batch import Retrieved
from domain.core.log_event import LoggedEvent
from domain.core.refusal import Refused
from domain.core.validation import Name, Strict, parse
from domain.mailbox.settings import AccountSettings
from domain.message.attaching import why_no_mail
from domain.retrieval.plan import ATTACHED, Listed
from infra.database.pool import Connection, Pool
from infra.settings import WorkerSettings
from workflows.contract import BUILTIN_CRM, DeskRequest

NO_SERVER = "attached.invalid"  # RFC 2606: of an address that is retrieved from nowhere
Folder = Literal["Inbox", "Sent"]


class Crms(Strict):
    """The CRMs that are named on the command line."""

    crm: list[Name]


@dataclass(frozen=True, slots=True)
class Attached:
    """What became of one message. Not `new`: the account had it, and where it was `moved`, in another folder."""

    message: int
    new: bool
    folder: str
    links: int
    moved: bool = False


class Attaching:
    """Attaches to one address after the other; given its pool and settings, so that a test can give it others."""

    def __init__(self, pool: Pool, settings: WorkerSettings) -> None:
        self._pool = pool
        self._settings = settings
        self._filing = Filing(pool)
        self._mailboxes = Mailboxes(pool, settings.quota_bytes)

    async def account(self, address: str, crms: Sequence[str]) -> AccountSettings:
        """The settings by which mail of this address is filed and linked: those of its account; or, where it never had one,
        the address alone with the CRMs that are named; `attach` adds those of earlier. Raises Refused."""
        async with self._pool.connection() as connection:
            known = await known_account(connection, address)
        if known is not None and known.settings is not None:
            if crms:
                raise Refused(
                    "invalid_field",
                    f"--crm: {address} is an account, which says itself what it is linked with: leave --crm out, or add the CRM "
                    "with change_settings",
                    field="crm",
                )
            try:
                return AccountSettings.model_validate_json(json.dumps(known.settings))
            except ValidationError:
                raise Refused(
                    "invalid_field", f"the log holds no settings of {address} that can be read: start its account again"
                ) from None
        await CrmConnections(self._pool).check_crms(list(crms))
        async with self._pool.connection() as connection:
            return _address_alone(address, crms, await _organisation_of(connection, address, crms))

    async def attach(self, settings: AccountSettings, raw: bytes, folder: Folder | None, by: str) -> Attached:
        """Stores one message. One that the account has goes to `folder`, where one is said, with its links. Raises Refused where
        it is none, or may not be stored."""
        if len(raw) > self._settings.max_message_bytes:
            raise Refused(
                "too_large",
                f"it has {len(raw):,} bytes, and MAILROOM_MAX_MESSAGE_BYTES allows {self._settings.max_message_bytes:,}: "
                "raise that, or attach the message without its attachments",
            )
        one = await asyncio.to_thread(_indexed, raw)
        if wrong := why_no_mail(raw, one.message):
            raise Refused("no_message", wrong)
        address = settings.address
        if settings.incoming.host == NO_SERVER:  # only now: a misspelt address without a message leaves nothing behind
            async with self._pool.connection() as connection, connection.transaction():
                settings = await _keep_address(connection, settings)
        async with self._pool.connection() as connection:
            there = await stored_as(connection, address, one)
        if there is not None:
            return await self._there(address, there, folder, by)
        room = await self._mailboxes.room(settings.owner)
        async with self._pool.connection() as connection, connection.transaction():
            rules = await hold_rules(connection, settings, attaching=True)
            (disposition,) = await dispositions(connection, rules, ATTACHED, [one])
            match disposition:
                case Filed():
                    _check_room(settings.owner, room, one.size)
                    return await self._deliver(connection, rules, disposition, folder, by)
                case Withheld(rule=rule):
                    raise Refused(
                        "withheld",
                        f"the account's privacy rule {rule} keeps it from being stored: change the rule with set_privacy, if it "
                        "is to be stored all the same",
                    )
                case Buried():
                    raise Refused("deleted", "it was here and was deleted or erased, so it is not stored again")
                case Duplicate(of=of):
                    assert isinstance(of, int), "one message is no copy of another that arrives with it"
                    there = of  # somebody else brought it just now
        return await self._there(address, there, folder, by)

    async def _deliver(
        self, connection: Connection, rules: StandingRules, disposition: Filed, folder: Folder | None, by: str
    ) -> Attached:
        address, at = rules.settings.address, now_utc()
        placed = disposition if folder is None else replace(disposition, folder=folder)
        delivered = await deliver(connection, rules, ATTACHED, [placed], at)
        await log_relinked(connection, delivered.relinked, STORED)
        facts = {"epoch": ATTACHED, "bytes": delivered.bytes, "messages": delivered.messages, "links": delivered.links}
        await append(
            connection, address, LoggedEvent(event_id=uuid4(), at=at, type="MessageAttached", actor=by, data=facts)
        )
        return await self._seen(connection, delivered.messages[0], new=True)

    async def count(self, settings: AccountSettings) -> None:
        """Counts for the address book whom the attached mail is with; done again, it counts nothing twice."""
        await AddressBook(self._pool).catch_up(settings.address, settings.own_addresses)

    async def _there(self, address: str, message: int, folder: Folder | None, by: str) -> Attached:
        """A message that was here before, in the folder that is said now."""
        async with self._pool.connection() as connection:
            seen = await self._seen(connection, message, new=False)
        if folder is None or folder == seen.folder:
            return seen
        given = {"messages": [message], "folder": folder, "by": by}
        await self._filing.move_messages(DeskRequest(address=address, given=given, event_id=uuid4(), at=now_utc()))
        async with self._pool.connection() as connection:
            return replace(await self._seen(connection, message, new=False), moved=True)

    async def _seen(self, connection: Connection, message: int, *, new: bool) -> Attached:
        row = await (
            await connection.execute(
                "select folder, (select count(*) from links where message = %s and unlinked_at is null) from mail where id = %s",
                [message, message],
            )
        ).fetchone()
        folder, links = row or ("", 0)
        return Attached(message, new, folder, links)


def _indexed(raw: bytes) -> Retrieved:
    first = Retrieved.of(Listed(number=1, uidl="", occurrence=0, size=len(raw), shared=False), raw)
    uidl = f"attached:{first.identity.hex()}"
    return Retrieved.of(Listed(number=1, uidl=uidl, occurrence=0, size=len(raw), shared=False), raw)


def _check_room(owner: str, room: int, size: int) -> None:
    if room < size:
        raise Refused(
            "over_quota",
            f"it has {size:,} bytes, and the quota of {owner} has room for {max(room, 0):,}: raise it with set_quota, or delete "
            "messages",
        )


def _address_alone(address: str, crms: Sequence[str], organisation: str) -> AccountSettings:
    """Settings for filing and linking, of an address that is retrieved from nowhere."""
    incoming = {"host": NO_SERVER, "secret": "env:MAILROOM_SECRET_NONE"}
    given = {"address": address, "organisation": organisation, "incoming": incoming, "crm": list(crms)}
    return parse(AccountSettings, given, what="attach")


async def _organisation_of(connection: Connection, address: str, crms: Sequence[str]) -> str:
    """The organisation whose CRMs these are, with those that the address has from earlier: its people are colleagues, and may
    be told of the mail. Raises Refused where they are not of one."""
    row = await (
        await connection.execute(
            """
            select array(
                select distinct c.organisation from crm_connections c
                where c.name = any(a.crm || %(crm)s) and c.name <> %(builtin)s order by 1
            ), a.organisation
            from (select) one left join lateral (
                select organisation, crm from accounts_recorded where address = %(address)s
                union all select 'default', '{}' limit 1
            ) a on true
            """,
            {"address": address, "crm": list(crms), "builtin": BUILTIN_CRM},
        )
    ).fetchone()
    assert row is not None
    of, recorded = row
    if len(of) > 1:
        raise Refused(
            "invalid_field",
            f"--crm: the CRMs of {address} would be of the organisations {' and '.join(of)}: name those of one",
            field="crm",
        )
    return str(of[0] if of else recorded)


async def _keep_address(connection: Connection, settings: AccountSettings) -> AccountSettings:
    """Makes the address one that mail can be attached to; its settings with all its CRMs. It counts as closed: nobody watches
    it."""
    address = settings.address
    row = await (
        await connection.execute(
            """
            insert into accounts_recorded as a (
                address, organisation, owner, host, crm, state, authentication_failures, connection_failures, workflow_id, run_id
            ) values (%(address)s, %(organisation)s, %(address)s, '', %(crm)s, 'closed', 0, 0, '', '')
            on conflict (address) do update set organisation = excluded.organisation, crm = a.crm || array(
                select named from unnest(excluded.crm) named where not named = any(a.crm) order by named
            )
            returning a.crm, (select b.crm from accounts_recorded b where b.address = %(address)s)
            """,
            {
                "address": address,
                "organisation": settings.organisation,
                "crm": list(dict.fromkeys(settings.crm)),
            },
        )
    ).fetchone()
    assert row is not None
    now, before = row
    for crm in now:
        if before is not None and crm not in before:
            await ask_to_relink_account(connection, crm, address, cause="the CRM was added to the account")
    await connection.execute(
        "insert into mailboxes (address, server_key) values (%s, %s) on conflict do nothing", [address, NO_SERVER]
    )
    return _address_alone(address, now, settings.organisation)
