"""`mailroom oauth connect --provider zoho`, with a code of Zoho's API console."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from domain.crm.settings import CrmSettings
from domain.crm.zoho import DATA_CENTRES, SCOPES
from domain.oauth import connect_command, zoho
from infra.database.pool import Pool
from infra.oauth.connect import arguments, endpoints_of, grant_from
from infra.oauth.flows import Client, NotConnected
from infra.vault.vault import Vault
from tests.infra.oauth.test_connect import Command, running
from tests.servers.zoho_twin import CLIENT_ID, CLIENT_SECRET, GRANT_CODE, REFRESH_TOKEN, SCOPE, ZohoTwin
from tests.support.granted import stored

EU = ["connect", "zoho", "--provider", "zoho", "--data-centre", "eu", "--client-id", CLIENT_ID]


@pytest.fixture
def twin() -> Iterator[ZohoTwin]:
    with ZohoTwin() as running_twin:
        yield running_twin


async def done(database_url: str, twin: ZohoTwin, *given: str, code: str) -> tuple[int, str, Command]:
    to_twin = ["--token-endpoint", f"{twin.url}/oauth/v2/token", "--scope", SCOPE.replace(" ", ",")]
    secret = {"MAILROOM_OAUTH_CLIENT_SECRET": CLIENT_SECRET}
    async with running(database_url, *EU, *to_twin, *given, stdin=f"{code}\n", **secret) as command:
        status, complaint = await command.ended()
    return status, complaint, command


async def test_a_code_becomes_a_grant_in_the_vault(twin: ZohoTwin, database_url: str, pool: Pool) -> None:
    status, complaint, command = await done(database_url, twin, code=GRANT_CODE)
    assert (status, complaint) == (0, "")
    assert "https://api-console.zoho.eu/" in command.said
    assert "stored as vault:zoho" in command.said
    grant = await stored(pool, "zoho")
    assert (grant.refresh_token, grant.client_secret) == (REFRESH_TOKEN, CLIENT_SECRET)


@pytest.mark.parametrize(("given", "code", "complaint"), [
    ((), "1000.used-already", "it refused: invalid_code"),
    ((), "", "no code was given"),
    (("--browser",), GRANT_CODE, "leave out --device and --browser"),
    (("--client-secret-stdin",), GRANT_CODE, "MAILROOM_OAUTH_CLIENT_SECRET"),
])  # fmt: skip
async def test_what_cannot_be_connected_is_said_and_stores_nothing(
    twin: ZohoTwin, database_url: str, pool: Pool, given: tuple[str, ...], code: str, complaint: str
) -> None:
    status, complained, _ = await done(database_url, twin, *given, code=code)
    assert status == 1
    assert complaint in complained
    assert await Vault(pool).get("zoho") is None


def test_each_data_centre_has_endpoints_of_its_own() -> None:
    for name, hosts in DATA_CENTRES.items():
        given = arguments(["connect", "z", "--provider", "zoho", "--data-centre", name, "--profile", "recruit"])
        assert endpoints_of(given, None) == zoho(name, "recruit")
        assert connect_command("vault:z", hosts.token_endpoint).endswith("connect z --provider zoho")
        assert CrmSettings(name="z", kind="zoho", data_centre=name, secret="vault:z").data_centre == name


def test_a_data_centre_is_needed_and_nobody_elses() -> None:
    with pytest.raises(NotConnected, match="--data-centre"):
        endpoints_of(arguments(["connect", "z", "--provider", "zoho"]), None)
    with pytest.raises(NotConnected, match="are Zoho's"):
        endpoints_of(arguments(["connect", "z", "--provider", "google", "--profile", "crm"]), None)


def test_a_user_of_another_data_centre_is_told_which() -> None:
    answer = {
        "access_token": "a",
        "refresh_token": "r",
        "scope": SCOPES["crm"],
        "api_domain": "https://www.zohoapis.in",
    }
    with pytest.raises(NotConnected, match="--data-centre in"):
        grant_from(answer, zoho("eu", "crm"), Client("id", "secret"))
    assert grant_from(answer | {"api_domain": "https://www.zohoapis.eu"}, zoho("eu", "crm"), Client("id", "secret"))
    assert grant_from(answer | {"api_domain": "https://evil.example"}, zoho("eu", "crm"), Client("id", "secret"))


def test_a_code_for_less_than_is_needed_is_said() -> None:
    answer = {"access_token": "a", "refresh_token": "r", "scope": "ZohoCRM.modules.READ"}
    with pytest.raises(NotConnected, match=r"ZohoCRM\.modules\.ALL"):
        grant_from(answer, zoho("eu", "crm"), Client("id", "secret"))
