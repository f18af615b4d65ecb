"""A mailbox of hundreds of thousands of stored messages, as it lies in the database: ledger, mail, bytes, links, entries and log.

Beside it are the mailboxes of others, which are there first: statistics of them know nothing of this one.
"""

from __future__ import annotations

from typing import LiteralString

import psycopg

from bench.directory import fill_directory
from infra.database.pool import OPTIONS

JANE = "jane@example.com"
OTHERS = 200
WRITERS = 500  # equally much each; the directory knows them
RECORDS = 20_000
LINKED = 5  # every so manieth message belongs to a record
BATCH = 200
SEARCH_PATH = f"-c search_path={OPTIONS['search_path']}"

ACCOUNTS: LiteralString = """
    insert into accounts_recorded (address, organisation, owner, host, crm, state, authentication_failures,
        connection_failures, workflow_id, run_id)
    select address, case address when %(jane)s then 'default' else 'other' end, address, 'pop.example.com', '{builtin}',
        'active', 0, 0, '', ''
    from unnest(%(accounts)s::text[]) address;
"""
MAIL: LiteralString = """
    with new as (
        select nextval('mail_ids') as id, n, (%(accounts)s::text[])[1 + n %% cardinality(%(accounts)s::text[])] as account,
            's' || n %% %(writers)s || '@example.org' as who
        from generate_series(1, %(messages)s::integer) n
    ), bytes as (
        insert into blobs (sha256, size, raw)
        select sha256((account || n)::bytea), length(account || n), (account || n)::bytea from new
    ), kept as (
        insert into mail (id, address, uidl, message_id, folder, from_address, author, subject, sent_at, size, sha256, state,
            participants, addresses, identity, in_reply_to, stored_at)
        select id, account, pg_temp.uidl(n), '<' || n || '@' || account || '>',
            case n %% 10 when 0 then 'Sent' else 'Inbox' end, who, who, 'message ' || n, now(),
            length(account || n), sha256((account || n)::bytea), 'stored', jsonb_build_array(
                jsonb_build_object('field', 'from', 'name', 'Somebody', 'address', who, 'normal', who),
                jsonb_build_object('field', 'to', 'name', '', 'address', account, 'normal', account)
            ), array[who, account], sha256((account || n)::bytea),
            case n %% 7 when 0 then array['<' || n - 1 || '@' || account || '>'] else '{}' end,
            now() - make_interval(secs => %(messages)s - n / %(batch)s * %(batch)s)
        from new
    )
    insert into pop_ledger (address, epoch, uidl, occurrence, state, size, mail, stored_at, first_seen_at)
    select account, 1, pg_temp.uidl(n), 0, 'stored', length(account || n), id,
        now() - make_interval(secs => %(messages)s - n / %(batch)s * %(batch)s), now() - interval '1 day' from new
"""
LINKS: LiteralString = """
    insert into links (message, address, identity, crm, record_kind, record_id, direction, matched_address, evidence)
    select m.id, m.address, m.identity, 'builtin', case when who %% 2 = 0 then 'contact' else 'lead' end, who::text,
        'Received', m.from_address, '{"rule": "address", "level": "exact"}'
    from (select *, substring(from_address from '\\d+')::integer as who from mail) m
    where m.address = any(%(accounts)s) and m.id %% %(linked)s = 0;
"""
ENTRIES: LiteralString = """
    insert into entries (identity, crm, record_kind, record_id, key, direction)
    select distinct identity, crm, record_kind, record_id, entry_key(crm, identity, record_kind, record_id), direction
    from links where address = any(%(accounts)s)
"""
LOG: LiteralString = """
    select append_event(address, gen_random_uuid(), min(stored_at), 'MessagesStored', jsonb_build_object(
            'session', md5((part / 10)::text)::uuid, 'epoch', 1, 'count', count(*), 'bytes', sum(size), 'messages', jsonb_agg(id)
        ), 'bench', null, null)
    from (select *, row_number() over (partition by address order by id) / %(batch)s as part from mail) m
    where address = any(%(accounts)s) group by address, part order by address, part
"""
SESSIONS: LiteralString = """
    insert into sessions (id, address, started_at, finished_at, stored, bytes, outcome, worker)
    select (data ->> 'session')::uuid, address, min(at), max(at), sum((data ->> 'count')::int), sum((data ->> 'bytes')::bigint),
        'done', 'bench'
    from log where address = any(%(accounts)s) and address = %(jane)s group by 1, 2
"""
MAILBOXES: LiteralString = """
    insert into mailboxes (address, server_key, messages, bytes, listed_at, epoch_listed_at, remaining)
    select address, address || '@pop.example.com', count(*), sum(size), now(), now(), 0
    from mail where address = any(%(accounts)s) group by address
"""
UIDL: LiteralString = """
    create function pg_temp.uidl(n bigint) returns text language sql immutable
    return 'uidl-of-some-length-' || lpad(n::text, 8, '0')
"""


def uidl(number: int) -> str:
    return f"uidl-of-some-length-{number:08}"


def fill_others(url: str, messages: int) -> None:
    """The directory, and the mailboxes of others, which have so many messages together."""
    fill_directory(url, min(messages, RECORDS), correspondents=WRITERS)
    _fill(url, [f"a{number}@example.com" for number in range(OTHERS)], messages)


def fill(url: str, messages: int) -> None:
    """Jane's mailbox."""
    _fill(url, [JANE], messages)


def _fill(url: str, accounts: list[str], messages: int) -> None:
    values = {
        "accounts": accounts,
        "messages": messages,
        "writers": WRITERS,
        "linked": LINKED,
        "batch": BATCH,
        "jane": JANE,
    }
    with psycopg.connect(url, autocommit=True, options=SEARCH_PATH) as connection:
        connection.execute(UIDL)
        for statement in (ACCOUNTS, MAIL, LINKS, ENTRIES, LOG, SESSIONS, MAILBOXES):
            connection.execute(statement, values)
