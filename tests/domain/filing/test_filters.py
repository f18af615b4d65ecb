"""Filters: what they match, what becomes of a message, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from domain.core.refusal import Refused
from domain.core.validation import parse
from domain.filing.evaluation import Readable, Saved, holds, place
from domain.filing.filters import Filter
from domain.filing.recommended import own_mail, own_mail_exactly, warnings
from domain.message.index import header_fields, index
from domain.mime.nesting import has_attachment

JANE = "jane@example.com"


def read(raw: bytes | str, *, spoofed: bool = False) -> Readable:
    raw = raw.encode() if isinstance(raw, str) else raw
    message = index(raw)
    return Readable(
        participants=message.participants,
        subject=message.subject,
        size=len(raw),
        own=frozenset({JANE}),
        headers=header_fields(raw),
        attached=lambda: has_attachment(raw),
        automatic=message.automatic,
        spoofed=spoofed,
    )


def given(
    *conditions: dict[str, Any], match: str = "all", actions: tuple[dict[str, Any], ...] = ({"move": "Archive"},)
) -> Filter:
    written = {"name": "a filter", "match": match, "conditions": list(conditions), "actions": list(actions)}
    return parse(Filter, written, what="save_filter")


def condition(field: str, operator: str, value: object, **more: object) -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value, **more}


def matches(raw: bytes | str | Readable, field: str, operator: str, value: object, **more: object) -> bool:
    mail = raw if isinstance(raw, Readable) else read(raw)
    return holds(given(condition(field, operator, value, **more)), mail)


LETTER = (
    "From: Anna Lind <Anna.Lind@Example.org>\nTo: jane@example.com, bob@example.net\nCc: eve@example.org\n"
    "Subject: Your Offer of Monday\nList-Id: Our list <ours.example.org>\nX-Priority: 1 (Highest)\n\nHello\n"
)


@pytest.mark.requirement("R35")
@pytest.mark.parametrize(
    ("field", "operator", "value", "holds"),
    [
        ("from", "contains", "anna.lind@", True),
        ("from", "contains", "LIND@example", True),
        ("from", "does_not_contain", "example.net", True),
        ("from", "is", "anna.lind@example.org", True),
        ("from", "is", "lind@example.org", False),
        ("from", "is_not", "lind@example.org", True),
        ("from", "starts_with", "ANNA", True),
        ("from", "ends_with", "@example.org", True),
        ("from", "matches", r"^anna\.\w+@", True),
        ("from", "contains", "Anna Lind", False),
        ("to", "is", "bob@example.net", True),
        ("to", "does_not_contain", "bob", False),
        ("to", "is_not", "bob@example.net", False),
        ("cc", "contains", "eve", True),
        ("to_or_cc", "contains", "eve", True),
        ("to", "contains", "eve", False),
        ("subject", "contains", "offer", True),
        ("subject", "is", "your offer of monday", True),
        ("subject", "starts_with", "offer", False),
        ("subject", "matches", r"offer of (mon|tues)day$", True),
        ("list_id", "contains", "ours.example", True),
        ("size", "greater_than", 10, True),
        ("size", "less_than", 10, False),
        ("has_attachment", "is", True, False),
        ("has_attachment", "is_not", True, True),
        ("own_address", "is", False, True),
        ("automatic", "is", True, True),
    ],
)
def test_each_operator_compares_as_it_says_in_large_or_small_letters(
    field: str, operator: str, value: object, holds: bool
) -> None:
    assert matches(LETTER, field, operator, value) is holds


@pytest.mark.requirement("R35")
@pytest.mark.parametrize(
    ("field", "operator", "kept"),
    [
        ("FROM", "contains", ("from", "contains")),
        ("From", "Does not contain", ("from", "does_not_contain")),
        ("list id", "is not", ("list_id", "is_not")),
        ("List-Id", "is-not", ("list_id", "is_not")),
        ("Subject", " STARTS  WITH ", ("subject", "starts_with")),
    ],
)
def test_fields_and_operators_may_be_typed_as_they_are_spoken(field: str, operator: str, kept: tuple[str, str]) -> None:
    [found] = given(condition(field, operator, "x")).conditions
    assert (found.field, found.operator) == kept


def test_any_header_can_be_asked_for_by_its_name() -> None:
    assert matches(LETTER, "header", "contains", "highest", header="x-priority")
    assert not matches(LETTER, "header", "contains", "highest", header="X-Other")
    assert matches(LETTER, "header", "does_not_contain", "highest", header="X-Other")
    encoded = "From: a@example.org\nX-Topic: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n\n"
    assert matches(encoded, "header", "is", "GRÜSSE", header="X-Topic")


@pytest.mark.requirement("R35")
@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("X-Priority", "X-Priority"),
        ("header:X-Priority", "X-Priority"),
        ("Header: Sender", "Sender"),
        (" Reply-To ", "Reply-To"),
    ],
)
def test_a_header_may_stand_for_the_field_itself(field: str, name: str) -> None:
    [found] = given(condition(field, "contains", "highest")).conditions
    assert (found.field, found.header) == ("header", name)


@pytest.mark.requirement("R35")
@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("has attachment", "true", True),
        ("own_address", "false", False),
        ("size", "1000", 1000),
        ("subject", "true", "true"),
    ],
)
def test_a_value_in_quotation_marks_is_what_its_field_takes(field: str, value: str, kept: object) -> None:
    [found] = given(condition(field, "is", value)).conditions
    assert found.value is kept or (found.value == kept and type(found.value) is type(kept))


def test_match_and_marks_may_be_typed_in_capitals() -> None:
    found = given(condition("subject", "is", "x"), match="Any", actions=({"mark": "Seen"},))
    assert (found.match, found.actions[0].mark) == ("any", "seen")


def test_a_negated_condition_holds_only_if_no_address_has_it() -> None:
    two = "From: a@example.org\nTo: jane@example.com, bob@example.net\n\n"
    assert not matches(two, "to", "is_not", JANE)
    assert matches(two, "cc", "is_not", JANE), "there is none at all"


@pytest.mark.requirement("R35")
def test_contains_an_address_also_matches_longer_ones_and_is_does_not() -> None:
    longer = "From: my.jane@example.com\n\n"
    assert matches(longer, "from", "contains", JANE)
    assert not matches(longer, "from", "is", JANE)


def test_a_name_that_looks_like_an_address_is_no_address() -> None:
    assert not matches('From: "jane@example.com" <eve@example.net>\n\n', "from", "contains", JANE)


def test_an_address_is_found_in_either_form_of_its_domain() -> None:
    for spelled in "From: jo@bücher.example\n\n", "From: jo@xn--bcher-kva.example\n\n":
        for asked in "jo@bücher.example", "JO@xn--bcher-kva.example":
            assert matches(spelled, "from", "is", asked)
        for domain in "@bücher.example", "@XN--BCHER-KVA.example", "BÜCHER.exa", "@bu\u0308cher.example":
            assert matches(spelled, "from", "contains", domain)
            assert not matches(spelled, "from", "does_not_contain", domain)
        assert matches(spelled, "from", "ends_with", "@bücher.example")
        assert matches(spelled, "from", "matches", "^jo@(bücher|books)[.]example$")
    assert not matches("From: jo@xn--zz.example\n\n", "from", "contains", "bücher")


@pytest.mark.parametrize(
    ("part", "attached"),
    [
        ('Content-Type: application/pdf\nContent-Disposition: attachment; filename="offer.pdf"', True),
        ('Content-Type: application/pdf;\n name="offer.pdf"', True),
        ('Content-Type: image/png; name="logo.png"\nContent-Disposition: inline', False),
        ("Content-Type: text/html", False),
    ],
)
def test_an_attachment_is_a_part_that_says_so_or_is_named_and_neither_text_nor_inline(
    part: str, attached: bool
) -> None:
    raw = (
        "From: a@example.org\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\n"
        f"Content-Disposition: attachment\n--x\n{part}\n\nabc\n--x--\n"
    )
    assert matches(raw, "has_attachment", "is", True) is attached


def test_all_any_and_always() -> None:
    yes, no = condition("subject", "contains", "offer"), condition("subject", "contains", "invoice")
    assert not holds(given(yes, no), read(LETTER))
    assert holds(given(yes, no, match="any"), read(LETTER))
    assert holds(given(match="always"), read(LETTER))


def saved(*filters: Filter | None) -> list[Saved]:
    return [Saved(number, 1, one) for number, one in enumerate(filters, 1)]


@pytest.mark.requirement("R32")
def test_without_a_filter_that_matches_mail_is_filed_in_the_inbox() -> None:
    assert place(read(LETTER), saved(given(condition("subject", "is", "else")))).folder == "Inbox"


@pytest.mark.requirement("R17")
def test_the_first_move_wins_labels_and_marks_add_up_and_stop_ends_it() -> None:
    found = place(
        read(LETTER),
        saved(
            given(match="always", actions=({"label": "offers"}, {"mark": "flagged"})),
            given(match="always", actions=({"move": "Customers"},)),
            given(match="always", actions=({"move": "archive"}, {"label": "2026"}, {"mark": "seen"}, {"stop": True})),
            given(match="always", actions=({"label": "never"},)),
        ),
    )
    assert (found.folder, found.labels, found.flags) == ("Customers", ("offers", "2026"), ("flagged", "seen"))
    assert [one["filter"] for one in found.by] == [1, 2, 3]


def test_a_filter_that_fails_is_left_out_and_told_and_the_others_go_on() -> None:
    found = place(read(LETTER), saved(None, given(match="always")))
    assert found.folder == "Archive"
    assert found.by == (
        {"filter": 1, "version": 1, "failed": "ValueError"},
        {"filter": 2, "version": 1},
    )


def test_a_filter_that_is_off_files_nothing() -> None:
    off = given(match="always").model_copy(update={"enabled": False})
    assert place(read(LETTER), saved(off)).by == ()


@pytest.mark.requirement("R39")
@pytest.mark.parametrize("way", ["Cc: jane@example.com", "Bcc: jane@example.com", "X-Forwarded-To: jane@example.com"])
def test_the_ready_made_filter_takes_own_mail_by_whatever_way_it_came(way: str) -> None:
    raw = f"From: Jane <jane@example.com>\nTo: anna@example.org\n{way}\n\n"
    for ready in own_mail([JANE]), own_mail_exactly():
        assert place(read(raw), saved(ready)).folder == "Sent"


def test_the_exact_one_leaves_longer_addresses_and_mail_that_only_claims_to_be_own() -> None:
    own = "From: jane@example.com\n\n"
    assert place(read(own, spoofed=True), saved(own_mail_exactly())).folder == "Inbox"
    assert place(read("From: my.jane@example.com\n\n"), saved(own_mail_exactly())).folder == "Inbox"
    assert place(read(own, spoofed=True), saved(own_mail([JANE]))).folder == "Sent", "as it is written"


@pytest.mark.requirement("R35")
def test_contains_an_own_address_is_warned_of() -> None:
    (told,) = warnings(own_mail([JANE]), [JANE])
    assert told == (
        "from contains jane@example.com also matches longer addresses, such as my.jane@example.com; "
        "from is jane@example.com would not"
    )
    assert warnings(given(condition("from", "contains", "JANE@example.com")), [JANE])
    assert not warnings(given(condition("from", "is", JANE)), [JANE])
    assert not warnings(given(condition("subject", "contains", JANE)), [JANE])


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(a", "missing )"),
        (r"(?=a)b", "invalid perl operator"),
        (r"(\w)\1", "invalid escape sequence"),
        ("((a{100}){100}){100}", "RE2 takes"),
        ("(a?){700}", "takes too long"),
        ("x" * 501, "more than 500 characters"),
    ],
)
def test_an_impossible_pattern_is_refused_in_words_that_do_not_repeat_it(pattern: str, said: str) -> None:
    with pytest.raises(Refused) as refused:
        given(condition("subject", "matches", pattern))
    assert said in refused.value.message
    assert pattern not in refused.value.message


@pytest.mark.parametrize("pattern", [r"^(a+)+$", r"(a|aa)+$", r"(.*a){50}x", r"((a*)*)*b", r"(a?){150}a{150}b"])
def test_a_pattern_that_would_never_end_elsewhere_ends_on_a_subject_of_a_megabyte(pattern: str) -> None:
    raw = b"From: a@example.org\nSubject: " + b"a" * (1 << 20) + b"!\n\n"
    huge = read(raw)
    for mail in huge, Readable(huge.participants, "a" * (1 << 20) + "!", 1, huge.own, huge.headers, huge.attached):
        holds(given(condition("subject", "matches", pattern)), mail)


SLOW = r"(a?){150}a{150}b"


def test_filters_that_would_take_too_long_on_a_message_are_left_out_and_told_and_the_others_go_on() -> None:
    slow = [condition("subject", "matches", f"{SLOW}{number}") for number in range(50)]
    own = f"From: {JANE}\nSubject: {'a' * 5000}\n\n"
    found = place(read(own), saved(given(*slow, match="any"), *[given(*slow[:3], match="any")] * 90, own_mail([JANE])))
    assert found.folder == "Sent"
    assert [one.get("failed") for one in found.by] == ["TooMuchWork"] * 91 + [None]


def test_a_message_to_ten_thousand_people_is_no_more_work_than_another() -> None:
    crowd = ", ".join(f"person{number}@example.org" for number in range(10_000))
    mail = read(f"From: {JANE}\nTo: {crowd}\nSubject: offer\n\n")
    for_each = [condition("to", "is", f"nobody{number}@example.org") for number in range(50)]
    found = place(mail, saved(*[given(*for_each, match="any")] * 98, own_mail([JANE])))
    assert mail.work.left > -1_000
    assert (found.folder, len(found.by)) == ("Sent", 99)
    assert matches(f"From: {JANE}\nTo: {crowd}\n\n", "to", "is", "person9999@example.org"), "alone it has room enough"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"name": ""}, "name"),
        ({"name": "two\nlines"}, "control characters"),
        ({"conditions": []}, "conditions is empty"),
        ({"match": "always"}, "takes no conditions"),
        ({"actions": []}, "actions is empty"),
        ({"actions": [{}]}, "must be one of"),
        ({"actions": [{"move": "Sent", "stop": True}]}, "must be one of"),
        ({"actions": [{"forward": "eve@example.net"}]}, "forward"),
        ({"actions": [{"move": " "}]}, "1 to 100 characters"),
        ({"actions": [{"move": "x" * 101}]}, "100 characters"),
        ({"actions": [{"move": "a\0b"}]}, "control characters"),
        ({"actions": [{"mark": "read"}]}, "mark"),
        ({"conditions": [condition("body", "contains", "x")]}, "field"),
        ({"conditions": [condition("from", "resembles", "x")]}, "operator"),
        ({"conditions": [condition("from", "contains", "")]}, "must be text"),
        ({"conditions": [condition("from", "contains", 5)]}, "must be text"),
        ({"conditions": [condition("size", "contains", 5)]}, "its operators are is"),
        ({"conditions": [condition("size", "is", True)]}, "a number of bytes"),
        ({"conditions": [condition("has_attachment", "is", "yes")]}, "true or false"),
        ({"conditions": [condition("header", "is", "x")]}, "needs the name of the header"),
        ({"conditions": [condition("from", "is", "x", header="X-A")]}, "takes no `header`"),
        ({"conditions": [condition("subject", "is", "x")] * 102}, "conditions"),
        ({"conditions": [condition("size", "is", "1" * 30)]}, "a number of bytes"),
        ({"conditions": [condition("header:", "is", "x")]}, "header"),
        ({"conditions": [condition("X-A b", "is", "x")]}, "header"),
        ({"conditions": [condition("X-A", "is", "x", header="X-B")]}, "field"),
        ({"conditions": [{"field": 5, "operator": "is", "value": "x"}]}, "field"),
        ({"conditions": ["from"]}, "conditions.0"),
        ({"match": 5}, "match"),
        ({"match": None}, "match"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(written: dict[str, Any], said: str) -> None:
    sound = {"name": "a", "conditions": [condition("subject", "is", "x")], "actions": [{"move": "Sent"}]}
    with pytest.raises(Refused) as refused:
        parse(Filter, sound | written, what="save_filter")
    assert said in refused.value.message


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (condition("size", "contains", 5), "operator"),
        (condition("has_attachment", "is", "maybe"), "value"),
        (condition("subject", "matches", "(a"), "value"),
        (condition("header", "is", "x"), "header"),
    ],
)
def test_a_refusal_names_the_part_of_a_condition_that_has_to_change(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refused:
        given(wrong)
    assert refused.value.refusal.field == f"conditions.0.{field}"


@pytest.mark.parametrize("name", ["sent", "SENT", " Sent "])
def test_the_names_of_the_folders_that_always_exist_are_compared_without_case(name: str) -> None:
    assert given(match="always", actions=({"move": name},)).actions[0].move == "Sent"
