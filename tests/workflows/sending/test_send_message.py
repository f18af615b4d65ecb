"""One message from its draft to its end: through a real workflow, the database, and a server that does what it is told."""

from __future__ import annotations

import email
import email.policy
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from activities.sending.drafts import Part
from domain.sending.message import MessageState
from domain.sending.route import RouteState
from tests.servers.scripted_smtp import DOT
from tests.support.console import written
from tests.support.directory import save_record
from tests.support.running import Mailroom, refusal
from tests.support.sending import ANNA, sending


@pytest.mark.requirement("R11")
async def test_a_message_is_on_the_wire_once_and_in_sent_once_with_the_same_bytes(mailroom: Mailroom) -> None:
    async with sending(mailroom) as jane:
        message = await jane.send(await jane.draft(cc=["Bo <bo@example.org>"], bcc=["carol@example.net"]))
        status = await message.outcome()
        assert (status.state, status.recipients.accepted, status.sent) == (MessageState.ACCEPTED, 3, "saved")
        (received,) = jane.server.messages
        assert received.recipients == [ANNA, "bo@example.org", "carol@example.net"]
        parsed = email.message_from_bytes(received.data, policy=email.policy.default)
        assert (parsed["Subject"], parsed["Message-ID"], parsed["Bcc"]) == ("Your order", status.message_id, None)
        assert b"carol" not in received.data
        (copy,) = await jane.sent()
        assert copy["message_id"] == status.message_id
        raw = await mailroom.rows(
            "select blob_bytes(b) as raw from mail m join blobs b using (sha256) where m.id = %s", copy["id"]
        )
        assert raw[0]["raw"] == received.data
        assert await message.logged() == ["MessageQueued", "MessageMarked", "MessageAccepted", "CopySaved"]


async def test_nothing_of_a_message_is_in_a_history_or_the_log(mailroom: Mailroom) -> None:
    async with sending(mailroom) as jane:
        draft = await jane.draft(to=["anna.secret@example.org"], subject="Hidden subject", text="Hidden words")
        message = await jane.send(draft)
        await message.outcome()
        histories = b"".join(
            [
                event.SerializeToString()
                for handle in (message.handle, jane.route)
                async for event in handle.fetch_history_events()
            ]
        )
        logged = str(await mailroom.log(jane.account.address)).encode()
        for hidden in (b"anna.secret", b"Hidden subject", b"Hidden words"):
            assert hidden not in histories
            assert hidden not in logged


@pytest.mark.requirement("R92", "R93")
async def test_a_refused_login_holds_the_mail_and_another_password_lets_it_out_the_oldest_first(
    mailroom: Mailroom,
) -> None:
    async with sending(mailroom) as jane:
        logins = jane.server.attempts
        jane.server.password = "changed"
        first, second = await jane.send(), None
        status = await first.until_state(MessageState.HELD)
        assert status.reason == "smtp_authentication"
        await jane.until_route(RouteState.SUSPENDED)
        second = await jane.send()
        await second.until_state(MessageState.HELD)
        assert jane.server.messages == []
        assert (await jane.account.status()).failures.authentication == 0
        mailroom.secret("changed", jane.secret)
        await jane.route.execute_update("change_credential", {"by": "jane"})
        ids = [(await one.outcome()).message_id for one in (first, second)]
        received = [email.message_from_bytes(one.data)["Message-ID"] for one in jane.server.messages]
        assert sorted(received) == sorted(ids)
        assert jane.server.attempts - logins < 10


async def test_an_answer_that_is_lost_leaves_a_message_uncertain_and_it_is_not_sent_again(mailroom: Mailroom) -> None:
    async with sending(mailroom) as jane:
        jane.server.closes.add(DOT)
        jane.server.replies[DOT] = b""
        message = await jane.send()
        status = await message.until_state(MessageState.UNCERTAIN)
        assert (status.recipients.uncertain, len(jane.server.messages)) == (1, 1)
        refused = await refusal(message.command("retry_now"))
        assert refused.code == "uncertain"
        jane.server.closes.clear()
        del jane.server.replies[DOT]
        await message.command("resolve", outcome="not_accepted", reason="Anna has not got it", by="jane")
        assert (await message.outcome()).state is MessageState.ACCEPTED
        one, other = jane.server.messages
        assert one.data == other.data


