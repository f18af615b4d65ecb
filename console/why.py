"""Why a message is where it is: where it came from, how it was filed, what it is linked to and what not, what CRMs were told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from console.messages import message
from console.reading import Reader
from console.terminal import Column, Row, Terminal, shown
from domain.linking.kept_out import kept_out
from domain.linking.rules import as_rules
from domain.mime.addresses import normal_address
from domain.privacy.rules import Privacy
from domain.retrieval.plan import ATTACHED

SOURCE = """
    select epoch, uidl, state, first_seen_at, stored_at, deleted_at, vanished_at, reason from ledger
    where address = %(address)s and uidl = %(uidl)s order by epoch desc limit 1
"""
COPIES = """
    select o.id, o.address, o.folder from mail m join mail o on o.identity = m.identity and o.id <> m.id
    where m.id = %(id)s order by o.id limit 20
"""
FILED = """
    select f.name, f.version, coalesce((one ->> 'failed')::text, '') as failed
    from messages m cross join lateral jsonb_array_elements(m.filed) with ordinality as listed (one, n)
    left join filter_versions f on f.filter = (one ->> 'filter')::bigint and f.version = (one ->> 'version')::integer
    where m.id = %(id)s order by n
"""
REFILED = """
    select r.before, r.after, e.at, e.actor, e.type from refilings r
    left join lateral (
        -- A command that works in pages has an event of its own for each, which says whose it is.
        select e.at, e.actor, e.type, e.version from account_events e
        where e.address = r.address and (e.event_id = r.run or e.data ->> 'run' = r.run::text) order by e.version limit 1
    ) e on true
    where r.message = %(id)s order by e.version
"""
AUTHOR = "select author, kind, traits from message_traits where message = %(id)s"
LINKS = """
    select l.crm, l.record_kind, l.record_id, d.name, l.direction, l.matched_address, l.source, l.evidence, l.unlinked_at
    from correspondence l left join directory d using (crm, record_kind, record_id)
    where l.message = %(id)s order by l.unlinked_at nulls first, l.crm, l.record_kind, l.record_id
"""
DECIDED = "select crm, record_kind, record_id, decision, by, at from link_decisions where message = %(id)s"
PRIVATE = "select by, at from private_messages where message = %(id)s"
# Whom it is with, and which records have that address, in the CRMs of its account or in others.
PEOPLE = """
    with people as (
        select distinct who ->> 'normal' as address from mail m cross join lateral jsonb_array_elements(m.participants) who
        where m.id = %(id)s and who ->> 'normal' <> ''
    ), theirs as (
        select crm, organisation, aliases, owner from accounts_recorded where address = %(address)s
    )
    select p.address, d.crm, d.record_kind, d.record_id, d.name,
        (d.crm is not null and not d.crm = any(coalesce((select crm from theirs), '{}'))) as of_another_crm,
        (p.address = %(address)s or p.address = any(coalesce((select aliases from theirs), '{}'))) as own,
        exists (select from accounts_recorded a where a.address = p.address or p.address = any(a.aliases)) as colleague
    from people p
    left join lateral (
        select crm, record_kind, record_id, d.name
        from record_addresses a join directory d using (crm, record_kind, record_id) where a.address = p.address
    ) d on true
    order by p.address, d.crm, d.record_kind, d.record_id
"""
PENDING = """
    select r.crm, r.cause, r.asked_at from relinking r join mail m on m.id = %(id)s
    where r.account = m.address or r.participant = any(m.addresses) order by r.id limit 20
"""
RULES = """
    select coalesce((select rules from account_privacy where address = %(address)s), '{}') as privacy,
        coalesce((select jsonb_object_agg(name, linking) from crms), '{}') as crms,
        coalesce((select automatic from mail where id = %(id)s), false) as automatic
"""
FAILED = "select crm, cause, error, at from not_relinked where message = %(id)s"
HINTS = "select code, text from hints where message = %(id)s"
TOLD = """
    select o.crm, o.record_kind, o.record_id, o.direction, o.state, o.failure, o.last_error, o.delivered_at, o.next_attempt_at
    from mail m join entries o using (identity)
    where m.id = %(id)s order by o.crm, o.record_kind, o.record_id
