"""The tables of docs/reference.md and its neighbours that follow from the code; `python -m tests.docs.reference` writes them.

Each stands between `<!-- generated: NAME -->` and `<!-- end -->`. Its first columns come from the models, the workflows and a
migrated database (DATABASE_URL); the last one or two are written by hand, in the page itself, and stay with their row.
"""

from __future__ import annotations

import ast
import json
import os
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, dataclass, fields
from types import ModuleType
from typing import Any

import psycopg
from pydantic import BaseModel

from domain.account.events import TYPES
from domain.core.commands import name_of
from domain.core.events import CommandRefused, Happened
from domain.crm import events as of_crms
from domain.crm import failures as crm
from domain.crm.commands import ForgetPerson
from domain.crm.settings import CrmSettings
from domain.failures import failure
from domain.failures.failure import Doubling, Fate, Kind, Limits, Steps
from domain.mailbox.settings import AccountSettings
from domain.sending import events as of_routes
from domain.sending import failures as sending
from domain.sending.message import OutgoingMessage
from domain.sending.settings import RouteSettings
from infra.settings import ROLES, WorkerSettings, _variable
from tests.docs.pages import ROOT
from workflows import contract
from workflows.account.mail_account import LIFE
from workflows.account.mail_commands import DESK
from workflows.crm.crm_connection import COMMANDS
from workflows.sending import send_message, sending_route

PAGES = [ROOT / "docs" / f"{page}.md" for page in ("reference", "production", "crm", "sending")]
MARKED = re.compile(r"(?P<begin><!-- generated: (?P<name>[^\n]+) -->\n)(?P<body>.*?)(?P<end><!-- end -->)", re.DOTALL)
CELLS = re.compile(r"(?<!\\)\|")
Row = tuple[str, ...]

OF_ACCOUNTS: tuple[type[BaseModel], ...] = (*LIFE, *DESK)
OF_CRMS: tuple[type[BaseModel], ...] = (*COMMANDS, ForgetPerson)

ACCOUNT = AccountSettings.model_validate(
    {"address": "jane@example.com", "incoming": {"host": "pop.example.com", "secret": "vault:jane"}}
)
CONNECTION = CrmSettings(
    name="sales", kind="tryton", url="https://crm.example.com/sales", secret="vault:sales-crm"
)  # with what a Tryton needs
ROUTE = RouteSettings.model_validate(
    {"address": "jane@example.com", "outgoing": {"host": "smtp.example.com", "secret": "vault:jane-smtp"}}
)
MESSAGE = OutgoingMessage.model_validate(
    {"request_id": "hello-1", "from": "jane@example.com", "draft": "5f0c0000-0000-4000-8000-000000000000"}
)


@dataclass(frozen=True)
class Table:
    """`rows` are the generated cells, of which the first is the row's name; `written` is how many columns people write."""

    headings: Row
    rows: Sequence[Row]
    written: int = 1

    def beside(self, before: str) -> str:
        """The table, each row with what was written beside it, in the order in which the rows stood; new ones come last."""
        old = {cells[0]: cells for line in before.splitlines() if (cells := _cells(line))}
        places = {name: place for place, name in enumerate(old)}
        rows = sorted(self.rows, key=lambda row: places.get(row[0], len(places)))
        written = [
            (*row, *(old[row[0]][-self.written :] if self.written and row[0] in old else ("",) * self.written))
            for row in rows
        ]
        rule = ("---",) * len(self.headings)
        return "\n".join([_line(self.headings), "|" + "|".join(rule) + "|", *map(_line, written)]) + "\n"


def _cells(line: str) -> Row:
    return tuple(cell.strip() for cell in CELLS.split(line.strip())[1:-1])


def _line(cells: Row) -> str:
    return f"| {' | '.join(cells)} |"


# What a field takes ---------------------------------------------------------------------------------------------------


