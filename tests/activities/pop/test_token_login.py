"""Logging in with an access token: what is sent, on how many lines, and how an error challenge is answered."""

from __future__ import annotations

import base64

import pytest

from activities.pop.connection import PopConnection, ServerRefused, TokenMechanism
from infra.network.tls import trusting
from tests.servers.dovecot import Dovecot
from tests.servers.oauth_records import OWNER
from tests.servers.oauth_server import OAuthServer
from tests.servers.scripted_pop import Close, Expect, ScriptedServer, Send, Step

CHALLENGE = b"+ " + base64.b64encode(b'{"status":"401","schemes":"bearer","scope":"mail"}') + b"\r\n"
REFUSAL = b"-ERR [AUTH] Invalid credentials\r\n"
TOKEN = "ya29.t0ken-of-Jane"


async def connected(server: ScriptedServer | Dovecot) -> PopConnection:
    return await PopConnection.open(server.host, server.port, tls="none", context=trusting("POP", None))


def script(mechanism: str, response: bytes, *more: Step) -> list[Step]:
    """One that hangs up on the one-line form, as Outlook.com does: the command must come alone."""
    return [
        Send(b"+OK\r\n"),
        Expect(f"AUTH {mechanism}"),
        Send(b"+ \r\n"),
        Expect(base64.b64encode(response).decode()),
        *more,
    ]


async def test_xoauth2_is_said_on_two_lines() -> None:
    sent = b"user=recent:jane@example.com\1auth=Bearer " + TOKEN.encode() + b"\1\1"
    async with ScriptedServer(script("XOAUTH2", sent, Send(b"+OK welcome\r\n"), Close())) as server:
        pop = await connected(server)
        await pop.login_with_token("XOAUTH2", "recent:jane@example.com", TOKEN)
        await pop.abort()


async def test_oauthbearer_is_said_on_two_lines_with_the_name_escaped() -> None:
    async with ScriptedServer() as server:
        place = f"host=127.0.0.1\1port={server.port}\1".encode()
        sent = b"n,a=jane=3Ddoe=2Cjr@example.com,\1" + place + b"auth=Bearer " + TOKEN.encode() + b"\1\1"
        server.scripts = (script("OAUTHBEARER", sent, Send(b"+OK welcome\r\n"), Close()),)
        pop = await connected(server)
        await pop.login_with_token("OAUTHBEARER", "jane=doe,jr@example.com", TOKEN)
        await pop.abort()


@pytest.mark.parametrize(("mechanism", "answer"), [("XOAUTH2", ""), ("OAUTHBEARER", "AQ==")])
async def test_an_error_challenge_is_answered_and_then_comes_the_refusal(
    mechanism: TokenMechanism, answer: str
) -> None:
    steps: list[Step] = [
        Send(b"+OK\r\n"), Expect(f"AUTH {mechanism}"), Send(b"+\r\n"), Expect(),
        Send(CHALLENGE), Expect(answer), Send(REFUSAL), Close(),
    ]  # fmt: skip
    async with ScriptedServer(steps) as server:
        pop = await connected(server)
        with pytest.raises(ServerRefused, match=r"\[AUTH\] Invalid credentials") as refused:
            await pop.login_with_token(mechanism, OWNER, TOKEN)
        assert refused.value.command == "AUTH"
        await pop.abort()


async def test_a_server_that_goes_on_asking_is_told_to_stop() -> None:
    steps: list[Step] = [
        Send(b"+OK\r\n"), Expect("AUTH XOAUTH2"), Send(b"+ \r\n"), Expect(), Send(CHALLENGE), Expect(""),
        Send(CHALLENGE), Expect("*"), Send(REFUSAL), Close(),
    ]  # fmt: skip
    async with ScriptedServer(steps) as server:
        pop = await connected(server)
        with pytest.raises(ServerRefused):
            await pop.login_with_token("XOAUTH2", OWNER, TOKEN)
        await pop.abort()


@pytest.mark.parametrize(("username", "token"), [("jane\1auth=x", TOKEN), (OWNER, f"{TOKEN}\1"), (OWNER, "a\r\nQUIT")])
async def test_nothing_that_would_end_a_field_is_sent(username: str, token: str) -> None:
    async with ScriptedServer([Send(b"+OK\r\n"), Close()]) as server:
        pop = await connected(server)
        with pytest.raises(ValueError, match="control character") as refused:
            await pop.login_with_token("XOAUTH2", username, token)
        assert token not in str(refused.value)
        await pop.abort()
        assert server.received == []


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
async def test_dovecot_takes_a_token_that_lives_and_refuses_every_other(
    token_dovecot: Dovecot, oauth_server: OAuthServer, mechanism: TokenMechanism
) -> None:
    token = oauth_server.issue()["access_token"]
    token_dovecot.add_user(OWNER, "secret")
    pop = await connected(token_dovecot)
    assert mechanism in (await pop.ask_capabilities())["SASL"]
    await pop.login_with_token(mechanism, OWNER, token)
    assert await pop.stat() == 0
    assert await pop.quit()
    for username, wrong in ((OWNER, "another"), ("joe@example.com", token)):
        pop = await connected(token_dovecot)
        with pytest.raises(ServerRefused, match=r"\[AUTH\]"):
            await pop.login_with_token(mechanism, username, wrong)
        await pop.quit()
