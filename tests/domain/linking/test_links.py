"""Which records a message is linked to, and how."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.linking.evidence import facts, with_facts
from domain.linking.links import MOST_RECORDS, Owner, correspondents, link
from domain.linking.matches import Deal, DirectoryMatch, Matches
from domain.linking.model import Correspondence, Mail
from domain.linking.rules import Rules, loose
from domain.message.index import index
from domain.privacy.rules import Privacy

ANNA = DirectoryMatch("builtin", "contact", "c1", "anna@example.org")
ME = Owner("me@example.com", frozenset({"me@example.com", "m.e@example.com"}))


def message(*header: str, body: str = "") -> Mail:
    return Mail.of(index("\r\n".join([*header, "", body]).encode()))


def linked(
    mail: Mail,
    *matches: DirectoryMatch,
    folder: str = "Inbox",
    owner: Owner = ME,
    rules: Rules | None = None,
    deals: Sequence[Deal] = (),
    kept: Sequence[str] = (),
) -> list[Correspondence]:
    crms = {match.crm: rules or Rules() for match in matches}
    of_contacts: dict[tuple[str, str], list[Deal]] = {}
    for deal in deals:
        for contact in deal.contacts:
            of_contacts.setdefault((deal.crm, contact), []).append(deal)
    return link(
        mail, folder, owner, crms, Matches(matches), of_contacts, [("builtin", record_id) for record_id in kept]
    )


def record(kind: str, record_id: str, address: str, **more: Any) -> DirectoryMatch:
    return DirectoryMatch("builtin", kind, record_id, address, **more)


def ids(found: Sequence[Correspondence]) -> list[str]:
    return [one.record_id for one in found]


# --- whom a message is with


def test_received_mail_belongs_to_its_author_and_to_no_recipient() -> None:
    mail = message("From: Anna@Example.org", "To: me@example.com, bob@example.net", "Reply-To: x@example.net")
    assert [who.normal for who in correspondents(mail, "Inbox")] == ["anna@example.org"]


@pytest.mark.requirement("R30")
@pytest.mark.parametrize("field", ["To", "Cc", "Bcc"])
def test_sent_mail_belongs_to_every_recipient_and_not_only_to_the_first_in_to(field: str) -> None:
    mail = message("From: me@example.com", "To: bob@example.net", f"{field}: eve@example.net, anna@example.org")
    (found,) = linked(mail, ANNA, folder="Sent")
    assert (found.direction, found.evidence["field"]) == ("Sent", field.lower())


def test_a_link_says_by_which_field_address_and_rule_it_came_about() -> None:
    [found] = linked(message("From: Anna <Anna@Example.org>"), ANNA)
    assert (found.crm, found.record_kind, found.record_id) == ("builtin", "contact", "c1")
    assert found.direction == "Received"
    assert found.matched_address == "anna@example.org"
    assert found.evidence == {"field": "from", "address": "Anna@Example.org", "level": "exact", "rule": "address"}


@pytest.mark.requirement("R34")
def test_the_direction_is_sent_in_the_folder_sent_and_nowhere_else() -> None:
    mail = message("From: anna@example.org", "To: anna@example.org")
    directions = {
        folder: linked(mail, ANNA, folder=folder)[0].direction for folder in ("Inbox", "Sent", "Archive", "sent")
    }
    assert directions == {"Inbox": "Received", "Sent": "Sent", "Archive": "Received", "sent": "Received"}


def test_contacts_and_leads_with_the_same_address_are_each_linked_once() -> None:
    lead = record("lead", "l1", "anna@example.org")
    second_address = record("contact", "c1", "a.l@example.org", first=False)
    found = linked(message("From: anna@example.org, a.l@example.org"), ANNA, lead, second_address, ANNA)
    assert [(link.record_kind, link.matched_address) for link in found] == [
        ("contact", "anna@example.org"),
        ("lead", "anna@example.org"),
    ]


def test_the_same_record_id_in_another_crm_is_another_record() -> None:
    other = DirectoryMatch("tryton", "contact", "c1", "anna@example.org")
    assert [found.crm for found in linked(message("From: anna@example.org"), ANNA, other)] == ["builtin", "tryton"]


def test_matches_of_other_messages_of_the_batch_are_ignored() -> None:
    assert linked(message("From: bob@example.net"), ANNA) == []


def test_an_address_in_a_display_name_links_nobody() -> None:
    assert linked(message('From: "anna@example.org" <eve@example.net>'), ANNA) == []


@pytest.mark.requirement("R2")
def test_own_addresses_aliases_and_colleagues_are_removed_before_matching() -> None:
    everybody = [
        record("contact", "me", "me@example.com"),
        record("contact", "alias", "m.e@example.com"),
        record("contact", "colleague", "bob@example.com"),
        ANNA,
    ]
    mail = message("From: me@example.com", "To: me@example.com, m.e@example.com, bob@example.com, anna@example.org")
    owner = Owner("me@example.com", ME.own, {"bob@example.com"})
    assert ids(linked(mail, *everybody, folder="Sent", owner=owner)) == ["c1"]


def test_mail_among_people_of_the_own_domain_alone_is_not_linked() -> None:
    boss = record("contact", "boss", "boss@example.com")
    assert linked(message("From: boss@example.com", "To: me@example.com"), boss) == []
    assert ids(linked(message("From: boss@example.com", "To: me@example.com, anna@example.org"), boss)) == ["boss"]
    asked_for = Owner("me@example.com", ME.own, privacy=Privacy(internal="link"))
    assert ids(linked(message("From: boss@example.com", "To: me@example.com"), boss, owner=asked_for)) == ["boss"]


def test_two_people_of_a_free_mail_domain_are_not_of_one_organisation() -> None:
    owner = Owner("me@gmail.com", frozenset({"me@gmail.com"}))
    anna = record("contact", "c1", "anna@gmail.com")
    assert ids(linked(message("From: anna@gmail.com", "To: me@gmail.com"), anna, owner=owner)) == ["c1"]


def test_a_company_at_gmail_com_links_nobody_by_its_domain() -> None:
    company = record("contact", "acme", "info@gmail.com", first=False)
    assert linked(message("From: anna@gmail.com"), company, rules=Rules(subaddresses=True, gmail_dots=True)) == []


# --- how an address matches


def test_a_secondary_address_finds_the_record_and_the_evidence_says_so() -> None:
    [found] = linked(
        message("From: anna@home.example"), ANNA, record("contact", "c1", "anna@home.example", first=False)
    )
    assert found.evidence["level"] == "secondary"


@pytest.mark.parametrize(
    ("written", "known", "rules", "level"),
    [
        ("anna+news@example.org", "anna@example.org", Rules(), None),
        ("anna+news@example.org", "anna@example.org", Rules(subaddresses=True), "subaddress"),
        ("anna@example.org", "anna+crm@example.org", Rules(subaddresses=True), "subaddress"),
        ("a.nna@gmail.com", "anna@gmail.com", Rules(), None),
        ("a.nna@gmail.com", "anna@gmail.com", Rules(gmail_dots=True), "gmail"),
        ("anna@googlemail.com", "an.na@gmail.com", Rules(gmail_dots=True), "gmail"),
        ("anna+x@googlemail.com", "an.na@gmail.com", Rules(gmail_dots=True), None),
        ("anna+x@googlemail.com", "an.na@gmail.com", Rules(gmail_dots=True, subaddresses=True), "gmail"),
        ("an.na@example.org", "anna@example.org", Rules(gmail_dots=True, subaddresses=True), None),
        ("+anna@example.org", "+bob@example.org", Rules(subaddresses=True), None),
    ],
)
def test_further_levels_of_matching_are_opt_in_and_recorded(
    written: str, known: str, rules: Rules, level: str | None
) -> None:
    found = linked(message(f"From: {written}"), record("contact", "c1", known), rules=rules)
    assert [one.evidence["level"] for one in found] == ([level] if level else [])


@given(st.text(max_size=40), st.sampled_from(["gmail.com", "example.org", ""]))
def test_a_loose_form_is_its_own_loose_form(local: str, domain: str) -> None:
    once = loose(f"{local}@{domain}")
    assert loose(once) == once or "+" in once


@pytest.mark.requirement("R40")
@pytest.mark.parametrize("kind", ["contact", "lead", "candidate"])
@pytest.mark.parametrize("folder", ["Inbox", "Sent"])
def test_leads_and_candidates_are_linked_by_the_same_rule_as_contacts(kind: str, folder: str) -> None:
    mail = message("From: anna@example.org", "Cc: anna@example.org")
    assert ids(linked(mail, record(kind, "r1", "anna@example.org"), folder=folder)) == ["r1"]


def test_the_crms_rules_may_leave_out_leads_or_contacts() -> None:
    both = ANNA, record("lead", "l1", "anna@example.org")
    mail = message("From: anna@example.org")
    assert ids(linked(mail, *both, rules=Rules(records="contacts"))) == ["c1"]
    assert ids(linked(mail, *both, rules=Rules(records="leads"))) == ["l1"]


def test_contacts_come_before_open_leads_and_those_before_closed_ones() -> None:
    found = linked(
        message("From: anna@example.org"),
        record("lead", "closed", "anna@example.org", open=False),
        record("lead", "open", "anna@example.org"),
        ANNA,
    )
    assert ids(found) == ["c1", "open", "closed"]


def test_several_records_with_one_address_are_all_linked_and_flagged_ambiguous() -> None:
    found = linked(message("From: anna@example.org"), ANNA, record("contact", "c2", "anna@example.org"))
    assert ids(found) == ["c1", "c2"]
    assert [one.evidence["ambiguous"] for one in found] == [2, 2]


def test_of_several_ways_to_one_record_the_nearest_is_the_evidence_in_whatever_order_they_are_found() -> None:
    ways = [
        record("contact", "c1", "anna@gmail.com", via=("lead", "l1")),
        record("contact", "c1", "an.na@gmail.com"),
        record("contact", "c1", "anna+crm@gmail.com"),
        record("contact", "c1", "anna@gmail.com", first=False),
    ]
    rules = Rules(subaddresses=True, gmail_dots=True)
    for order in permutations(ways):
        [found] = linked(message("From: anna@gmail.com"), *order, rules=rules)
        assert found.evidence == {"field": "from", "address": "anna@gmail.com", "level": "secondary", "rule": "address"}


def test_of_a_thousand_records_with_one_address_so_many_are_linked_and_all_are_counted() -> None:
    found = linked(message("From: a@example.org"), *(record("lead", str(n), "a@example.org") for n in range(1000)))
    assert len(found) == MOST_RECORDS
    assert found[0].evidence["ambiguous"] == 1000


# --- deals


def test_a_deal_is_never_linked_by_address() -> None:
    assert linked(message("From: anna@example.org"), record("deal", "d1", "anna@example.org")) == []


def test_the_single_open_deal_of_a_contact_is_linked_and_the_evidence_names_the_contact() -> None:
    deals = [Deal("builtin", "d1", ("c1",), True), Deal("builtin", "d0", ("c1",), False)]
    _, deal = linked(message("From: anna@example.org"), ANNA, deals=deals)
    assert (deal.record_kind, deal.record_id) == ("deal", "d1")
    assert deal.evidence == {"rule": "deal", "contact": "c1"}


def test_of_several_open_deals_none_is_linked_by_itself() -> None:
    deals = [Deal("builtin", "d1", ("c1",), True), Deal("builtin", "d2", ("c1",), True)]
    assert ids(linked(message("From: anna@example.org"), ANNA, deals=deals)) == ["c1"]


def test_mail_stays_with_its_deal_when_that_is_closed_or_another_is_opened() -> None:
    deals = [Deal("builtin", "d1", ("c1",), False), Deal("builtin", "d2", ("c1",), True)]
    assert ids(linked(message("From: anna@example.org"), ANNA, deals=deals, kept=["d1"])) == ["c1", "d1"]


# --- special mail


def test_automatic_mail_is_linked_and_marked_so_or_left_out_if_the_crm_wants_none() -> None:
    mail = message("From: anna@example.org", "Auto-Submitted: auto-replied")
    [found] = linked(mail, ANNA)
    assert found.evidence["automatic"] is True
    assert linked(mail, ANNA, rules=Rules(automatic=False)) == []


LIST = ("List-Id: Developers <dev.lists.example.net>", "List-Post: <mailto:dev@lists.example.net>")


def test_mail_of_a_list_is_its_authors_and_never_the_lists() -> None:
    the_list = record("contact", "list", "dev@lists.example.net")
    plain = message("From: anna@example.org", "To: dev@lists.example.net", *LIST)
    rewritten = message("From: Anna via Dev <dev@lists.example.net>", "Reply-To: anna@example.org", *LIST)
    unknown = message("From: Anna via Dev <dev@lists.example.net>", "Reply-To: dev@lists.example.net", *LIST)
    [found] = linked(plain, ANNA, the_list)
    assert (found.record_id, found.evidence["list"]) == ("c1", True)
    [found] = linked(rewritten, ANNA, the_list)
    assert (found.record_id, found.evidence["field"]) == ("c1", "reply-to")
    assert found.evidence["from"] == "dev@lists.example.net"
    assert linked(unknown, ANNA, the_list) == []


def test_forwarded_mail_is_its_authors_and_not_the_forwarders() -> None:
    forwarder = record("contact", "forwarder", "eve@example.net")
    mail = message(
        "From: anna@example.org", "Resent-From: eve@example.net", "X-Forwarded-For: eve@example.net me@example.com"
    )
    [found] = linked(mail, ANNA, forwarder)
    assert (found.record_id, found.evidence["forwarded"]) == ("c1", True)


def test_received_mail_with_over_fifty_participants_links_its_author_alone_and_is_flagged() -> None:
    crowd = ", ".join(f"p{n}@example.net" for n in range(60))
    [found] = linked(message("From: anna@example.org", f"To: {crowd}"), ANNA, record("contact", "p1", "p1@example.net"))
    assert (found.record_id, found.evidence["many_participants"]) == ("c1", 61)


def test_sent_mail_links_each_of_its_recipients_however_many() -> None:
    crowd = ", ".join(f"p{n}@example.net" for n in range(5000))
    mail = message("From: me@example.com", f"To: {crowd}")
    found = linked(mail, *(record("contact", f"p{n}", f"p{n}@example.net") for n in range(5000)), folder="Sent")
    assert len(found) == 5000


@pytest.mark.parametrize("kind", ["delivery-status", "disposition-notification", "feedback-report"])
def test_a_report_links_nothing_of_its_own(kind: str) -> None:
    mail = message("From: anna@example.org", f"Content-Type: multipart/report; report-type={kind}; boundary=b")
    assert linked(mail, ANNA) == []


def test_never_log_and_private_people_are_left_out_and_the_others_are_linked() -> None:
    mail = message("To: anna@example.org, bob@secret.example, eve@sub.secret.example")
    people = ANNA, record("contact", "bob", "bob@secret.example"), record("contact", "eve", "eve@sub.secret.example")
    for privacy in Privacy(never_log=("secret.example",)), Privacy(private=("secret.example",)):
        owner = Owner("me@example.com", ME.own, privacy=privacy)
        assert ids(linked(mail, *people, folder="Sent", owner=owner)) == ["c1"]
    assert ids(linked(mail, *people, folder="Sent", rules=Rules(never_log=("bob@secret.example",)))) == ["c1", "eve"]


# --- what reports say


def bounced(address: str, severity: str | None) -> dict[str, Any]:
    recipient = {"addresses": [address], "action": "failed", "status": "5.1.1", "severity": severity}
    return {"bounce": {"recipients": [recipient]}}


def test_a_bounce_marks_the_correspondence_of_its_recipient_and_of_no_other() -> None:
    bob = record("contact", "bob", "bob@example.net")
    found = linked(message("To: anna@example.org, bob@example.net"), ANNA, bob, folder="Sent")
    said = facts("bounce", bounced("anna@example.org", "hard"), 7)
    marked = [with_facts(one, said).evidence.get("bounced") for one in found]
    assert marked == [{"by": 7, "severity": "hard", "status": "5.1.1"}, None]


def test_a_delay_marks_nothing() -> None:
    assert facts("bounce", bounced("anna@example.org", None), 7) == []
