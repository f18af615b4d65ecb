"""Which records a message is linked to, and how."""

from __future__ import annotations

from domain.linking import DirectoryMatch, Mail, Owner, correspondents, link
from domain.message import index

ANNA = DirectoryMatch("builtin", "contact", "c1", "anna@example.org")


ME = Owner("me@example.com", frozenset({"me@example.com"}))


def message(*header: str) -> Mail:
    return Mail.of(index("\r\n".join([*header, "", ""]).encode()))


def test_received_mail_belongs_to_its_author_and_to_no_recipient() -> None:
    mail = message("From: Anna@Example.org", "To: me@example.com, bob@example.net", "Reply-To: x@example.net")
    assert [who.normal for who in correspondents(mail, "Inbox")] == ["anna@example.org"]


def test_sent_mail_belongs_to_every_recipient() -> None:
    mail = message("From: me@example.com", "To: anna@example.org", "Cc: bob@example.net", "Bcc: eve@example.net")
    assert [who.normal[:3] for who in correspondents(mail, "Sent")] == ["ann", "bob", "eve"]


def test_a_link_says_by_which_field_address_and_rule_it_came_about() -> None:
    [found] = link(message("From: Anna <Anna@Example.org>"), "Inbox", ME, [ANNA])
    assert (found.crm, found.record_kind, found.record_id) == ("builtin", "contact", "c1")
    assert found.direction == "Received"
    assert found.matched_address == "anna@example.org"
    assert found.evidence == {"field": "from", "address": "Anna@Example.org", "level": "exact", "rule": "address"}


def test_the_direction_is_sent_in_the_folder_sent_and_nowhere_else() -> None:
    mail = message("From: anna@example.org", "To: anna@example.org")
    directions = {
        folder: link(mail, folder, ME, [ANNA])[0].direction for folder in ("Inbox", "Sent", "Archive", "sent")
    }
    assert directions == {"Inbox": "Received", "Sent": "Sent", "Archive": "Received", "sent": "Received"}


def test_contacts_and_leads_with_the_same_address_are_each_linked_once() -> None:
    lead = DirectoryMatch("builtin", "lead", "l1", "anna@example.org")
    second_address = DirectoryMatch("builtin", "contact", "c1", "a.l@example.org")
    mail = message("From: anna@example.org, a.l@example.org")
    found = link(mail, "Inbox", ME, [ANNA, lead, second_address, ANNA])
    assert [(link.record_kind, link.matched_address) for link in found] == [
        ("contact", "anna@example.org"),
        ("lead", "anna@example.org"),
    ]


def test_the_same_record_id_in_another_crm_is_another_record() -> None:
    other = DirectoryMatch("tryton", "contact", "c1", "anna@example.org")
    assert [found.crm for found in link(message("From: anna@example.org"), "Inbox", ME, [ANNA, other])] == [
        "builtin",
        "tryton",
    ]


def test_a_deal_is_never_linked_by_address() -> None:
    deal = DirectoryMatch("builtin", "deal", "d1", "anna@example.org")
    assert link(message("From: anna@example.org"), "Inbox", ME, [deal]) == []


def test_matches_of_other_messages_of_the_batch_are_ignored() -> None:
    assert link(message("From: bob@example.net"), "Inbox", ME, [ANNA]) == []


def test_an_address_in_a_display_name_links_nobody() -> None:
    assert link(message('From: "anna@example.org" <eve@example.net>'), "Inbox", ME, [ANNA]) == []


def test_automatic_mail_is_linked_and_marked_so() -> None:
    [found] = link(message("From: anna@example.org", "Auto-Submitted: auto-replied"), "Inbox", ME, [ANNA])
    assert found.evidence["automatic"] is True
