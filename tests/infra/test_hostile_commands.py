"""What commands say on a terminal of texts that others have chosen: names of files, settings, answers. It is words there."""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

import infra.migrate
import infra.oauth.__main__
import worker
from activities.attach import __main__ as attaching
from infra.vault import __main__ as vault
from tests.domain.core.test_foreign_text import ACTS, HOSTILE
from tests.servers.oauth_server import OAuthServer

KEY = base64.b64encode(bytes(32)).decode()
FILE = "\x1b[2J\x9b31m\u202evil\r\nforged line.eml"  # as somebody else may have named it
UNREADABLE = "\udcff\udc9b.eml"  # bytes that are no UTF-8
MAIL = b"From: anna@example.org\r\nTo: jane@example.com\r\nSubject: hello\r\n\r\nHello\r\n"

Said = Callable[..., tuple[int, str]]


@pytest.fixture
def said(database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """Runs a command as a terminal would: its exit status, and all that it says there."""

    def run(main: Callable[[], int], *arguments: str, **environ: str) -> tuple[int, str]:
        for name, value in ({"DATABASE_URL": database_url, "MAILROOM_KEY": KEY} | environ).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["command", *arguments])
        try:
            status = main()
        except SystemExit as ended:
            status = int(ended.code or 0)
        out, err = capsys.readouterr()
        return status, out + err

    return run


def is_words(told: tuple[int, str], *, lines: int | None = 1) -> None:
    """Nothing in it is obeyed by a terminal, and nobody else begins a line of it."""
    status, text = told
    assert status != 0
    assert text, "it says what is wrong"
    assert not ACTS.search(text), text
    text.encode()
    assert not any(line.startswith(("08:00:00", "> quote", "forged")) for line in text.splitlines()), text
    if lines is not None:
        assert len(text.splitlines()) == lines, text


def test_what_is_attached_may_be_named_anything(said: Said, database_url: str, tmp_path: Path) -> None:
    attach = attaching.main
    is_words(said(attach, "jane@example.com", FILE))
    is_words(said(attach, "jane@example.com", UNREADABLE))
    (tmp_path / FILE).write_bytes(MAIL)
    status, text = said(attach, "jane@example.com", str(tmp_path / FILE), "--by", HOSTILE[-150:])
    assert (status, len(text.splitlines())) == (0, 1)
    assert not ACTS.search(text)
    (tmp_path / FILE).write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    is_words(said(attach, "jane@example.com", str(tmp_path / FILE)))
    is_words(said(attach, HOSTILE, FILE))
    is_words(said(attach, "jane@example.com", FILE, "--crm", HOSTILE))
    for arguments in (("--folder", HOSTILE), (f"--{HOSTILE}",)):
        is_words(said(attach, "jane@example.com", FILE, *arguments), lines=None)
    with psycopg.connect(database_url, options="-c search_path=mailroom") as connection:
        actors = [actor for (actor,) in connection.execute("select actor from account_events")]
    assert actors
    assert not any(ACTS.search(actor) or "\n" in actor for actor in actors)


@pytest.mark.parametrize("command", ["set", "delete", "free", "list"])
def test_the_vault_does_not_repeat_what_was_typed(said: Said, command: str) -> None:
    is_words(said(vault.main, command, HOSTILE), lines=None)
    is_words(said(vault.main, command, f"file:{HOSTILE}"), lines=None)
    is_words(said(vault.main, HOSTILE), lines=None)


def test_a_role_and_a_database_may_be_named_anything(said: Said) -> None:
    is_words(said(infra.migrate.main, "--worker", HOSTILE), lines=2)
    is_words(said(infra.migrate.main, HOSTILE), lines=None)
    is_words(said(infra.migrate.main, DATABASE_URL=f"postgresql://127.0.0.1:1/{FILE}"))
    is_words(said(vault.main, "list", DATABASE_URL=f"host={FILE}"))
    is_words(said(worker.main, f"--{HOSTILE}"), lines=None)
    is_words(said(worker.main, DATABASE_URL=FILE, TEMPORAL_ADDRESS=FILE), lines=None)


def test_an_authorisation_server_may_answer_anything(said: Said, oauth_server: OAuthServer) -> None:
    connect = infra.oauth.__main__.main
    known = {"MAILROOM_ALLOW_HOSTS": "127.0.0.1"}
    given = ["connect", "jane", "--provider", "other", "--client-id", "x", "--scope", "pop", "--device"]
    given += ["--token-endpoint", oauth_server.url("token"), "--device-endpoint", oauth_server.url("token")]
    evil = HOSTILE.encode("unicode_escape").replace(b"\\x", b"\\u00").replace(b'"', b"")
    for status, answer in (
        ("200 OK", b'{"verification_uri": "%s", "user_code": "%s", "device_code": "x"}' % (evil, evil)),
        ("200 OK", b'{"verification_uri": "https://example.com", "user_code": "%s", "device_code": "x"}' % evil),
        ("400 No", b'{"error": "%s", "error_description": "%s"}' % (evil, evil)),
        ("500 No", HOSTILE.encode()),
    ):
        oauth_server.outage = (status, [], answer)
        is_words(said(connect, *given, **known))
    is_words(said(connect, "connect", HOSTILE, "--provider", HOSTILE), lines=None)
    is_words(said(connect, *given, "--token-endpoint", f"https://{FILE}"), lines=None)
