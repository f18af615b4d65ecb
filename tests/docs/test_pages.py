"""Every command of README and operators' pages does what is printed there: all are run as a reader would, page after page."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from infra.dev.children import Child
from tests.docs.pages import OF_MAILROOM, README, blocks, pages, place
from tests.end_to_end.operating import WorkerProcess, clean_environment
from tests.servers.scripted_pop import MailboxServer
from tests.servers.scripted_smtp import SubmissionServer
from tests.support.console import written
from tests.support.running import until
from tests.support.services import with_postgres

JANE, SANDBOX = "jane@example.com", "sandbox@example.com"
LETTERS = 34  # as docs/start-and-delete.md says
IN_QUARANTINE = "0000002a5f3c"  # as docs/quarantine.md names it
# What the others take for granted, before anything is deleted; and what ends a person's mail, or all workflows.
FIRST, LAST = (README, "connect", "start-and-delete", "filters", "sending"), (OF_MAILROOM, "erase", "production")
SECONDS = 120
A_RUN = "select run from mailroom.refilings where address = '{}' limit 1"
REMEMBERED = re.compile(r"^[A-Z_]+=\S+$", re.M)  # what a shell knows in a page's next blocks, too
CLOSE = "temporal workflow update execute --workflow-id mail-account/jane@example.com --name close"
UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
# Somebody whom the pages take for known, and the secret of somebody whom they name in passing.
KNOWN = """
temporal workflow update execute --workflow-id crm/builtin --name save_record \\
    --input '{"record_kind": "contact", "record_id": "c1", "name": "Anna Lind", "addresses": ["anna@example.org"]}'
mailroom vault set joe
"""
# What holds once a page was followed to its end.
EFFECTS = {
    "README": """select count(*) = 2 from mailroom.accounts
        where address in ('sandbox@example.com', 'sales@example.com') and state = 'active' and messages > 0
        and exists (select from mailroom.account_events where type = 'FilingUndone' and address = 'sandbox@example.com')""",
    "connect": "select count(*) = 1 from mailroom.crms where name = 'hiring' and profile = 'recruit'",
    "start-and-delete": f"select count(*) = {LETTERS} from mailroom.ledger where address = '{JANE}' and state = 'stored'",
    "filters": f"""select not exists (select from mailroom.filters where address = '{JANE}')
        and exists (select from mailroom.messages where address = '{JANE}' and 'offer' = any(labels))
        and exists (select from mailroom.account_events where address = '{JANE}' and type = 'MessagesDeleted')""",
    "sending": """select count(*) = 1 from mailroom.sent_messages where state = 'accepted' and copy = 'saved'
        and request_id = 'hello-1' and exists (select from mailroom.sent_messages where state = 'cancelled')""",
    "actions": "select count(*) = 1 from mailroom.activities where kind = 'task' and subject = 'call back'",
    "address-book": f"""select count(*) = 2 from mailroom.account_events
        where address = '{JANE}' and type in ('ContactSaved', 'ContactRemoved')""",
    "attach": "select count(*) = 1 from mailroom.messages where address = 'kate@example.com' and folder = 'Archive'",
    "back-linking": "select count(*) = 1 from mailroom.link_decisions where decision = 'unlinked' and record_id = 'c1'",
    "linking": f"""select exists (select from mailroom.private_messages where address = '{JANE}')
        and (select rules -> 'never_log' ? 'doctor.example' from mailroom.account_privacy where address = '{JANE}')""",
    "providers": f"""select exists (select from mailroom.account_events where address = '{JANE}'
        and data #>> '{{settings,retrieval,recent_mode}}' = 'true')""",
    "quarantine": f"select state = 'skipped' from mailroom.ledger where uidl = '{IN_QUARANTINE}'",
    "erase": "select not exists (select from mailroom.messages where from_address = 'anna@example.org')",
    "production": "select count(*) = 1 from mailroom.accounts where address = 'joe@example.com' and state = 'disabled'",
}
# Words of a failed command that mean a fault of the page and not of a place that it names.
BROKEN = re.compile(
    r"syntax error|command not found|unknown flag|unknown command|no such option|No such file|unbound variable|"
    r"does not exist|unknown_field|missing_field|invalid_field|unknown_command|unable to parse|Usage:",
    re.IGNORECASE,
)


