"""The command `mailroom`; each part is a file of this package, and this one says what people may type."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from console import accounts as accounts_
from console import lists, messages
from console import records as records_
from console import search as search_
from console import why as why_
from console.reading import Reader, reading
from console.terminal import Terminal
from domain.core.refusal import Refused
from infra import commands

MOST = 50

app = typer.Typer(
    name="mailroom",
    help=(
        "How Mailroom is, what mail it has, and why that is where it is. Commands to one account are given with `temporal`: "
        "`temporal workflow metadata --workflow-id mail-account/ADDRESS` lists them, and one that is given {} says what it takes."
    ),
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
Most = Annotated[int, typer.Option("--most", min=1, max=10_000, help="So many at most.", show_default=True)]
Address = Annotated[
    str, typer.Argument(metavar="ADDRESS", help="Of an account; of a CRM connection crm/NAME.", show_default=False)
]
MaybeAddress = Annotated[
    str | None, typer.Argument(metavar="[ADDRESS]", help="Of one account only.", show_default=False)
]
MessageId = Annotated[
    int, typer.Argument(metavar="ID", min=1, max=2**63 - 1, help="As `mailroom search` prints it.", show_default=False)
]


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no date: write it as 2026-11-30 or 2026-11-30T08:15") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _option(name: str, text: str, **more: Any) -> Any:
    return typer.Option(name, help=text, show_default=False, **more)


def _answer(name: str, ask: Callable[[Reader, Terminal], Coroutine[Any, Any, None]], *, as_json: bool) -> None:
    """Answers one command; ends the process with 1 where it was refused or could not be answered."""

    async def run() -> int:
        async with reading() as reader:
            await ask(reader, terminal)
        return 0

    terminal = Terminal(as_json=as_json)
    _run(name, run(), terminal)


def _run(name: str, command: Coroutine[Any, Any, int | None], terminal: Terminal) -> None:
    """Ends the process with the command's exit status: 1 where it was refused or could not be answered."""

    async def run() -> int:
        try:
            ended = await command or 0
            terminal.speak()
            return ended
        except BrokenPipeError:  # whoever reads has enough, as `head` has
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0

    raise typer.Exit(commands.run(f"mailroom {name}", run(), OSError, *_errors_of_temporal()))


def _errors_of_temporal() -> tuple[type[Exception], ...]:
    """Only where it is used: importing it takes a second."""
    if "temporalio" not in sys.modules:
        return ()
    from temporalio.exceptions import TemporalError
    from temporalio.service import RPCError

    from infra.temporal.client import TemporalUnreachable

    return (TemporalUnreachable, TemporalError, RPCError)


@app.command()
def accounts(
    failing: Annotated[bool, _option("--failing", "Only those that fail, with what to do.")] = False,
    closed: Annotated[bool, _option("--closed", "Closed ones, too.")] = False,
    state: Annotated[
        str | None, _option("--state", "Only those in this state: active, suspended, disabled ...")
    ] = None,
    host: Annotated[str | None, _option("--host", "Only those at this host.")] = None,
    refused: Annotated[bool, _option("--refused", "Set-ups that were refused instead, with what to do.")] = False,
    after: Annotated[str, _option("--after", "Go on after this address.")] = "",
    most: Most = 200,
    as_json: AsJson = False,
) -> None:
    """How every account and CRM connection is, and what to do."""
    if refused:
        _answer("accounts", lambda reader, terminal: accounts_.refused(reader, terminal, most=most), as_json=as_json)
    wanted: dict[str, Any] = {
        "failing": failing,
        "closed": closed,
        "state": state,
        "host": host,
        "after": after,
        "most": most,
    }
    _answer("accounts", lambda reader, terminal: accounts_.accounts(reader, terminal, **wanted), as_json=as_json)


@app.command()
def status(address: Address, as_json: AsJson = False) -> None:
    """The page of one account or CRM connection, live."""
    from console.status import status as shown_status

    _answer("status", lambda reader, terminal: shown_status(reader, terminal, address), as_json=as_json)


@app.command()
def log(
    address: Address,
    before: Annotated[int | None, _option("--before", "Only versions before this one.", min=1)] = None,
    most: Most = MOST,
    as_json: AsJson = False,
) -> None:
    """What happened to an account, who did it, and why."""
    _answer(
        "log",
        lambda reader, terminal: accounts_.log(reader, terminal, address, before=before, most=most),
        as_json=as_json,
    )


