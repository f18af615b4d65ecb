"""Who wrote a message: lists, notifiers and forms write From anew, and each in its own way."""

from __future__ import annotations

import pytest

from domain.message.authorship import form_author
from domain.message.index import IndexedMessage, index
from domain.privacy.rules import Privacy, withheld_by

JANE = "jane@shop.example"
OWN = frozenset([JANE])


def message(*header: str) -> IndexedMessage:
    return index("\r\n".join(["Date: Mon, 23 Nov 2026 10:00:00 +0100", *header, "", "Hello", ""]).encode())


LIST = ("To: group@lists.example", "List-Id: <group.lists.example>", "List-Post: <mailto:group@lists.example>")


@pytest.mark.requirement("R46")
@pytest.mark.parametrize(
    "header",
    [
        # getpatchwork/patchwork#64: author and list stand both in Reply-To
        ("Reply-To: Ann <ann@customer.example>, group@lists.example",),
        ("Reply-To: group@lists.example, ann@customer.example",),
        ("Reply-To: Group <GROUP@lists.example>\r\nReply-To: ann@customer.example",),
        # the list wants the answers itself, and the author stands in Cc
        ("Reply-To: group@lists.example", "Cc: Ann <ann@customer.example>"),
        ("Reply-To: group@lists.example", 'Cc: Bob <bob@customer.example>, "Ann" <ann@customer.example>'),
        ("X-Original-From: Ann <ann@customer.example>", "Reply-To: group@lists.example"),
    ],
)
def test_a_list_that_writes_from_anew_leaves_the_author_somewhere(header: tuple[str, ...]) -> None:
    found = message('From: "Ann via Group" <group@lists.example>', *LIST, *header)
    assert found.author == "ann@customer.example"
    assert found.traits["author"]["because"] == "list"
    assert found.kind == "list"


@pytest.mark.parametrize(
    "header",
    [
        ("Reply-To: group@lists.example",),
        ("Reply-To: ann@customer.example, bob@customer.example",),  # who of them?
        ("Cc: Bob <bob@customer.example>",),
        ("Cc: Ann <ann@customer.example>, Ann <ann@private.example>",),
        ("Cc: ann@customer.example",),  # nothing says that it is she
    ],
)
def test_where_nothing_tells_who_wrote_to_a_list_nobody_is_guessed(header: tuple[str, ...]) -> None:
    found = message('From: "Ann via Group" <group@lists.example>', *LIST, *header)
    assert found.author == "group@lists.example"


@pytest.mark.requirement("R46")
@pytest.mark.parametrize(
    "name",
    [
        "Ann via Gruppe",
        "Ann über Gruppe",  # fiedl/wingolfsplattform#135
        "Ann ueber Gruppe",
        "Ann vía Grupo",
        "Ann a través de Grupo",
        "Ann através de Grupo",
        "Ann par l'intermédiaire de Groupe",
        "Ann tramite Gruppo",
        "Ann przez Grupa",
        "Анна через Группа",
        "王小明 经由 小组",
        "アン経由グループ",
    ],
)
def test_via_is_said_in_many_languages(name: str) -> None:
    found = message(
        f"From: {name} <gruppe@verein.example>", "To: gruppe@verein.example", "Reply-To: ann@customer.example"
    )
    assert found.author == "ann@customer.example"


def test_the_from_that_a_rewriting_list_noted_counts_in_any_language() -> None:
    header = ("From: Ann yn Grwp <gruppe@verein.example>", "X-Original-From: Ann <ann@customer.example>")
    assert message(*header, "Reply-To: other@customer.example").author == "ann@customer.example"
    assert message(header[0], "Reply-To: other@customer.example").author == "gruppe@verein.example"


@pytest.mark.parametrize("name", ["Via Romano", "Oliver Via", "Xavier Perez", "Überall GmbH", "Ann Viaduct"])
def test_a_name_that_only_looks_like_via_is_a_name(name: str) -> None:
    assert (
        message(f"From: {name} <ann@customer.example>", "Reply-To: ann@private.example").author
        == "ann@customer.example"
    )


@pytest.mark.requirement("R46")
@pytest.mark.parametrize(
    "local",
    [
        "noreply",
        "no-reply",
        "no_reply",
        "do-not-reply",
        "donotreply",
        "noreply-1234",
        "noreply+abc",
        "notifications-noreply",
        "shop.noreply2",
        "webform",
        "web.form",
        "form",
        "contact-form",
        "contactform",
        "contact_form_7",
        "notification",
        "notify",
        "notifier-2",
        "mailer",
        "wordpress",
        "wordpress-forms",
        "kontaktformular",
        "formulaire",
    ],
)
def test_nobody_writes_from_the_address_of_a_notifier(local: str) -> None:
    found = message(f"From: Shop <{local}@forms.example>", f"To: {JANE}", "Reply-To: ann@customer.example")
    assert found.author == "ann@customer.example"
    assert found.traits["author"] == {
        "field": "reply-to",
        "address": "ann@customer.example",
        "from": f"{local}@forms.example",
        "because": "notifier",
    }


