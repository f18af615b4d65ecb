"""The layout: imports point one way, the domain has no I/O and no clock, and names that stand twice agree."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.common import SearchAttributeKey

from infra.search_attributes import SEARCH_ATTRIBUTES as REGISTERED
from workflows import contract

ROOT = Path(__file__).parent.parent

# What the files of each part may import of the project, besides their own part.
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "domain": (),
    "workflows": ("domain",),
    "activities": ("domain", "infra", "workflows.contract"),
    "infra": ("domain",),
    "worker": ("domain", "workflows", "activities", "infra"),
    "console": ("domain", "activities", "infra", "workflows.contract"),
}
# What the packages of each layer import of that layer: only what stands above them here, and all of that.
BELOW: dict[str, dict[str, str]] = {
    "domain": {
        "core": "",
        "settings_changes": "",
        "urls": "",
        "failures": "core",
        "mime": "",
        "bounces": "failures mime",
        "message": "bounces core mime",
        "filing": "core message mime",
        "mailbox": "core mime",
        "retrieval": "core failures mailbox message mime",
        "account": "core failures filing mailbox retrieval settings_changes",
        "directory": "core mime",
        "privacy": "core message mime",
        "linking": "core directory message privacy",
        "crm": "core directory failures linking message privacy urls",
        "reconciliation": "retrieval",
        "sending": "bounces core failures mailbox message mime",
        "oauth": "crm directory failures urls",
    },
    "activities": {
        "core": "",
        "pop": "",
        "smtp": "",
        "mailbox": "core pop",
        "storage": "mailbox",
        "linking": "core mailbox storage",
        "directory": "core linking",
        "crm": "core directory linking mailbox",
        "actions": "core crm directory linking",
        "filing": "core linking mailbox storage",
        "privacy": "core filing linking mailbox storage",
        "delivery": "filing linking mailbox privacy storage",
        "attach": "core crm delivery directory filing linking mailbox pop storage",
        "sending": "core delivery filing linking mailbox smtp storage",
        "draft": "sending",
        "account": "core crm linking sending",
        "search": "",
        "erasure": "core delivery directory filing linking search sending",
        "pauses": "core mailbox",
        "retrieval": "core crm delivery directory filing linking mailbox pop privacy storage",
        "reconciliation": "core mailbox pop retrieval",
        "registry": (
            "account actions crm directory erasure filing linking mailbox pop privacy reconciliation retrieval sending smtp"
        ),
    },
    "workflows": {
        "contract": "",
        "entity": "contract",
        "account": "contract entity",
        "crm": "contract entity",
        "erase_person": "contract entity",
        "stored_mail": "account contract entity",
        "reconcile": "contract entity",
        "sending": "contract entity",
    },
    "infra": {
        "settings": "",
        "watchdog": "",
        "database": "settings watchdog",
        "tasks": "",
        "temporal": "database settings",
        "telemetry": "database settings temporal",
        "network": "settings",
        "commands": "database settings",
        "vault": "commands database settings",
        "oauth": "commands database network settings vault watchdog",
        "search_attributes": "commands temporal",
        "dev": "database search_attributes settings vault",
        "migrate": "commands database settings",
        "notices": "database",
        "stacks": "tasks",
    },
}
PROJECT = {*MAY_IMPORT, "tests", "bench"}
NOT_IN_THE_DOMAIN = {"asyncio", "temporalio", "psycopg", "os", "pathlib", "time", "random", "subprocess"}
CLOCKS = {"now", "utcnow", "today"}


def sources(part: str) -> list[Path]:
    return [ROOT / "worker.py"] if part == "worker" else sorted((ROOT / part).rglob("*.py"))


def imports(code: str) -> Iterator[tuple[int, str]]:
    """Line and full name of all that is imported, wherever it stands; `from a import b` is `a.b`."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                origin = "." * level + (module or "")
                yield from ((node.lineno, f"{origin}.{alias.name}") for alias in names)


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def wrong_imports(part: str, code: str) -> list[tuple[int, str]]:
    """The imports by which a file of `part` reaches to where it may not."""
    allowed = (part, *MAY_IMPORT[part])
    return [
        (line, name)
        for line, name in imports(code)
        if name.startswith(".")
        or (name.split(".")[0] in PROJECT and not any(is_within(name, package) for package in allowed))
    ]


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_imports_point_one_way(part: str) -> None:
    files = sources(part)
    assert files
    wrong = {str(file.relative_to(ROOT)): found for file in files if (found := wrong_imports(part, file.read_text()))}
    assert wrong == {}


def package_of(file: Path, layer: str) -> str:
    return file.relative_to(ROOT / layer).parts[0].removesuffix(".py")


def imported_packages(layer: str, code: str) -> set[str]:
    """The packages of the layer that `code` imports from, wherever in it."""
    return {name.split(".")[1] for _, name in imports(code) if name.startswith(f"{layer}.")}


