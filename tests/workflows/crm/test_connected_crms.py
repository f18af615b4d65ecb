"""`CrmConnection` with a Tryton and with Zoho's twin behind it: from a message in a mailbox to a page in the CRM, and back."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from infra.settings import WorkerSettings
from tests.servers.failing_http import Fault
from tests.servers.scripted_pop import MailboxServer
from tests.servers.tapped_line import TappedLine
from tests.servers.tryton import TrytonDatabase
from tests.servers.zoho_twin import ZohoTwin
from tests.support.granted import KEY, store
from tests.support.mailboxes import mail
from tests.support.running import Mailroom, refusal, until
from tests.support.workflows.crms import RunningCrm, connect_crm, start_crm

ANNA = "anna@example.org"


@dataclass(frozen=True)
class Real:
    """One CRM: the settings that connect it, and what its own users do and see."""

    settings: Callable[[Mailroom], Awaitable[dict[str, Any]]]
    add_contact: Callable[[str, str], str]
    shown: Callable[[str], list[tuple[str, str]]]  # of a contact: subject and Sent or Received


@pytest.fixture
def worker_settings(worker_settings: WorkerSettings) -> WorkerSettings:
    return dataclasses.replace(worker_settings, minute_seconds=0.05, key=KEY.hex())


@pytest.fixture
def zoho() -> Iterator[ZohoTwin]:
    with ZohoTwin() as twin:
        yield twin
        assert twin.complaints == []


@pytest.fixture(params=["tryton", "zoho"])
def real(request: pytest.FixtureRequest) -> Real:
    return (
        of_tryton(request.getfixturevalue("tryton"))
        if request.param == "tryton"
        else of_zoho(request.getfixturevalue("zoho"))
    )


def of_tryton(tryton: TrytonDatabase) -> Real:
    async def settings(mailroom: Mailroom) -> dict[str, Any]:
        return {"kind": "tryton", "url": tryton.url, "secret": mailroom.secret(tryton.key), "interval_minutes": 5}

    def shown(contact: str) -> list[tuple[str, str]]:
        return [(one["subject"], one["direction"].capitalize()) for one in tryton.correspondences(contact)]

    return Real(settings, lambda name, address: tryton.party(name, address), shown)


def of_zoho(zoho: ZohoTwin) -> Real:
    async def settings(mailroom: Mailroom) -> dict[str, Any]:
        secret = await store(mailroom.pool, zoho.grant(), "zoho")
        return {"kind": "zoho", "url": zoho.url, "data_centre": "eu", "secret": secret, "interval_minutes": 5}

    def add_contact(name: str, address: str) -> str:
        return zoho.add("Contacts", Last_Name=name, Full_Name=name, Email=address)

    def shown(contact: str) -> list[tuple[str, str]]:
        emails = zoho.emails.get(("Contacts", contact), [])[::-1]
        return [(one["subject"], "Sent" if one["sent"] else "Received") for one in emails]

    return Real(settings, add_contact, shown)


async def until_shown(real: Real, contact: str, expected: set[tuple[str, str]]) -> None:
    async def there() -> bool:
        return set(await asyncio.to_thread(real.shown, contact)) == expected

    await until(there, f"{expected} on {contact}", every=0.1)
    assert len(real.shown(contact)) == len(expected)


@pytest.mark.requirement("R1", "R3", "R17", "R34", "R72", "R75", "R97")
async def test_mail_before_and_after_the_contact_is_shown_once_and_what_is_made_of_it_is_read_back(
    mailroom: Mailroom, real: Real
) -> None:
    crm = await connect_crm(mailroom, **await real.settings(mailroom))
    bob = await asyncio.to_thread(real.add_contact, "Bob", "bob@example.net")
    async with MailboxServer(messages={"one": mail(1)}) as server:
        account = await mailroom.connect(server, crm=[crm.name])
        await account.until_mail(1)
        own = {"field": "from", "operator": "contains", "value": account.address}
        saved = await account.command(
            "save_filter", name="Sent mail", match="all", conditions=[own], actions=[{"move": "Sent"}]
        )
        assert "longer addresses" in str(saved)
        anna = await asyncio.to_thread(real.add_contact, "Anna", ANNA)
        answer = await crm.command("sync_now")
        assert answer["status"]["state"] == "active"
        await until_shown(real, anna, {("message 1", "Received")})
        server.messages["two"] = mail(2, sender=account.address).replace(
            b"To: jane@example.com", b"To: bob@example.net"
        )
        server.messages["three"] = mail(3)
        await until_shown(real, bob, {("message 2", "Sent")})
        await until_shown(real, anna, {("message 1", "Received"), ("message 3", "Received")})

        [first] = await mailroom.rows("select id from messages where uidl = 'one'")
        known = await account.command(
            "add_record", request_id="a", message=first["id"], crm=crm.name, record_kind="contact"
        )
        assert (known["created"], known["record"]["record_id"]) == (False, anna)
        task = {
            "request_id": "b",
            "message": first["id"],
            "crm": crm.name,
            "subject": "call",
            "due": "2026-12-01T09:00:00Z",
        }
        assert await account.command("add_task", **task) == await account.command("add_task", **task)
        seen = await account.command("context", message=first["id"])
        (record,) = (one for one in seen["records"] if one["record_id"] == anna)
        assert [one["subject"] for one in record["open"]] == ["call"]
    status = await crm.until(lambda now: now.counts.delivered == 3, "three entries in the status")
    assert (status.state, status.backlog, status.counts.failed) == ("active", 0, 0)


@pytest.mark.requirement("R97")
async def test_a_tryton_that_is_away_stops_no_mail_and_shows_it_once_it_is_back(
    mailroom: Mailroom, tryton: TrytonDatabase
) -> None:
    real = of_tryton(tryton)
    anna = await asyncio.to_thread(tryton.party, "Anna", ANNA)
    async with TappedLine(tryton.server.port) as line, MailboxServer(messages={}) as server:
        given = await real.settings(mailroom) | {"url": f"http://{line.host}:{line.port}/{tryton.name}"}
        crm = await connect_crm(mailroom, **given)
        account = await mailroom.connect(server, crm=[crm.name])
        line.broken_by = "reset"
        line.answered = lambda _connection, _data: 0  # all is carried out and nothing answered
        server.messages |= {"one": mail(1), "two": mail(2)}
        await account.until_mail(2)
        waiting = await crm.until(lambda now: now.last_failure is not None, "a failure")
        assert waiting.state == "active"
        server.messages["three"] = mail(3)
        await account.until_mail(3)
        assert (await account.status()).last_failure is None
        line.let_pass()
        await until_shown(real, anna, {(f"message {number}", "Received") for number in (1, 2, 3)})
        await crm.until(lambda now: now.backlog == 0 and now.last_failure is None, "recovery")
    assert tryton.count("mailroom.correspondence") == 3


@pytest.mark.requirement("R97")
async def test_a_zoho_that_withdraws_its_permission_keeps_the_mail_waiting_and_shows_it_after_enable(
    mailroom: Mailroom, zoho: ZohoTwin
) -> None:
    real = of_zoho(zoho)
    anna = real.add_contact("Anna", ANNA)
    async with MailboxServer(messages={}) as server:
        crm = await connect_crm(mailroom, **await real.settings(mailroom))
        account = await mailroom.connect(server, crm=[crm.name])
        zoho.fail("POST", "token", Fault(200, {"error": "invalid_code"}), times=1000)
        zoho.expire_tokens()
        server.messages["one"] = mail(1)
        await account.until_mail(1)
        await crm.until(lambda now: now.state == "disabled", "ten refused logins")
        server.messages["two"] = mail(2)
        await account.until_mail(2)
        assert (await refusal(crm.command("enable"))).code == "login_failed"
        zoho.forget_faults()
        await crm.command("enable", by="ops")
        await until_shown(real, anna, {("message 1", "Received"), ("message 2", "Received")})


async def test_a_wrong_key_ends_the_start_with_words_for_whom_to_ask(
    mailroom: Mailroom, tryton: TrytonDatabase
) -> None:
    given = await of_tryton(tryton).settings(mailroom)
    crm: RunningCrm = await start_crm(mailroom, **given | {"secret": mailroom.secret("wrong")})
    refused = await refusal(crm.handle.result())
    assert refused.failure is not None
    assert refused.failure["kind"] == "crm_authentication"
    assert "wrong" not in str(refused.failure)
