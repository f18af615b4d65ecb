"""The benchmarks run and print their figures: with numbers so small that the figures mean nothing."""

from __future__ import annotations

import asyncio
import itertools
import re
import sys
from pathlib import Path

import pytest

from tests.end_to_end.operating import PROJECT, clean_environment


async def printed(benchmark: str, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"bench.{benchmark}",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=PROJECT,
        env=clean_environment(),
    )
    out, complaint = await process.communicate()
    assert process.returncode == 0, complaint.decode()
    return out.decode()


@pytest.mark.usefixtures("dovecot")
async def test_one_mailbox_beside_other_clients() -> None:
    said = await printed("retrieve", "--messages", "20", "--far-messages", "0")
    assert re.search(r"loopback: mailroom \d+ messages/s", said)
    assert re.search(r"loopback: [\d.]+ ms of CPU a message: .*worker \d+ %", said)
    for peer in ("fetchmail", "mpop", "getmail"):
        assert re.search(rf"loopback: {peer} (is not installed|\d+ messages/s, Mailroom [\d.]+ times that)", said)


@pytest.mark.usefixtures("dovecot")
async def test_many_mailboxes_together_far_away() -> None:
    said = await printed("many", "--accounts", "3", "--messages", "5")
    assert re.search(r"\d+ messages/s together", said)
    assert "the worker took" in said


@pytest.mark.usefixtures("dovecot")
async def test_a_huge_mailbox() -> None:
    said = await printed("huge", "--messages", "30", "--largest", "6000000")
    assert "huge: 30 messages, 0.01 GB" in said
    assert re.search(r"memory was \d+ MiB", said)


async def test_indexing_beside_the_library() -> None:
    said = await printed("parse", "--messages", "5", "--rounds", "1")
    assert "a body of 10 MB" in said


async def test_how_refusals_are_named() -> None:
    said = await printed("refusals", "--wrong")
    assert re.search(r"all: \d+ of \d+ named right, 0\.9\d\d", said)
    assert (
        "refusals, both halves without what they taught, counted as a wrong password, and was not: 0"
        in said.splitlines()
    )
    assert re.search(r"A-M without what they taught: \d+ of \d+", said)
    assert re.search(r"the other half's texts alone: \d+ of \d+", said)


async def test_the_recipients_of_bounces_beside_a_library(tmp_path: Path) -> None:
    said = await printed("bounces")
    found = re.search(
        r"Mailroom names (\d+) of (\d+) recipients of \d+ mails \(.*\), and (\d+) who did not bounce", said
    )
    assert found
    assert int(found[1]) >= 0.95 * int(found[2])
    assert found[3] == "0"
    strangers = re.findall(r"notices .*: Mailroom names \d+ of \d+ recipients .*, and (\d+) who did not bounce", said)
    assert strangers == ["0"] * 4
    assert re.search(r"flufl.bounce (is not installed|names \d+ of \d+ recipients)", said)
    (tmp_path / "1.eml").write_text(
        "From: MAILER-DAEMON@x.example\n\nCould not be delivered:\n\n<a@example.org>: 550 no\n"
    )
    (tmp_path / "expected.tsv").write_text("1.eml\ta@example.org\n1.eml\tb@example.org\n")
    assert "names 1 of 2 recipients of 1 mails (50.0%), and 0" in await printed("bounces", "--mail", str(tmp_path))


@pytest.mark.usefixtures("dovecot")
async def test_accounts_that_have_nothing_new() -> None:
    said = await printed("idle", "--accounts", "2", "--seconds", "6")
    assert "0 history events per empty poll" in said
    assert re.search(r"[\d.]+ ms of the worker's CPU per poll", said)


@pytest.mark.usefixtures("dovecot")
async def test_what_linking_costs() -> None:
    said = await printed("linking", "--messages", "20", "--records", "600", "--stored", "50", "--rounds", "1")
    assert re.search(r"20 messages, 600 addresses, without a CRM: \d+ messages/s, [\d.]+ ms of CPU each", said)
    for share in ("a fifth", "all"):
        assert re.search(share + r" of the messages linked: [\d.]+ of that rate by the clock .*, [\d.]+ by CPU", said)
    for mail in ("of an account that has the CRM now", "from one address that has a record now", "from 600 addresses"):
        assert re.search(rf"50 messages {mail}.*: \d+ s", said)


async def test_completing_recipients() -> None:
    said = await printed("address_book", "--records", "200")
    assert re.search(r"'ma': [\d.]+ ms for \d+ entries, 95 of 100 below [\d.]+ ms; [\d.]+ of a search's time", said)


async def test_searching_stored_mail() -> None:
    said = await printed("search", "--messages", "500")
    assert re.search(
        r"500 messages, frequent and rare: [\d.]+ ms, 95 of 100 below [\d.]+ ms; [\d.]+ of one statement's", said
    )


async def test_headers_without_a_charset_beside_another_reader() -> None:
    said = await printed("charsets")
    assert re.search(r"charsets, all: of \d+ read right: alone \d+, named elsewhere \d+, charset-normalizer \d+", said)


async def test_statements_under_bad_statistics() -> None:
    chosen = {"--statistics": ("fresh", "missing"), "--plans": ("as chosen", "generic")}
    said = await printed(
        *("plans", "--messages", "400", "--slowest", "3"),
        *(word for option, names in chosen.items() for word in (option, *names)),
    )
    for statistics, plans in itertools.product(*chosen.values()):
        assert re.search(rf"400 messages, {statistics} statistics, plans {plans}: (\d+) calls in \d+ s", said)
    assert re.search(r"plans: [\d.]+ s, [\d.]+ times the best, .+ statistics, plans .+: \w+", said)
    assert "broken off" not in said
    assert re.search(r"plans: \d+ calls, of which degrade: ", said)
