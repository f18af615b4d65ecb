"""Who wrote a message, which is not always From, and what kind of mail it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Literal

from domain.addresses import mailboxes, normal_address
from domain.automatic import FIELDS as AUTOMATIC_FIELDS
from domain.automatic import Values, answers_by_itself, is_automatic
from domain.bounces import Envelope
from domain.reports import read_report

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
_VIA = re.compile(r"\S\s+via\s+\S", re.IGNORECASE)  # Anna via Sign; there are people called Via
_NOTIFIER = re.compile(
    r"(?:no|do-?not|donot)[-_.]?reply|notifications?|notify|mailer|forms?|contact-?form|wordpress", re.IGNORECASE
)
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
    null_sender: bool,
) -> Judged:
    """What the header (and of reports, the body) says; whose word it is, is for others to weigh."""
    traits: dict[str, Any] = {}
    lists = None if names.isdisjoint(_LIST_FIELDS) else _list_addresses(values)
    is_list = lists is not None
    if is_list:
        traits["list"] = sorted(lists or ())
    author = authors[0].normal if authors else None
    if authors and (written := _original(authors[0], replies, values, lists or frozenset(), is_list=is_list)):
        author, traits["author"] = written
    if forwarded := _forwarded(values):
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
    sender: From, replies: Sequence[From], values: Values, lists: frozenset[str], *, is_list: bool
) -> tuple[str, dict[str, str]] | None:
    """Who wrote a message whose From a list or a notifier has written anew, and what says so; None where From stands."""
    notifier = bool(_NOTIFIER.fullmatch(sender.normal.partition("@")[0]))
    if not (sender.normal in lists or notifier or _VIA.search(sender.name)):
        return None
    candidates: list[tuple[str, str]] = []
    for name in ("x-original-from", "x-original-sender"):
        candidates += [(name, address) for _, address in mailboxes(", ".join(values(name)[:1]))][:1]
    if len(replies) == 1:
        candidates.append(("reply-to", replies[0].address))
    for name, address in candidates:
        normal = normal_address(address)
        if normal and normal != sender.normal and normal not in lists:
            because = "list" if is_list else "notifier"
            return normal, {"field": name, "address": address, "from": sender.normal, "because": because}
    return None


def _forwarded(values: Values) -> dict[str, list[str]]:
    """Who sent it on, and to whom: never a reason to link, but evidence (R47)."""
    found = {}
    for name in _FORWARDED:
        text = ", ".join(values(name)[:5]).replace(" ", ", ") if name.startswith("x-") else ", ".join(values(name)[:5])
        said = [normal for _, address in mailboxes(text) if (normal := normal_address(address))]
        if said:
            found[name] = list(dict.fromkeys(said))[:MOST_FORWARDERS]
    return found
