"""What a CRM's settings lack is said in terms of those settings, and of no mailbox's."""

from __future__ import annotations

from typing import Any

import pytest

from activities.crm.adapters.registry import Adapters
from domain.core.refusal import Refused
from domain.core.validation import parse
from domain.crm.settings import CrmSettings
from infra.database.pool import Pool
from infra.settings import WorkerSettings
from infra.vault.references import Secrets
from infra.vault.uses import Use
from infra.vault.vault import Cipher, Vault
from tests.support.granted import KEY, settings, store

TRYTON = {"name": "sales", "kind": "tryton", "url": "https://crm.example.com/sales", "secret": "vault:key"}
ZOHO = {"name": "sales", "kind": "zoho", "data_centre": "eu", "secret": "vault:key"}


async def refused(pool: Pool, given: dict[str, Any], **worker: Any) -> Refused:
    connection = parse(CrmSettings, given, what="CrmConnection")

    async def looked() -> None:
        async with Adapters(pool, settings(**worker)).open(connection) as (crm, _):
            await crm.check()

    with pytest.raises(Refused) as told:
        await looked()
    assert "incoming" not in told.value.message
    assert "xoauth2" not in told.value.message
    return told.value


@pytest.mark.requirement("R97")
@pytest.mark.parametrize("given", [TRYTON, ZOHO], ids=lambda given: str(given["kind"]))
async def test_a_secret_that_is_not_there_is_the_settings_secret(pool: Pool, given: dict[str, Any]) -> None:
    error = await refused(pool, given)
    assert error.message.startswith("secret: there is no secret 'key' in the vault")
    assert (error.refusal.code, error.refusal.field) == ("secret_not_found", "secret")
    error = await refused(pool, given | {"secret": "file:key"})
    assert error.message.startswith("secret: file: needs MAILROOM_SECRET_DIR")


@pytest.mark.requirement("R97")
async def test_a_secret_of_another_login_or_of_another_kind_is_the_settings_secret(pool: Pool) -> None:
    await Vault(pool).put("key", "no grant", Cipher(KEY))
    error = await refused(pool, ZOHO)
    assert error.message.startswith("secret: vault:key holds no OAuth grant, which this kind of CRM needs")
    assert error.refusal.field == "secret"
    await Secrets(pool, WorkerSettings(database_url="")).accept(
        "vault:key", Use("default", "", "other.example.com", 443)
    )
    assert (await refused(pool, TRYTON)).message.startswith(
        "secret: vault:key belongs to the login that it opened first"
    )


@pytest.mark.requirement("R97")
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://10.1.2.3/sales", "url: 10.1.2.3 has the address 10.1.2.3, which is not a public one"),
        ("http://8.8.8.8/sales", "url: 8.8.8.8 would be sent secrets in clear text"),
    ],
)
@pytest.mark.parametrize("given", [TRYTON, ZOHO], ids=lambda given: str(given["kind"]))
async def test_a_host_that_may_not_be_spoken_to_is_the_settings_url(
    pool: Pool, given: dict[str, Any], url: str, words: str
) -> None:
    grant = {
        "access_token": "at",
        "refresh_token": "rt",
        "token_endpoint": "https://accounts.zoho.eu/oauth/v2/token",
        "client_id": "id",
        "client_secret": "cs",
        "scope": "all",
        "host": url.split("/")[2],
    }
    await store(pool, grant, "key")
    error = await refused(pool, given | {"url": url})
    assert error.message.startswith(words)
    assert (error.refusal.code, error.refusal.field) == ("host_not_allowed", "url")


@pytest.mark.requirement("R97")
async def test_a_token_endpoint_that_may_not_be_asked_is_the_settings_secret(pool: Pool) -> None:
    grant = {
        "access_token": "at",
        "refresh_token": "rt",
        "expires_at": 1,
        "token_endpoint": "https://10.1.2.3/token",
        "client_id": "id",
        "client_secret": "cs",
        "scope": "all",
        "host": "www.zohoapis.eu",
    }
    await store(pool, grant, "key")
    error = await refused(pool, ZOHO)
    assert error.message.startswith("secret: the token endpoint's host 10.1.2.3")
    assert error.refusal.field == "secret"
