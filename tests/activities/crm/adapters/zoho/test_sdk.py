"""The vendor's SDK does with one twin what Mailroom does with another: what goes over the wire must be the same.

So twin and adapter are not only tested against each other. The SDK knows no `email_available`, which Zoho's OpenAPI has; that one
request of Mailroom's is compared with nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from activities.crm.adapters.protocol import NewActivity, NewRecord
from domain.crm.zoho import DATA_CENTRES, FIELDS
from infra.database.pool import Pool
from tests.servers.zoho_twin import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, Seen, ZohoTwin
from tests.support.crm.entries import NOON
from tests.support.crm.zoho import connected, entry, pulled

ROOT = Path(__file__).parents[5]
PYTHON = ROOT / ".venv/crms/bin/python"
SCRIPT = ROOT / "tests/servers/zoho_sdk.py"
SDK_SECONDS = 60

ANNA, JANE = "anna@client.example", "jane@example.com"


@pytest.fixture
def _sdk() -> None:
    if not PYTHON.exists():
        missing = "The vendor's SDK is not installed: make .venv/crms"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)


def with_sdk(twin: ZohoTwin, folder: Path, do: list[str], **told: Any) -> dict[str, Any]:
    client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN}
    ran = subprocess.run(
        [PYTHON, SCRIPT],
        input=json.dumps({"url": twin.url, "client": client, "folder": str(folder), "do": do, **told}),
        capture_output=True,
        text=True,
        timeout=SDK_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    answer: dict[str, Any] = json.loads(ran.stdout)
    return answer


def people(twin: ZohoTwin) -> tuple[str, str, str]:
    """The same in every twin, with the same ids."""
    anna = twin.add("Contacts", First_Name="Anna", Last_Name="Lind", Email=ANNA)
    twin.add("Leads", Last_Name="Berg", Email="bo@client.example", Company="Client")
    twin.add("Deals", Deal_Name="Pumps", Stage="Proposal")
    gone = twin.add("Contacts", Last_Name="Gone")
    twin.pass_time(minutes=10)
    return anna, gone, twin.now.isoformat(timespec="seconds")


def sent(twin: ZohoTwin, *methods: str) -> list[Seen]:
    return [one for one in twin.seen if one.method in methods]


@pytest.mark.usefixtures("_sdk")
async def test_the_directory_is_asked_for_as_the_sdk_does(pool: Pool, tmp_path: Path) -> None:
    with ZohoTwin() as ours, ZohoTwin() as theirs:
        for twin in (ours, theirs):
            people(twin)
        async with connected(pool, ours) as zoho:
            swept, cursor = await pulled(zoho)
            for twin in (ours, theirs):
                twin.pass_time(minutes=10)
                for module, row in [
                    (module, next(iter(twin.modules[module]))) for module in ("Contacts", "Leads", "Deals")
                ]:
                    twin.change(module, row, Description="changed")
                twin.delete("Contacts", max(twin.modules["Contacts"]))
            ours.seen.clear()
            found, _ = await pulled(zoho, cursor)
            await zoho.find_record(NewRecord("contact", "Anna Lind", (ANNA,)))
        common = {"sort_by": "Modified_Time", "sort_order": "asc", "per_page": "200", "page": "1"}
        lists: dict[str, dict[str, str]] = {
            "Contacts": {"fields": FIELDS["contact"], **common},
            "Leads": {"fields": FIELDS["lead"], "converted": "both", **common},
            "Deals": {"fields": FIELDS["deal"], **common},
        }
        since = (datetime.fromisoformat(cursor["deleted"]) - timedelta(minutes=2)).isoformat()
        answer = with_sdk(
            theirs,
            tmp_path,
            ["list_records", "list_deleted", "search", "look_up_settings"],
            lists=lists,
            since=since,
            search={"email": ANNA, "fields": FIELDS["contact"]},
        )
        asked = sent(theirs, "GET")
        for one in sent(ours, "GET"):
            assert one in asked
        listed = {record_id for rows in answer["list_records"].values() for record_id, _ in rows}
        deleted = {record_id for ids in answer["list_deleted"].values() for record_id in ids}
        assert {one.id for one in found.values() if not one.gone} == listed
        assert {one.id for one in found.values() if one.gone} == deleted
        assert answer["search"] == [min(swept)]
        assert answer["look_up_settings"]["stages"][-1] == ["Lost", "Closed Lost"]


@pytest.mark.usefixtures("_sdk")
async def test_what_is_made_in_zoho_is_made_as_the_sdk_makes_it(pool: Pool, tmp_path: Path) -> None:
    with ZohoTwin() as ours, ZohoTwin() as theirs:
        (anna, _, _), _ = people(ours), people(theirs)
        async with connected(pool, ours) as zoho:
            given = entry(anna, sender=("Anna", ANNA), to=[("Jane", JANE)], cc=[("Jane", JANE)], direction="Sent")
            await zoho.push(given)
            await zoho.add_record(NewRecord("lead", "Carl Dahl", ("carl@client.example",)))
            await zoho.add_record(NewRecord("deal", "Pipes", contacts=(anna,), request_key="k0"))
            due = NOON.astimezone(UTC)
            await zoho.add_activity(NewActivity("task", "contact", anna, "Call", "pumps", due=due, request_key="k1"))
            await zoho.add_activity(NewActivity("event", "contact", anna, "Visit", "pumps", due=due, request_key="k2"))
            await zoho.add_activity(NewActivity("note", "contact", anna, "Remember", "blue", request_key="k3"))
            found = await zoho.find(given)
            shown = await zoho.activities("contact", anna)
        bodies = {one.path.rpartition("/crm/v8")[2]: one.body for one in sent(ours, "POST")}
        answer = with_sdk(
            theirs,
            tmp_path,
            ["associate", "lead", "deal", "task", "event", "note", "list_emails", "list_related", "offers"],
            contact=anna,
            email=bodies[f"/Contacts/{anna}/actions/associate_email"]["Emails"][0],
            lead=bodies["/Leads"]["data"][0],
            deal=bodies["/Deals"]["data"][0],
            task=bodies["/Tasks"]["data"][0],
            event=bodies["/Events"]["data"][0],
            note=bodies["/Notes"]["data"][0],
            related={
                one.path.rpartition("/")[2]: one.query["fields"]
                for one in ours.requests("GET", f"{anna}/(Tasks|Events|Notes)$")
            },
        )
        assert theirs.complaints == ours.complaints == []
        assert sent(theirs, "POST") == sent(ours, "POST")
        assert theirs.emails.keys() == ours.emails.keys()
        assert found is not None
        assert answer["list_emails"] == [[found.remote_id, "An offer", True]]
        assert {one for ids in answer["list_related"].values() for one in ids} == {one.id for one in shown}
        assert answer["offers"] == ["associate"]  # no look-up of a Message-ID, no change, no removal


@pytest.mark.usefixtures("_sdk")
def test_the_data_centres_are_where_the_sdk_has_them(tmp_path: Path) -> None:
    with ZohoTwin() as twin:
        known = with_sdk(twin, tmp_path, ["data_centres"])["data_centres"]
    ours = {name: [hosts.base("crm"), hosts.token_endpoint] for name, hosts in DATA_CENTRES.items()}
    assert ours.pop("uk")  # which the SDK does not know
    assert ours == known
