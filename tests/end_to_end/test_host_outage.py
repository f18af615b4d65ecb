"""A whole host out for so long that its accounts are disabled, and brought back with the command that Mailroom names."""

from __future__ import annotations

import pytest

from tests.end_to_end.operating import Operator
from tests.servers.dovecot import Dovecot
from tests.servers.scripted_pop import MailboxServer
from tests.support.running import a_new_address, until

HOST = "127.0.0.1"


def mail(number: int) -> bytes:
    return f"From: ann@example.org\r\nSubject: number {number}\r\n\r\nHello\r\n".encode()


async def log_of_host(operator: Operator) -> list[str]:
    return [entry["type"] for entry in await operator.events(f"host/{HOST}")]


@pytest.mark.requirement("R86", "R87")
async def test_one_command_brings_back_all_accounts_that_an_outage_of_their_host_disabled(
    operator: Operator, dovecot: Dovecot
) -> None:
    *affected, on_leave, healthy = (a_new_address() for _ in range(6))
    await operator.worker(MAILROOM_MINUTE_SECONDS="0.01")
    async with MailboxServer(messages={"uid-1": mail(1)}) as another_port_of_the_host:
        await operator.connect(healthy, another_port_of_the_host.port, await operator.store_secret(healthy, "secret"))
        for address in (*affected, on_leave):
            dovecot.add_user(address, "secret")
            dovecot.deliver(address, mail(1))
            await operator.connect(address, dovecot.port, await operator.store_secret(address, "secret"))
            await operator.until_stored(address, 1)
        await operator.command(on_leave, "disable", reason="on leave", by="ops")

        dovecot.stop()
        for address in affected:
            await operator.until_state(address, "disabled")
        (outage,) = await operator.rows("select * from host_outages")
        assert (outage["host"], outage["accounts"], outage["ended_at"]) == (HOST, 4, None)
        assert await log_of_host(operator) == ["HostOutageBegan"]
        marked = await operator.rows("select address from accounts where host_outage_since = %s", outage["began_at"])
        assert sorted(row["address"] for row in marked) == sorted(affected)
        status = await operator.status(affected[0])
        (warning,) = (item for item in status["warnings"] if item["code"] == "host_outage")
        assert "4 of 5 accounts" in warning["text"]
        assert (await operator.status(healthy))["warnings"][0]["code"] == "crm_not_configured"

        before = {address: len(await operator.events(address)) for address in (on_leave, healthy)}
        dovecot.start()
        for address in affected:
            dovecot.deliver(address, mail(2))
        (command,) = warning["remedies"]
        await operator.run("sh", "-c", command)
        for address in affected:
            await operator.until_stored(address, 2)
            status = await operator.status(address)
            assert (status["state"], status["failures"]["connection"]) == ("active", 0)
            assert "host_outage" not in [item["code"] for item in status["warnings"]]
            (enabled,) = await operator.events(address, "AccountEnabled")
            assert enabled["actor"] == "operator"
            await operator.assert_log_is_whole(address)

        async def over() -> bool:
            return await log_of_host(operator) == ["HostOutageBegan", "HostOutageEnded"]

        await until(over, "the end of the outage in the log")
        await operator.assert_log_is_whole(f"host/{HOST}")
        codes = await operator.rows("select code from notices where address = %s order by at", f"host/{HOST}")
        assert [row["code"] for row in codes] == ["host_outage", "host_back"]
        assert await operator.rows("select address from accounts where host_outage_since is not null") == []
        assert {address: len(await operator.events(address)) for address in before} == before
        assert (await operator.status(on_leave))["reason"] == "operator"
