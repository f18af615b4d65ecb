-- Where a message is filed, who it is from and to, which records it belongs to, and what every CRM must be told of that.

-- What is known of a message -------------------------------------------------------------------------------------------

-- `identity` names a message wherever it lies (domain/identity.py); `author` is who wrote it, which is not always From;
-- `addresses` are the normal forms of all its participants. `kind`: what sort of mail it is; `traits`: what linking goes by
-- besides. `filed`: the filters that filed it, with their versions.
alter table mail add column labels text[] not null default '{}';
alter table mail add column flags text[] not null default '{}' check (flags <@ array['seen', 'flagged']);
alter table mail add column identity bytea;
alter table mail add column author text;
alter table mail add column addresses text[] not null default '{}';
alter table mail add column kind text not null default 'personal'
    check (kind in ('personal', 'automatic', 'list', 'bounce', 'receipt', 'report'));
alter table mail add column traits jsonb not null default '{}';
alter table mail add column filed jsonb not null default '[]';

-- The same expression as domain/identity.py has; mail that has no Message-ID goes by its bytes here.
update mail set
    author = from_address,
    addresses = array(select distinct one ->> 'normal' from jsonb_array_elements(participants) one),
    kind = case when automatic then 'automatic' else 'personal' end,
    identity = case
        when message_id is null then sha256(convert_to('content', 'UTF8') || sha256)
        else sha256(convert_to(
            message_id || E'\n' || coalesce((extract(epoch from sent_at))::bigint::text, '') || E'\n' || coalesce(from_address, ''),
            'UTF8'
        ))
    end
where state = 'stored';

create index on mail (address, folder);
create index on mail using gin (addresses);
create index on mail (identity);

create or replace view messages as
select
    id, address, uidl, message_id, folder, from_address, subject, sent_at, stored_at, size, sha256, state, parse_error,
    labels, flags, kind, filed, encode(identity, 'hex') as identity
from mail;

-- Filing ---------------------------------------------------------------------------------------------------------------

create table account_filters (
    id bigint generated always as identity primary key,
    address text not null,
    name text not null,
    position integer not null,
    match text not null check (match in ('all', 'any', 'always')),
    conditions jsonb not null,
    actions jsonb not null,
    enabled boolean not null default true,
    version integer not null default 1,
    unique (address, name)
);

create view filters as
select id, address, name, position, conditions, actions, enabled, match, version
from account_filters;

-- Mail that is never to be imported again, though a server may still have it.
create table tombstones (
    id bigint generated always as identity primary key,
    address text not null,
    identity bytea,
    sha256 bytea not null,
    cause text not null check (cause in ('deleted', 'erased')),
    at timestamptz not null
);
create index on tombstones (address, sha256);
create index on tombstones (address, identity);

-- Accounts: what makes mail their own, and what is nobody's business ---------------------------------------------------

alter table accounts_recorded add column aliases text[] not null default '{}';

-- Rules about whose mail is not stored, or not linked (domain/privacy.py: Privacy). They name people, so they are a row that can be
-- erased, and no event of the log.
create table account_privacy (
    address text primary key,
    rules jsonb not null
);

-- Mail that a rule of the account kept from being stored: its owner may see that it is so, and why.
create table withheld (
    address text not null,
    epoch integer not null,
    uidl text not null,
    occurrence smallint not null,
    at timestamptz not null,
    rule text not null,
    primary key (address, epoch, uidl, occurrence)
);

-- CRMs -----------------------------------------------------------------------------------------------------------------

-- `linking`: the rules by which mail is linked to this CRM's records (domain/linking.py: Rules). `cursor`: how far its directory
-- was pulled, in the adapter's own terms; `swept_at`: when all of it was last compared.
alter table crms add column organisation text not null default 'default';
alter table crms add column linking jsonb not null default '{}';
alter table crms add column state text not null default 'active';
alter table crms add column reason text;
alter table crms add column authentication_failures integer not null default 0;
alter table crms add column connection_failures integer not null default 0;
alter table crms add column next_attempt_at timestamptz;
alter table crms add column cursor jsonb;
alter table crms add column pulled_at timestamptz;
alter table crms add column swept_at timestamptz;

-- `contacts`: whose deal it is. A lead that was converted, and a record that was merged into another, name what they are now;
-- `gone_at`: since when the CRM has it no more.
alter table records add column contacts text[] not null default '{}';
alter table records add column open boolean not null default true;
alter table records add column converted_to text;
alter table records add column merged_into text;
alter table records add column gone_at timestamptz;
create index on records using gin (contacts);

create or replace view directory as
select crm, record_kind, record_id, name, addresses, contacts, open, converted_to, merged_into
from records where gone_at is null;

-- Links ----------------------------------------------------------------------------------------------------------------

