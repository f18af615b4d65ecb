"""Grants as the vault keeps them, and what an authorisation server's refusals mean."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.failures.failure import Kind
from domain.failures.remedy import Prospect
from domain.oauth import (
    GOOGLE,
    Grant,
    NotAGrant,
    Trouble,
    connect_command,
    diagnose,
    explained,
    is_grant,
    microsoft,
    read_grant,
    token_refused,
)

SECRET = "s3cret-Token"
WRITTEN = {
    "client_id": "mailroom",
    "refresh_token": SECRET,
    "token_endpoint": "https://login.example.com/token",
    "scope": "mail offline_access",
}
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def grant(**changes: Any) -> Grant:
    return read_grant(json.dumps(WRITTEN | changes))


def test_a_grant_of_a_public_client_needs_no_secret_and_no_access_token() -> None:
    read = grant()
    assert (read.client_secret, read.access_token, read.expires_at) == (None, None, None)
    assert read.host == "login.example.com"
    assert not read.lives(NOON)


def test_nothing_secret_is_in_a_grants_repr() -> None:
    read = grant(client_secret=SECRET, access_token=SECRET, client_id=SECRET)
    assert SECRET not in repr(read) + str(read)
    assert read.secrets == (SECRET, SECRET, SECRET)


def test_a_token_lives_until_shortly_before_it_expires_and_one_without_an_end_until_it_is_refused() -> None:
    at = int(NOON.timestamp()) + 100
    assert grant(access_token="x", expires_at=at).lives(NOON, seconds=99)
    assert not grant(access_token="x", expires_at=at).lives(NOON, seconds=100)
    assert grant(access_token="x").lives(NOON, seconds=1e9)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SECRET, "it is not a JSON object"),
        (json.dumps([SECRET]), "it is not a JSON object"),
        ("{}", "client_id is missing; refresh_token is missing; token_endpoint is missing; scope is missing"),
        (json.dumps(WRITTEN | {"refresh_token": 5}), "refresh_token is not of the right type"),
        (json.dumps(WRITTEN | {"refresh_token": f"{SECRET}\r\n"}), "refresh_token is not a line of printable"),
        (json.dumps(WRITTEN | {"client_secret": ""}), "client_secret is not a line"),
        (json.dumps(WRITTEN | {"token_endpoint": SECRET}), "token_endpoint is not the https:// URL"),
        (json.dumps(WRITTEN | {"token_endpoint": f"https://a:{SECRET}@x/t"}), "token_endpoint is not the https:// URL"),
        (json.dumps(WRITTEN | {"expires_at": SECRET}), "expires_at is not of the right type"),
    ],
)
def test_what_is_no_grant_is_told_by_field_and_never_by_value(text: str, words: str) -> None:
    with pytest.raises(NotAGrant) as refused:
        read_grant(text)
    assert words in str(refused.value)
    assert SECRET not in str(refused.value) + repr(refused.value.__context__)
    assert not is_grant(text)


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (Trouble("x", status=400, code="invalid_grant"), Kind.AUTHENTICATION),
        (Trouble("x", status=400, code="interaction_required"), Kind.AUTHENTICATION),
        (Trouble("x", status=503, code="invalid_grant"), Kind.SERVER_ERROR),
        (Trouble("x", status=401, code="invalid_client"), Kind.CONFIGURATION),
        (Trouble("x", status=400, code="unauthorized_client"), Kind.CONFIGURATION),
        (Trouble("x", status=400, code="invalid_scope"), Kind.CONFIGURATION),
        (Trouble("x", status=400, code="something_new"), Kind.CONFIGURATION),
        (Trouble("x", status=404), Kind.CONFIGURATION),
        (Trouble("x", status=302), Kind.CONFIGURATION),
        (Trouble("x", status=400, code="temporarily_unavailable"), Kind.SERVER_ERROR),
        (Trouble("x", status=500), Kind.SERVER_ERROR),
        (Trouble("x", status=429), Kind.THROTTLED),
        (Trouble("x", cause="dns"), Kind.SERVER_ERROR),
        (Trouble("x", cause="timeout"), Kind.SERVER_ERROR),
        (Trouble("x", cause="connection"), Kind.SERVER_ERROR),
        (Trouble("x", cause="nonsense"), Kind.PROTOCOL_ERROR),
        (Trouble("x", cause="expired"), Kind.CERTIFICATE),
    ],
    ids=str,
)
def test_only_a_permission_that_ended_is_an_authentication_failure(trouble: Trouble, kind: Kind) -> None:
    diagnosis = diagnose(trouble, "vault:jane", "https://x/token")
    assert diagnosis.kind is kind
    assert "x" in explained(trouble) or trouble.host in diagnosis.remedy.of_watching
    assert isinstance(diagnosis.remedy.parts[-1], Prospect)
    assert ("change_credential" in diagnosis.remedy.of_watching) == (kind is Kind.AUTHENTICATION)
    told = diagnosis.remedy.of_command("enable")
    assert diagnosis.remedy.parts[-1].text not in told


def test_a_permission_that_ended_names_the_command_that_gets_another() -> None:
    gone = Trouble("oauth2.googleapis.com", status=400, code="invalid_grant")
    for diagnosis in (diagnose(gone, "vault:jane", GOOGLE.token), token_refused("vault:jane", GOOGLE.token)):
        assert "`mailroom oauth connect jane --provider google`" in diagnosis.remedy.of_watching
        assert "give vault:jane with change_credential" in diagnosis.remedy.of_watching
    assert connect_command("vault:joe", microsoft("common").token).endswith("connect joe --provider microsoft")
    assert connect_command("vault:joe", "https://id.example.com/t").endswith("connect joe --provider other")


def test_microsofts_number_of_an_error_is_shown() -> None:
    trouble = Trouble("login.microsoftonline.com", status=400, code="invalid_grant", number=700082)
    assert trouble.said == "invalid_grant AADSTS700082 (HTTP 400)"