"""
BY_A_RULE = "a rule of the account or of the CRM keeps it out: docs/linking.md, Rules"
NOT_LINKED = {"bounce": "a bounce", "receipt": "a receipt", "report": "an abuse report"}


async def why(reader: Reader, terminal: Terminal, number: int) -> None:
    row = await message(reader, number)
    found: dict[str, Any] = {
        "message": row,
        "came": await reader.row(SOURCE, address=row["address"], uidl=row["uidl"]),
        "copies": await reader.rows(COPIES, id=number),
        "filters": await reader.rows(FILED, id=number),
        "refiled": await reader.rows(REFILED, id=number),
        "author": await reader.row(AUTHOR, id=number),
        "links": await reader.rows(LINKS, id=number),
        "decided": await reader.rows(DECIDED, id=number),
        "private": await reader.row(PRIVATE, id=number),
        "people": await reader.rows(PEOPLE, id=number, address=row["address"]),
        "pending": await reader.rows(PENDING, id=number),
        "failed": await reader.rows(FAILED, id=number),
        "hints": await reader.rows(HINTS, id=number),
        "told": await reader.rows(TOLD, id=number),
    }
    rules = await reader.row(RULES, id=number, address=row["address"])
    assert rules is not None
    for one in found["people"]:
        one["kept_out"] = _kept_out(one, row["address"], rules)
    found["not_linked"] = [{"who": who, "because": because} for who, because in not_linked(found)]
    terminal.answer(found, lambda: _show(terminal, found))


def _show(terminal: Terminal, found: Mapping[str, Any]) -> None:
    row = found["message"]
    terminal.line(f"message {row['id']}: {row['subject'] or '(no subject)'}")
    terminal.heading("Where it came from")
    for line in _came(found):
        terminal.line(line, indent=2)
    terminal.heading("How it was filed")
    for line in _filed(found):
        terminal.line(line, indent=2)
    terminal.heading("Linked to")
    linked = [one for one in found["links"] if one["unlinked_at"] is None]
    terminal.table(linked, _LINKS, empty="  nothing")
    terminal.heading("Not linked to")
    for who, because in not_linked(found):
        terminal.line(f"{who}: {because}" if who else because, indent=2)
    for hint in found["hints"]:
        terminal.line(hint["text"], indent=2)
    terminal.heading("What CRMs were told")
    terminal.table(found["told"], _TOLD, empty="  nothing")


def _came(found: Mapping[str, Any]) -> Iterable[str]:
    came, row = found["came"], found["message"]
    if came is None or came["epoch"] == ATTACHED:
        yield f"attached by hand to {row['address']}, {shown(row['stored_at'])}"
    else:
        when = f"first listed {shown(came['first_seen_at'])}, stored {shown(came['stored_at'])}"
        yield f"{row['address']}, by POP, UIDL {came['uidl']}: {when}"
        if came["deleted_at"]:
            yield f"deleted on the server {shown(came['deleted_at'])}"
        elif came["vanished_at"]:
            yield f"gone from the server since {shown(came['vanished_at'])}, though nobody here asked for that"
    for copy in found["copies"]:
        yield f"the same message is {copy['id']} of {copy['address']}, in {copy['folder']}"
    author = found["author"]
    if author:
        because = (author["traits"].get("author") or {}).get("because")
        kind = "" if author["kind"] == "personal" else f", {author['kind']}"
        yield f"written by {author['author'] or '(nobody is named)'}{f', because of {because}' if because else ''}{kind}"


def _filed(found: Mapping[str, Any]) -> Iterable[str]:
    row = found["message"]
    yield ", ".join(filter(None, [f"in {row['folder']}", _with("labels", row["labels"]), _with("flags", row["flags"])]))
    for one in found["filters"]:
        name = one["name"] or "a filter that is no more"
        yield f"by the filter {name} (version {one['version']})" + (
            f", which failed: {one['failed']}" if one["failed"] else ""
        )
    if not found["filters"]:
        yield "no filter had anything to say"
    for one in found["refiled"]:
        before, after = one["before"].get("folder"), one["after"].get("folder")
        moved = f"from {before} to {after}" if before != after else "labels or flags changed"
        yield f"{moved}, {one['type'] or 'a command'} by {one['actor'] or 'somebody'} {shown(one['at'])}"


def _with(name: str, values: Sequence[str]) -> str:
    return f"{name} {', '.join(values)}" if values else ""


def not_linked(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Whom the message is with and is not linked to, each with the reason; the first without a name where it holds for all."""
    row, links = found["message"], [one for one in found["links"] if one["unlinked_at"] is None]
    if found["private"]:
        private = found["private"]
        return [("", f"kept private by {private['by']} {shown(private['at'])}: make_private with false ends that")]
    if row["kind"] in NOT_LINKED:
        return [("", f"{NOT_LINKED[row['kind']]} is linked to nothing")]
    if row["state"] != "stored":
        return [("", "it could not be taken from the server")]
    reasons: list[tuple[str, str]] = []
    to = {(one["crm"], one["record_kind"], one["record_id"]) for one in links}
    parted = {(one["crm"], one["record_kind"], one["record_id"]): one for one in found["links"] if one["unlinked_at"]}
    decided = {(one["crm"], one["record_kind"], one["record_id"]): one for one in found["decided"]}
    for one in found["people"]:
        record = (one["crm"], one["record_kind"], one["record_id"])
        if one["own"] or (one["crm"] and record in to):
            continue
        because = _because(one, record, parted, decided, linked=bool(to))
        if because == BY_A_RULE and _own_outside_sent(found):
            because = "the account's own mail, which does not lie in Sent: move_messages to Sent links it with whom it went to"
        reasons.append((_who(one), because))
    reasons += [
        (f"CRM {one['crm']}", f"still to come: {one['cause']}, asked {shown(one['asked_at'])}")
        for one in found["pending"]
    ]
    reasons += [(f"CRM {one['crm']}", f"could not be linked anew: {one['error']}") for one in found["failed"]]
    return reasons or [("", "nobody else is in it")]


