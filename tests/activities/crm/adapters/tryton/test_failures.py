"""What Tryton's adapter makes of answers that Tryton does not give on demand: of proxies, of overload, of half a server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from activities.crm.adapters.protocol import Crm, CrmFailure, NewActivity, NewRecord
from activities.crm.adapters.tryton import rest as tryton_rest
from domain.core.refusal import Refused
from domain.failures.failure import Kind
from tests.support.crm.entries import entry
from tests.support.crm.tryton import adapter

KEY = "Wd9sQ2kLmN8pX4vB7tZ1"
ENTRY = entry("7", direction="Sent", subject="Confidential merger")
NOTE = NewActivity("note", "contact", "7", "Confidential merger", request_key="r1")
CONTACT = NewRecord("contact", "Anna Lind", ("anna@example.com",), request_key="r1")

READS: list[Callable[[Crm], Awaitable[object]]] = [
    lambda crm: crm.check(),
    lambda crm: crm.find(ENTRY),
    lambda crm: crm.find_activity(NOTE),
    lambda crm: crm.find_record(CONTACT),
    lambda crm: crm.activities("contact", "7"),
    lambda crm: anext(aiter(crm.pull(None))),
]
WRITES: list[Callable[[Crm], Awaitable[object]]] = [
    lambda crm: crm.push(ENTRY),
    lambda crm: crm.add_activity(NOTE),
]
CHANGES: list[Callable[[Crm], Awaitable[object]]] = [
    lambda crm: crm.turn(ENTRY, "3"),
    lambda crm: crm.remove(ENTRY, "3"),
]

Answer = bytes | None  # None: no word, until the client gives up


def answer(status: int, body: str | bytes = b"", *headers: str, kind: str = "application/json") -> bytes:
    content = body.encode() if isinstance(body, str) else body
    head = [f"HTTP/1.1 {status} Words", f"Content-Length: {len(content)}", f"Content-Type: {kind}", *headers]
    return "\r\n".join([*head, "Connection: close", "", ""]).encode() + content


@asynccontextmanager
async def answering(*answers: Answer) -> AsyncIterator[tuple[Crm, list[str]]]:
    """A Tryton that gives these answers, the last one again and again; with the request lines that it got."""
    asked: list[str] = []
    waiting = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lengths = [line for line in head.split("\r\n") if line.lower().startswith("content-length:")]
        await reader.readexactly(int(lengths[0].partition(":")[2]) if lengths else 0)
        asked.append(head.partition("\r\n")[0])
        said = answers[min(len(asked), len(answers)) - 1]
        if said is None:
            await waiting.wait()
        else:
            writer.write(said)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with adapter(f"http://127.0.0.1:{port}/crm", KEY) as crm:
        try:
            yield crm, asked
        finally:
            waiting.set()
            server.close()
            await server.wait_closed()


async def failure(doing: Callable[[Crm], Awaitable[object]], crm: Crm) -> CrmFailure:
    with pytest.raises(CrmFailure) as failed:
        await doing(crm)
    return failed.value


@pytest.mark.requirement("R97")
@pytest.mark.parametrize(
    ("given", "of_reads", "of_writes"),
    [
        (answer(401), Kind.CRM_AUTHENTICATION, Kind.CRM_AUTHENTICATION),
        (answer(403), Kind.CRM_PERMISSION, Kind.CRM_PERMISSION),
        (answer(404), Kind.CRM_UNAVAILABLE, Kind.CRM_UNAVAILABLE),
        (answer(302, "", "Location: https://elsewhere.example/"), Kind.CRM_UNAVAILABLE, Kind.CRM_UNAVAILABLE),
        (answer(423), Kind.CRM_UNAVAILABLE, Kind.CRM_UNAVAILABLE),
        (answer(429), Kind.CRM_RATE_LIMITED, Kind.CRM_RATE_LIMITED),
        (answer(408), Kind.CRM_UNAVAILABLE, Kind.CRM_UNCERTAIN),
        (answer(500, "<h1>oops</h1>", kind="text/html"), Kind.CRM_UNAVAILABLE, Kind.CRM_UNCERTAIN),
        (answer(502), Kind.CRM_UNAVAILABLE, Kind.CRM_UNCERTAIN),
        (answer(200, "<html>Log in here</html>", kind="text/html"), Kind.CRM_UNAVAILABLE, Kind.CRM_UNCERTAIN),
        (answer(200, '[{"id": 1, "na')[:-3], Kind.CRM_UNAVAILABLE, Kind.CRM_UNCERTAIN),
        (answer(200, b"\xff\xfe\x00"), Kind.CRM_UNAVAILABLE, Kind.CRM_UNCERTAIN),
        (b"HTTP/1.1 200 OK\r\nContent-Len", Kind.CRM_UNAVAILABLE, Kind.CRM_UNCERTAIN),
        (b"220 mail.example ESMTP\r\n", Kind.CRM_UNAVAILABLE, Kind.CRM_UNCERTAIN),
        (b"", Kind.CRM_UNAVAILABLE, Kind.CRM_UNCERTAIN),
    ],
    ids=lambda value: value[:60].decode(errors="replace") if isinstance(value, bytes) else None,
)
async def test_each_answer_means_one_kind_of_failure(given: bytes, of_reads: Kind, of_writes: Kind) -> None:
    async with answering(given) as (crm, _):
        assert {(await failure(read, crm)).kind for read in READS} == {of_reads}
        assert {(await failure(write, crm)).kind for write in WRITES} == {of_writes}
        assert {(await failure(change, crm)).kind for change in CHANGES} == {of_reads}  # it looks first


async def test_silence_is_waited_for_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tryton_rest, "SECONDS", 0.2)
    async with answering(None) as (crm, _):
        assert (await failure(READS[1], crm)).kind == Kind.CRM_UNAVAILABLE
        assert (await failure(WRITES[0], crm)).kind == Kind.CRM_UNCERTAIN


async def test_an_answer_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tryton_rest, "LARGEST", 1000)
    async with answering(answer(200, json.dumps([{"id": 1, "direction": "s" * 5000}]))) as (crm, _):
        assert (await failure(READS[1], crm)).kind == Kind.CRM_UNAVAILABLE
        assert (await failure(WRITES[0], crm)).kind == Kind.CRM_UNCERTAIN


@pytest.mark.parametrize("shape", ["null", "7", '"text"', "{}", "[7]", '[{"key": 1}]'])
async def test_json_of_another_shape_is_no_answer(shape: str) -> None:
    async with answering(answer(200, shape)) as (crm, _):
        for doing in (READS[1], READS[2], READS[4]):
            assert (await failure(doing, crm)).kind == Kind.CRM_UNAVAILABLE
        for doing in WRITES:
            assert (await failure(doing, crm)).kind == Kind.CRM_UNCERTAIN


async def test_a_tryton_that_is_not_there_was_asked_for_nothing() -> None:
    async with answering(answer(200)) as (crm, _):
        pass
    async with adapter("http://127.0.0.1:1/crm", KEY) as crm:
        assert {(await failure(doing, crm)).kind for doing in (*READS, *WRITES, *CHANGES)} == {Kind.CRM_UNAVAILABLE}


@pytest.mark.requirement("R97")
@pytest.mark.parametrize("url", ["http://10.1.2.3/crm", "https://10.1.2.3/crm"])
async def test_a_host_that_may_not_be_spoken_to_is_refused_with_the_setting_that_names_it(url: str) -> None:
    async with adapter(url, KEY, allow=()) as crm:
        for doing in (*READS, *WRITES, *CHANGES):
            with pytest.raises(Refused, match=r"^url: 10\.1\.2\.3 .*MAILROOM_ALLOW_HOSTS") as refused:
                await doing(crm)
            assert (refused.value.refusal.code, refused.value.refusal.field) == ("host_not_allowed", "url")


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("Retry-After: 30", 30, 30),
        (f"Retry-After: {format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)}", 3600, 7200),
        ("Retry-After: Mon, 01 Jan 2001 00:00:00 GMT", 0, 0),
        ("Retry-After: 99999999999999999999", 86400, 86400),
        ("Retry-After: soon", None, None),
        ("X-Nothing: 1", None, None),
    ],
    ids=["seconds", "a date", "a date that is past", "centuries", "no date", "none"],
)
async def test_the_wait_that_is_asked_for_is_told(header: str, least: float | None, most: float | None) -> None:
    async with answering(answer(429, "", header)) as (crm, _):
        told = (await failure(WRITES[0], crm)).retry_after
    assert (told is None) == (least is None)
    if told is not None and least is not None and most is not None:
        assert least <= told <= most


async def test_a_refusal_is_told_without_the_key_and_the_words_of_the_mail() -> None:
    message = f"The value 'Confidential merger' of anna@example.com ({KEY}) is not allowed."
    rights = dict.fromkeys(("read", "write", "create", "delete"), True)
    models = (
        "party.party",
        "sale.opportunity",
        "party.contact_mechanism",
        "mailroom.correspondence",
        "mailroom.activity",
    )
    async with answering(
        answer(400, json.dumps({"status": 400, "message": message})),
        answer(200, "[]"),  # there is none with that key
        answer(200, json.dumps(dict.fromkeys(models, rights))),
        answer(200, json.dumps({"company": 1, "companies": [1]})),
        answer(200, json.dumps([{"id": 7}])),  # and the party is there
    ) as (crm, _):
        refused = await failure(WRITES[0], crm)
    assert refused.kind == Kind.CRM_REJECTED
    assert refused.said is not None
    assert "is not allowed" in refused.said
    for secret in ("Confidential", "anna", KEY):
        assert secret not in refused.said


async def test_a_duplicate_is_read_back_and_adopted() -> None:
    async with answering(
        answer(400, json.dumps({"status": 400, "message": "Es gibt schon einen Eintrag."})),
        answer(200, json.dumps([{"id": 12, "direction": "sent"}])),
    ) as (crm, asked):
        assert await crm.push(ENTRY) == "12"
    assert [line.split()[0] for line in asked] == ["POST", "GET"]


async def test_after_a_refusal_nothing_is_taken_for_missing_while_tryton_cannot_be_read() -> None:
    async with answering(answer(400, "{}"), answer(503)) as (crm, _):
        assert (await failure(WRITES[0], crm)).kind == Kind.CRM_UNAVAILABLE


THERE = answer(200, json.dumps([{"id": 12, "direction": "received"}]))


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_whose_answer_was_lost_is_uncertain(change: Callable[[Crm], Awaitable[object]]) -> None:
    for lost in (answer(500), b"", answer(200, "<html>")):
        async with answering(THERE, lost) as (crm, asked):
            assert (await failure(change, crm)).kind == Kind.CRM_UNCERTAIN
        assert asked[1].split()[1].startswith("/crm/rest/model/mailroom.correspondence/12")


async def test_an_entry_that_a_wrong_address_hides_is_not_taken_for_removed() -> None:
    async with answering(answer(404)) as (crm, _):
        assert (await failure(CHANGES[1], crm)).kind == Kind.CRM_UNAVAILABLE
    async with answering(THERE, answer(404)) as (crm, _):
        await crm.remove(ENTRY, "3")
