-- What people make of a message in a CRM, and the tasks, events and notes of the built-in one.

-- One request of a person: `asked` is the SHA-256 of what was asked, so that a row holds nobody's name; the record it is about is
-- decided when it first comes and stays. `attempts`: how often the CRM was asked to make it. `remote_id`: what the CRM calls what it
-- made or had; `created` says which.
create table crm_requests (
    address text not null,
    request_id text not null,
    command text not null,
    asked bytea not null,
    message bigint not null,
    crm text not null,
    record_kind text not null,
    record_id text,
    attempts integer not null default 0,
    remote_id text,
    created boolean,
    asked_at timestamptz not null,
    done_at timestamptz,
    primary key (address, request_id),
    check ((done_at is null) = (remote_id is null))
);

create table builtin_activities (
    id uuid primary key,
    crm text not null,
    record_kind text not null,
    record_id text not null,
    kind text not null check (kind in ('task', 'event', 'note')),
    subject text not null,
    text text not null,
    due timestamptz,
    until timestamptz,
    open boolean not null default true,
    request_key text not null,
    created_at timestamptz not null default now(),
    unique (crm, request_key),
    foreign key (crm, record_kind, record_id) references records on delete cascade
);
create index on builtin_activities (crm, record_kind, record_id, created_at);

create view activities as
select crm, record_kind, record_id, kind, id, subject, text, due, until, open, created_at
from builtin_activities;