def _takes(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    """The values of a field in words; "" where any text, or what its name says, is taken."""
    schema = definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    if "anyOf" in schema:
        return ", ".join(filter(None, (_takes(one, definitions) for one in schema["anyOf"])))
    if "const" in schema or "enum" in schema:
        return ", ".join(map(str, schema.get("enum", [schema.get("const")])))
    if schema.get("type") == "array" and "maxItems" in schema:
        return f"at most {schema['maxItems']:,}"
    least, most = schema.get("minimum"), schema.get("maximum", schema.get("exclusiveMaximum"))
    if least is not None and most is not None and most < 10**15:
        return f"{least:,}-{most:,}"
    return f"at least {least:,}" if least is not None and least != 1 else ""


def _inputs(model: type[BaseModel]) -> str:
    """The fields of a command: what each takes and, after a semicolon or alone, what it is where it is left out."""
    schema = model.model_json_schema()
    said = []
    for name, field in model.model_fields.items():
        given = schema["properties"][field.alias or name]
        if name == "by":
            continue
        facts = [_takes(given, schema.get("$defs", {}))]
        if not field.is_required():
            facts.append(json.dumps(given.get("default", [])))
        about = "; ".join(filter(None, facts))
        said.append(f"`{name}`{f' ({about})' if about else ''}")
    return ", ".join([*said, "`by`"] if "by" in model.model_fields else said)


def commands(models: Sequence[type[BaseModel]]) -> Table:
    rows = [(f"`{name_of(model)}`", _inputs(model)) for model in models]
    return Table(("command", "input", "answer", "by state"), rows, written=2)


def _settings(model: type[BaseModel], values: dict[str, Any], before: str = "") -> Iterator[Row]:
    schema = model.model_json_schema()
    for name, field in model.model_fields.items():
        given = values[name]
        name = field.alias or name
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _settings(kind, given, f"{before}{name}.")
            continue
        takes = _takes(schema["properties"][name], schema.get("$defs", {}))
        yield f"`{before}{name}`", "required" if field.is_required() else f"`{json.dumps(given)}`", takes


def settings(example: BaseModel, **left_out: str | None) -> Table:
    """`left_out` are fields of the example that have other values where they are left out."""
    rows = _settings(type(example), example.model_dump(mode="json") | left_out)
    return Table(("setting", "default", "takes", "means"), list(rows))


def as_json(example: BaseModel) -> str:
    """All settings of the example, broken between them: a name and its value stay on one line."""
    text = json.dumps(example.model_dump(mode="json"), separators=(", ", ":\0"))
    lines = textwrap.wrap(text, 118, subsequent_indent=" ", break_long_words=False, break_on_hyphens=False)
    return "\n".join(["```json", *lines, "```", ""]).replace("\0", " ")


def variables() -> Table:
    def default(of: Any) -> str:
        if of.default is MISSING:
            return "required"
        if of.default == frozenset(ROLES):
            return "all"
        return str(of.default) if of.default not in (None, "", ()) else "-"

    rows = [(f"`{_variable(each.name)}`", default(each)) for each in fields(WorkerSettings)]
    return Table(("variable", "default", "means"), rows)


# What is refused ------------------------------------------------------------------------------------------------------

OF_FIELDS = ("unknown_field", "missing_field", "invalid_field")  # what any command's input may be refused with
RAISED = ("Refused", "WorkerLacks", "PydanticCustomError")


def _raised(code: str) -> Iterator[str]:
    """The codes that are spelled out where something is refused."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(said)), *_]) if name in RAISED:
                yield said


def refusals() -> Table:
    """Those of commands and starts: `mailroom` and attaching say in words what they cannot do, and grants are no commands."""
    files = [file for part in ("domain", "activities", "workflows", "infra") for file in (ROOT / part).rglob("*.py")]
    elsewhere = (ROOT / "activities" / "attach", ROOT / "domain" / "oauth.py")
    codes = {
        code
        for file in files
        if not any(file.is_relative_to(place) for place in elsewhere)
        for code in _raised(file.read_text("utf-8"))
    }
    return Table(("code", "means", "what to do"), [(f"`{code}`",) for code in sorted({*codes, *OF_FIELDS})], written=2)


# What happens -----------------------------------------------------------------------------------------------------------


def _minutes(minutes: float) -> str:
    in_words = {60.0: "an hour", 360.0: "6 hours", 1440.0: "a day"}
    return in_words.get(minutes, f"{minutes:g} minute{'' if minutes == 1 else 's'}")


def _waits(fate: Fate) -> str:
    match fate.waits:
        case Steps(minutes=(one,)):
            return "once a day" if one == failure.A_DAY else f"every {_minutes(one)}"
        case Steps(minutes=steps):
            return f"{', '.join(f'{one:g}' for one in (*steps, steps[-1]))} ... minutes"
        case Doubling(first=first, most=most):
            return f"{'the interval' if first is None else _minutes(first)}, doubling to {_minutes(most)}"


def kinds(fates: dict[Kind, Fate], limits: Limits) -> Table:
    def state(fate: Fate) -> str:
        return "suspended" if fate.suspends else "active, then disabled" if fate.counts else "active"

    rows = [
        (
            f"`{kind}`",
            f"{fate.counts}, {getattr(limits, fate.counts)}" if fate.counts else "-",
            state(fate),
            _waits(fate),
        )
        for kind, fate in fates.items()
    ]
    return Table(("kind", "counts to", "state", "next attempt", "means"), rows)


def events(types: Sequence[type[Happened]]) -> Table:
    facts = {
        kind.__name__: [name for name in kind.model_fields if name not in Happened.model_fields]
        for kind in types
        if kind.in_log
    }
    rows = [(f"`{name}`", ", ".join(f"`{fact}`" for fact in found) or "-") for name, found in facts.items()]
    return Table(("event", "facts", "when"), rows)


def _of(module: ModuleType) -> list[type[Happened]]:
    own = [
        one
        for name, one in vars(module).items()
        if getattr(one, "__module__", "") == module.__name__ and name[0] != "_"
    ]
    return [CommandRefused, *own]


def search_attributes() -> Table:
    rows = [(f"`{key.name}`", key.indexed_value_type.name.title()) for key in contract.SEARCH_ATTRIBUTES]
    return Table(("search attribute", "type", "is"), rows)


# What the database shows --------------------------------------------------------------------------------------------------

SHOWN = ["notices", "not_relinked", "relinking", "withheld"]  # tables that people query as they are
COLUMNS = """
    select t.table_name, string_agg(c.column_name, ', ' order by c.ordinal_position)
    from information_schema.tables t join information_schema.columns c using (table_schema, table_name)
    where t.table_schema = 'mailroom' and (t.table_type = 'VIEW' or t.table_name = any(%s)) group by 1 order by 1
"""


def views(database_url: str) -> Table:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(COLUMNS, [SHOWN]).fetchall()
    return Table(("view", "columns", "means"), [(f"`{name}`", columns) for name, columns in rows])


def generated(database_url: str) -> dict[str, Callable[[str], str]]:
    """What writes each marked part, given what stands in it."""
    account, connection = as_json(ACCOUNT), as_json(CONNECTION)
    return {
        "commands of MailAccount": commands(OF_ACCOUNTS).beside,
        "commands of CrmConnection": commands(OF_CRMS).beside,
        "AccountSettings": settings(ACCOUNT).beside,
        "AccountSettings as JSON": lambda _: account,
        "CrmSettings": settings(CONNECTION, kind="builtin", url=None, secret=None).beside,
        "CrmSettings as JSON": lambda _: connection,
        "environment of a worker": variables().beside,
        "failures of mailboxes": kinds(failure.FATES, failure.LIMITS).beside,
        "failures of CRMs": kinds(crm.FATES, crm.LIMITS).beside,
        "refusals": refusals().beside,
        "events of an account": events(list(TYPES.values())).beside,
        "events of a CRM connection": events(_of(of_crms)).beside,
        "commands of SendingRoute": commands(sending_route.COMMANDS).beside,
        "commands of SendMessage": commands(send_message.COMMANDS).beside,
        "RouteSettings": settings(ROUTE).beside,
        "OutgoingMessage": settings(MESSAGE).beside,
        "failures of routes": kinds(sending.FATES, sending.LIMITS).beside,
        "events of a route": events(_of(of_routes)).beside,
        "search attributes": search_attributes().beside,
        "views": views(database_url).beside,
    }


def rewritten(page: str, parts: dict[str, Callable[[str], str]]) -> str:
    """The page with its marked parts as they are to be. Raises KeyError for a mark that nothing is generated for."""
    return MARKED.sub(lambda found: found["begin"] + parts[found["name"]](found["body"]) + found["end"], page)


def main() -> None:
    database_url = os.environ.get("DATABASE_URL")
    if not database_url:
        sys.exit("DATABASE_URL is not set: the views are read from a migrated database, such as that of `make run`")
    parts = generated(database_url)
    for page in PAGES:
        page.write_text(rewritten(page.read_text("utf-8"), parts), "utf-8")


if __name__ == "__main__":
    main()
