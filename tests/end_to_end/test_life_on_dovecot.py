"""An account's life on Dovecot, driven and observed with the Temporal CLI only."""

from __future__ import annotations

import pytest

from tests.end_to_end.operating import CommandFailed, Operator
from tests.servers.dovecot import Dovecot
from tests.support.running import a_new_address


def mail(number: int) -> bytes:
    return f"From: ann@example.org\r\nSubject: number {number}\r\n\r\nHello\r\n".encode()


@pytest.mark.requirement("R81", "R82", "R83", "R87")
async def test_the_tenth_wrong_password_disables_and_a_new_credential_brings_the_missed_mail(
    operator: Operator, dovecot: Dovecot
) -> None:
    address = a_new_address()
    dovecot.add_user(address, "first")
    dovecot.deliver(address, mail(1))
    await operator.worker()  # minutes last a minute: nothing but poll_now makes an attempt
    await operator.connect(address, dovecot.port, await operator.store_secret("jane", "first"))
    await operator.until_stored(address, 1)

    dovecot.set_password(address, "second")
    dovecot.deliver(address, mail(2))
    for attempt in range(1, 10):
        answer = await operator.command(address, "poll_now")
        assert answer["outcome"] == "failed"
        assert answer["failure"]["kind"] == "authentication"
        assert answer["failure"]["server_said"] == "[AUTH] Authentication failed."
        assert answer["status"]["state"] == "active"
        assert answer["status"]["failures"] == {"authentication": attempt, "connection": 0}
    assert await operator.found('MailroomState = "active" AND MailroomAuthenticationFailures = 9') == [
        f"mail-account/{address}"
    ]

    tenth = await operator.command(address, "poll_now")
    assert (tenth["status"]["state"], tenth["status"]["reason"]) == ("disabled", "authentication_failures")
    failed = await operator.events(address, "RetrievalFailed")
    assert [event["data"]["failures"]["authentication"] for event in failed] == list(range(1, 11))
    (disabled,) = await operator.events(address, "AccountDisabled")
    assert disabled["version"] == failed[-1]["version"] + 1
    with pytest.raises(CommandFailed, match=r"disabled \(authentication_failures\).*enable"):
        await operator.command(address, "poll_now")
    with pytest.raises(CommandFailed, match=r"enable: authentication.*Authentication failed"):
        await operator.command(address, "enable", by="ops")
    with pytest.raises(CommandFailed, match=r"change_credential: incoming.secret: there is no secret"):
        await operator.command(address, "change_credential", secret="vault:nobody", by="ops")
    assert await operator.stored(address) == 1

    dovecot.deliver(address, mail(3))
    secret = await operator.store_secret("jane-2", "second")
    status = await operator.command(address, "change_credential", secret=secret, by="ops")
    assert (status["state"], status["reason"], status["credential_version"]) == ("active", None, 2)
    assert status["failures"] == {"authentication": 0, "connection": 0}
    await operator.until_stored(address, 3)
    assert [event["actor"] for event in await operator.events(address, "CredentialChanged", "AccountEnabled")] == [
        "ops",
        "ops",
    ]
    await operator.assert_log_is_whole(address)


@pytest.mark.requirement("R85", "R86", "R87")
async def test_the_fiftieth_failed_connection_disables_and_one_command_brings_back_all_accounts_of_a_host(
    operator: Operator, dovecot: Dovecot
) -> None:
    addresses = sorted(a_new_address() for _ in range(3))
    by_hand, *by_host = addresses
    await operator.worker(MAILROOM_MINUTE_SECONDS="0.01")
    for address in addresses:
        dovecot.add_user(address, "secret")
        dovecot.deliver(address, mail(1))
        secret = await operator.store_secret(address, "secret")
        await operator.connect(address, dovecot.port, secret, retrieval={"interval_minutes": 5})
        await operator.until_stored(address, 1)
    await operator.command(by_hand, "disable", reason="on leave", by="ops")

    dovecot.stop()
    for address in by_host:
        await operator.until_state(address, "disabled")
        failed = await operator.events(address, "RetrievalFailed")
        if failed[0]["data"]["failure"]["cause"] != "refused":
            del failed[0]  # a session was open when the server went down
        numbers = [event["data"]["failures"]["connection"] for event in failed]
        assert numbers == list(range(51 - len(numbers), 51))
        assert len(numbers) >= 49
        assert {event["data"]["failure"]["cause"] for event in failed} == {"refused"}
        (disabled,) = await operator.events(address, "AccountDisabled")
        assert disabled["data"]["reason"] == "connection_failures"
        assert disabled["version"] == failed[-1]["version"] + 1

    dovecot.start()
    for address in addresses:
        dovecot.deliver(address, mail(2))
    of_this_host = 'MailroomState = "disabled" AND MailroomHost = "127.0.0.1"'
    down = f'{of_this_host} AND MailroomReason = "connection_failures"'
    assert await operator.found(of_this_host) == [f"mail-account/{address}" for address in addresses]
    await operator.temporal(
        *("workflow", "signal", "--query", down, "--name", "enable", "--input", '{"by": "ops"}'),
        *("--reason", "server is back", "--yes"),
    )
    for address in by_host:
        await operator.until_stored(address, 2)
        status = await operator.status(address)
        assert status["state"] == "active"
        assert status["failures"] == {"authentication": 0, "connection": 0}
        (enabled,) = await operator.events(address, "AccountEnabled")
        assert enabled["actor"] == "ops"
        await operator.assert_log_is_whole(address)
    assert (await operator.status(by_hand))["reason"] == "operator"