@pytest.mark.parametrize("layer", BELOW)
def test_the_picture_of_the_packages_is_what_they_import(layer: str) -> None:
    found: dict[str, set[str]] = {}
    for file in sources(layer):
        if file != ROOT / layer / "__init__.py" and "trytond_mailroom" not in file.parts:
            package = package_of(file, layer)
            found.setdefault(package, set()).update(imported_packages(layer, file.read_text()) - {package})
    assert {package: " ".join(sorted(below)) for package, below in found.items()} == BELOW[layer]


@pytest.mark.parametrize("layer", BELOW)
def test_a_package_imports_only_what_stands_above_it_in_the_picture(layer: str) -> None:
    seen: set[str] = set()
    for package, below in BELOW[layer].items():
        assert set(below.split()) <= seen, package
        seen.add(package)


def test_columns_of_rows_have_names() -> None:
    """The only column of a row may be its first."""
    by_number = re.compile(r"\brow\[[1-9]")
    files = [
        file for part in MAY_IMPORT for file in sources(part) if by_number.search(file.read_text(encoding="utf-8"))
    ]
    assert [str(file.relative_to(ROOT)) for file in files] == []


def test_advisory_locks_are_taken_in_one_file_only() -> None:
    files = [file for part in MAY_IMPORT for file in sources(part) if "advisory_" in file.read_text(encoding="utf-8")]
    assert [str(file.relative_to(ROOT)) for file in files] == ["infra/database/locks.py"]


def test_the_planner_is_told_things_in_one_file_only() -> None:
    told = re.compile(r"\benable_[a-z]+(?: =|\')")
    files = [file for part in MAY_IMPORT for file in sources(part) if told.search(file.read_text(encoding="utf-8"))]
    assert [str(file.relative_to(ROOT)) for file in files] == ["infra/database/planner.py"]


@pytest.mark.parametrize("layer", ["domain", "activities"])
def test_what_all_share_stays_small(layer: str) -> None:
    assert sum(len(file.read_text().splitlines()) for file in (ROOT / layer / "core").glob("*.py")) <= 600


def test_where_develop_md_says_a_question_is_answered_there_is_that_file_and_that_name() -> None:
    answers = re.findall(r"\| `([\w/]+\.py)`, `(\w+)` \|", (ROOT / "docs/develop.md").read_text(encoding="utf-8"))
    assert len(answers) == 6
    for file, name in answers:
        defined = ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8")))
        assert name in {
            node.name for node in defined if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        }


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ("domain", "import infra"),
        ("domain", "from workflows.contract import STATE"),
        ("domain", "def f():\n    import activities.delivery.deliver"),
        ("workflows", "from activities.delivery.deliver import deliver"),
        ("workflows", "from infra import database"),
        ("activities", "from workflows.account.mail_account import MailAccount"),
        ("activities", "from workflows.account import mail_account"),
        ("activities", "import worker"),
        ("infra", "from workflows import contract"),
        ("infra", "if TYPE_CHECKING:\n    from activities.retrieval.watch import Retrieval"),
        ("infra", "from . import vault"),
        ("worker", "from tests.support.services import Services"),
    ],
)
def test_an_import_that_points_the_other_way_is_found(part: str, code: str) -> None:
    assert wrong_imports(part, code)


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ("activities", "from workflows.contract import STATE"),
        ("activities", "from workflows import contract"),
        ("workflows", "import domain.account\nfrom workflows import contract"),
        ("domain", "import infrastructure"),
        ("worker", "from workflows.account.mail_account import MailAccount"),
    ],
)
def test_an_import_that_points_the_right_way_is_not_found(part: str, code: str) -> None:
    assert wrong_imports(part, code) == []


def test_every_python_file_belongs_to_a_part() -> None:
    parts = {path.name for path in ROOT.glob("*/") if any(path.glob("*.py")) and not path.name.startswith(".")}
    assert parts <= PROJECT
    assert {path.name for path in ROOT.glob("*.py")} == {"worker.py"}


@pytest.mark.parametrize("file", sources("domain"), ids=lambda file: file.stem)
def test_the_domain_has_no_io_and_no_clock(file: Path) -> None:
    code = file.read_text()
    assert [name for _, name in imports(code) if name.split(".")[0] in NOT_IN_THE_DOMAIN] == []
    asked_for_the_time = [
        node.lineno for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Attribute) and node.attr in CLOCKS
    ]
    assert asked_for_the_time == []
    assert not any(isinstance(node, ast.AsyncFunctionDef | ast.Await) for node in ast.walk(ast.parse(code)))


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_every_file_says_in_its_first_line_what_it_is_about(part: str) -> None:
    silent = [
        str(file.relative_to(ROOT)) for file in sources(part) if not ast.get_docstring(ast.parse(file.read_text()))
    ]
    assert silent == []


def test_the_search_attributes_that_are_set_are_those_that_are_registered() -> None:
    used = {key.name: key.indexed_value_type.name.title() for key in contract.SEARCH_ATTRIBUTES}
    assert used == dict(REGISTERED)


def test_every_search_attribute_of_the_contract_module_is_listed() -> None:
    named = {value.name for value in vars(contract).values() if isinstance(value, SearchAttributeKey)}
    assert named == {key.name for key in contract.SEARCH_ATTRIBUTES}
