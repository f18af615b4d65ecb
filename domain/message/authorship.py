"""Who wrote a message, which is not always From, and what kind of mail it is."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Literal

from domain.bounces.automatic import FIELDS as AUTOMATIC_FIELDS
from domain.bounces.automatic import Values, answers_by_itself, is_automatic
from domain.bounces.envelope import Envelope, reports_expected
from domain.message.free_mail import FREE_MAIL
from domain.mime.addresses import mailboxes, normal_address

Kind = Literal["personal", "automatic", "list", "bounce", "receipt", "report"]

FIELDS = (
    *AUTOMATIC_FIELDS,
    "sender",
    "x-beenthere",
    "mailing-list",
    "x-mailing-list",
    "x-mailman-version",
    "x-ml-name",
    "list-help",
    "list-subscribe",
    "list-archive",
    "x-original-from",
    "x-original-sender",
    "x-failed-recipients",
    "resent-from",
    "resent-to",
    "resent-sender",
    "x-forwarded-for",
    "x-forwarded-to",
    "authentication-results",
)
_FORWARDED = ("resent-from", "resent-to", "resent-sender", "x-forwarded-for", "x-forwarded-to")
_OF_LISTS = ("list-id", "list-post", "x-beenthere", "mailing-list", "x-mailing-list", "x-mailman-version", "x-ml-name")
_OF_BULK_LISTS = (
    "list-help",
    "list-subscribe",
    "list-archive",
)  # newsletters have them too, but List-Unsubscribe alone more often
_LIST_FIELDS = frozenset((*_OF_LISTS, "precedence"))
_LIST_SENDER = re.compile(
    r"(?:\bowner-([^\s<>@,;:\"]{1,64})|([^\s<>@,;:\"]{1,64})-(?:bounces|owner|admin|request))@([^\s<>:;,?\"]{1,255})",
    re.IGNORECASE,
)
_LIST_ID = re.compile(r"<?([^\s<>@.]{1,64})\.([^\s<>@]{3,255})>?\s*$")
_ADDRESS = re.compile(r"[^\s<>:;,?\"]{1,64}@[^\s<>:;,?\"]{1,255}")
# Anna via Sign, in the words that services write for it; there are people called Via.
_VIA = re.compile(
    r"(?<=\S)\s+(?:via|über|ueber|vía|a través de|através de|par l'intermédiaire de|tramite|przez|через|genom)\s+(?=\S)"
    r"|(?<=\S)\s?(?:经由|通过|透過|経由)",
    re.IGNORECASE,
)
# Local parts of addresses that nobody writes from: anywhere in it, or as one of its words.
_NO_REPLY = re.compile(
    r"(?:no|do-?not|donot|never|nicht|ne-?pas)[-_.]?(?:reply|respond|antworten|repondre)|noresponder|nao-?responda"
)
_NOTIFIERS = """
    notification notifications notify notifier mailer form forms webform webforms contactform formmail formmailer wordpress
    kontaktformular formular formulaire formulario formulaires
"""
_NOTIFIER_WORDS = frozenset(_NOTIFIERS.split())
_PARTS = re.compile(r"[-_.+]|(?<=[a-z])(?=[0-9])")
# Local parts that an organisation's own web site sends its forms from.
_OFFICES = """
    info contact kontakt contacto contato office mail post web website webmaster www site shop store sales support service
    hello hallo admin anfrage anfragen enquiries enquiry inquiry bestellung order orders system server root daemon cms
