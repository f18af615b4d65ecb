"""What a server and a user say, where people look: pages and summaries of the Temporal UI, refusals, notices, views, logs."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowHandle
from temporalio.converter import default as converter

from activities.crm.adapters.protocol import CrmFailure
from domain.account.lifecycle import State
from domain.core.redaction import redact
from domain.directory.records import Record
from domain.failures.failure import Kind
from domain.retrieval.identity import MOST_OF_ONE_UIDL
from tests.domain.core.test_foreign_text import ACTS, CODE
from tests.servers.scripted_pop import CONNECT, MailboxServer
from tests.support.running import Mailroom, a_new_address, refusal
from tests.support.scripted_crm import Script, script, settings
from tests.support.workflows.crms import connect_crm, start_crm

__all__ = ["script"]

HELLO = b"From: ann@example.org\r\nSubject: hello\r\n\r\nHello\r\n"
LINK = "[Sign in again](https://evil.example/uidl)"
UIDL = "[Sign_in](https://evil.example/uidl)"
BY = "[op](https://evil.example/by)\x1b[2J\u202e**"
SAID = "[Sign in again](https://evil.example/said) ![x](https://evil.example/t.png) <img src=x>\x1b]0;pwned\x07\x9b2J"
OF_AN_ACCOUNT = ("quarantine", "retrievals", "warnings", "messages", "ledger")
SCRIPTED = {key: value for key, value in settings().items() if key != "name"}
LIVE = re.compile(r"\]\(https?:|<img")  # a link, an image


async def shown_as_markdown(handle: WorkflowHandle[Any, Any]) -> list[str]:
    """The page of a workflow, and what every activity and timer of its history is called there."""
    metadata: WorkflowMetadata = await handle.query("__temporal_workflow_metadata")
    found = [metadata.current_details, *(one.description for one in metadata.definition.signal_definitions)]
    for event in (await handle.fetch_history()).events:
        for part in ("summary", "details"):
            if event.HasField("user_metadata") and event.user_metadata.HasField(part):
                [text] = await converter().decode([getattr(event.user_metadata, part)], [str])
                found.append(text)
    return found


async def acting(mailroom: Mailroom, handle: WorkflowHandle[Any, Any], *views: str) -> list[str]:
    """Whatever of a workflow is in a place where text of others may be seen, and is no words there: `views` are queries that
    take its address."""
    pages = await shown_as_markdown(handle)
    assert "evil" in " ".join(pages)
    described = await handle.describe()
    assert await described.memo() == {}, "nothing is kept there"
    attributes = [str(pair.value) for pair in described.typed_search_attributes.search_attributes]
    assert attributes
    history = json.dumps([MessageToDict(event) for event in (await handle.fetch_history()).events])
    address = handle.id.removeprefix("mail-account/")
    rows: list[Any] = []
    for view in ("select * from account_events where address = %s", *views):
        rows += await mailroom.rows(view, address)
    told = json.dumps([[str(value) for value in row.values()] for row in rows], ensure_ascii=False)
    notices = [f"{one['text']} {one['remedy']}" for one in await mailroom.notices(address)]
    assert any("evil" in text for text in notices)
    return [
        *(page for page in pages if LIVE.search(CODE.sub("", page))),
        *(text for text in notices if re.search("evil|[<>]", re.sub("`[^`]*`", "", text))),
        *(text for text in (*pages, *notices, *attributes, told) if ACTS.search(text.replace("\n", ""))),
        *(text for text in attributes if "evil" in text),
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
        views = [f"select * from {view} where address = %s" for view in OF_AN_ACCOUNT]
        assert await acting(mailroom, account.handle, *views) == []
        assert not ACTS.search(caplog.text.replace("\n", ""))


@pytest.mark.parametrize(
    "command", [CONNECT, "CAPA", "USER", "PASS", "STAT", "UIDL", "LIST", "TOP", "RETR 2", "DELE", "NOOP", "QUIT"]
)
async def test_no_answer_of_a_server_acts_anywhere(
    mailroom: Mailroom, caplog: pytest.LogCaptureFixture, command: str
) -> None:
    async with MailboxServer(messages={"one": HELLO}) as server:
        account = await mailroom.connect(server, retrieval={"interval_minutes": 60, "after_store": "delete"})
        await account.until_mail(1)
        server.messages |= {"two": HELLO, "three": HELLO}
        server.replies[command] = f"{'+OK' if command == CONNECT else '-ERR'} {SAID}\r\n".encode()
        await account.command("poll_now", by=BY)
        await account.command("disable", reason=SAID, by=BY)
        views = [f"select * from {view} where address = %s" for view in OF_AN_ACCOUNT]
        assert await acting(mailroom, account.handle, *views) == []
        assert not ACTS.search(caplog.text.replace("\n", ""))


async def test_a_uidl_in_a_remedy_and_an_address_in_a_notice_act_nowhere(mailroom: Mailroom) -> None:
    count = MOST_OF_ONE_UIDL + 1
    async with MailboxServer(messages={"one": HELLO}) as server:
        account = await mailroom.connect(server, a_new_address("a`b"), retrieval={"interval_minutes": 60})
        await account.until_mail(1)
        server.replies["STAT"] = f"+OK {count} 1"
        for verb, said in (("UIDL", f"`{LINK} <img src=x>"), ("LIST", "100")):
            server.replies[verb] = "\r\n".join(["+OK", *(f"{n} {said}" for n in range(1, count + 1)), "."])
        await account.command("poll_now", by=BY)
        suspended = await account.until_state(State.SUSPENDED)
        assert suspended.last_failure is not None
        assert "evil" in suspended.last_failure.remedy
        assert "evil" not in (suspended.last_failure.server_said or ""), "it is the remedy alone that is looked at here"
        await account.command("disable", by=BY)
        assert await acting(mailroom, account.handle) == []


async def test_a_crms_records_and_answers_and_a_users_name_act_nowhere(
    mailroom: Mailroom, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    script.pages = [[Record("contact", "1", f"{SAID}\u202e\r\n{BY}", ("ann@example.org",))]]
    script.fail("push", CrmFailure(Kind.CRM_REJECTED, "scripted", redact(SAID)))
    crm = await connect_crm(mailroom, **SCRIPTED)
    async with MailboxServer(messages={"one": HELLO}) as server:
        await mailroom.connect(server, crm=[crm.name])
        await crm.until_rows(f"select * from outbox where crm = '{crm.name}' and state = 'failed'", 1)
    await crm.command("retry_failed", by=BY)
    script.down = CrmFailure(Kind.CRM_PERMISSION, "scripted", redact(SAID))
    await crm.command("sync_now", by=BY)
    await crm.until(lambda now: now.state == "suspended", "what its CRM said of a right")
    await crm.handle.signal("change_settings", {"settings": {SAID: SAID}, "by": BY})
    await crm.handle.signal(UIDL, {"by": BY})
    await crm.until_logged("CommandRefused", 2)
    await crm.command("disable", reason=SAID, by=BY)
    own = "crm = substr(%s, 5)"
    views = [f"select * from {view} where {own}" for view in ("outbox", "directory", "correspondence")]
    assert await acting(mailroom, crm.handle, *views, "select * from crms where name = substr(%s, 5)") == []
    assert await mailroom.rows(f"select * from directory where crm = '{crm.name}' and name like '%%evil%%'")
    assert not ACTS.search(caplog.text.replace("\n", ""))


@pytest.mark.parametrize("field", ["kind", "profile", "organisation", "url", "data_centre", "secret", "linking"])
async def test_no_text_of_a_crms_settings_takes_what_acts(mailroom: Mailroom, script: Script, field: str) -> None:
    for hostile in (SAID, f"https://crm.example.com/{SAID}", f"vault:{SAID}", f"file:{UIDL}"):
        given = hostile if field != "linking" else {"never_log": [{"pattern": hostile, hostile: hostile}]}
        crm = await start_crm(mailroom, **SCRIPTED | {field: given})
        refused = await refusal(crm.handle.result())
        assert refused.code in ("invalid_field", "unknown_field", "missing_field", "secret_not_allowed")
        assert not ACTS.search(refused.message)
        assert "\n" not in refused.message
