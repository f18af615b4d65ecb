"""Attacks by whoever may start an account: nobody else's mail, and nobody else's password, is to be had by it."""

from __future__ import annotations

import pytest

from tests.servers.scripted_pop import MailboxServer
from tests.support.running import Mailroom, refusal

HELLO = b"From: ann@example.org\r\nSubject: private\r\n\r\nHello\r\n"


async def test_another_organisation_does_not_read_a_mailbox_by_the_name_of_its_secret(mailroom: Mailroom) -> None:
    async with MailboxServer(username="jane", messages={"one": HELLO}) as server:
        secret = mailroom.secret(server.password)
        account = await mailroom.connect(server, incoming={"username": "jane", "secret": secret}, organisation="north")
        await account.until_mail(1)
        logins = server.logins
        attack = mailroom.given(server, incoming={"username": "jane", "secret": secret}, organisation="south")
        refused = await refusal((await mailroom.start(attack)).handle.result())
        assert (refused.code, refused.field) == ("secret_not_allowed", "incoming.secret")
        assert "mailroom vault set NAME" in refused.message
        assert "north" not in refused.message
        assert account.address not in refused.message
        stored = await mailroom.rows("select address from messages")
        assert {row["address"] for row in stored} == {account.address}
        assert server.logins >= logins


@pytest.mark.parametrize("change", ["port", "host"])
async def test_no_change_of_settings_sends_a_secret_to_another_service(mailroom: Mailroom, change: str) -> None:
    async with MailboxServer() as server, MailboxServer() as attacker:
        account = await mailroom.connect(server)
        incoming = {"port": attacker.port} | ({"host": "localhost"} if change == "host" else {})
        refused = await refusal(account.command("change_settings", settings={"incoming": incoming}))
        assert (refused.code, refused.field) == ("secret_not_allowed", "incoming.secret")
        assert not attacker.commands, "it was not even connected to"
