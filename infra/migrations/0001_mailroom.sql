-- The ground of everything: the log, the accounts, their mail, and the built-in CRM's directory.
-- People read the views (0003); the tables below may change.

-- The log --------------------------------------------------------------------------------------------------------------

create table log_heads (
    address text primary key,
    version bigint not null,
    hash bytea not null
);

create table log (
    address text not null,
    version bigint not null,
    event_id uuid not null unique,
    at timestamptz not null,
    type text not null,
    data jsonb not null,
    actor text not null,
    workflow_id text,
    run_id text,
    previous_hash bytea not null,
    hash bytea not null,
    primary key (address, version)
);

-- One expression hashes an entry, for appending and for verifying: length-prefixed, so that no two entries read alike.
create function entry_hash(
    previous bytea, address text, version bigint, event_id uuid, at timestamptz, type text, data jsonb, actor text,
    workflow_id text, run_id text
) returns bytea language sql stable as $$
    select sha256(previous || convert_to(string_agg(octet_length(part)::text || ':' || part, ',' order by n), 'UTF8'))
    from unnest(array[
        address, version::text, event_id::text, (extract(epoch from at) * 1000000)::bigint::text, type, data::text,
        actor, coalesce(workflow_id, ''), coalesce(run_id, '')
    ]) with ordinality as parts (part, n)
$$;

-- Appends one event and answers its version. An event whose id is there already is the same append tried again.
-- The head row is locked until the end of the transaction: call this last, so that two writers wait only briefly.
create function append_event(
    of_address text, id uuid, happened_at timestamptz, event_type text, facts jsonb, who text, workflow text, run text
) returns bigint language plpgsql as $$
declare
    head log_heads;
    known bigint;
    next_hash bytea;
begin
    insert into log_heads (address, version, hash) values (of_address, 0, sha256(convert_to(of_address, 'UTF8')))
        on conflict (address) do nothing;
    select * into head from log_heads h where h.address = of_address for update;
    select l.version into known from log l where l.event_id = id;
    if found then
        return known;
    end if;
    next_hash := entry_hash(head.hash, of_address, head.version + 1, id, happened_at, event_type, facts, who, workflow, run);
    insert into log values (
        of_address, head.version + 1, id, happened_at, event_type, facts, who, workflow, run, head.hash, next_hash
    );
    update log_heads h set version = head.version + 1, hash = next_hash where h.address = of_address;
    return head.version + 1;
end $$;

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the log is append-only: % on % is refused', tg_op, tg_table_name
        using hint = 'Correct a mistake by appending an event that says so.';
end $$;

create trigger append_only before update or delete or truncate on log
    for each statement execute function refuse_change();
create trigger never_removed before delete or truncate on log_heads
    for each statement execute function refuse_change();

-- No row when the chain is intact; otherwise the first version that is broken. A tail cut off shows at the head.
create function verify_log(of_address text) returns table (version bigint, problem text) language sql stable as $$
    with entries as (
        select l.*,
            lag(l.hash, 1, sha256(convert_to(l.address, 'UTF8'))) over (order by l.version) as expected_previous,
            row_number() over (order by l.version) as expected_version
        from log l where l.address = of_address
    ), problems as (
        select e.expected_version as version, case
            when e.version <> e.expected_version then 'this entry is missing'
            when e.previous_hash <> e.expected_previous then 'this entry does not follow from the one before'
            when e.hash <> entry_hash(e.previous_hash, e.address, e.version, e.event_id, e.at, e.type, e.data, e.actor,
                                      e.workflow_id, e.run_id) then 'this entry was changed'
        end as problem
        from entries e
        union all
        select coalesce(t.version, 0) + 1, 'the log ends before its head: entries were cut off, or the head was changed'
        from (select of_address as address) asked
        left join log_heads h on h.address = asked.address
        left join lateral (
            select e.version, e.hash from entries e order by e.version desc limit 1
        ) t on true
        where (h.version, h.hash) is distinct from (t.version, t.hash)
    )
    select p.version, p.problem from problems p where p.problem is not null order by p.version limit 1
$$;

-- Accounts -------------------------------------------------------------------------------------------------------------

-- The lifecycle as the workflow last recorded it, together with the events that led there.
create table accounts_recorded (
    address text primary key,
    organisation text not null,
    owner text not null,
    host text not null,
    crm text[] not null,
    state text not null,
    reason text,
    authentication_failures integer not null,
    connection_failures integer not null,
    next_attempt_at timestamptz,
    workflow_id text not null,
    run_id text not null
);
create index on accounts_recorded (owner);

