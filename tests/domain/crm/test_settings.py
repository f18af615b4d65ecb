"""Settings of a CRM connection: what each kind needs, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from domain.core.refusal import Refused
from domain.core.validation import parse
from domain.crm.settings import CrmSettings

TRYTON = {"name": "sales", "kind": "tryton", "url": "https://crm.example.com/sales", "secret": "vault:crm"}


def refused(**changes: Any) -> Refused:
    with pytest.raises(Refused) as error:
        parse(CrmSettings, TRYTON | changes, what="CrmConnection")
    return error.value


@pytest.mark.parametrize(
    "url",
    [
        "https://admin:hunter2@crm.example.com/sales",
        "crm.example.com",
        "ftp://crm.example.com",
        "https:///sales",
        "https://crm.example.com/?key=hunter2",
        "https://[::1/sales",
        "https://crm.example.com:99999/",
        "https://a\tb.example/db",
        "https://a.example/x%00",
        "https://a.example/x%0a",
        "https://a.example/x%3F",
        "https://a.example/x%23",
        "https://①②⑦.⓪.⓪.①/db",
    ],
)
def test_what_is_no_address_of_a_crm_is_refused_and_not_repeated(url: str) -> None:
    error = refused(url=url)
    assert (error.refusal.code, error.refusal.field) == ("invalid_field", "url")
    assert "hunter2" not in error.message


def test_what_a_kind_needs_is_named() -> None:
    missing = refused(url=None)
    assert (missing.refusal.code, missing.refusal.field) == ("missing_field", "url")
    assert missing.message == "CrmConnection: url is needed with kind: tryton"
    assert "data_centre is needed with kind: zoho" in refused(kind="zoho").message
    assert refused(daily_calls=1).refusal.field == "daily_calls"
    assert refused(secret="hunter2").refusal.code == "secret_not_allowed"
    assert parse(CrmSettings, TRYTON, what="CrmConnection").interval_minutes == 5