async def test_what_is_resolved_as_accepted_is_in_sent_and_sent_no_more(mailroom: Mailroom) -> None:
    async with sending(mailroom) as jane:
        jane.server.closes.add(DOT)
        jane.server.replies[DOT] = b""
        message = await jane.send()
        await message.until_state(MessageState.UNCERTAIN)
        await message.command("resolve", outcome="accepted", reason="Anna has answered", by="jane")
        assert (await message.outcome()).sent == "saved"
        assert len(jane.server.messages) == 1


async def test_the_same_request_is_the_same_message_and_another_one_is_refused(mailroom: Mailroom) -> None:
    async with sending(mailroom) as jane:
        draft = await jane.draft()
        first = await (await jane.send(draft, request_id="r-same")).outcome()
        again = await (await jane.send(draft, request_id="r-same")).outcome()
        assert again.message_id == first.message_id
        assert len(jane.server.messages) == 1
        other = await jane.send(await jane.draft(subject="Another"), request_id="r-same")
        assert (await refusal(other.handle.result())).code == "request_id_taken"


async def test_one_bad_recipient_does_not_stop_the_others(mailroom: Mailroom) -> None:
    async with sending(mailroom) as jane:
        jane.server.replies["RCPT TO:<bo@example.org>"] = "550 5.1.1 no such user"
        message = await jane.send(await jane.draft(to=[ANNA, "bo@example.org"]))
        status = await message.outcome()
        assert status.state is MessageState.PARTLY_ACCEPTED
        rows = await mailroom.rows(
            "select address, state, code from sent_recipients where request_id = %s order by ordinal",
            message.request_id,
        )
        assert [tuple(row.values()) for row in rows] == [(ANNA, "accepted", 250), ("bo@example.org", "rejected", 550)]


async def test_a_deferred_recipient_gets_the_same_bytes_later_and_the_others_nothing_twice(mailroom: Mailroom) -> None:
    async with sending(mailroom) as jane:
        jane.server.replies["RCPT TO:<bo@example.org>"] = ["450 4.7.1 greylisted, try again later", "250 ok"]
        message = await jane.send(await jane.draft(to=[ANNA, "bo@example.org"]))
        assert (await message.outcome()).state is MessageState.ACCEPTED
        first, second = jane.server.messages
        assert (first.recipients, second.recipients) == ([ANNA], ["bo@example.org"])
        assert first.data == second.data


async def test_a_refused_message_is_final_and_nobody_has_it(mailroom: Mailroom) -> None:
    async with sending(mailroom) as jane:
        jane.server.replies[DOT] = "554 5.7.1 looks like spam"
        status = await (await jane.send()).outcome()
        assert (status.state, status.recipients.rejected, status.sent) == (MessageState.REJECTED, 1, "none")
        assert await jane.sent() == []


async def test_a_message_can_be_taken_back_while_it_waits(mailroom: Mailroom) -> None:
    async with sending(mailroom) as jane:
        message = await jane.send(undo_seconds=3600)
        await message.until_state(MessageState.SCHEDULED)
        await message.command("cancel", by="jane")
        assert (await message.outcome()).state is MessageState.CANCELLED
        assert jane.server.messages == []


async def test_what_was_sent_cannot_be_taken_back(mailroom: Mailroom) -> None:
    async with sending(mailroom) as jane:
        jane.server.pauses[DOT] = 2
        message = await jane.send()
        await jane.server.until_received()
        assert (await refusal(message.command("cancel"))).code == "too_late"
        assert (await message.outcome()).state is MessageState.ACCEPTED


async def test_a_reply_threads_and_quotes_what_it_answers(mailroom: Mailroom) -> None:
    async with sending(mailroom) as jane:
        first = await (await jane.send()).outcome()
        assert first.message is not None
        draft = await jane.draft(to=[], reply_all_to=first.message, subject=None, text="One thing more.")
        await (await jane.send(draft)).outcome()
        reply = email.message_from_bytes(jane.server.messages[1].data, policy=email.policy.default)
        assert (reply["To"], reply["In-Reply-To"], reply["Subject"]) == (ANNA, first.message_id, "Re: Your order")
        assert "> It is on its way." in reply.get_content()