@app.command()
def read(
    message: MessageId,
    as_html: Annotated[bool, _option("--html", "Its HTML, as it was sent.")] = False,
    as_raw: Annotated[bool, _option("--raw", "All its bytes, as they came.")] = False,
    folder: Annotated[Path | None, _option("--save", "Save it and its attachments here.", metavar="DIR")] = None,
    as_json: AsJson = False,
) -> None:
    """A message as a person reads it."""
    if as_json and (as_html or as_raw):
        raise typer.BadParameter("--html and --raw are given as they are: not with --json")
    _answer(
        "read",
        lambda reader, terminal: messages.read(
            reader, terminal, message, as_html=as_html, as_raw=as_raw, folder=folder
        ),
        as_json=as_json,
    )


@app.command()
def search(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WORDS]...",
            help="That a message has in its people, subject, attachments' names or text.",
            show_default=False,
        ),
    ] = None,
    sender: Annotated[str | None, _option("--from", "Words of its sender's name or address.")] = None,
    recipient: Annotated[str | None, _option("--to", "Words of a recipient's name or address.")] = None,
    since: Annotated[
        datetime | None, _option("--since", "From this day on, as 2026-11-30.", parser=_moment, metavar="DATE")
    ] = None,
    before: Annotated[datetime | None, _option("--before", "Before this time.", parser=_moment, metavar="DATE")] = None,
    folder: Annotated[str | None, _option("--folder", "Only of this folder.")] = None,
    account: Annotated[str | None, _option("--account", "Only of this account.")] = None,
    unlinked: Annotated[bool, _option("--unlinked", "Only what is linked to nobody.")] = False,
    private: Annotated[bool, _option("--private", "Only what is kept private.")] = False,
    withheld: Annotated[
        bool, _option("--withheld", "What privacy rules kept from being stored: no words of it are here.")
    ] = False,
    most: Most = MOST,
    as_json: AsJson = False,
) -> None:
    """Messages, newest first: all that have all of the words, whole and not as parts of others."""
    text = " ".join(words or ())
    if withheld and (text or sender or recipient or folder or unlinked or private):
        raise typer.BadParameter(
            "nothing of withheld mail is here: only --account, --since and --before go with --withheld"
        )

    def ask(reader: Reader, terminal: Terminal) -> Coroutine[Any, Any, None]:
        if withheld:
            return search_.withheld(reader, terminal, account=account, since=since, before=before, most=most)
        wanted: dict[str, Any] = {
            "sender": sender,
            "recipient": recipient,
            "account": account,
            "folder": folder,
            "since": since,
        }
        wanted |= {"before": before, "unlinked": unlinked, "private": private, "most": most}
        return search_.search(reader, terminal, text, **wanted)

    _answer("search", ask, as_json=as_json)


@app.command()
def timeline(
    whose: Annotated[
        str,
        typer.Argument(
            metavar="RECORD|ADDRESS",
            help="An address, or a record's id, also as kind:id or CRM:kind:id.",
            show_default=False,
        ),
    ],
    before: Annotated[datetime | None, _option("--before", "Before this time.", parser=_moment, metavar="DATE")] = None,
    most: Most = MOST,
    as_json: AsJson = False,
) -> None:
    """A record's mail, tasks, events and notes by time."""
    _answer(
        "timeline",
        lambda reader, terminal: records_.timeline(reader, terminal, whose, before=before, most=most),
        as_json=as_json,
    )


@app.command()
def why(message: MessageId, as_json: AsJson = False) -> None:
    """Why a message is filed and linked as it is, and not else."""
    _answer("why", lambda reader, terminal: why_.why(reader, terminal, message), as_json=as_json)


@app.command()
def records(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[WORDS]...", help="A part of a name or an address.", show_default=False),
    ] = None,
    crm: Annotated[str | None, _option("--crm", "Only of this CRM.")] = None,
    skip: Annotated[int, _option("--skip", "Not the first so many.", min=0)] = 0,
    most: Most = MOST,
    as_json: AsJson = False,
) -> None:
    """Contacts, leads and deals of the CRMs."""
    text = " ".join(words or ())
    _answer(
        "records",
        lambda reader, terminal: records_.records(reader, terminal, text, crm=crm, most=most, skip=skip),
        as_json=as_json,
    )


@app.command()
def filters(address: Address, as_json: AsJson = False) -> None:
    """An account's filters, in their order."""
    _answer("filters", lambda reader, terminal: lists.filters(reader, terminal, address), as_json=as_json)


@app.command()
def folders(address: Address, as_json: AsJson = False) -> None:
    """An account's folders, with how many messages are in them."""
    _answer("folders", lambda reader, terminal: lists.folders(reader, terminal, address), as_json=as_json)


@app.command()
def quarantine(address: MaybeAddress = None, most: Most = MOST, as_json: AsJson = False) -> None:
    """What could not be taken from its server, and why."""
    _answer(
        "quarantine", lambda reader, terminal: lists.quarantine(reader, terminal, address, most=most), as_json=as_json
    )


