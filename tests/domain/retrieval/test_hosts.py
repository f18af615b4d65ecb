"""The rules for many accounts at one host: whose turn it is beside neighbours, and what an outage of the whole host is."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from domain.retrieval.hosts import Asked, enable_all, is_outage, is_over, turn

HOST = "pop.example.com"
ALONE = Asked(
    refused=False,
    neighbours=False,
    sessions=0,
    refused_sessions=0,
    ahead=0,
    refused_ahead=0,
    waiting=0,
    quiet=None,
    early=0.0,
)
REFUSED = replace(ALONE, refused=True, neighbours=True, early=60.0)


def pause(asked: Asked, most: int = 8) -> float:
    """Seconds until it may ask again; 0: it may begin."""
    wait = turn(asked, HOST, most=most, minute_seconds=60.0)
    return wait.seconds if wait else 0.0


def test_a_session_begins_while_the_host_has_a_free_place() -> None:
    assert pause(replace(ALONE, sessions=7)) == 0
    assert pause(replace(ALONE, sessions=8)) > 0


def test_free_places_are_kept_for_those_who_came_first() -> None:
    assert pause(replace(ALONE, sessions=6, ahead=1, waiting=1)) == 0
    assert pause(replace(ALONE, sessions=6, ahead=2, waiting=2)) > 0
    assert pause(replace(ALONE, sessions=7, refused_ahead=5, waiting=5)) > 0
    assert pause(replace(ALONE, sessions=6, refused_ahead=5, waiting=5)) == 0, "refused accounts have one place at most"


def test_pauses_grow_with_the_queue_up_to_five_minutes() -> None:
    pauses = [pause(replace(ALONE, sessions=8, waiting=waiting)) for waiting in (0, 4, 40, 400, 4_000)]
    assert pauses == [1, 2, 11, 101, 300]


def test_a_refused_account_alone_at_its_host_waits_for_nobody() -> None:
    alone = replace(REFUSED, neighbours=False, quiet=0.0, refused_sessions=3)
    assert pause(alone) == 0
    assert pause(replace(alone, sessions=8)) > 0


def test_a_refused_account_is_not_tried_within_a_quarter_of_a_minute_of_a_refusal() -> None:
    assert pause(replace(REFUSED, quiet=5.0)) == 10
    assert pause(replace(REFUSED, quiet=15.0)) == 0
    assert pause(replace(REFUSED, quiet=14.9)) == 1, "nobody asks more than once a second"


def test_one_refused_account_has_a_session_at_a_time() -> None:
    assert pause(replace(REFUSED, sessions=1, refused_sessions=1)) > 0
    assert pause(replace(REFUSED, refused_ahead=1, waiting=1)) > 0
    assert pause(replace(ALONE, sessions=1, refused_sessions=1)) == 0


def test_a_refused_account_leaves_the_last_free_place_to_its_neighbours_until_it_has_waited_for_a_minute() -> None:
    assert pause(replace(REFUSED, sessions=7)) > 0
    assert pause(replace(REFUSED, sessions=7, early=-1.0)) == 0
    assert pause(replace(REFUSED, sessions=7, ahead=1, waiting=1, early=-1.0)) > 0
    assert pause(REFUSED, most=1) == 0, "where there is only one place, it is not always the last"


@pytest.mark.parametrize(
    ("failing", "looked", "is_one"), [(3, 3, True), (3, 6, True), (3, 7, False), (2, 2, False), (50, 100, True)]
)
def test_an_outage_is_when_at_least_three_accounts_and_half_of_them_do_not_reach_the_host(
    failing: int, looked: int, is_one: bool
) -> None:
    assert is_outage(failing, looked) is is_one


@pytest.mark.parametrize(
    ("reached", "watched", "over"),
    [(1, 1, True), (1, 2, True), (1, 3, False), (2, 3, True), (2, 100, False), (3, 100, True), (1, 0, True)],
)
def test_an_outage_is_over_when_three_accounts_or_half_of_a_few_got_through_since_the_last_failure(
    reached: int, watched: int, over: bool
) -> None:
    assert is_over(reached, watched) is over


def test_the_command_that_brings_all_back_names_the_host_and_spares_those_that_an_operator_disabled() -> None:
    command = enable_all(HOST)
    assert 'MailroomHost = "pop.example.com"' in command
    assert 'MailroomReason = "connection_failures"' in command


def test_the_command_to_paste_is_the_same_words_to_a_shell_whatever_the_host_is_called() -> None:
    words = shlex.split(enable_all("x' --yes; id; echo '"))
    assert words[:3] == ["temporal", "workflow", "signal"]
    assert words[-2:] == ["x' --yes; id; echo ' is back", "--yes"]