class Reader:
    """Somebody who has `worker.py --dev` running and copies what the pages print into a shell."""

    def __init__(self, folder: Path, server: MailboxServer, outgoing: SubmissionServer) -> None:
        self.folder = folder
        self.server = server
        self.outgoing = outgoing
        self.here = folder / "here"
        self.state = self.here / ".mailroom"

    async def as_here(self, commands: str) -> str:
        """With the places of this machine instead of a provider's, the ids that there are, and `--yes` where one is asked."""
        place = f'"host": "{self.server.host}", "port": {self.server.port}, "tls": "none"'
        commands = commands.replace('"host": "pop.example.com"', place)
        outgoing = f'"host": "{self.outgoing.host}", "port": {self.outgoing.port}, "tls": "none"'
        commands = commands.replace('"host": "smtp.example.com"', outgoing)
        commands = commands.replace(
            "mailroom erase anna@example.org --by", "mailroom erase anna@example.org --yes --by"
        )
        commands = commands.replace("mailroom erase anna@example.org\n", "mailroom erase anna@example.org --dry-run\n")
        commands = re.sub(r"^(mailroom batch .*)$", r"\1 --yes", commands, flags=re.M)
        commands = commands.replace(
            '"run": "RUN"', f'"run": "\'$(psql "$DATABASE_URL" -Atc "{A_RUN.format(SANDBOX)}")\'"'
        )
        # Nobody types the next line before Temporal's list has followed.
        commands = re.sub(r"^(temporal workflow signal --query)", r"sleep 3; \1", commands, flags=re.M)
        ids = await self.ids("kate@example.com" if "StoredMail" in commands else JANE)
        for named, number in (("4711", ids[-9]), ("42", ids[-8]), ("17", ids[0]), ("18", ids[1])):
            commands = re.sub(rf"(?<![\w.-]){named}(?![\w.@-])", str(number), commands)
        if UUID.search(commands):
            commands = UUID.sub(await self.value(A_RUN.format(JANE)), commands)
        if "RECORD_ID" in commands:
            query = "select record_id from mailroom.directory where name = 'Anna' limit 1"
            commands = commands.replace("RECORD_ID", await self.value(query))
        return commands

    async def value(self, query: str) -> str:
        _, said = await self.does(f'psql "$DATABASE_URL" -Atc "{query}"')
        return said.strip().splitlines()[-1] if said.strip() else ""

    async def ids(self, address: str) -> list[int]:
        found = await self.value(
            f"select coalesce(json_agg(id order by id), '[]') from mailroom.messages where address = '{address}'"
        )
        ids: list[int] = json.loads(found)
        return ids if len(ids) > 9 else (ids or [1]) * 9

    async def does(self, commands: str) -> tuple[int, str]:
        """The exit status of these commands in one shell, and what they print."""
        process = await asyncio.create_subprocess_exec(
            *("bash", "-euo", "pipefail", "-c", f". {self.state}/dev.env; cd {self.here}\n{commands}"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=clean_environment(COLUMNS="200", PAGER="cat"),
        )
        async with asyncio.timeout(SECONDS):
            said, _ = await process.communicate(self.server.password.encode())
        return process.returncode or 0, said.decode(errors="replace")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "here" / ".mailroom"
    folder.mkdir(parents=True)
    with_postgres(folder)
    yield folder
    for name in ("postgres", "temporal", "sandbox"):
        Child(folder, name).end(patience=2)


@pytest.mark.timeout(1800)
async def test_every_command_of_the_pages_does_what_is_printed(
    state: Path, tmp_path: Path, temporal_environment: dict[str, str]
) -> None:
    letters = {"own": written("My order", "Twelve, please.", sender=JANE, to="anna@example.org")}
    letters |= {f"uid-{number}": written(f"A quote {number}", "For twelve machines.") for number in range(LETTERS - 1)}
    worker = WorkerProcess(
        *(tmp_path / "dev.log", "--dev", "--state", str(state)),
        environment=clean_environment(PATH=temporal_environment["PATH"]),
    )
    async with MailboxServer(messages=letters) as server, SubmissionServer(password=server.password) as outgoing:
        reader = Reader(tmp_path, server, outgoing)
        for name in ("hello", "offer", "sent"):
            (reader.here / f"{name}.eml").write_bytes(written(name, "An attached letter."))
        incoming = {"host": server.host, "port": server.port, "tls": "none", "secret": "vault:joe"}
        (reader.here / "joe.json").write_text(json.dumps({"address": "joe@example.com", "incoming": incoming}))
        await worker.start()
        try:
            await worker.until_said("\nmailroom: ready\n")
            await reader.does(KNOWN)
            faults = [fault async for fault in reading(reader)]
        finally:
            worker.kill()
            await worker.ended()
    assert faults == [], "\n".join(faults)


async def reading(reader: Reader) -> AsyncIterator[str]:
    """What went wrong, in the order of the pages."""
    others = [page for page in pages() if page not in FIRST and page not in LAST]
    for page in (*FIRST, *others, *LAST):
        if page == "quarantine":
            await withhold(reader)
        remembered = ""
        for block in blocks(page):
            if block.because is None:
                commands = await reader.as_here(block.commands)
                if page == OF_MAILROOM and "mailroom connect" in commands:
                    commands = f"{CLOSE}\n{commands}"
                status, said = await reader.does(remembered + commands)
                remembered += "".join(f"{line}\n" for line in REMEMBERED.findall(commands))
                if status != 0 or BROKEN.search(said):
                    yield f"{block}: exit status {status}\n{commands}{said[-1500:]}"
                if page == "connect" and "--input-file jane.json" in commands:
                    await until(lambda: all_there(reader), f"{LETTERS} letters of {JANE}")
        if page in EFFECTS and not await holds(reader, EFFECTS[page]):
            yield f"{place(page).name} was followed, and it does not hold that {EFFECTS[page]}"
        if page == "connect":  # which ends with closing the account
            await reader.does("mailroom connect jane.json")


async def holds(reader: Reader, effect: str) -> bool:
    """Whether an effect is there soon: some commands are answered before all has followed."""

    async def there() -> bool:
        return await reader.value(effect) == "t"

    try:
        await until(there, effect, patience=20, every=0.5)
    except AssertionError:
        return False
    return True


async def all_there(reader: Reader) -> bool:
    return len(await reader.ids(JANE)) >= LETTERS


async def withhold(reader: Reader) -> None:
    """A message that the server lists and does not hand out."""
    reader.server.messages[IN_QUARANTINE] = written("Withheld", "x")
    reader.server.replies[f"RETR {len(reader.server.messages)}"] = "-ERR cannot read it"

    async def quarantined() -> bool:
        await reader.does(f"temporal workflow update execute --workflow-id mail-account/{JANE} --name poll_now")
        return await reader.value(f"select count(*) from mailroom.quarantine where uidl = '{IN_QUARANTINE}'") == "1"

    await until(quarantined, "a message in quarantine", patience=60)


def test_what_is_not_run_needs_what_is_not_here() -> None:
    """A block that is left out is left out here, too: by its page, and how many there are."""
    left_out = Counter(block.page for page in pages() for block in blocks(page) if block.because)
    assert left_out == {
        README: 1,
        "connect": 1,
        "crm": 4,
        "oauth": 5,
        "production": 3,
        "sending": 1,
        "tryton": 4,
        "zoho": 2,
    }
