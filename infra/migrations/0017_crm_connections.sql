-- CRM connections: how each one is set up and how it is, the calls that were made, and what the built-in CRM shows.

-- `settings`: domain/crm.py, CrmSettings; null for one that was connected before there was more to a connection than its name.
alter table crms add column settings jsonb;
alter table crms add column last_failure text;

-- `pushed_direction`: what a push that is under way, or whose answer was lost, wanted to show. `claimed_at` stays while an entry
-- is uncertain: a CRM may still be at it, so it is asked only after a while.
alter table entries add column pushed_direction text check (pushed_direction in ('Sent', 'Received'));
create index on entries (crm, record_kind, record_id, id) where state in ('queued', 'uncertain');
create index on entries (crm) where claimed_at is not null;
create index on entries (crm) where state = 'failed';

-- Requests to a CRM by the hour, for `daily_calls`; those older than a day are deleted.
create table crm_calls (
    crm text not null references crms,
    hour timestamptz not null,
    calls bigint not null,
    primary key (crm, hour)
);

-- The built-in CRM's own side: an entry a key, whoever pushes it how often.
create table builtin_entries (
    id bigint generated always as identity primary key,
    crm text not null references crms,
    key text not null,
    record_kind text not null,
    record_id text not null,
    direction text not null check (direction in ('Sent', 'Received')),
    subject text not null,
    sent_at timestamptz not null,
    unique (crm, key)
);
create index on builtin_entries (crm, record_kind, record_id);

create view builtin_correspondence as
select crm, record_kind, record_id, direction, subject, sent_at, key
from builtin_entries;
