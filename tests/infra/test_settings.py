"""A worker's settings: what is read, and what the errors say."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from infra.settings import SettingsError, WorkerSettings

KEY = bytes(range(32))
DATABASE = {"DATABASE_URL": "postgresql://mailroom:hunter2@db/mailroom"}


def read(**variables: str) -> WorkerSettings:
    return WorkerSettings.from_environment({**DATABASE, **variables})


def test_the_database_alone_is_enough() -> None:
    settings = read()
    assert settings.roles == {"workflows", "retrieval", "crm", "sending"}
    assert settings.max_sessions_per_host == 8
    assert settings.max_message_bytes == 104_857_600
    assert settings.quota_bytes == 5_000_000_000
    assert settings.minute_seconds == 60
    assert settings.allow_hosts == ()
    assert settings.support


def test_a_missing_database_is_named_with_the_way_out() -> None:
    with pytest.raises(SettingsError, match=r"DATABASE_URL.*worker\.py --dev"):
        WorkerSettings.from_environment({"DATABASE_URL": " "})


def test_every_variable_is_read(tmp_path: Path) -> None:
    authorities = tmp_path / "ca.pem"
    authorities.write_text("")
    settings = read(
        MAILROOM_KEY=base64.b64encode(KEY).decode(),
        MAILROOM_KEY_FILE="/keys/vault",
        MAILROOM_SECRET_DIR="/secrets",
        MAILROOM_ROLES="retrieval, workflows",
        MAILROOM_CA_FILE=str(authorities),
        MAILROOM_ALLOW_HOSTS="Mail.Example.com., 10.0.0.0/8 ,127.0.0.1,::1",
        MAILROOM_MAX_SESSIONS_PER_HOST="3",
        MAILROOM_MAX_MESSAGE_BYTES="1000",
        MAILROOM_QUOTA_BYTES="2000",
        MAILROOM_EGRESS_ADDRESSES="192.0.2.1, 192.0.2.2",
        MAILROOM_SUPPORT="help@example.com",
        MAILROOM_NOTIFY_URL="https://example.com/notices",
        MAILROOM_MINUTE_SECONDS="0.05",
    )
    assert settings.vault_key() == KEY
    assert settings.key_file == Path("/keys/vault")
    assert settings.secret_dir == Path("/secrets")
    assert settings.roles == {"retrieval", "workflows"}
    assert settings.ca_file == str(authorities)
    assert settings.allow_hosts == ("mail.example.com", "10.0.0.0/8", "127.0.0.1", "::1/128")
    assert settings.max_sessions_per_host == 3
    assert settings.max_message_bytes == 1000
    assert settings.quota_bytes == 2000
    assert settings.egress_addresses == "192.0.2.1, 192.0.2.2"
    assert settings.support == "help@example.com"
    assert settings.notify_url == "https://example.com/notices"
    assert settings.minute_seconds == 0.05


def test_development_allows_loopback_besides() -> None:
    settings = WorkerSettings.from_environment({**DATABASE, "MAILROOM_ALLOW_HOSTS": "localhost,mail.test"}, dev=True)
    assert settings.allow_hosts == ("localhost", "mail.test", "127.0.0.0/8", "::1/128")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAILROOM_ROLES", "retrieval,butler"),
        ("MAILROOM_ROLES", ","),
        ("MAILROOM_CA_FILE", "/nowhere/ca.pem"),
        ("MAILROOM_ALLOW_HOSTS", "10.0.0.0/33"),
        ("MAILROOM_ALLOW_HOSTS", "10.0.0.1/8"),
        ("MAILROOM_ALLOW_HOSTS", "mail.example.com:995"),
        ("MAILROOM_ALLOW_HOSTS", "https://mail.example.com"),
        ("MAILROOM_MAX_SESSIONS_PER_HOST", "0"),
        ("MAILROOM_MAX_SESSIONS_PER_HOST", "many"),
        ("MAILROOM_MAX_MESSAGE_BYTES", "100 MiB"),
        ("MAILROOM_MAX_MESSAGE_BYTES", "2000000000"),
        ("MAILROOM_QUOTA_BYTES", "-1"),
        ("MAILROOM_MINUTE_SECONDS", "nan"),
        ("MAILROOM_MINUTE_SECONDS", "inf"),
        ("MAILROOM_MINUTE_SECONDS", "0"),
        ("MAILROOM_NOTIFY_URL", "example.com/notices"),
        ("MAILROOM_NOTIFY_URL", "https://[broken"),
        ("MAILROOM_KEY", "c2hvcnQ="),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_the_name_of_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read(**{name: value})


@pytest.mark.parametrize("text", [base64.b64encode(KEY).decode(), KEY.hex(), KEY.hex().upper()])
def test_a_key_is_32_bytes_in_base64_or_hexadecimal(text: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(text + "\n")
    assert read(MAILROOM_KEY=text).vault_key() == KEY
    assert read(MAILROOM_KEY_FILE=str(file)).vault_key() == KEY


@pytest.mark.parametrize(
    "text", ["", "correct horse battery staple", "00" * 31, "é" * 32, base64.b64encode(KEY[:-1]).decode()]
)
def test_anything_else_is_refused_with_how_to_make_one_and_without_repeating_it(text: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(text)
    with pytest.raises(SettingsError, match=r"MAILROOM_KEY_FILE.*openssl rand -base64 32") as refused:
        read(MAILROOM_KEY_FILE=str(file)).vault_key()
    assert not text or text not in str(refused.value)


def test_a_worker_starts_without_a_key_and_says_what_is_missing_when_one_is_needed(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="MAILROOM_KEY_FILE"):
        read().vault_key()
    with pytest.raises(SettingsError, match=r"MAILROOM_KEY_FILE names .*No such file"):
        read(MAILROOM_KEY_FILE=str(tmp_path / "gone")).vault_key()


def test_nothing_secret_is_in_the_repr() -> None:
    shown = repr(read(MAILROOM_KEY=KEY.hex(), MAILROOM_NOTIFY_URL="https://example.com/?token=abc"))
    assert "hunter2" not in shown
    assert KEY.hex() not in shown
    assert "abc" not in shown.partition("support=")[2]