def _own_outside_sent(found: Mapping[str, Any]) -> bool:
    own = {one["address"] for one in found["people"] if one["own"]}
    return found["message"]["folder"] != "Sent" and found["author"] is not None and found["author"]["author"] in own


def _who(one: Row) -> str:
    if not one["crm"]:
        return str(one["address"])
    return f"{one['address']} ({one['name']}, {one['record_kind']} {one['record_id']} of {one['crm']})"


def _because(
    one: Row,
    record: tuple[Any, ...],
    parted: Mapping[tuple[Any, ...], Row],
    decided: Mapping[tuple[Any, ...], Row],
    *,
    linked: bool,
) -> str:
    if not one["crm"]:
        if one["colleague"]:
            return "a colleague, whose address is an account here"
        if one["kept_out"]:
            return str(one["kept_out"])
        return "no record has the address: add it in the CRM and sync_now, or add_record"
    if one["of_another_crm"]:
        return f"the account is not connected with the CRM {one['crm']}: change_settings"
    if record in decided and decided[record]["decision"] == "unlinked":
        return f"unlinked by {decided[record]['by']} {shown(decided[record]['at'])}, and no rule changes that"
    if record in parted:
        return f"unlinked {shown(parted[record]['unlinked_at'])}, by a rule or a change of the record"
    if linked:
        return "another record of the same person, or a recipient beside the one it is with: docs/linking.md, Which records"
    return one["kept_out"] or BY_A_RULE


def _kept_out(one: Row, account: str, rules: Mapping[str, Any]) -> str | None:
    privacy = Privacy.model_validate(rules["privacy"], strict=False)
    of_crm = as_rules(rules["crms"].get(one["crm"])) if one["crm"] else None
    return kept_out(
        one["address"], normal_address(account) or account, privacy, of_crm, automatic=bool(rules["automatic"])
    )


def evidence(one: Row) -> str:
    """Why a message is linked, in words; docs/reference.md has the fields."""
    facts: Mapping[str, Any] = one["evidence"]
    if one["source"] == "manual":
        return "decided by a person"
    said = []
    match facts.get("rule"):
        case "thread":
            said.append(f"inherited from message {facts.get('message')}")
        case "deal":
            said.append(f"the open deal of contact {facts.get('contact')}")
    if facts.get("field"):
        said.append(f"{facts['field']}: {facts.get('address')}")
    if facts.get("level") and facts["level"] != "exact":
        said.append(f"{facts['level']} address")
    if facts.get("ambiguous"):
        said.append(f"{facts['ambiguous']} records have it")
    said += [
        name.replace("_", " ") for name in ("automatic", "list", "forwarded", "possibly_spoofed") if facts.get(name)
    ]
    if bounced := facts.get("bounced"):
        said.append(f"{bounced.get('severity')} bounce, message {bounced.get('by')}")
    return ", ".join(said)


_LINKS: Sequence[Column] = (
    ("  record", lambda one: f"  {one['name'] or '(no more in the directory)'}"),
    ("kind", lambda one: one["record_kind"]),
    ("id", lambda one: one["record_id"]),
    ("CRM", lambda one: one["crm"]),
    ("", lambda one: one["direction"]),
    ("by", lambda one: one["matched_address"]),
    ("why", evidence),
)
_TOLD: Sequence[Column] = (
    ("  CRM", lambda one: f"  {one['crm']}"),
    ("record", lambda one: f"{one['record_kind']} {one['record_id']}"),
    ("as", lambda one: one["direction"] or "taken away"),
    ("state", lambda one: one["state"]),
    ("at", lambda one: one["delivered_at"]),
    ("why", lambda one: one["last_error"] or one["failure"]),
    ("next try", lambda one: one["next_attempt_at"]),
)