-- What sessions see and change, one row per mailbox: they write here directly, so an empty poll wakes no workflow.
create table mailboxes (
    address text primary key,
    server_key text not null,
    epoch integer not null default 1,
    listed_at timestamptz,
    messages bigint not null default 0,
    bytes bigint not null default 0,
    on_server bigint,
    remaining bigint,
    eta timestamptz,
    login_at timestamptz,
    login_delay_seconds double precision not null default 0,
    last_checked_at timestamptz,
    last_success_at timestamptz,
    next_attempt_at timestamptz
);

create table users (
    name text primary key,
    quota_bytes bigint not null
);

-- Who may hold a session with a mailbox. `token` fences: a session that lost its lease cannot commit.
create table leases (
    address text primary key,
    host text not null,
    token uuid not null,
    worker text not null,
    expires_at timestamptz not null
);
create index on leases (host);

-- Mail -----------------------------------------------------------------------------------------------------------------

create table blobs (
    sha256 bytea primary key,
    size bigint not null,
    raw bytea not null
);
alter table blobs alter column raw set storage external; -- mail hardly compresses, and compressing it costs more than it saves

create sequence mail_ids;

create table mail (
    id bigint primary key default nextval('mail_ids'),
    address text not null,
    uidl text not null,
    message_id text,
    folder text not null,
    from_address text,
    subject text,
    sent_at timestamptz,
    stored_at timestamptz not null default now(),
    size bigint not null,
    sha256 bytea references blobs,
    state text not null check (state in ('stored', 'quarantined')),
    parse_error text,
    participants jsonb not null default '[]',
    in_reply_to text[] not null default '{}',
    message_references text[] not null default '{}',
    automatic boolean not null default false,
    check ((state = 'stored') = (sha256 is not null))
);
create index on mail (address, stored_at);
create index on mail (message_id);
create index on mail (address, sha256);

-- Every UIDL that was ever seen in a mailbox, and what became of it. `occurrence` tells identical UIDLs of one list apart.
create table pop_ledger (
    address text not null,
    epoch integer not null,
    uidl text not null,
    occurrence smallint not null default 0,
    state text not null check (state in ('stored', 'skipped', 'quarantined', 'deleted')),
    size bigint not null,
    mail bigint references mail,
    first_seen_at timestamptz not null default now(),
    stored_at timestamptz,
    deletion_asked_at timestamptz,
    deleted_at timestamptz,
    attempts smallint not null default 0,
    reason text,
    retry_at timestamptz,
    primary key (address, epoch, uidl, occurrence)
);
create index on pop_ledger (address, epoch) where deletion_asked_at is not null and state <> 'deleted';
create index on pop_ledger (mail);
alter sequence mail_ids owned by mail.id;

create table sessions (
    id uuid primary key,
    address text not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    stored integer not null default 0,
    skipped integer not null default 0,
    deleted integer not null default 0,
    bytes bigint not null default 0,
    outcome text,
    worker text not null
);
create index on sessions (address, started_at);

create table notices (
    id uuid primary key,
    address text not null,
    at timestamptz not null,
    code text not null,
    text text not null,
    remedy text not null,
    delivered_at timestamptz
);
create index on notices (at) where delivered_at is null;

-- CRM ------------------------------------------------------------------------------------------------------------------

create table crms (
    name text primary key,
    kind text not null,
    profile text not null check (profile in ('crm', 'recruit'))
);
insert into crms values ('builtin', 'builtin', 'crm'); -- always exists

create table records (
    crm text not null references crms,
    record_kind text not null check (record_kind in ('contact', 'lead', 'deal', 'candidate')),
    record_id text not null,
    name text not null,
    addresses text[] not null, -- as spelled
    changed_at timestamptz not null default now(),
    primary key (crm, record_kind, record_id)
);

create table record_addresses (
    crm text not null,
    record_kind text not null,
    record_id text not null,
    address text not null, -- normalised
    primary key (crm, record_kind, record_id, address),
    foreign key (crm, record_kind, record_id) references records on delete cascade
);
create index on record_addresses (address, crm);

create table links (
    id bigint generated always as identity primary key,
    message bigint not null references mail,
    address text not null,
    crm text not null,
    record_kind text not null,
    record_id text not null,
    direction text not null check (direction in ('Sent', 'Received')),
    matched_address text not null,
    evidence jsonb not null,
    linked_at timestamptz not null default now(),
    unlinked_at timestamptz,
    unique (message, crm, record_kind, record_id)
);
create index on links (crm, record_kind, record_id);
create index on links (address);
