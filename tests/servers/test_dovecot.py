"""The Dovecot that tests use does what its users rely on."""

from __future__ import annotations

import poplib
import ssl

import pytest

from tests.servers.dovecot import Dovecot

MESSAGE = b"From: ann@example.org\r\nSubject: hello\r\n\r\nhello\r\n"


def login(dovecot: Dovecot, password: str) -> poplib.POP3:
    session = poplib.POP3(dovecot.host, dovecot.port, timeout=30)
    session.user("jane@example.com")
    session.pass_(password)
    return session


def test_mail_delivered_at_any_time_is_listed_in_order_and_deleted_at_quit(dovecot: Dovecot) -> None:
    dovecot.add_user("jane@example.com", "secret")
    dovecot.deliver("jane@example.com", MESSAGE)
    session = login(dovecot, "secret")
    assert session.retr(1)[1] == MESSAGE.splitlines()
    session.dele(1)
    session.quit()
    assert dovecot.count("jane@example.com") == 0
    for number in range(3):
        dovecot.deliver("jane@example.com", MESSAGE + b"x\r\n" * number)
    session = login(dovecot, "secret")
    assert session.list()[1] == [b"1 48", b"2 51", b"3 54"]
    session.quit()
    assert dovecot.logins("jane@example.com") == 2


def test_a_changed_password_counts_at_once(dovecot: Dovecot) -> None:
    dovecot.add_user("jane@example.com", "old")
    login(dovecot, "old").quit()
    dovecot.set_password("jane@example.com", "new")
    with pytest.raises(poplib.error_proto, match="AUTH"):
        login(dovecot, "old")
    login(dovecot, "new").quit()


def test_tls_is_trusted_with_its_ca_file(dovecot: Dovecot) -> None:
    context = ssl.create_default_context(cafile=dovecot.ca_file)
    poplib.POP3_SSL("localhost", dovecot.tls_port, context=context, timeout=30).quit()
    session = poplib.POP3("localhost", dovecot.port, timeout=30)
    session.stls(context)
    session.quit()


def test_a_stopped_server_refuses_and_comes_back_with_its_mail(dovecot: Dovecot) -> None:
    dovecot.add_user("jane@example.com", "secret")
    dovecot.deliver("jane@example.com", MESSAGE)
    dovecot.stop()
    with pytest.raises(ConnectionRefusedError):
        login(dovecot, "secret")
    dovecot.start()
    session = login(dovecot, "secret")
    assert session.stat()[0] == 1
    session.quit()