-- A link that is no more stays with `unlinked_at`, so that undoing needs no guess; `source`: who made it what it is.
alter table links add column identity bytea;
alter table links add column source text not null default 'automatic' check (source in ('automatic', 'manual'));
update links l set identity = m.identity from mail m where m.id = l.message;
create index on links (identity);

create or replace view correspondence as
select
    id, message, address, crm, record_kind, record_id, direction, matched_address, evidence, linked_at, unlinked_at, source
from links;

-- What a person decided about a message and a record; no rule changes it.
create table link_decisions (
    message bigint not null references mail on delete cascade,
    crm text not null,
    record_kind text not null,
    record_id text not null,
    decision text not null check (decision in ('linked', 'unlinked')),
    by text not null,
    at timestamptz not null,
    primary key (message, crm, record_kind, record_id)
);

-- Mail that has to be linked anew: all of an account with one CRM, or all that has one address. Taken up in order, worked off in
-- pages; `after` is the last message that is done.
create table relinking (
    id bigint generated always as identity primary key,
    crm text not null references crms,
    account text,
    participant text,
    cause text not null,
    after bigint not null default 0,
    asked_at timestamptz not null default now(),
    check ((account is null) <> (participant is null))
);
create unique index on relinking (crm, account) where after = 0 and account is not null;
create unique index on relinking (crm, participant) where after = 0 and participant is not null;
create index on relinking (crm, id);

-- What CRMs must be told -----------------------------------------------------------------------------------------------

-- One entry in the CRM for one message and one record, in however many mailboxes it lies. `direction` is what the CRM is to
-- show (null: nothing), `delivered_direction` what it shows; `claimed_at`: since when a push is under way, whose answer, should it
-- never come, has to be found out. `key` is what the CRM knows the entry by.
create table entries (
    id bigint generated always as identity primary key,
    crm text not null references crms,
    identity bytea not null,
    record_kind text not null,
    record_id text not null,
    key bytea not null unique,
    direction text check (direction in ('Sent', 'Received')),
    delivered_direction text check (delivered_direction in ('Sent', 'Received')),
    state text not null default 'queued' check (state in ('queued', 'delivered', 'failed', 'uncertain')),
    attempts integer not null default 0,
    failure text,
    last_error text,
    remote_id text,
    queued_at timestamptz not null default now(),
    next_attempt_at timestamptz,
    claimed_at timestamptz,
    delivered_at timestamptz,
    unique (crm, identity, record_kind, record_id)
);
create index on entries (crm, id) where state in ('queued', 'uncertain');
create index on entries (crm, record_kind, record_id);

create view outbox as
select
    id, crm,
    case
        when direction is null then 'remove'
        when delivered_direction is null then 'add'
        else 'change'
    end as action,
    record_kind, record_id, state, attempts, last_error, delivered_at,
    encode(identity, 'hex') as message_identity, direction, failure, next_attempt_at, remote_id
from entries;

create function entry_key(crm text, identity bytea, record_kind text, record_id text) returns bytea language sql immutable as $$
    select sha256(
        convert_to(octet_length(crm)::text || ':' || crm || ',', 'UTF8') || identity
        || convert_to(',' || record_kind || ',' || record_id, 'UTF8')
    )
$$;

-- Brings the entries of these messages up to their links: Sent where it lies in any Sent folder, else Received (R34); nothing where
-- no link is left. What changes is queued again. In one order for everybody, or two would wait for each other.
create function refresh_entries(of_messages bytea[]) returns bigint language plpgsql as $$
declare
    changed bigint;
    more bigint;
begin
    insert into entries as e (crm, identity, record_kind, record_id, key, direction)
    select l.crm, l.identity, l.record_kind, l.record_id, entry_key(l.crm, l.identity, l.record_kind, l.record_id),
        case when bool_or(l.direction = 'Sent') then 'Sent' else 'Received' end
    from links l
    where l.identity = any(of_messages) and l.unlinked_at is null
    group by l.crm, l.identity, l.record_kind, l.record_id
    order by 1, 2, 3, 4
    on conflict (crm, identity, record_kind, record_id) do update set
        direction = excluded.direction,
        state = case when e.claimed_at is null and e.state <> 'uncertain' then 'queued' else e.state end,
        next_attempt_at = null, queued_at = now()
    where e.direction is distinct from excluded.direction;
    get diagnostics changed = row_count;
    update entries e set
        direction = null,
        state = case when e.claimed_at is null and e.state <> 'uncertain' then 'queued' else e.state end,
        next_attempt_at = null, queued_at = now()
    where e.identity = any(of_messages) and e.direction is not null and not exists (
        select from links l
        where l.identity = e.identity and l.crm = e.crm and l.record_kind = e.record_kind and l.record_id = e.record_id
            and l.unlinked_at is null
    );
    get diagnostics more = row_count;
    return changed + more;
end $$;

-- Links that were there before there was an outbox.
select refresh_entries(array(select distinct identity from links where identity is not null));
