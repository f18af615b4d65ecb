"""The layout: imports point one way, the domain has no I/O and no clock, and names that stand twice agree."""

from __future__ import annotations

import ast
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


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ("domain", "import infra"),
        ("domain", "from workflows.contract import STATE"),
        ("domain", "def f():\n    import activities.store"),
        ("workflows", "from activities.store import MailStore"),
        ("workflows", "from infra import database"),
        ("activities", "from workflows.mail_account import MailAccount"),
        ("activities", "from workflows import mail_account"),
        ("activities", "import worker"),
        ("infra", "from workflows import contract"),
        ("infra", "if TYPE_CHECKING:\n    from activities.retrieve import Retrieval"),
        ("infra", "from . import vault"),
        ("worker", "from tests.services import Services"),
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
        ("worker", "from workflows.mail_account import MailAccount"),
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
