"""`Reconcile` and mail that was attached by hand: with an account that retrieves, and at an address without one."""

from __future__ import annotations

import pytest

from activities.attach.attach import Attaching
from infra.settings import WorkerSettings
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import mail
from tests.support.running import Mailroom, a_new_address
from tests.support.workflows.reconciling import Case, differences, on_a_scripted_server, reconcile


async def attach(mailroom: Mailroom, settings: WorkerSettings, address: str, *numbers: int) -> None:
    attaching = Attaching(mailroom.pool, settings)
    account = await attaching.account(address, ())
    for number in numbers:
        assert (await attaching.attach(account, mail(number), None, "jane")).new


@pytest.mark.requirement("R46")
async def test_an_account_with_attached_mail_is_complete(mailroom: Mailroom, worker_settings: WorkerSettings) -> None:
    async with MailboxServer(messages={"one": mail(1), "two": mail(2)}) as server:
        case = await on_a_scripted_server(mailroom, server)
        await attach(mailroom, worker_settings, case.address, 3, 4)
        server.messages["three"] = mail(3)  # and now the server brings one of them, too
        await case.account.command("poll_now")
        report = await case.report()
        assert (report["complete"], differences(report)) == (True, {}), report["summary"]
        assert (report["messages"], report["log"]["told"], report["blobs"]["checked"]) == (4, 4, 4)
        assert report["ledger"]["stored"] == report["server"]["on_server"] == 3
        assert report["ordinary"]["no_longer_listed"] == 0
        mended = await case.report(repair=True)
        assert (mended["complete"], mended["repair"]["not_repairable"]) == (True, 0)
        assert [entry.actor for entry in await case.account.log("MessageAttached")] == ["jane", "jane"]
        assert len(await case.ids()) == 4


async def test_lost_attached_mail_is_found_and_no_server_is_asked_for_it(
    mailroom: Mailroom, worker_settings: WorkerSettings
) -> None:
    async with MailboxServer(messages={"one": mail(1)}) as server:
        case = await on_a_scripted_server(mailroom, server)
        await attach(mailroom, worker_settings, case.address, 2)
        await case.damage("delete from mail where address = :address and uidl like 'attached:%'")
        report = await case.report(repair=True)
        assert report["complete"] is False
        assert differences(report) == {"stored_without_mail": 1, "told_but_missing": 1}
        assert len(await case.ids()) == 1


@pytest.mark.requirement("R46")
async def test_of_an_address_without_an_account_what_is_stored_is_compared_and_it_can_become_one(
    mailroom: Mailroom, worker_settings: WorkerSettings
) -> None:
    address = a_new_address()
    await attach(mailroom, worker_settings, address, 1, 2)
    report = await (await reconcile(mailroom, {"address": address})).result()
    assert (report["complete"], report["state"], report["messages"]) == (None, "closed", 2), "there is no server"
    assert "was not compared with its server" in report["summary"]
    async with MailboxServer(messages={"one": mail(1), "three": mail(3)}) as server:
        account = await mailroom.connect(server, address, retrieval={"interval_minutes": 60})
        await account.until_mail(3)
        await account.until_watched()
        case = Case(mailroom, account)
        report = await case.report()
        assert (report["complete"], differences(report)) == (True, {}), report["summary"]
        assert (report["messages"], report["ledger"]["stored"]) == (3, 2)