@app.command()
def notices(address: MaybeAddress = None, most: Most = MOST, as_json: AsJson = False) -> None:
    """What people were told, and when."""
    _answer("notices", lambda reader, terminal: lists.notices(reader, terminal, address, most=most), as_json=as_json)


@app.command()
def connect(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.json", help="Settings; - is standard input.", show_default=False)
    ],
    as_json: AsJson = False,
) -> None:
    """Connect an account or a CRM, and say what came of it."""
    from console import workflows

    terminal = Terminal(as_json=as_json)
    _run("connect", workflows.connect(terminal, file), terminal)


@app.command()
def batch(
    command: Annotated[
        str, typer.Argument(metavar="COMMAND", help="As poll_now or enable: docs/reference.md.", show_default=False)
    ],
    query: Annotated[str, _option("--query", "Whom: a visibility query, as MailroomState = 'disabled'.")],
    given: Annotated[str | None, _option("--input", "The command's input.", metavar="JSON")] = None,
    dry_run: Annotated[bool, _option("--dry-run", "Only say whom it concerns.")] = False,
    yes: Annotated[bool, _option("--yes", "Do not ask first.")] = False,
    per_second: Annotated[
        float, typer.Option("--per-second", min=0.1, max=100, help="So many are asked a second.")
    ] = 5,
    as_json: AsJson = False,
) -> None:
    """Give a command to many, after a look at whom it concerns."""
    from console import workflows

    terminal = Terminal(as_json=as_json)
    wanted: dict[str, Any] = {"query": query, "given": given, "dry_run": dry_run, "confirmed": _asking(yes=yes)}
    _run("batch", workflows.batch(terminal, command, per_second=per_second, **wanted), terminal)


@app.command()
def erase(
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="Of the person, not of an account.", show_default=False)
    ],
    organisation: Annotated[
        str, typer.Option("--organisation", help="From whose mailboxes.", show_default=True)
    ] = "default",
    by: Annotated[str, typer.Option("--by", help="Who asks, for the log.", show_default=True)] = "operator",
    dry_run: Annotated[bool, _option("--dry-run", "Only say what there is.")] = False,
    yes: Annotated[bool, _option("--yes", "Do not ask first.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase a person, after a look at what goes and what stays."""
    from console import erasure

    terminal = Terminal(as_json=as_json)
    wanted: dict[str, Any] = {"organisation": organisation, "by": by, "dry_run": dry_run, "confirmed": _asking(yes=yes)}
    _run("erase", erasure.erase(terminal, address, **wanted), terminal)


def _asking(*, yes: bool) -> Callable[[str], bool]:
    """Asks whoever is at the terminal, unless they have said yes before."""

    def confirmed(question: str) -> bool:
        if yes:
            return True
        if not sys.stdin.isatty():
            raise Refused("not_confirmed", "nobody can be asked here: give --yes, after a look with --dry-run")
        return typer.confirm(question, err=True)

    return confirmed


def _passed_on(name: str, text: str, run: Callable[[list[str]], int]) -> None:
    """A command that has a module of its own, with arguments of its own."""

    @app.command(
        name,
        help=text,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
        add_help_option=False,
    )
    def passed_on(context: typer.Context) -> None:
        raise typer.Exit(run(list(context.args)))


def _vault(arguments: list[str]) -> int:
    from infra.vault.__main__ import run
    from infra.vault.vault import VaultError

    return commands.run("vault", run(arguments, os.environ), VaultError)


def _oauth(arguments: list[str]) -> int:
    from infra.oauth import __main__ as oauth

    return oauth.main(arguments)


def _attach(arguments: list[str]) -> int:
    from activities.attach import __main__ as attach

    return commands.run("attach", attach.run(arguments, os.environ))


def _draft(arguments: list[str]) -> int:
    from activities import draft

    return commands.run("draft", draft.run(arguments, os.environ))


def _search_attributes(arguments: list[str]) -> int:
    from infra import search_attributes

    if arguments:
        sys.stdout.write(
            "usage: mailroom search-attributes: registers them on the server of TEMPORAL_ADDRESS; no arguments\n"
        )
        return 0 if arguments in (["--help"], ["-h"]) else 2
    return search_attributes.main()


_passed_on("vault", "Set, list and delete the secrets of accounts and CRMs.", _vault)
_passed_on("oauth", "Connect a mailbox or a CRM by OAuth.", _oauth)
_passed_on("attach", "Store messages from .eml files.", _attach)
_passed_on("draft", "Store a message that is to be sent.", _draft)
_passed_on("search-attributes", "Register them on the Temporal server.", _search_attributes)


def main() -> int:
    try:
        app(prog_name="mailroom")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    return 0


if __name__ == "__main__":
    ended_with = main()
    if "temporalio" in sys.modules:
        from infra.temporal import client

        client.leave(ended_with)
    sys.exit(ended_with)