@pytest.mark.parametrize(
    "local",
    ["ann", "norepo", "norely.johnson", "formby", "ann.forman", "reply", "mailerson"],
)
def test_people_whose_address_only_looks_like_a_notifiers_are_authors(local: str) -> None:
    found = message(f"From: Ann <{local}@customer.example>", f"To: {JANE}", "Reply-To: ann@private.example")
    assert found.author == f"{local}@customer.example"


def test_of_two_from_fields_the_first_is_from() -> None:
    """zbateson/mail-mime-parser#74; mjl-/mox#459: what checks a sender looks at one of them."""
    found = message("From: Ann <ann@customer.example>", "From: Boss <boss@victim.example>")
    assert [who.normal for who in found.participants] == ["ann@customer.example"]
    assert found.parse_error == "only the first of several From fields is indexed"
    several = message("From: Ann <ann@customer.example>, Bob <bob@customer.example>")
    assert [who.normal for who in several.participants] == ["ann@customer.example", "bob@customer.example"]
    assert several.parse_error is None


def author_of_form(*header: str) -> str | None:
    found = message(*header)
    people = [(who.field, who.address, who.normal) for who in found.participants]
    written = form_author(found.from_address, people, OWN, found.traits)
    return written["address"] if written else None


@pytest.mark.requirement("R46")
@pytest.mark.parametrize(
    "header",
    [
        # freescout-help-desk/freescout#2833; faveosuite/faveo-helpdesk#72; BadChoice/handesk#295
        (f"From: Shop <{JANE}>", f"To: {JANE}"),
        (f"From: Ann <{JANE.upper()}>", f"To: Jane <{JANE}>, {JANE}"),
        ("From: Shop <info@shop.example>", f"To: {JANE}"),
        ("From: website@shop.example", f"To: {JANE}", "Cc: bob@shop.example"),
    ],
)
def test_a_form_was_filled_in_by_whom_it_is_answered_to(header: tuple[str, ...]) -> None:
    assert author_of_form(*header, "Reply-To: Ann <Ann@Customer.example>") == "Ann@Customer.example"


@pytest.mark.parametrize(
    "header",
    [
        (f"From: {JANE}", f"To: {JANE}"),  # a note to oneself
        (f"From: {JANE}", f"To: {JANE}", f"Reply-To: {JANE}"),
        (f"From: {JANE}", f"To: {JANE}", "Reply-To: bob@shop.example"),
        (f"From: {JANE}", f"To: {JANE}", "Reply-To: ann@customer.example, bob@customer.example"),
        (f"From: {JANE}", f"To: ann@customer.example, {JANE}", "Reply-To: jane@private.example"),  # a copy of her mail
        (f"From: {JANE}", "To: bob@shop.example", "Reply-To: jane@private.example"),  # to a colleague
        (f"From: {JANE}", "Reply-To: ann@customer.example"),
        ("From: bob.miller@shop.example", f"To: {JANE}", "Reply-To: bob@private.example"),  # a colleague
        ("From: ann@customer.example", f"To: {JANE}", "Reply-To: ann@private.example"),
        (f"From: {JANE}", f"To: {JANE}", "Reply-To: ann@customer.example", "List-Id: <l.shop.example>"),
        (f"To: {JANE}", "Reply-To: ann@customer.example"),
    ],
)
def test_what_is_no_form_is_written_by_its_from(header: tuple[str, ...]) -> None:
    assert author_of_form(*header) is None


def test_a_free_mail_domain_is_nobodys_organisation() -> None:
    people = [("from", "info@gmail.com", "info@gmail.com"), ("to", "jane@gmail.com", "jane@gmail.com")]
    people.append(("reply_to", "ann@customer.example", "ann@customer.example"))
    assert form_author("info@gmail.com", people, frozenset(["jane@gmail.com"]), {}) is None


def test_a_form_of_somebody_who_is_never_to_be_logged_is_kept_back() -> None:
    found = message(f"From: {JANE}", f"To: {JANE}", "Reply-To: ann@customer.example")
    rules = Privacy(never_log=("customer.example",))
    assert withheld_by(found, JANE, OWN, rules) == "never_log: customer.example"
    assert withheld_by(message(f"From: {JANE}", f"To: {JANE}"), JANE, OWN, rules) is None
