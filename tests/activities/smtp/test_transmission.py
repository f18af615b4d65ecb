"""One message to one server, and its loss at every point: what was certainly not sent is told from what nobody knows."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from activities.smtp.envelope import Envelope
from activities.smtp.session import Timeouts
from activities.smtp.transmission import Transmission, transmission
from domain.core.refusal import Refused
from domain.failures.failure import Kind
from tests.servers.certificates import Authority
from tests.servers.scripted_smtp import BODY, CONNECT, DOT, SubmissionServer
from tests.support.submission import BOB, CAROL, HASTY, JANE, LOGIN, MESSAGE, PATIENT, Mark, at, pieces, send, sessions

FAULTS = ("hangs", "closes", "resets")
BEFORE_THE_DOT = ("CONNECT", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "BODY")
PHASES = {
    "CONNECT": "greeting",
    "EHLO": "ehlo",
    "AUTH": "auth",
    "MAIL": "mail",
    "RCPT": "rcpt",
    "DATA": "data",
    "BODY": "body",
}
LARGE = b"Subject: large\r\n\r\n" + (b"x" * 76 + b"\r\n") * 200_000  # more than kernels buffer
MIDDLING = b"Subject: middling\r\n\r\n" + (b"x" * 76 + b"\r\n") * 2_000  # less than ours does


def states(one: Transmission) -> list[str]:
    return [recipient.state for recipient in one.recipients]


# --- what goes well ---


async def test_an_accepted_message_arrives_byte_by_byte_with_its_envelope() -> None:
    async with SubmissionServer() as server:
        mark = Mark()
        one = await send(server, to=(BOB, CAROL), mark=mark)
        await server.until_over()
    (received,) = server.messages
    assert (received.data, received.sender, received.recipients) == (MESSAGE, JANE, [BOB, CAROL])
    assert received.parameters == f"SIZE={len(MESSAGE)}"
    assert states(one) == ["accepted", "accepted"]
    assert (one.phase, one.marked, one.dot_sent, one.trouble, mark.asked) == ("done", True, True, None, 1)
    assert one.said == "250 2.0.0 Ok: queued as 4F00"
    assert server.count("QUIT") == 1


async def test_the_answer_is_known_before_quit_is_said() -> None:
    async with SubmissionServer() as server:
        async with transmission(
            sessions(), at(server), LOGIN, Envelope(JANE, (BOB,)), pieces(MESSAGE), size=len(MESSAGE), mark=Mark()
        ) as one:
            assert states(one) == ["accepted"]
            assert server.count("QUIT") == 0
        assert server.count("QUIT") == 1


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_quit_that_goes_wrong_harms_nothing(fault: str) -> None:
    async with SubmissionServer() as server:
        getattr(server, fault).add("QUIT")
        one = await send(server, timeouts=Timeouts(quit=0.2))
    assert states(one) == ["accepted"]


async def test_any_positive_answer_to_the_dot_accepts() -> None:
    async with SubmissionServer() as server:
        server.replies[DOT] = "251 2.1.5 will forward"
        one = await send(server)
    assert states(one) == ["accepted"]
    assert one.recipients[0].code == 251


async def test_a_recipient_that_is_passed_on_is_accepted() -> None:
    async with SubmissionServer() as server:
        server.replies[f"RCPT TO:<{CAROL}>"] = "251 2.1.5 not local; will forward"
        one = await send(server, to=(CAROL,))
    assert states(one) == ["accepted"]
    assert server.messages[0].recipients == [CAROL]


async def test_a_body_that_does_not_end_its_last_line_is_ended() -> None:
    async with SubmissionServer() as server:
        await send(server, message=b"Subject: x\r\n\r\nend")
    assert server.messages[0].data == b"Subject: x\r\n\r\nend\r\n"


async def test_a_server_that_offers_size_and_does_not_understand_it_is_asked_without() -> None:
    async with SubmissionServer() as server:
        server.replies[f"MAIL FROM:<{JANE}> SIZE={len(MESSAGE)}"] = "555 5.5.4 unsupported"
        one = await send(server)
    assert states(one) == ["accepted"]
    assert [line for line in server.commands if line.startswith("MAIL")][1:] == [f"MAIL FROM:<{JANE}>"]


@pytest.mark.parametrize(
    "lie", ["SIZE", "SIZE 0", "SIZE many", "SIZE -5", "SIZE 99999999999999999999999999", "SIZE\t7 7"]
)
async def test_a_size_that_cannot_be_is_no_limit(lie: str) -> None:
    async with SubmissionServer(keywords=[lie]) as server:
        one = await send(server)
    assert states(one) == ["accepted"]


async def test_a_message_that_is_too_large_is_not_even_begun() -> None:
    async with SubmissionServer(keywords=["SIZE 10"]) as server:
        one = await send(server)
        await server.until_over()
    assert states(one) == ["rejected"]
    assert one.trouble is not None
    assert (one.trouble.verdict.scope, one.trouble.failure.cause) == ("message", "size")
    assert server.count("MAIL") == 0


async def test_smtputf8_is_asked_for_where_a_local_part_needs_it_alone() -> None:
    async with SubmissionServer() as server:
        await send(server, to=("bob@bücher.example",))
        await send(server, to=("jürgen@bücher.example",))
    first, second = server.messages
    assert first.recipients == ["bob@xn--bcher-kva.example"]
    assert "SMTPUTF8" not in first.parameters
    assert second.recipients == ["jürgen@xn--bcher-kva.example"]
    assert second.parameters.endswith("SMTPUTF8 BODY=8BITMIME")


async def test_without_smtputf8_an_address_that_needs_it_is_refused_in_words() -> None:
    async with SubmissionServer(keywords=[]) as server:
        one = await send(server, to=("jürgen@example.org",))
    assert states(one) == ["rejected"]
    assert one.trouble is not None
    assert "SMTPUTF8" in one.trouble.failure.remedy


@pytest.mark.parametrize(
    "address", ["a@example.org>\r\nRSET", "a b@example.org", "a", "@example.org", "a@", "<a@b.example>", "a@b c"]
)
async def test_what_is_no_address_is_refused_before_anything_is_on_the_wire(address: str) -> None:
    async with SubmissionServer() as server:
        with pytest.raises(Refused) as refused:
            await send(server, to=(address,))
    assert refused.value.refusal.code == "invalid_field"
    assert server.connections == 0


# --- recipients one by one ---


async def test_recipients_are_told_apart() -> None:
    async with SubmissionServer() as server:
        server.replies["RCPT TO:<gone@example.org>"] = "550 5.1.1 <gone@example.org>: no such user"
        server.replies["RCPT TO:<grey@example.org>"] = "451 4.7.1 Greylisting in action, please try later"
        one = await send(server, to=("gone@example.org", BOB, "grey@example.org"))
    assert states(one) == ["rejected", "accepted", "deferred"]
    assert server.messages[0].recipients == [BOB]
    gone, _, grey = one.recipients
    assert (gone.code, gone.said) == (550, "550 5.1.1 [hidden]: no such user")
    assert gone.verdict is not None
    assert grey.verdict is not None
    assert (gone.verdict.course, grey.verdict.course, grey.verdict.scope) == ("reject", "retry", "recipient")
    assert one.trouble is None


async def test_a_refusal_of_all_is_the_routes_where_it_is_about_relaying() -> None:
    async with SubmissionServer() as server:
        server.replies["RCPT"] = "554 5.7.1 Relay access denied"
        one = await send(server, to=(BOB, CAROL))
        server.replies = {f"RCPT TO:<{BOB}>": "554 5.7.1 Relay access denied"}
        other = await send(server, to=(BOB, CAROL))
    assert states(one) == ["deferred", "deferred"]
    assert one.trouble is not None
    assert (one.trouble.verdict.scope, one.trouble.verdict.course) == ("route", "suspend")
    assert (states(other), other.trouble) == (["rejected", "accepted"], None)


async def test_without_an_accepted_recipient_there_is_no_data_and_no_mark() -> None:
    async with SubmissionServer() as server:
        server.replies["RCPT"] = "550 5.1.1 no such user"
        mark = Mark()
        one = await send(server, to=(BOB, CAROL), mark=mark)
    assert states(one) == ["rejected", "rejected"]
    assert (mark.asked, one.marked, server.count("DATA")) == (0, False, 0)


async def test_too_many_recipients_are_for_the_next_transaction() -> None:
    async with SubmissionServer() as server:
        server.replies[f"RCPT TO:<{CAROL}>"] = "452 4.5.3 Too many recipients"
        one = await send(server, to=(BOB, CAROL, "dan@example.org"))
    assert states(one) == ["accepted", "deferred", "deferred"]
    assert [r.verdict.course for r in one.recipients if r.verdict] == ["next_transaction", "next_transaction"]
    assert not any("dan@" in line for line in server.commands)


async def test_a_quota_at_a_recipient_pauses_the_route_and_rejects_nobody() -> None:
    async with SubmissionServer() as server:
        server.replies[f"RCPT TO:<{CAROL}>"] = "550 5.4.5 Daily user sending limit exceeded"
        one = await send(server, to=(BOB, CAROL, "dan@example.org"))
    assert states(one) == ["accepted", "deferred", "deferred"]
    assert one.trouble is not None
    assert (one.trouble.verdict.scope, one.trouble.verdict.course) == ("route", "pause")
    assert one.trouble.failure.kind is Kind.THROTTLED


async def test_words_about_a_recipient_are_shown_without_the_recipient() -> None:
    async with SubmissionServer() as server:
        server.replies["RCPT"] = "550 5.1.1 User bob (bob@example.org) unknown in virtual table"
        one = await send(server)
    assert one.recipients[0].said is not None
    assert "bob" not in one.recipients[0].said
    assert BOB not in repr(one)


# --- every phase's loss is told apart ---


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("point", BEFORE_THE_DOT)
async def test_what_is_lost_before_the_dot_was_not_sent(point: str, fault: str) -> None:
    async with SubmissionServer() as server:
        getattr(server, fault).add(point)
        mark = Mark()
        message = LARGE if point == "BODY" else MESSAGE
        one = await send(server, to=(BOB, CAROL), mark=mark, timeouts=HASTY, message=message)
    assert states(one) == ["deferred", "deferred"]
    assert (one.phase, one.marked, one.dot_sent, mark.asked) == (PHASES[point], False, False, 0)
    assert server.messages == []
    assert one.trouble is not None
    assert (one.trouble.verdict.scope, one.trouble.verdict.course) == ("route", "retry")
    assert one.trouble.failure.kind is Kind.CONNECTION
    causes = {"hangs": {"timeout"}, "closes": {"closed", "reset"}, "resets": {"reset", "closed"}}
    assert one.trouble.failure.cause in causes[fault]


@pytest.mark.parametrize("fault", FAULTS)
async def test_of_an_answer_that_is_lost_nobody_knows(fault: str) -> None:
    async with SubmissionServer() as server:
        server.replies["RCPT TO:<gone@example.org>"] = "550 5.1.1 no such user"
        getattr(server, fault).add(DOT)
        one = await send(server, to=(BOB, "gone@example.org", CAROL), timeouts=HASTY)
    assert states(one) == ["uncertain", "rejected", "uncertain"]
    assert (one.phase, one.marked, one.dot_sent) == ("answer", True, True)
    assert len(server.messages) == 1
    assert one.trouble is not None
    assert (one.trouble.verdict.scope, one.trouble.verdict.course) == ("message", "doubt")
    assert "not sent again by itself" in one.trouble.failure.remedy


@pytest.mark.parametrize(
    "answer",
    [
        b"250",
        b"25",
        b"250-one\r\n",
        b"\r\n",
        b"hello\r\n",
        b"999 what\r\n",
        b"250-a\r\n451 b\r\n",
        b"354 go on\r\n",
        b"-1\r\n",
    ],
)
async def test_half_an_answer_or_none_that_can_be_read_is_no_answer(answer: bytes) -> None:
    async with SubmissionServer() as server:
        server.replies[DOT] = answer
        server.closes.add(DOT)
        one = await send(server)
    assert states(one) == ["uncertain"]


async def test_a_blank_line_before_the_answer_is_passed_over() -> None:
    async with SubmissionServer() as server:
        server.replies[DOT] = b"\r\n250 2.0.0 ok\r\n"
        one = await send(server)
    assert states(one) == ["accepted"]


async def test_a_late_answer_is_not_waited_for_for_ever_and_never_taken_for_another() -> None:
    async with SubmissionServer() as server:
        server.pauses[DOT] = 1.5
        one = await send(server, timeouts=HASTY)
        await server.until_over()
        server.pauses.clear()
        again = await send(server)
    assert (states(one), states(again)) == (["uncertain"], ["accepted"])


@pytest.mark.parametrize(
    ("answer", "state", "scope", "course"),
    [
        ("451 4.3.0 try later", "deferred", "message", "retry"),
        ("554 5.7.1 looks like spam", "rejected", "message", "reject"),
        ("554 5.6.0 something", "rejected", "message", "reject"),
        ("500 line too long", "rejected", "message", "reject"),
        ("552 5.3.4 too big", "rejected", "message", "reject"),
        ("432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", "deferred", "route", "pause"),
        ("554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException", "deferred", "route", "pause"),
        (
            "554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException",
            "deferred",
            "route",
            "suspend",
        ),
        ("550 5.7.60 SMTP; Client does not have permissions to send as this sender", "deferred", "route", "suspend"),
        ("421 4.3.2 shutting down", "deferred", "route", "retry"),
    ],
)
async def test_a_refusal_after_the_dot_is_a_clear_answer(answer: str, state: str, scope: str, course: str) -> None:
    async with SubmissionServer() as server:
        server.replies[DOT] = answer
        one = await send(server, to=(BOB, CAROL))
    assert states(one) == [state, state]
    assert one.trouble is not None
    assert (one.trouble.verdict.scope, one.trouble.verdict.course) == (scope, course)
    assert (one.trouble.failure.server_said or "").startswith(answer[:3])


@pytest.mark.parametrize("point", ["MAIL", "DATA"])
@pytest.mark.parametrize("code", ["451 4.3.0 later", "550 5.3.0 whatever"])
async def test_a_refused_command_ends_the_transaction_politely(point: str, code: str) -> None:
    async with SubmissionServer() as server:
        server.replies[point] = code
        mark = Mark()
        one = await send(server, mark=mark)
        await server.until_over()
    assert one.phase == point.lower()
    assert mark.asked == 0
    assert server.count("QUIT") == 1
    assert states(one) == ["rejected" if (point, code[0]) == ("DATA", "5") else "deferred"]


@pytest.mark.parametrize("point", [*BEFORE_THE_DOT[:-1], "STARTTLS"])
async def test_421_anywhere_ends_the_session_with_its_words(point: str) -> None:
    async with SubmissionServer() as server:
        if point == "STARTTLS":
            server.keywords.append("STARTTLS")
        server.replies[point] = "421 4.7.0 mail.example.com closing: maintenance"
        tls = "starttls" if point == "STARTTLS" else "none"
        async with transmission(
            sessions(), at(server, tls), LOGIN, Envelope(JANE, (BOB,)), pieces(MESSAGE), size=len(MESSAGE), mark=Mark()
        ) as one:
            pass
        await server.until_over()
    assert states(one) == ["deferred"]
    assert one.trouble is not None
    assert one.trouble.failure.server_said == "421 4.7.0 mail.example.com closing: maintenance"
    assert (one.trouble.verdict.scope, one.trouble.verdict.course) == ("route", "retry")
    assert server.count("QUIT") == 0


async def test_421_between_two_commands_is_not_lost() -> None:
    async with SubmissionServer() as server:
        server.replies["MAIL"] = b"250 2.1.0 ok\r\n421 4.4.2 timeout exceeded\r\n"
        server.closes.add("MAIL")
        one = await send(server)
    assert one.trouble is not None
    assert one.trouble.failure.server_said == "421 4.4.2 timeout exceeded"


async def test_a_refusal_in_the_middle_of_the_message_is_heard() -> None:
    async with SubmissionServer() as server:
        server.body_bytes = 1000
        server.replies[BODY] = "552 5.3.4 message too big"
        mark = Mark()
        one = await send(server, message=LARGE, mark=mark)
    assert states(one) == ["rejected"]
    assert (mark.asked, one.phase, server.messages) == (0, "body", [])


async def test_a_server_that_answers_what_nothing_asked_is_not_told_the_message() -> None:
    async with SubmissionServer() as server:
        server.replies["RCPT"] = b"250 ok\r\n250 ok\r\n"
        mark = Mark()
        one = await send(server, mark=mark)
    assert states(one) == ["deferred"]
    assert one.trouble is not None
    assert one.trouble.failure.kind is Kind.PROTOCOL_ERROR
    assert mark.asked == 0


# --- the mark ---


async def test_the_mark_is_committed_when_the_server_has_all_but_the_dot() -> None:
    async with SubmissionServer() as server:

        async def looked() -> None:
            await asyncio.sleep(0.05)
            assert server.messages == []

        one = await send(server, message=LARGE, mark=Mark(also=looked))
        assert len(server.messages) == 1
    assert states(one) == ["accepted"]


async def test_who_may_not_mark_sends_nothing() -> None:
    async with SubmissionServer() as server:
        one = await send(server, mark=Mark(False))
        await server.until_over()
    assert (states(one), one.superseded, one.marked, one.dot_sent) == (["deferred"], True, False, False)
    assert server.messages == []
    assert server.count("QUIT") == 0


@pytest.mark.parametrize("error", [RuntimeError("no database"), OSError("no database"), EOFError()])
async def test_a_mark_that_fails_is_no_fault_of_the_server(error: Exception) -> None:
    async def fails() -> bool:
        raise error

    async with SubmissionServer() as server:
        with pytest.raises(type(error)) as raised:
            await send(server, mark=fails)
        await server.until_over()
    assert raised.value is error
    assert server.messages == []


@pytest.mark.parametrize("words", [b"", b"421 4.4.2 timeout exceeded\r\n", b"451 4.4.2 timeout exceeded\r\n"])
async def test_a_mark_that_came_too_late_is_known_not_to_be_sent(words: bytes) -> None:
    """The server is gone before the dot: the mark is committed, and the message was all the same not sent."""
    async with SubmissionServer() as server:

        async def slow() -> None:
            await server.give_up(words)
            await asyncio.sleep(0.05)

        one = await send(server, mark=Mark(also=slow))
    assert (states(one), one.phase, one.marked, one.dot_sent) == (["deferred"], "mark", True, False)
    assert server.messages == []


async def test_cancelled_before_the_dot_nothing_is_sent() -> None:
    reached = asyncio.Event()

    async def frozen() -> None:
        reached.set()
        await asyncio.Event().wait()

    async with SubmissionServer() as server:
        sending = asyncio.create_task(send(server, mark=Mark(also=frozen)))
        await reached.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await server.until_over()
    assert server.messages == []


async def test_cancelled_after_the_dot_the_answer_is_waited_for() -> None:
    async with SubmissionServer() as server:
        server.pauses[DOT] = 0.3
        sending = asyncio.create_task(send(server))
        await server.until_received()
        sending.cancel()
        one = await sending
    assert states(one) == ["accepted"]


async def test_half_a_body_is_not_sent() -> None:
    async with SubmissionServer() as server:
        with pytest.raises(ValueError, match="bytes"):
            async with transmission(
                sessions(),
                at(server),
                LOGIN,
                Envelope(JANE, (BOB,)),
                pieces(MESSAGE),
                size=len(MESSAGE) + 1,
                mark=Mark(),
            ):
                pass
        await server.until_over()
    assert server.messages == []


# --- slow readers ---


async def test_what_a_server_has_not_got_does_not_count_as_delivered() -> None:
    """It stops reading at 1,000 bytes: that our own kernel has taken all the rest is no reason to write the dot."""
    async with SubmissionServer() as server:
        server.takes_little()
        server.body_bytes = 1000
        server.hangs.add(BODY)
        mark = Mark()
        one = await send(server, message=MIDDLING, mark=mark, timeouts=HASTY)
        assert mark.asked == 0
        await server.hang_up()
    assert (states(one), one.phase, server.messages) == (["deferred"], "body", [])


async def test_what_was_given_up_does_not_go_out_later() -> None:
    async with SubmissionServer() as server:
        server.takes_little()
        server.body_bytes = 1000
        server.pauses[BODY] = 1.5  # then it reads on
        one = await send(server, message=MIDDLING, timeouts=HASTY)
        await server.until_over()
    assert states(one) == ["deferred"]
    assert server.transactions[0].received < 2 * server.body_bytes


async def test_a_slow_reader_gets_it_all_and_once() -> None:
    async with SubmissionServer() as server:
        server.body_bytes = 1000
        server.pauses[BODY] = 1.0  # longer than a piece may wait for room that there is not
        one = await send(server, message=LARGE, timeouts=PATIENT)
    assert states(one) == ["accepted"]
    assert server.messages[0].data == LARGE


async def test_the_greeting_is_waited_for_no_longer_than_said() -> None:
    async with SubmissionServer() as server:
        server.hangs.add(CONNECT)
        one = await send(server, timeouts=HASTY)
    assert one.trouble is not None
    assert one.trouble.failure.cause == "timeout"


# --- over TLS ---


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
async def test_a_large_message_over_tls_arrives_whole(tls: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = authority.good().context()
    async with SubmissionServer(tls=context) if tls == "implicit" else SubmissionServer(starttls=context) as server:

        async def looked() -> None:
            assert server.messages == []

        async with transmission(
            sessions(ca_file=str(authority.ca_file)),
            at(server, tls, "localhost"),
            LOGIN,
            Envelope(JANE, (BOB,)),
            pieces(LARGE),
            size=len(LARGE),
            mark=Mark(also=looked),
        ) as one:
            assert states(one) == ["accepted"]
    assert server.messages[0].data == LARGE


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_answer_that_is_lost_over_tls_leaves_doubt_too(fault: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with SubmissionServer(tls=authority.good().context()) as server:
        getattr(server, fault).add(DOT)
        async with transmission(
            sessions(HASTY, ca_file=str(authority.ca_file)),
            at(server, "implicit", "localhost"),
            LOGIN,
            Envelope(JANE, (BOB,)),
            pieces(MESSAGE),
            size=len(MESSAGE),
            mark=Mark(),
        ) as one:
            assert states(one) == ["uncertain"]
        assert len(server.messages) == 1
