"""What Zoho's refusals and breakdowns mean, and access tokens that end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from activities.crm.adapters.protocol import NewActivity, NewRecord
from activities.crm.adapters.zoho import api
from domain.core.refusal import Refused
from domain.failures.failure import Kind
from infra.database.pool import Pool
from tests.servers.failing_http import Fault
from tests.servers.zoho_twin import ZohoTwin, failing
from tests.support.crm.zoho import connected, entry, failure_of, pulled, running_twin
from tests.support.granted import stored

ASSOCIATED = "/actions/associate_email$"
PAGE = "<html><body>Bad gateway of somebody in between</body></html>"


@pytest.fixture
def twin() -> Iterator[ZohoTwin]:
    yield from running_twin()


READS: dict[str, tuple[Fault, Kind, str]] = {
    "the scope is missing": (failing(401, "OAUTH_SCOPE_MISMATCH"), Kind.CRM_PERMISSION, "oauth_scope_mismatch"),
    "no permission": (failing(403, "NO_PERMISSION"), Kind.CRM_PERMISSION, "no_permission"),
    "no privilege, said as a bad request": (
        failing(400, "AUTHORIZATION_FAILED"),
        Kind.CRM_PERMISSION,
        "authorization_failed",
    ),
    "the module is hidden": (failing(400, "INVALID_MODULE"), Kind.CRM_PERMISSION, "invalid_module"),
    "too many requests": (failing(429, "TOO_MANY_REQUESTS"), Kind.CRM_RATE_LIMITED, "too_many_requests"),
    "too many requests, as a page": (Fault(429, text=PAGE), Kind.CRM_RATE_LIMITED, "http_429"),
    "a wrong URL": (failing(404, "INVALID_URL_PATTERN"), Kind.CRM_REJECTED, "invalid_url_pattern"),
    "trouble of its own": (failing(500, "INTERNAL_ERROR"), Kind.CRM_UNAVAILABLE, "internal_error"),
    "trouble as a page": (Fault(502, text=PAGE), Kind.CRM_UNAVAILABLE, "http_502"),
    "a page instead of JSON": (Fault(200, text=PAGE), Kind.CRM_UNAVAILABLE, "http_200"),
    "a page that says not found": (Fault(404, text=PAGE), Kind.CRM_UNAVAILABLE, "nonsense"),
    "a redirect": (
        Fault(302, text="", headers={"Location": "https://elsewhere.example/"}),
        Kind.CRM_UNAVAILABLE,
        "nonsense",
    ),
    "half an answer": (Fault(half=True), Kind.CRM_UNAVAILABLE, "answer_lost"),
    "an error in a success": (failing(200, "NO_PERMISSION"), Kind.CRM_PERMISSION, "no_permission"),
}


@pytest.mark.parametrize("what", READS)
async def test_a_read_that_fails_says_how(twin: ZohoTwin, pool: Pool, what: str) -> None:
    fault, kind, cause = READS[what]
    async with connected(pool, twin) as zoho:
        twin.fail("GET", "/Contacts$", fault)
        failure = await failure_of(pulled(zoho))
        assert (failure.kind, failure.cause) == (kind, cause)
        await pulled(zoho)


def per_record(code: str, **details: Any) -> dict[str, Any]:
    return {"Emails": [{"code": code, "message": "no", "status": "error", "details": details}]}


WRITES: dict[str, tuple[Fault, Kind]] = {
    "invalid data": (Fault(400, per_record("INVALID_DATA", api_name="subject")), Kind.CRM_REJECTED),
    "a field is missing": (Fault(400, per_record("MANDATORY_NOT_FOUND", api_name="to")), Kind.CRM_REJECTED),
    "the record failed in a 200": (Fault(200, per_record("RECORD_LOCKED")), Kind.CRM_REJECTED),
    "the record failed in a 207": (Fault(207, per_record("NO_PERMISSION")), Kind.CRM_PERMISSION),
    "the record was deleted": (Fault(202, per_record("ID_ALREADY_DELETED")), Kind.CRM_GONE),
    "an id in the path that is none": (failing(404, "INVALID_DATA", resource_path_index=1), Kind.CRM_GONE),
    "a conflict": (failing(409, "CANNOT_PROCESS"), Kind.CRM_REJECTED),
    "unprocessable": (failing(422, "INVALID_DATA", api_name="date_time"), Kind.CRM_REJECTED),
    "forbidden": (failing(403, "NO_PERMISSION"), Kind.CRM_PERMISSION),
    "too many": (failing(429, "TOO_MANY_REQUESTS"), Kind.CRM_RATE_LIMITED),
    "trouble before it was done": (failing(500, "INTERNAL_ERROR"), Kind.CRM_UNCERTAIN),
    "an internal error with another status": (failing(400, "INTERNAL_ERROR"), Kind.CRM_UNCERTAIN),
    "trouble after it was done": (Fault(500, text=PAGE, committed=True), Kind.CRM_UNCERTAIN),
    "a page after it was done": (Fault(200, text=PAGE, committed=True), Kind.CRM_UNCERTAIN),
    "half an answer": (Fault(half=True, committed=True), Kind.CRM_UNCERTAIN),
    "an answer without results": (Fault(201, {"Emails": []}, committed=True), Kind.CRM_UNCERTAIN),
    "a page that says bad request": (Fault(400, text=PAGE), Kind.CRM_UNAVAILABLE),
}


@pytest.mark.parametrize("what", WRITES)
async def test_a_push_that_fails_says_how_and_is_done_once_when_asked_for_again(
    twin: ZohoTwin, pool: Pool, what: str
) -> None:
    fault, kind = WRITES[what]
    anna = twin.add("Contacts", Last_Name="Lind")
    async with connected(pool, twin) as zoho:
        twin.fail("POST", ASSOCIATED, fault)
        assert (await failure_of(zoho.push(entry(anna)))).kind == kind
        await zoho.push(entry(anna))
    assert len(twin.emails["Contacts", anna]) == 1


@pytest.mark.parametrize("committed", [False, True])
async def test_silence_is_an_answer_that_was_lost(
    twin: ZohoTwin, pool: Pool, committed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = twin.add("Contacts", Last_Name="Lind")
    async with connected(pool, twin) as zoho:
        await zoho.check()
        monkeypatch.setattr(api, "ANSWER_SECONDS", 2)  # what is answered is so on a busy machine, too
        twin.fail("POST", ASSOCIATED, Fault(silent=True, committed=committed))
        assert (await failure_of(zoho.push(entry(anna)))).kind == Kind.CRM_UNCERTAIN
        twin.fail("GET", "/Leads$", Fault(silent=True))
        assert (await failure_of(pulled(zoho))).kind == Kind.CRM_UNAVAILABLE


@pytest.mark.parametrize(("headers", "message", "wait"), [
    ({"Retry-After": "17"}, "slow down", 17.0),
    ({}, "You have reached the concurrency limit", api.CONCURRENCY_SECONDS),
    ({}, "no credits are left", None),
    ({"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, "no credits are left", 0.0),
    ({"Retry-After": "100000"}, "no credits are left", 86_400.0),
    ({"Retry-After": "soon"}, "no credits are left", None),
])  # fmt: skip
async def test_a_limit_says_how_long_to_wait_where_zoho_does(
    twin: ZohoTwin, pool: Pool, headers: dict[str, str], message: str, wait: float | None
) -> None:
    body = {"code": "TOO_MANY_REQUESTS", "message": message, "status": "error", "details": {}}
    twin.fail("GET", "/Contacts$", Fault(429, body, headers=headers))
    async with connected(pool, twin) as zoho:
        failure = await failure_of(pulled(zoho))
    assert (failure.kind, failure.retry_after) == (Kind.CRM_RATE_LIMITED, wait)


async def test_zohos_words_are_shown_without_addresses_and_tokens(twin: ZohoTwin, pool: Pool) -> None:
    anna = twin.add("Contacts", Last_Name="Lind")
    twin.fail("POST", ASSOCIATED, failing(400, "INVALID_DATA", "anna@client.example 1000.access-t0ken-1 " + "x" * 900))
    async with connected(pool, twin) as zoho:
        failure = await failure_of(zoho.push(entry(anna)))
    assert failure.said is not None
    assert failure.said.startswith("INVALID_DATA (HTTP 400): [hidden]")
    assert "t0ken" not in failure.said
    assert len(failure.said) <= 300


async def test_a_host_that_does_not_answer_is_unavailable(twin: ZohoTwin, pool: Pool) -> None:
    anna = twin.add("Contacts", Last_Name="Lind")
    async with connected(pool, twin) as zoho:
        await zoho.check()
        closed = connected(pool, twin, url="http://127.0.0.1:1")
        async with closed as unreachable:
            failure = await failure_of(unreachable.push(entry(anna)))
    assert (failure.kind, failure.cause) == (Kind.CRM_UNAVAILABLE, "connection")


# Access tokens --------------------------------------------------------------------------------------------------------


async def test_a_token_that_ends_in_a_batch_is_renewed_once_and_nothing_is_doubled(twin: ZohoTwin, pool: Pool) -> None:
    people = [twin.add("Contacts", Last_Name=f"Number {number}") for number in range(6)]
    async with connected(pool, twin) as zoho:
        for number, one in enumerate(people):
            if number == 3:
                twin.expire_tokens()
            await zoho.push(entry(one, message_id=f"<{number}@client.example>"))
    assert [len(twin.emails["Contacts", one]) for one in people] == [1] * 6
    assert twin.refreshed == 2


async def test_a_renewed_token_is_everybodys(twin: ZohoTwin, pool: Pool) -> None:
    anna = twin.add("Contacts", Last_Name="Lind")
    async with connected(pool, twin) as zoho:
        await zoho.push(entry(anna))
    grant = await stored(pool, "zoho")
    assert grant.access_token in twin.tokens
    assert grant.refresh_token == "1000.refresh-t0ken"


async def test_a_token_that_is_refused_even_when_new_is_a_matter_of_authentication(twin: ZohoTwin, pool: Pool) -> None:
    twin.fail("GET", "/Contacts$", failing(401, "INVALID_TOKEN"), times=2)
    async with connected(pool, twin) as zoho:
        failure = await failure_of(pulled(zoho))
        assert (failure.kind, failure.cause) == (Kind.CRM_AUTHENTICATION, "invalid_token")
    assert twin.refreshed == 2


async def test_a_missing_scope_is_no_reason_to_renew(twin: ZohoTwin, pool: Pool) -> None:
    twin.fail("GET", "/Contacts$", failing(401, "OAUTH_SCOPE_MISMATCH"))
    async with connected(pool, twin) as zoho:
        await failure_of(pulled(zoho))
    assert twin.refreshed == 1


@pytest.mark.parametrize(("answer", "kind"), [
    (Fault(200, {"error": "invalid_code"}), Kind.CRM_AUTHENTICATION),
    (Fault(200, {"error": "invalid_client"}), Kind.CRM_AUTHENTICATION),
    (Fault(400, {"error": "Access Denied", "error_description": "too many"}), Kind.CRM_RATE_LIMITED),
    (Fault(503, text=PAGE), Kind.CRM_UNAVAILABLE),
    (Fault(200, text=PAGE), Kind.CRM_UNAVAILABLE),
])  # fmt: skip
async def test_an_accounts_server_that_gives_no_token(twin: ZohoTwin, pool: Pool, answer: Fault, kind: Kind) -> None:
    twin.fail("POST", "/oauth/v2/token$", answer)
    async with connected(pool, twin) as zoho:
        failure = await failure_of(pulled(zoho))
        assert (failure.kind, failure.cause) == (kind, "token_endpoint")
        await pulled(zoho)


async def test_a_secret_that_is_not_there_is_refused_as_everywhere(twin: ZohoTwin, pool: Pool) -> None:
    async with connected(pool, twin, secret="vault:elsewhere") as zoho:
        with pytest.raises(Refused, match="no secret 'elsewhere'"):
            await pulled(zoho)


async def test_a_host_that_may_not_be_spoken_to_is_refused_with_the_setting_that_names_it(
    twin: ZohoTwin, pool: Pool
) -> None:
    async with connected(pool, twin, url="https://10.1.2.3") as zoho:
        with pytest.raises(Refused, match=r"^url: 10\.1\.2\.3 has the address") as refused:
            await zoho.check()
    assert refused.value.refusal.field == "url"
    assert twin.seen == []


# What is made twice by mistake ------------------------------------------------------------------------------------------


@pytest.mark.requirement("R72")
async def test_a_record_whose_answer_was_lost_is_found_before_search_knows_it(twin: ZohoTwin, pool: Pool) -> None:
    new = NewRecord("lead", "Anna Lind", ("anna@client.example",), request_key="k1")
    twin.fail("POST", "/Leads$", Fault(500, text=PAGE, committed=True))
    async with connected(pool, twin) as zoho:
        assert (await failure_of(zoho.add_record(new))).kind == Kind.CRM_UNCERTAIN
        found = await zoho.find_record(new)
        assert found is not None
        assert (await zoho.add_record(new)).id == found.id
    assert len(twin.modules["Leads"]) == 1


@pytest.mark.requirement("R72")
@pytest.mark.parametrize(("kind", "module"), [("lead", "Leads"), ("contact", "Contacts")])
async def test_a_match_that_search_does_not_know_yet_is_answered_and_not_changed(
    twin: ZohoTwin, pool: Pool, kind: Any, module: str
) -> None:
    anna = twin.add(module, First_Name="Anna", Last_Name="Lind-Berg", Email="anna@old.example")
    for number in range(250):
        twin.add(module, Last_Name=f"Somebody {number}", Email=f"{number}@client.example")
    twin.change(module, anna, Email="Anna@client.example")  # among the oldest, and the search index has it as it was
    twin.not_indexed.add(anna)
    before = dict(twin.modules[module][anna])
    async with connected(pool, twin) as zoho:
        found = await zoho.add_record(NewRecord(kind, "A. Lind", ("anna@client.example",), request_key="k1"))
    assert (found.id, found.name) == (anna, "Anna Lind-Berg")
    assert twin.modules[module][anna] == before
    assert len(twin.modules[module]) == 251
    assert twin.requests("POST", f"/{module}") == []


@pytest.mark.requirement("R72")
async def test_a_record_that_zoho_calls_a_duplicate_is_the_one_it_names(twin: ZohoTwin, pool: Pool) -> None:
    anna = twin.add("Contacts", Last_Name="Lind", Email="anna@other.example")
    details = {"api_name": "Email", "duplicate_record": {"id": anna, "module": {"api_name": "Contacts"}}}
    twin.fail("POST", "/Contacts$", Fault(202, {"data": [{"code": "DUPLICATE_DATA", "details": details}]}))
    async with connected(pool, twin) as zoho:
        found = await zoho.add_record(NewRecord("contact", "Anna Lind", ("anna@client.example",)))
    assert (found.id, found.addresses) == (anna, ("anna@other.example",))


@pytest.mark.requirement("R73")
@pytest.mark.parametrize("kind", ["task", "event", "note"])
async def test_an_activity_whose_answer_was_lost_is_found_by_its_key(twin: ZohoTwin, pool: Pool, kind: Any) -> None:
    anna = twin.add("Contacts", Last_Name="Lind")
    new = NewActivity(kind, "contact", anna, "Call back", "about pumps", request_key="k1")
    module = {"task": "Tasks", "event": "Events", "note": "Notes"}[kind]
    async with connected(pool, twin) as zoho:
        twin.fail("POST", f"/{module}$", Fault(half=True, committed=True))
        assert (await failure_of(zoho.add_activity(new))).kind == Kind.CRM_UNCERTAIN
        assert await zoho.find_activity(new) == await zoho.add_activity(new)
    assert len(twin.modules[module]) == 1


async def test_an_activity_on_a_record_that_is_gone_says_so(twin: ZohoTwin, pool: Pool) -> None:
    anna = twin.add("Contacts", Last_Name="Lind")
    gone = {"data": [{"code": "INVALID_DATA", "message": "no", "status": "error", "details": {"api_name": "Who_Id"}}]}
    twin.fail("POST", "/Tasks$", Fault(400, gone))
    async with connected(pool, twin) as zoho:
        failure = await failure_of(zoho.add_activity(NewActivity("task", "contact", anna, "Call back")))
    assert failure.kind == Kind.CRM_GONE
