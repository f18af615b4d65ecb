"""The commands `add_record`, `add_task`, `add_event` and `add_note`: what people make of a message in a CRM."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import BaseModel
from temporalio import activity

from activities.actions.requests import ActionsCrm, CrmRequest, CrmRequests, OpenCrm, asked, plain
from activities.actions.subject import (
    Subject,
    crm_of_account,
    linked_records,
    matches,
    name_of_record,
    open_deals,
    present,
    subject_of,
    why_unlinked,
)
from activities.core.attempts import heartbeats
from activities.core.locks import hold_links
from activities.core.log import append, logged
from activities.crm.adapters.protocol import CrmFailure, NewActivity, NewRecord
from activities.directory.directory import store_shown
from activities.linking.links import relink
from domain.core.log_event import LoggedEvent
from domain.core.refusal import Refused
from domain.core.text import storable_all
from domain.crm.actions import ACTIVITY_KINDS, MATCHING, AddActivity, AddEvent, AddNote, AddRecord, AddTask
from domain.crm.naming import readable_name
from domain.directory.records import Record, RecordKind
from domain.failures.failure import Kind
from domain.message.index import Participant
from infra.database.pool import Pool
from workflows.contract import DeskRequest

AN_HOUR = timedelta(hours=1)
YEARS = range(1900, 3000)  # of tasks and events
READ_BACK = 20  # activities of a record in an answer

Given = TypeVar("Given", bound=BaseModel)


class Actions:
    """Given its pool and how to open a CRM, so that a test can give it others."""

    def __init__(self, pool: Pool, open_crm: OpenCrm, support: str) -> None:
        self._pool = pool
        self._open_crm = open_crm
        self._requests = CrmRequests(pool, support)

    @activity.defn
    async def add_record(self, request: DeskRequest) -> dict[str, Any]:
        """Makes the correspondent of a message a record of a CRM, or answers the one that there is (D11).

        Raises Refused: where it is not clear who is meant, and with the CRM's failure. Tried again, or asked again under the
        same id, it makes no second record.
        """
        given = read(AddRecord, request)
        async with heartbeats(lambda: None):
            await self._begin(request, given.by)
            earlier = await self._requests.known(request.address, given)
            if earlier is not None and earlier.done_at is not None:
                return await self._record_answer(request.address, earlier)
            await crm_of_account(self._pool, request.address, given.crm, given.record_kind)
            subject = await subject_of(self._pool, request.address, given.message)
            who = _correspondent(subject, given.address)
            made = await self._requests.write_down(request.address, given, given.record_kind, None, request.at)
            # By the person, too: two people may add one correspondent at the same time.
            async with self._requests.alone(given.crm, made.key, f"{given.crm}\n{who.normal}"):
                made = await self._requests.known(request.address, given) or made
                if made.done_at is None:
                    await self._add_record(request, given, made, who)
        return await self._record_answer(request.address, made)

    async def _begin(self, request: DeskRequest, by: str) -> None:
        """Raises Refused `log_conflict` before a CRM is asked to make what the log would then not take."""
        async with self._pool.connection() as connection:
            await logged(connection, request.address, request.event_id, request.at, by)

    async def _add_record(self, request: DeskRequest, given: AddRecord, made: CrmRequest, who: Participant) -> None:
        name = given.name or readable_name(who.name, who.address)
        shown: list[Record] = []  # by the CRM itself: what the directory says may be older by the time it is stored
        try:
            async with self._open_crm(given.crm) as crm:
                if given.record_kind == "deal":
                    called = readable_name(who.name, who.address)
                    contact, _ = await self._person(crm, made, "contact", who, called, shown)
                    record, created = await self._deal(crm, made, contact, given.name, name, shown)
                else:
                    record, created = await self._person(crm, made, given.record_kind, who, name, shown)
        except CrmFailure as failure:
            raise self._requests.refused(given.crm, failure, made.reference, request.at) from None
        async with self._pool.connection() as connection, connection.transaction():
            await store_shown(connection, given.crm, shown)
            await self._requests.done(connection, made, (record.kind, record.id), record.id, created)
            await hold_links(connection, [request.address])
            await relink(connection, [given.message], [given.crm])
            await self._log(connection, request, "RecordAdded", made, given.by, record.kind, record.id)

    async def _person(
        self, crm: ActionsCrm, made: CrmRequest, kind: RecordKind, who: Participant, name: str, shown: list[Record]
    ) -> tuple[Record, bool]:
        """The record of a person, and whether this request has made it."""
        if (known := await matches(self._pool, made.crm, MATCHING[kind], who.normal)) is not None:
            return known, made.attempts > 0 and known.kind == made.record_kind  # it was made, and then the worker died
        new = NewRecord(kind, name, (who.address,), request_key=made.key)
        for one in MATCHING[kind]:
            there = await asked(crm.find_record(NewRecord(one, name, (who.address,), request_key=made.key)))
            if there is not None:
                shown.append(there)
                return there, made.attempts > 0 and one == made.record_kind
        shown.append(await self._made(crm, made, new))
        return shown[-1], True

    async def _deal(
        self, crm: ActionsCrm, made: CrmRequest, contact: Record, named: str | None, name: str, shown: list[Record]
    ) -> tuple[Record, bool]:
        """An open deal of that contact, of the name where one is given; or a new one."""
        known = await open_deals(self._pool, made.crm, [contact.id])
        if known := [deal for deal in known if named is None or deal.name == named]:
            return known[0], made.attempts > 0
        new = NewRecord("deal", name, contacts=(contact.id,), request_key=made.key)
        if (there := await asked(crm.find_record(new))) is not None:
            shown.append(there)
            return there, made.attempts > 0
        shown.append(await self._made(crm, made, new))
        return shown[-1], True

    async def _made(self, crm: ActionsCrm, made: CrmRequest, new: NewRecord) -> Record:
        await self._requests.begin_attempt(made)
        try:
            return await asked(crm.add_record(new), changes=True)
        except CrmFailure as failure:
            if failure.kind is not Kind.CRM_UNCERTAIN:
                raise
            if (there := await asked(crm.find_record(new))) is None:
                raise
            return there

    async def _record_answer(self, address: str, made: CrmRequest) -> dict[str, Any]:
        assert made.record_id is not None
        subject = await subject_of(self._pool, address, made.message)
        async with self._pool.connection() as connection:
            linked = await linked_records(connection, made.message, made.crm)
            name = await name_of_record(connection, made.crm, made.record_kind, made.record_id)
            because = None if linked else await why_unlinked(connection, address, subject, made.crm)
        return {
            "request_id": made.request_id,
            "created": bool(made.created),
            "record": {
                "crm": made.crm,
                "record_kind": made.record_kind,
                "record_id": made.record_id,
                "name": name,
            },
            "linked": [{"record_kind": one.kind, "record_id": one.id} for one in linked],
            "not_linked_because": because,
        }

    @activity.defn
    async def add_task(self, request: DeskRequest) -> dict[str, Any]:
        """Makes a task on a record of a message, once; see `_add_activity`."""
        return await self._add_activity(request, read(AddTask, request))

    @activity.defn
    async def add_event(self, request: DeskRequest) -> dict[str, Any]:
        """Makes an event on a record of a message, once; see `_add_activity`."""
        return await self._add_activity(request, read(AddEvent, request))

    @activity.defn
    async def add_note(self, request: DeskRequest) -> dict[str, Any]:
        """Makes a note on a record of a message, once; see `_add_activity`."""
        return await self._add_activity(request, read(AddNote, request))

    async def _add_activity(self, request: DeskRequest, given: AddTask | AddEvent | AddNote) -> dict[str, Any]:
        """Raises Refused where it is not clear which record is meant, and with the CRM's failure. Tried again, or asked again
        under the same id, it makes nothing twice. The answer is what the CRM shows afterwards (R74)."""
        async with heartbeats(lambda: None):
            await self._begin(request, given.by)
            made = await self._requests.known(request.address, given)
            await crm_of_account(self._pool, request.address, given.crm, given.record_kind)
            if made is None:
                _check_times(given)
                kind, record_id = await self._record_meant(request.address, given)
                made = await self._requests.write_down(request.address, given, kind, record_id, request.at)
            try:
                async with self._requests.alone(given.crm, made.key), self._open_crm(given.crm) as crm:
                    made = await self._requests.known(request.address, given) or made
                    if made.done_at is None:
                        await self._add_activity_once(crm, request, given, made)
                    shown = await _read_back(crm, made)
            except CrmFailure as failure:
                raise self._requests.refused(given.crm, failure, made.reference, request.at) from None
        return {
            "request_id": made.request_id,
            "created": bool(made.created),
            "kind": ACTIVITY_KINDS[type(given)],
            "id": made.remote_id,
            "record": {"crm": made.crm, "record_kind": made.record_kind, "record_id": made.record_id},
            "activities": shown,
        }

    async def _add_activity_once(
        self, crm: ActionsCrm, request: DeskRequest, given: AddTask | AddEvent | AddNote, made: CrmRequest
    ) -> None:
        assert made.record_id is not None
        kind = ACTIVITY_KINDS[type(given)]
        due, until = getattr(given, "due", None), getattr(given, "until", None)
        if isinstance(given, AddEvent) and until is None:
            until = given.due + AN_HOUR
        new = NewActivity(
            kind, made.record_kind, made.record_id, given.subject, given.text, due, until, request_key=made.key
        )
        remote_id = await asked(crm.find_activity(new)) if made.attempts else None
        if remote_id is None:
            await self._requests.begin_attempt(made)
            try:
                remote_id = await asked(crm.add_activity(new), changes=True)
            except CrmFailure as failure:
                if failure.kind is not Kind.CRM_UNCERTAIN:
                    raise
                remote_id = await asked(crm.find_activity(new))
                if remote_id is None:
                    raise
        async with self._pool.connection() as connection, connection.transaction():
            await self._requests.done(connection, made, (made.record_kind, made.record_id), remote_id, True)
            await self._log(
                connection, request, f"{kind.title()}Added", made, given.by, made.record_kind, made.record_id
            )

    async def _record_meant(self, address: str, given: AddActivity) -> tuple[RecordKind, str]:
        """The record that is named, or the one that the message is linked to."""
        subject = await subject_of(self._pool, address, given.message)
        if given.record_kind is not None and given.record_id is not None:
            async with self._pool.connection() as connection:
                found = await present(connection, given.crm, given.record_kind, given.record_id)
            if found is None:
                raise Refused(
                    "unknown_record",
                    f"record_id: the CRM {given.crm} has no {given.record_kind} {given.record_id} as far as its directory "
                    "is known here: the view mailroom.directory shows what it has",
                    field="record_id",
                )
            return found.kind, found.id
        async with self._pool.connection() as connection:
            linked = await linked_records(connection, given.message, given.crm)
            because = None if linked else await why_unlinked(connection, address, subject, given.crm)
        people = [one for one in linked if one.kind != "deal"]
        # A deal is linked beside the contact whose it is: what is said of nobody in particular is said of the person.
        linked = (
            people or linked if given.record_kind is None else [one for one in linked if one.kind == given.record_kind]
        )
        if len(linked) == 1:
            return linked[0].kind, linked[0].id
        if not linked:
            of_kind = f" {given.record_kind}" if given.record_kind else " record"
            if because is not None:
                raise Refused(
                    "no_record",
                    f"message {given.message} is linked to no{of_kind} of the CRM {given.crm}, and will be to none: {because}. A "
                    "record that is named (record_kind, record_id) is taken all the same, and its CRM then shows the text given "
                    "here",
                    field="record_id",
                )
            raise Refused(
                "no_record",
                f"message {given.message} is linked to no{of_kind} of the CRM {given.crm}: name one (record_kind, "
                "record_id), or make its correspondent one with add_record",
                field="record_id",
            )
        several = ", ".join(f"{one.kind} {one.id}" for one in linked[:20])
        raise Refused(
            "ambiguous_record",
            f"message {given.message} is linked to {len(linked)} records of the CRM {given.crm}: say in record_kind and "
            f"record_id which ({several})",
            field="record_id",
        )

    async def _log(
        self,
        connection: Any,
        request: DeskRequest,
        kind: str,
        made: CrmRequest,
        by: str,
        record_kind: RecordKind,
        record_id: str,
    ) -> None:
        facts = {
            "request_id": made.request_id,
            "message": made.message,
            "crm": made.crm,
            "record_kind": record_kind,
            "record_id": record_id,
            "remote_id": made.remote_id,
            "created": made.created,
        }
        event = LoggedEvent(event_id=request.event_id, at=request.at, type=kind, actor=by, data=facts)
        await append(connection, request.address, event)


def read(model: type[Given], request: DeskRequest) -> Given:
    """The command as it was typed, but for what PostgreSQL does not keep: of a NUL, an activity would be tried for ever."""
    return model.model_validate_json(json.dumps(storable_all(request.given)))


def _check_times(given: AddActivity) -> None:
    """Raises Refused for times that nobody means, and that neither Python nor a CRM reckons with."""
    for field in ("due", "until"):
        at = getattr(given, field, None)
        if at is not None and at.year not in YEARS:
            raise Refused("invalid_field", f"{field}: is not of the years 1900 to 2999: mend it", field=field)


def _correspondent(subject: Subject, address: str | None) -> Participant:
    found: Sequence[Participant] = subject.correspondents
    if address is not None:
        found = [who for who in subject.others if who.normal == subject.normal(address)]
        if not found:
            raise Refused(
                "unknown_correspondent",
                f"address: nobody of that address has part in message {subject.message}, or it is the account's own: name "
                "one of its correspondents, or leave it out",
                field="address",
            )
        return max(found, key=lambda who: bool(who.name))
    if not found:
        raise Refused(
            "no_correspondent",
            f"message {subject.message} does not say who wrote it, or names nobody but the account itself, a list or a mail "
            "system, so there is nobody to add: give an address of one of its participants, or take another message",
            field="message",
        )
    if len(found) > 1:
        several = ", ".join(who.normal for who in found[:20])
        raise Refused(
            "ambiguous_correspondent",
            f"message {subject.message} went to {len(found)} people: say in address which ({several})",
            field="address",
        )
    return found[0]


async def _read_back(crm: ActionsCrm, made: CrmRequest) -> list[dict[str, Any]] | None:
    """What the record has now, the latest first; None where the CRM, which has just done it, does not say."""
    assert made.record_id is not None
    try:
        shown = await asked(crm.activities(made.record_kind, made.record_id))
    except CrmFailure:
        return None
    return [plain(one) for one in list(shown)[:READ_BACK]]
