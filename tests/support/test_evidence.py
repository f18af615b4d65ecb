"""Tests that fail, run by a pytest of their own: what they leave."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from tests.end_to_end.operating import PROJECT

PLUGGED = "from tests.conftest import *\n"
FAILS = """
import asyncio
import os
import pytest
from tests.support.running import Mailroom
from tests.servers.scripted_pop import MailboxServer


async def stands_still():
    await waits_for_what_never_comes()


async def waits_for_what_never_comes():
    await asyncio.Event().wait()


async def test_fails(mailroom):
    async with MailboxServer(password="a-word-that-nobody-may-read") as server:
        account = await mailroom.connect(server, "jane@example.com")
        await account.until_watched()
        async with mailroom.pool.connection() as connection:
            await connection.execute(
                "insert into leases values ('held@example.com', 'h', gen_random_uuid(), 'a-word-that-nobody-may-read', now())"
            )
        waiting = asyncio.create_task(stands_still(), name="the one that waits")
        await asyncio.sleep(0)
        raise AssertionError("it did not come")


@pytest.mark.timeout(5)
async def test_hangs():
    await stands_still()


def test_needs_nothing():
    assert not "this"
"""
DRAWS = """
from hypothesis import given, strategies
from tests.support.seeds import seeded


def test_draws():
    drawn = seeded().random(), seeded("one").random(), seeded("other").random()
    assert not drawn, f"drawn {drawn}"


@given(strategies.integers(min_value=10**6))
def test_draws_examples(number):
    with open("numbers", "a") as file:
        print(number, file=file)
"""


def put(folder: Path, tests: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "conftest.py").write_text(PLUGGED)
    (folder / "test_these.py").write_text(tests)


async def said_by(folder: Path, tests: str, **environment: str) -> str:
    """What pytest prints of these tests, which run with this run's servers."""
    await asyncio.to_thread(put, folder, tests)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", str(PROJECT / "pyproject.toml")),
        *("--rootdir", str(folder), "test_these.py"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT), **environment},
    )
    out, _ = await process.communicate()
    return out.decode()


def evidence_of(test: str, said: str) -> str:
    """What stands below that test's name, to the next one's."""
    return re.split(r"\n_{3,} ", said.partition(f"_ {test} _")[2])[0].partition("where everything stood")[2]


@pytest.mark.usefixtures("services")
async def test_a_failed_test_leaves_what_stood_where_and_no_secret(tmp_path: Path) -> None:
    said = await said_by(tmp_path, FAILS)
    assert "3 failed" in said
    left = evidence_of("test_fails", said)
    assert re.search(r'accounts: .*"jane@example.com".*"active"', left)
    assert re.search(r"leases: .*held@example.com", left)
    assert re.search(r"mail-account/jane@example.com: \d+ events\n  watch, attempt \d+", left)
    assert re.search(r"the one that waits, cancelling 0:(\n.*)*waits_for_what_never_comes", left)
    assert "notices: none" in left
    for server in ("postgres", "temporal"):
        assert f"{server}'s log" in left
    assert '"worker": "[hidden]"' in left, "whatever shows it"
    assert "a-word-that-nobody-may-read" not in left


@pytest.mark.usefixtures("services")
async def test_a_test_whose_time_is_up_leaves_where_it_waited(tmp_path: Path) -> None:
    left = evidence_of("test_hangs", await said_by(tmp_path, FAILS.replace("async def test_fails", "async def fails")))
    assert "waits_for_what_never_comes" in left


async def test_what_is_drawn_at_random_is_drawn_again_by_the_printed_seed(tmp_path: Path) -> None:
    once = await said_by(tmp_path / "once", DRAWS, MAILROOM_SEED="")
    printed = re.search(r"MAILROOM_SEED=(\d+)", once)
    assert printed
    assert f"MAILROOM_SEED={printed[1]} draws the same again" in once
    again = await said_by(tmp_path / "again", DRAWS, MAILROOM_SEED=printed[1])
    drawn = [re.findall(r"Error: drawn (.*)", said) for said in (once, again)]
    assert drawn[0] == drawn[1] != []
    assert len(set(drawn[0][0].split(", "))) == 3
    numbers = [(tmp_path / run / "numbers").read_text() for run in ("once", "again")]
    assert numbers[0] == numbers[1]
