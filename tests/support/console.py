"""The parts of the command `mailroom`, asked in this process: what they say to people, and what to programs."""

from __future__ import annotations

import io
import json
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from typing import Any

from activities.search.indexing import Indexing
from console.reading import Reader, reading
from console.terminal import Terminal
from domain.mailbox.settings import AccountSettings
from infra.database.pool import Pool
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import JANE, PASSWORD, Watcher, account, local_worker

Part = Callable[..., Awaitable[Any]]


class Asking:
    """Asks a part of the command of the database at `url`."""

    def __init__(self, url: str) -> None:
        self._environ = {"DATABASE_URL": url}

    async def says(self, part: Part, *given: Any, **options: Any) -> str:
        """What people are shown, without blanks at the ends of lines."""
        shown = await self._ask(part, given, options, as_json=False)
        return "\n".join(line.rstrip() for line in shown.splitlines())

    async def answers(self, part: Part, *given: Any, **options: Any) -> Any:
        return json.loads(await self._ask(part, given, options, as_json=True))

    async def _ask(self, part: Part, given: tuple[Any, ...], options: dict[str, Any], *, as_json: bool) -> str:
        out = io.StringIO()
        async with reading(self._environ) as reader:
            assert isinstance(reader, Reader)
            terminal = Terminal(out, as_json=as_json)
            await part(reader, terminal, *given, **options)
        terminal.speak()
        return out.getvalue()


def written(
    subject: str,
    text: str,
    *,
    sender: str = "Anna Lind <anna@example.org>",
    to: str = JANE,
    cc: str | None = None,
    date: str = "Mon, 23 Nov 2026 10:00:00 +0100",
    attached: tuple[str, bytes] | None = None,
) -> bytes:
    """A message as a server sends it."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"], message["Date"] = sender, to, subject, date
    if cc:
        message["Cc"] = cc
    message["Message-ID"] = f"<{abs(hash((subject, text, to)))}@example.org>"
    message.set_content(text)
    if attached:
        message.add_attachment(attached[1], maintype="application", subtype="pdf", filename=attached[0])
    return message.as_bytes().replace(b"\n", b"\r\n")


async def retrieved(pool: Pool, *messages: bytes, address: str = JANE, crm: tuple[str, ...] = ()) -> AccountSettings:
    """Retrieves these messages into an account, as a session does."""
    listed = {f"uid-{number}": raw for number, raw in enumerate(messages, 1)}
    async with MailboxServer(password=PASSWORD, messages=listed) as server:
        settings = account(server.port, address=address, crm=crm)
        watcher = Watcher(pool, local_worker(minute_seconds=60))
        await watcher.connect(settings)
        await watcher.watch(settings)
    return settings


async def indexed(pool: Pool) -> int:
    """Takes the words from all mail that has none yet; how many messages that were."""
    indexing, count = Indexing(pool), 0
    while done := await indexing.page():
        count += done
    return count
