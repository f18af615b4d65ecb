"""What a server and a user say, where people look: pages and summaries of the Temporal UI, refusals, notices, views, logs."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from temporalio.converter import default as converter

from tests.domain.test_foreign_text import ACTS, CODE
from tests.running import Mailroom, RunningAccount, refusal
from tests.servers.scripted_pop import MailboxServer

HELLO = b"From: ann@example.org\r\nSubject: hello\r\n\r\nHello\r\n"
UIDL = "[Sign_in](https://evil.example/uidl)"
BY = "[op](https://evil.example/by)\x1b[2J\u202e**"
SAID = "[Sign in again](https://evil.example/said) ![x](https://evil.example/t.png) <img src=x>\x1b]0;pwned\x07\x9b2J"
LIVE = re.compile(r"\]\(https?:|<img")  # a link, an image


async def shown_as_markdown(account: RunningAccount) -> list[str]:
    """The page of its workflow, and what every activity and timer of its history is called there."""
    history = await account.handle.fetch_history()
    found = [await account.page()]
    for event in history.events:
        for part in ("summary", "details"):
            if event.HasField("user_metadata") and event.user_metadata.HasField(part):
                [text] = await converter().decode([getattr(event.user_metadata, part)], [str])
                found.append(text)
    return found


async def acting(account: RunningAccount) -> list[str]:
    """Whatever of an account is in a place where text of others may be seen, and is no words there."""
    pages = await shown_as_markdown(account)
    live = [page for page in pages if LIVE.search(CODE.sub("", page))]
    history = json.dumps([MessageToDict(event) for event in (await account.handle.fetch_history()).events])
    assert "evil" in " ".join(pages)
    rows: list[Any] = []
    for view in ("account_events", "notices", "quarantine", "retrievals", "warnings"):
        rows += await account.mailroom.rows(f"select * from {view} where address = %s", account.address)
    told = json.dumps([[str(value) for value in row.values()] for row in rows], ensure_ascii=False)
    return [
        *live,
        *(text for text in (*pages, told) if ACTS.search(text.replace("\n", ""))),
        *re.findall("pwned\x07", history),
    ]


async def test_a_servers_uidl_and_refusal_and_a_users_name_act_nowhere(
    mailroom: Mailroom, caplog: pytest.LogCaptureFixture
) -> None:
    async with MailboxServer(messages={"one": HELLO, UIDL: HELLO, "three": HELLO}) as server:
        server.replies["RETR 2"] = f"-ERR {SAID}\r\n".encode()
        account = await mailroom.connect(server, retrieval={"interval_minutes": 60})
        await account.until_mail(2)
        await account.command("retry_quarantined", uidl=UIDL, by=BY)
        await account.command("skip_message", uidl=UIDL, reason=SAID, by=BY)
        server.replies["PASS"] = f"-ERR {SAID}\r\n".encode()
        await account.command("poll_now", by=BY)
        refused = await refusal(account.command("change_credential", secret=mailroom.secret("wrong"), by=BY))
        assert not ACTS.search(refused.message)
        await account.signal("change_settings", {"settings": {SAID: SAID}, "by": BY})
        await account.signal(UIDL, {"by": BY})
        await account.until_logged("CommandRefused", 2)
        await account.command("disable", reason=SAID, by=BY)
        assert await acting(account) == []
        assert not ACTS.search(caplog.text.replace("\n", ""))
