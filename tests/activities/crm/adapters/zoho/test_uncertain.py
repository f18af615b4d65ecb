"""Emails of which Zoho was told without an answer, and whose message is no more here when Zoho is asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from activities.crm.adapters.protocol import Entry
from domain.failures.failure import Kind
from infra.database.pool import Pool
from tests.servers.failing_http import Fault
from tests.servers.zoho_twin import ZohoTwin, failing
from tests.support.crm import served
from tests.support.crm.entries import erased
from tests.support.crm.served import Served
from tests.support.crm.zoho import connected, entry, failure_of, running_twin

LOST = Fault(500, {"code": "INTERNAL_ERROR", "status": "error"}, committed=True)


@pytest.fixture
def twin() -> Iterator[ZohoTwin]:
    yield from running_twin()


async def the_entry(crm: Served) -> dict[str, Any]:
    [found] = await crm.serving.seen.rows(
        "select o.action, o.state, o.failure, o.last_error, e.probe from outbox o join entries e using (id)"
    )
    return found


async def unanswered(pool: Pool, twin: ZohoTwin, lost: Fault = LOST) -> Served:
    """A connection whose one push had no answer."""
    crm = await served.zoho(pool, twin)
    await crm.arrives(1)
    crm.fail("push", lost)
    await crm.serving.sync()
    return crm


async def stays_until_somebody_removes_it_in_zoho(crm: Served, twin: ZohoTwin) -> None:
    await crm.serving.sync()
    found = await the_entry(crm)
    assert (found["action"], found["state"], found["failure"]) == ("remove", "failed", Kind.CRM_REJECTED)
    assert "cannot_be_removed" in found["last_error"]
    twin.emails.clear()
    await crm.retry_failed()
    await crm.serving.sync()
    found = await the_entry(crm)
    assert (found["state"], found["probe"]) == ("delivered", None)


async def test_what_zoho_shows_is_found_though_its_message_was_deleted_before_zoho_was_asked(
    twin: ZohoTwin, pool: Pool
) -> None:
    crm = await unanswered(pool, twin)
    assert "1@example.org" in str((await the_entry(crm))["probe"])
    await crm.desk("delete_messages")
    assert await crm.serving.states() == ["uncertain"]
    await crm.settle()
    await stays_until_somebody_removes_it_in_zoho(crm, twin)


async def test_nothing_is_kept_of_a_deleted_message_that_zoho_has_not_got(twin: ZohoTwin, pool: Pool) -> None:
    crm = await unanswered(pool, twin, replace(LOST, committed=False))
    await crm.desk("delete_messages")
    await crm.settle()
    await crm.serving.sync()
    found = await the_entry(crm)
    assert (found["state"], found["probe"], crm.shown()) == ("delivered", None, [])


async def test_a_removal_without_an_answer_is_not_taken_for_done(twin: ZohoTwin, pool: Pool) -> None:
    crm = await served.zoho(pool, twin)
    await crm.arrives(1)
    await crm.serving.sync()
    await crm.desk("delete_messages")
    async with pool.connection() as connection:  # a worker claims it, and ends
        await connection.execute("update entries set claimed_at = now(), pushed_direction = null, attempts = 1")
    await crm.serving.sync()
    await crm.settle()
    await stays_until_somebody_removes_it_in_zoho(crm, twin)


async def test_what_could_not_be_found_out_is_asked_for_again_and_not_taken_for_gone(
    twin: ZohoTwin, pool: Pool
) -> None:
    crm = await unanswered(pool, twin)
    await crm.desk("delete_messages")
    await crm.settle()
    twin.fail("GET", "/Emails$", failing(400, "INVALID_DATA", "no"))
    await stays_until_somebody_removes_it_in_zoho(crm, twin)


def told(given: Entry, **probe: str) -> Entry:
    """The entry of a message that is no more, after a push without an answer."""
    return replace(erased(given), probe=probe)


async def test_an_email_of_two_records_is_found_on_each_without_its_message(twin: ZohoTwin, pool: Pool) -> None:
    anna, bo = twin.add("Contacts", Last_Name="Lind"), twin.add("Contacts", Last_Name="Berg")
    async with connected(pool, twin) as zoho:
        await zoho.push(entry(anna))
        given = entry(bo, direction="Sent", key="cd" * 32)
        kept = zoho.probe(given)
        assert "An offer" not in str(kept)
        assert await zoho.find(told(given, **kept)) is None
        remote_id = await zoho.push(given)
        found = await zoho.find(told(given, **kept))
    assert found is not None
    assert (found.remote_id, found.direction) == (remote_id, "Sent")


async def test_an_email_that_zoho_gave_no_id_of_is_asked_for_by_its_message_id(twin: ZohoTwin, pool: Pool) -> None:
    anna = twin.add("Contacts", Last_Name="Lind")
    async with connected(pool, twin) as zoho:
        await zoho.push(entry(anna))
        twin.emails["Contacts", anna][0]["subject"] = "as somebody has changed it"
        found = await zoho.find(entry(anna))
        assert found is not None
        assert found.remote_id == "<one@client.example>"
        failure = await failure_of(zoho.remove(erased(entry(anna)), found.remote_id))
        assert (failure.kind, failure.cause) == (Kind.CRM_REJECTED, "cannot_be_removed")
        twin.emails.clear()
        await zoho.remove(erased(entry(anna)), found.remote_id)


async def test_what_was_sent_under_one_message_id_is_asked_for_under_it(twin: ZohoTwin, pool: Pool) -> None:
    """Another message with the same Message-ID, for whose sake it got one of its own, may be gone by then."""
    anna = twin.add("Contacts", Last_Name="Lind")
    async with connected(pool, twin) as zoho:
        given = entry(anna, collides=True)
        kept = zoho.probe(given)
        remote_id = await zoho.push(given)
        alone = replace(given, collides=False)
        found = await zoho.find(replace(alone, probe=kept))
        assert found is not None
        assert found.remote_id == remote_id
        failure = await failure_of(zoho.turn(replace(alone, direction="Sent"), remote_id))
    assert (failure.kind, failure.cause) == (Kind.CRM_REJECTED, "direction_fixed")
    assert len(twin.emails["Contacts", anna]) == 1