"""
_OFFICE_WORDS = _NOTIFIER_WORDS | frozenset(_OFFICES.split())
FORM = "form"
MOST_FORWARDERS = 10  # addresses of one field


@dataclass(frozen=True, slots=True)
class From:
    """One mailbox of From or Reply-To."""

    name: str
    address: str
    normal: str


@dataclass(frozen=True, slots=True)
class Judged:
    """`author` in normal form; `traits` is what linking goes by besides, empty for an ordinary message."""

    author: str | None
    kind: Kind
    automatic: bool
    traits: dict[str, Any] = field(default_factory=dict)


def judge(
    raw: bytes,
    body_at: int,
    values: Values,
    names: AbstractSet[str],
    *,
    content_type: str,
    subject: str,
    authors: Sequence[From],
    replies: Sequence[From],
    copies: Sequence[From],
    null_sender: bool,
) -> Judged:
    """What the header (and of reports, the body) says; whose word it is, is for others to weigh."""
    traits: dict[str, Any] = {}
    lists = None if names.isdisjoint(_LIST_FIELDS) else _list_addresses(values)
    is_list = lists is not None
    if is_list:
        traits["list"] = sorted(lists or ())
    author = authors[0].normal if authors else None
    if authors and (written := _original(authors[0], replies, copies, values, lists)):
        author, traits["author"] = written
    if not names.isdisjoint(_FORWARDED) and (forwarded := _forwarded(values)):
        traits["forwarded"] = forwarded
    automatic = is_automatic(values, names, content_type, subject, null_sender=null_sender)
    kind: Kind = "list" if is_list else "automatic" if automatic else "personal"
    envelope = Envelope(
        sender=", ".join(values("from")[:1])[:1000],
        author=author,
        subject=subject,
        content_type=content_type,
        null_sender=null_sender,
        failed=", ".join(values("x-failed-recipients")[:1]),
        automatic=automatic,
        answer=lambda: answers_by_itself(values, subject),
        addressed=lambda: _addressed(values),
    )
    if reports_expected(envelope, raw, body_at):
        # Here, because the words of 39 languages take a third of a second to be made ready: most processes read no report.
        from domain.bounces.reports import read_report

        if report := read_report(raw, body_at, envelope, values("in-reply-to")):
            kind, facts = report
            traits |= facts
    return Judged(author, kind, automatic or kind not in ("personal", "automatic"), traits)


def _addressed(values: Values) -> frozenset[str]:
    """Whom a message was sent to: of a bounce, whoever sent what comes back."""
    found = mailboxes(", ".join(values("to")[:2]), MOST_FORWARDERS)
    return frozenset(normal for _, address in found if (normal := normal_address(address)))


def _list_addresses(values: Values) -> frozenset[str] | None:
    """The addresses of the list that a message came through; None where it came through none."""
    precedence = {value.strip().lower() for value in values("precedence")}
    if not (
        any(values(name) for name in _OF_LISTS)
        or "list" in precedence
        or ("bulk" in precedence and any(values(name) for name in _OF_BULK_LISTS))
        or ("bulk" in precedence and any(_LIST_SENDER.search(value) for value in values("sender")))
    ):
        return None
    named = ("list-post", "x-beenthere", "mailing-list", "x-mailing-list")
    found = [_ADDRESS.search(value) for name in named for value in values(name)]
    said = [one[0].removeprefix("mailto:") for one in found if one]
    said += [f"{one[1]}@{one[2]}" for value in values("list-id")[:1] if (one := _LIST_ID.search(value[-400:]))]
    said += [f"{one[1] or one[2]}@{one[3]}" for value in values("sender")[:1] if (one := _LIST_SENDER.search(value))]
    return frozenset(normal for address in said[:20] if (normal := normal_address(address)))


def _original(
    sender: From, replies: Sequence[From], copies: Sequence[From], values: Values, of_list: frozenset[str] | None
) -> tuple[str, dict[str, str]] | None:
    """Who wrote a message whose From a list or a notifier has written anew, and what says so; None where From stands."""
    lists = of_list or frozenset()
    originals = [
        (name, who, address)
        for name in ("x-original-from", "x-original-sender")
        for text in values(name)[:1]
        for who, address in mailboxes(text, 1)
    ]
    rewritten = sender.normal in lists or bool(_VIA.search(sender.name)) or _is_notifier(sender.normal)
    # "Ann yn Grwp" and "via" in any other language: whose name the new From begins with. Without, anybody could write it.
    kept = any(name == "x-original-from" and who and sender.name.startswith(who) for name, who, _ in originals)
    if not (rewritten or kept):
        return None
    candidates = [(name, address) for name, _, address in originals]
    if rewritten:
        # The list's own address may stand beside the author's: there answers go, too.
        persons = [one for one in replies if one.normal not in lists and one.normal != sender.normal]
        if len(persons) == 1:
            candidates.append(("reply-to", persons[0].address))
        # A list that wants the answers itself puts the author in Cc, where others may stand, too.
        name = _VIA.split(sender.name, maxsplit=1)[0].strip(" '\"")
        named = [one for one in copies if one.name.strip(" '\"").lower() == name.lower() != ""]
        if of_list is not None and len(named) == 1:
            candidates.append(("cc", named[0].address))
    for name, address in candidates:
        normal = normal_address(address)
        if normal and normal != sender.normal and normal not in lists:
            because = "list" if of_list is not None else "notifier"
            return normal, {"field": name, "address": address, "from": sender.normal, "because": because}
    return None


def _is_notifier(address: str) -> bool:
    local = address.partition("@")[0].lower()
    words = _PARTS.split(local)
    return bool(_NO_REPLY.search(local)) or not _NOTIFIER_WORDS.isdisjoint(words) or "contactform" in "".join(words)


def form_author(
    sender: str | None,
    participants: Iterable[tuple[str, str, str]],
    own: Collection[str],
    traits: Mapping[str, Any],
) -> dict[str, str] | None:
    """The trait `author` of a message that is a filled-in form: who filled it in, and what says so. None where it is none.

    A web site sends what was typed into its form from an address of its owner to that owner, and puts the customer in Reply-To:
    From is one of the account's `own` addresses, or an office of the organisation's domain, and nobody else gets it. Mail to
    oneself has no such Reply-To. `participants` are (field, address, normal form), `traits` what `judge` said of the message.
    """
    if sender is None or "list" in traits or not (is_form(traits) or "author" not in traits):
        return None
    domains = {address.rpartition("@")[2] for address in own} - FREE_MAIL

    def ours(address: str) -> bool:
        return address in own or address.rpartition("@")[2] in domains

    local = sender.partition("@")[0]
    office = ours(sender) and not _OFFICE_WORDS.isdisjoint(_PARTS.split(local))
    everybody = list(participants)
    to = [normal for name, _, normal in everybody if name in ("to", "cc", "bcc")]
    replies = {normal: address for name, address, normal in everybody if name == "reply_to"}
    if not to or len(replies) != 1 or not (sender in own or office):
        return None
    ((normal, address),) = replies.items()
    if ours(normal) or not all(one in own or (office and ours(one)) for one in to):
        return None
    return {"field": "reply-to", "address": address, "from": sender, "because": FORM}


def is_form(traits: Mapping[str, Any]) -> bool:
    """Whether a message is a filled-in form, as `form_author` told."""
    return bool(traits.get("author", {}).get("because") == FORM)


def author_of(traits: Mapping[str, Any], sender: str | None) -> str | None:
    """Who wrote a message, in normal form: `sender`, the first From address, where no trait says otherwise."""
    written = traits.get("author")
    return normal_address(written["address"]) if written else sender


def _forwarded(values: Values) -> dict[str, list[str]]:
    """Who sent it on, and to whom: never a reason to link, but evidence (R47)."""
    found = {}
    for name in _FORWARDED:
        text = ", ".join(values(name)[:5]).replace(" ", ", ") if name.startswith("x-") else ", ".join(values(name)[:5])
        said = [normal for _, address in mailboxes(text) if (normal := normal_address(address))]
        if said:
            found[name] = list(dict.fromkeys(said))[:MOST_FORWARDERS]
    return found
