"""Lists of emails and notes that are long: what is asked of Zoho for one message, and what a list leaves open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from activities.crm.adapters.zoho import emails as zoho_emails
from domain.failures.failure import Kind
from infra.database.pool import Pool
from tests.servers.zoho_twin import ZohoTwin
from tests.support.crm.entries import erased
from tests.support.crm.zoho import connected, entry, failure_of, running_twin


@pytest.fixture
def twin() -> Iterator[ZohoTwin]:
    yield from running_twin()


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoho_emails, "MOST_PAGES", 3)


def crowd(twin: ZohoTwin, record_id: str, *, most: int = 45) -> None:
    """A record with other emails."""
    for number in range(most):
        row = {"original_message_id": f"<other-{number}@client.example>", "message_id": f"other{number}", "sent": False}
        more = {"subject": f"Other {number}", "from": {"user_name": "Anna", "email": "anna@client.example"}}
        twin.emails.setdefault(("Contacts", record_id), []).append({**row, **more, "time": "2026-05-04T12:00:00+00:00"})


async def test_a_message_of_several_records_needs_no_list_in_the_session_that_brings_it(
    twin: ZohoTwin, pool: Pool
) -> None:
    anna, bo = twin.add("Contacts", Last_Name="Lind"), twin.add("Contacts", Last_Name="Berg")
    crowd(twin, bo)
    async with connected(pool, twin) as zoho:
        await zoho.push(entry(anna))
        await zoho.push(entry(bo, key="cd" * 32))
    assert len(twin.requests("GET", "email_available$")) == 1
    assert twin.requests("GET", "/Emails$") == []
    assert len(twin.requests("POST", "/associate_email$")) == 2


async def test_the_list_of_a_record_that_comes_later_is_read_once_for_all_its_mail(twin: ZohoTwin, pool: Pool) -> None:
    anna, bo = twin.add("Contacts", Last_Name="Lind"), twin.add("Contacts", Last_Name="Berg")
    mail = [entry(anna, message_id=f"<{number}@client.example>", subject=f"Offer {number}") for number in range(8)]
    async with connected(pool, twin) as zoho:
        for one in mail:
            await zoho.push(one)
    crowd(twin, bo, most=15)
    shown = replace(mail[3], record_id=bo)
    async with connected(pool, twin) as another:
        await another.push(shown)  # by another integration, or another session
    twin.seen.clear()
    async with connected(pool, twin) as zoho:
        for one in mail:
            await zoho.push(replace(one, record_id=bo))
    assert len(twin.requests("GET", "/Emails$")) == 2
    assert len(twin.emails["Contacts", bo]) == 15 + len(mail)


async def test_what_was_sent_before_is_not_sent_again_where_the_list_is_too_long_to_tell(
    twin: ZohoTwin, pool: Pool
) -> None:
    anna, bo = twin.add("Contacts", Last_Name="Lind"), twin.add("Contacts", Last_Name="Berg")
    given = entry(bo, key="cd" * 32)
    async with connected(pool, twin) as zoho:
        await zoho.push(entry(anna))
        await zoho.push(given)
        crowd(twin, bo)
        again = replace(given, probe=zoho.probe(given))
        for call in (zoho.find(again), zoho.push(again), zoho.remove(replace(erased(given), probe=again.probe), "")):
            failure = await failure_of(call)
            assert (failure.kind, failure.cause) == (Kind.CRM_REJECTED, "too_many_emails")
            assert failure.said is not None
            assert "look there, remove it if it is, then try again" in failure.said
        assert len(twin.emails["Contacts", bo]) == 46
        twin.emails["Contacts", bo].pop(0)  # which somebody does
        await zoho.push(replace(again, retried=True))
        assert len(twin.emails["Contacts", bo]) == 46


async def test_a_message_that_zoho_names_the_record_of_needs_no_end_of_the_list(twin: ZohoTwin, pool: Pool) -> None:
    anna = twin.add("Contacts", Last_Name="Lind")
    async with connected(pool, twin) as zoho:
        await zoho.push(entry(anna))
        crowd(twin, anna)
        found = await zoho.find(replace(entry(anna), probe=zoho.probe(entry(anna))))
    assert found is not None
    assert found.remote_id == "<one@client.example>"


async def test_recruit_reads_no_notes_for_a_message_that_was_never_sent(twin: ZohoTwin, pool: Pool) -> None:
    bo = twin.add("Candidates", Last_Name="Berg")
    given = entry(bo, record_kind="candidate")
    async with connected(pool, twin, profile="recruit") as zoho:
        await zoho.push(given)
        assert twin.requests("GET", "/Notes$") == []
        await zoho.push(replace(given, probe={}))
        assert len(twin.requests("GET", "/Notes$")) == 1
    assert len(twin.modules["Notes"]) == 1
