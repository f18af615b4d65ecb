"""The reference says what the code and a migrated database say, and something of every name that they have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from temporalio import workflow

from domain.crm.settings import CrmSettings
from domain.mailbox.settings import AccountSettings
from tests.docs import reference
from workflows.account.mail_account import MailAccount
from workflows.crm.crm_connection import CrmConnection

WRITE = "write it anew: DATABASE_URL=... python -m tests.docs.reference"


def rows(name: str) -> list[tuple[str, ...]]:
    """The rows of a marked table, without its headings."""
    texts = "\n".join(page.read_text("utf-8") for page in reference.PAGES)
    (body,) = (found["body"] for found in reference.MARKED.finditer(texts) if found["name"] == name)
    return [cells for line in body.splitlines() if (cells := reference._cells(line))][2:]


@pytest.mark.parametrize("page", reference.PAGES, ids=lambda page: str(page.name))
def test_the_generated_parts_of_a_page_are_what_the_code_says(page: Path, database_url: str) -> None:
    text = page.read_text("utf-8")
    assert reference.rewritten(page.read_text("utf-8"), reference.generated(database_url)) == text, WRITE


def test_each_part_that_is_generated_stands_on_one_page(database_url: str) -> None:
    texts = "\n".join(page.read_text("utf-8") for page in reference.PAGES)
    assert sorted(found["name"] for found in reference.MARKED.finditer(texts)) == sorted(
        reference.generated(database_url)
    )


def test_something_is_written_of_every_name(database_url: str) -> None:
    names = [name for name in reference.generated(database_url) if "JSON" not in name]
    two = ("commands of MailAccount", "commands of CrmConnection", "refusals")
    silent = [cells[0] for name in names for cells in rows(name) if not all(cells[-2 if name in two else -1 :])]
    assert silent == []


@pytest.mark.parametrize(("owner", "name"), [(MailAccount, "MailAccount"), (CrmConnection, "CrmConnection")])
def test_every_update_of_a_workflow_is_in_its_table(owner: type, name: str) -> None:
    updates = workflow._Definition.must_from_class(owner).updates
    assert {cells[0].strip("`") for cells in rows(f"commands of {name}")} == {update for update in updates if update}


@pytest.mark.parametrize("example", [reference.ACCOUNT, reference.CONNECTION])
def test_the_settings_that_are_shown_can_be_given(example: AccountSettings | CrmSettings) -> None:
    shown = reference.as_json(example).removeprefix("```json\n").removesuffix("```\n")
    assert type(example).model_validate(json.loads(shown), strict=False) == example


def test_what_people_wrote_stays_with_its_row_and_a_new_row_comes_last() -> None:
    before = "| name | is | means |\n|---|---|---|\n| `b` | 1 | of b |\n| `gone` | 1 | of gone |\n| `a` | 1 | of a |\n"
    table = reference.Table(("name", "is", "means"), [("`a`", "2"), ("`b`", "2"), ("`new`", "2")])
    assert table.beside(before) == (
        "| name | is | means |\n|---|---|---|\n| `b` | 2 | of b |\n| `a` | 2 | of a |\n| `new` | 2 |  |\n"
    )
