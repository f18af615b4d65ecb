"""A route's life: set up, held up, disabled, enabled, closed, by commands and by what its server says."""

from __future__ import annotations

import pytest

from domain.failures.failure import Kind
from domain.sending.message import MessageState
from domain.sending.route import RouteState
from tests.support.running import Mailroom, a_new_address, refusal
from tests.support.sending import sending


async def test_a_route_is_set_up_by_one_login_that_sends_nothing(mailroom: Mailroom) -> None:
    async with sending(mailroom) as jane:
        assert (jane.server.logins, jane.server.transactions) == (1, [])
        assert jane.server.commands[-1] == "QUIT"
        (row,) = await mailroom.rows("select * from routes where address = %s", jane.account.address)
        assert (row["state"], row["kind"], row["held"]) == ("active", "custom_smtp", 0)


async def test_a_wrong_password_at_the_set_up_is_told_in_words_and_there_is_no_route(mailroom: Mailroom) -> None:
    async with sending(mailroom, route=False) as jane:
        route = await jane.start_route(outgoing={"secret": mailroom.secret("wrong")})
        refused = await refusal(route.result())
        assert refused.failure is not None
        assert refused.failure["kind"] == "smtp_authentication"
        assert jane.server.attempts == 1
        entries = await mailroom.log(f"route/{jane.account.address}")
        assert [entry.type for entry in entries] == ["RouteSetUpRefused"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"address": "nobody@example.com"}, "unknown_from"),
        ({"kind": "relay"}, "kind_not_supported"),
        ({"kind": "hosted"}, "kind_not_supported"),
        ({"password": "x"}, "unknown_field"),
        ({"outgoing": {"secret": "my password"}}, "secret_not_allowed"),
    ],
)
async def test_a_start_that_makes_no_sense_is_refused(mailroom: Mailroom, more: dict[str, object], code: str) -> None:
    async with sending(mailroom, route=False) as jane:
        assert (await refusal((await jane.start_route(**more)).result())).code == code
        assert jane.server.connections == 0


async def test_an_alias_has_a_route_of_its_own(mailroom: Mailroom) -> None:
    alias = a_new_address("sales")
    async with sending(mailroom, route=False, aliases=[alias]) as jane:
        await jane.start_route(address=alias)
        await jane.until_route(RouteState.ACTIVE)


async def test_while_it_is_disabled_mail_is_held_and_enable_lets_it_out(mailroom: Mailroom) -> None:
    async with sending(mailroom) as jane:
        await jane.route.execute_update("disable", {"reason": "a holiday", "by": "ops"})
        message = await jane.send()
        status = await message.until_state(MessageState.HELD)
        assert status.reason == "operator"
        (row,) = await mailroom.rows("select held from routes where address = %s", jane.account.address)
        assert row["held"] == 1
        await jane.route.execute_update("enable", {"by": "ops"})
        assert (await message.outcome()).state is MessageState.ACCEPTED


async def test_a_message_without_a_route_waits_for_one(mailroom: Mailroom) -> None:
    async with sending(mailroom, route=False) as jane:
        message = await jane.send()
        assert (await message.until_state(MessageState.HELD)).reason == "route_missing"
        await jane.start_route()
        assert (await message.outcome()).state is MessageState.ACCEPTED


async def test_a_closed_route_takes_no_command_and_what_is_held_stays_held_until_it_is_cancelled(
    mailroom: Mailroom,
) -> None:
    async with sending(mailroom) as jane:
        await jane.route.execute_update("close", {"by": "ops"})
        await jane.route.result()
        message = await jane.send()
        assert (await message.until_state(MessageState.HELD)).reason == "closed"
        await message.command("cancel", by="jane")
        assert (await message.outcome()).state is MessageState.CANCELLED


async def test_check_now_says_whether_the_login_works(mailroom: Mailroom) -> None:
    async with sending(mailroom) as jane:
        assert (await jane.route.execute_update("check_now", {"by": "ops"}))["worked"] is True
        jane.server.password = "changed"
        answer = await jane.route.execute_update("check_now", {"by": "ops"})
        assert answer["worked"] is False
        assert answer["failure"]["kind"] == Kind.SMTP_AUTHENTICATION
        assert (await jane.route_status()).state is RouteState.SUSPENDED


async def test_a_server_that_is_back_is_found_by_the_route_and_everything_goes_out(mailroom: Mailroom) -> None:
    async with sending(mailroom) as jane:
        jane.server.replies["MAIL"] = "421 4.3.2 going down"
        messages = [await jane.send() for _ in range(3)]
        for message in messages:
            await message.until(lambda now: now.attempts > 0, "an attempt")
        del jane.server.replies["MAIL"]
        for message in messages:
            assert (await message.outcome()).state is MessageState.ACCEPTED
        assert len(jane.server.messages) == 3
        await jane.until_route(RouteState.ACTIVE)


async def test_an_unknown_command_is_refused_with_those_that_there_are(mailroom: Mailroom) -> None:
    async with sending(mailroom) as jane:
        refused = await refusal(jane.route.execute_update("poll_now"))
        assert refused.code == "unknown_command"
        assert "check_now" in refused.message
