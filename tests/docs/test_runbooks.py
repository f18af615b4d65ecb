"""What an operator opens at 3 a.m. has one form, and is found by the words that `mailroom accounts --failing` and the UI show."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from domain.account.lifecycle import State
from domain.account.warnings import NOTICED
from domain.crm import failures as crm
from domain.failures import failure
from domain.reconciliation import FAULTS
from domain.sending import failures as sending
from tests.docs.pages import ROOT

HEADS = ["Symptom", "Urgent?", "Check", "Do", "Why"]
# The pages with entries, and how many each has: one that loses its form is not left out in silence.
ENTRIES = {
    "failures": 17,
    "crm": 8,
    "hosts": 3,
    "quarantine": 7,
    "reconcile": 7,
    "production": 3,
    "oauth": 5,
    "sending": 3,
}
HEALTHY = {State.VERIFYING, State.ACTIVE, State.CLOSED}
REASONS = ("authentication_failures", "connection_failures", "operator")


def text(page: str) -> str:
    return (ROOT / "docs" / f"{page}.md").read_text("utf-8")


def entries(page: str) -> Iterator[tuple[str, str]]:
    """Headings with what stands below them, of those that have a symptom."""
    for part in re.split(r"^##+ ", text(page), flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        if any(f"**{head}" in body for head in HEADS):
            yield heading, body


def found_by(page: str) -> str:
    """The tables of a page that lead to entries."""
    return "\n".join(line for line in text(page).splitlines() if line.startswith("|") and "](" in line)


@pytest.mark.parametrize("page", ENTRIES)
def test_an_entry_has_symptom_urgency_check_remedy_and_reason_in_that_order(page: str) -> None:
    heads = {
        heading: re.findall(r"^- \*\*([A-Z][a-z]+\??)\*\*", body, flags=re.MULTILINE) for heading, body in entries(page)
    }
    assert {heading: found for heading, found in heads.items() if found != HEADS} == {}
    assert len(heads) == ENTRIES[page]


@pytest.mark.parametrize("page", ENTRIES)
def test_an_entry_is_in_a_table_of_symptoms(page: str) -> None:
    headings = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading, _ in entries(page)]
    places = "\n".join(found_by(one) for one in ENTRIES)
    missing = [anchor for anchor in headings if f"(#{anchor})" not in places and f"{page}.md#{anchor})" not in places]
    assert missing == []


def test_every_state_reason_and_kind_of_an_account_is_found_in_failures() -> None:
    shown = [state for state in State if state not in HEALTHY]
    words = {*map(str, shown), *REASONS, *map(str, failure.FATES), *NOTICED, "unwatched", "host_outage", "stuck"}
    table = found_by("failures")
    assert {word for word in words if word not in table} == set()


def test_every_kind_of_a_crm_is_found_on_its_page() -> None:
    table = found_by("crm")
    assert {word for word in (*map(str, crm.FATES), *REASONS, "stuck") if word not in table} == set()


def test_every_kind_of_a_route_is_found_on_its_page() -> None:
    table = found_by("sending")
    grounds = {kind for kind, fate in sending.FATES.items() if fate.suspends} | {"connection"}
    assert {word for word in (*map(str, grounds), *REASONS) if word not in table} == set()


def test_every_difference_that_a_reconciliation_finds_is_found_on_its_page() -> None:
    table = found_by("reconcile")
    assert {fault for fault in FAULTS if fault not in table} == set()