async def test_attachments_go_with_it(mailroom: Mailroom) -> None:
    async with sending(mailroom) as jane:
        draft = await jane.draft([Part("Angebot für Jane.pdf", "application/pdf", b"%PDF-1.7" * 1000)])
        await (await jane.send(draft)).outcome()
        parsed = email.message_from_bytes(jane.server.messages[0].data, policy=email.policy.default)
        (attached,) = parsed.iter_attachments()
        assert (attached.get_filename(), attached.get_content()) == ("Angebot für Jane.pdf", b"%PDF-1.7" * 1000)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"draft": "00000000-0000-4000-8000-000000000000"}, "unknown_draft"),
        ({"from": "nobody@example.com"}, "unknown_draft"),
        ({"draft": "no draft"}, "invalid_field"),
        ({"kind": "bulk"}, "invalid_field"),
        ({"to": [ANNA]}, "unknown_field"),
        ({"send_at": "tomorrow"}, "invalid_field"),
    ],
)
async def test_a_start_that_makes_no_sense_is_refused_in_words(
    mailroom: Mailroom, given: dict[str, Any], code: str
) -> None:
    async with sending(mailroom) as jane:
        message = await jane.send(**given)
        with pytest.raises(WorkflowFailureError):
            await message.handle.result()
        assert (await refusal(message.handle.result())).code == code
        assert jane.server.messages == []


async def test_temporals_own_cancel_takes_a_message_back(mailroom: Mailroom) -> None:
    async with sending(mailroom) as jane:
        message = await jane.send(undo_seconds=3600)
        await message.until_state(MessageState.SCHEDULED)
        await message.handle.cancel()
        assert (await message.outcome()).state is MessageState.CANCELLED


async def test_temporals_own_cancel_comes_too_late_for_what_was_sent(mailroom: Mailroom) -> None:
    async with sending(mailroom) as jane:
        jane.server.pauses[DOT] = 2
        message = await jane.send()
        await jane.server.until_received()
        await message.handle.cancel()
        assert (await message.outcome()).state is MessageState.ACCEPTED
        assert len(await jane.sent()) == 1


async def test_many_messages_of_a_route_go_out_by_few_sessions_at_a_time(mailroom: Mailroom) -> None:
    async with sending(mailroom) as jane:
        jane.server.pauses["MAIL"] = 0.1
        messages = [await jane.send() for _ in range(12)]
        for message in messages:
            assert (await message.outcome()).state is MessageState.ACCEPTED
        assert len(jane.server.messages) == 12
        assert jane.server.most_at_once <= 3


@pytest.mark.requirement("R23")
async def test_a_draft_for_a_record_goes_to_its_address_and_is_sent_mail_of_that_record(mailroom: Mailroom) -> None:
    async with sending(mailroom, crm=["builtin"]) as jane:
        await save_record(mailroom.pool, "contact", "c1", "anna.lind@example.org")
        draft = await jane.draft(to=[], crm="builtin", record_kind="contact", record_id="c1")
        assert (await (await jane.send(draft, source="crm")).outcome()).state is MessageState.ACCEPTED
        (received,) = jane.server.messages
        assert received.recipients == ["anna.lind@example.org"]
        (link,) = await jane.correspondence()
        assert (link["record_id"], link["direction"]) == ("c1", "Sent")


@pytest.mark.parametrize("record_id", ["c1", "c2"])
async def test_a_record_that_is_not_there_or_has_no_address_is_refused(mailroom: Mailroom, record_id: str) -> None:
    async with sending(mailroom, crm=["builtin"]) as jane:
        await save_record(mailroom.pool, "contact", "c1")
        draft = await jane.draft(to=[], crm="builtin", record_kind="contact", record_id=record_id)
        assert (await refusal((await jane.send(draft)).handle.result())).code == "unknown_record"


async def test_mail_has_the_name_that_its_sender_has_signed_with_before(mailroom: Mailroom) -> None:
    async with sending(mailroom) as jane:
        own = written("Before", "Mine.", sender=f"Jane Doe <{jane.account.address}>", to=ANNA)
        jane.pop.messages["own"] = own
        await jane.account.command("poll_now")
        await (await jane.send()).outcome()
        parsed = email.message_from_bytes(jane.server.messages[0].data, policy=email.policy.default)
        assert parsed["From"] == f"Jane Doe <{jane.account.address}>"
