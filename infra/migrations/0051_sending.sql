-- Routes -----------------------------------------------------------------------------------------------------------------

-- `stopped`: the failure by which an attempt has stopped the route, until its workflow knows of it and has recorded what follows.
create table sending_routes (
    id text primary key, -- route/<address>
    address text not null,
    kind text not null,
    organisation text not null,
    host text not null,
    settings jsonb not null,
    settings_version integer not null,
    state text not null,
    reason text,
    last_failure text,
    authentication_failures integer not null default 0,
    connection_failures integer not null default 0,
    verified_at timestamptz,
    next_attempt_at timestamptz,
    stopped jsonb,
    stopped_version integer
);

-- Drafts -----------------------------------------------------------------------------------------------------------------

-- What is to be sent, as it was given: its content is here and in no history. `given` is the draft as JSON, null where it is a
-- ready-made message, which is then the only part. `digest` tells two drafts apart.
create table sending_drafts (
    id uuid primary key,
    address text not null,
    given jsonb,
    digest bytea not null,
    made_at timestamptz not null default now(),
    made_by text not null
);

create table draft_parts (
    draft uuid not null references sending_drafts on delete cascade,
    ordinal integer not null,
    name text,
    content_type text,
    data bytea not null,
    primary key (draft, ordinal)
);
alter table draft_parts alter column data set storage external;

-- Messages ---------------------------------------------------------------------------------------------------------------

-- `phase` is what the promise rests on: composed, sending (a worker has it, by `token`), marked (the final dot may have been
-- written), answered. Only the holder of the token marks, and what is marked is never sent again by itself.
create table outgoing (
    request_id text primary key,
    address text not null,
    account text not null, -- in whose log and mail it is: the address is this account's, or its alias
    route text not null,
    organisation text not null,
    source text not null check (source in ('mail', 'crm')),
    kind text not null check (kind in ('personal', 'bulk')),
    draft uuid not null,
    digest bytea not null,
    version integer not null default 1,
    state text not null check (
        state in ('scheduled', 'queued', 'held', 'sending', 'uncertain', 'accepted', 'partly_accepted', 'rejected', 'expired',
            'cancelled')
    ),
    reason text,
    since timestamptz not null,
    phase text not null default 'composed' check (phase in ('composed', 'sending', 'marked', 'answered')),
    token uuid,
    message_id text not null,
    size bigint not null,
    sha256 bytea not null,
    smtputf8 boolean not null,
    queued_at timestamptz not null,
    next_attempt_at timestamptz,
    expires_at timestamptz not null,
    attempts integer not null default 0,
    accepted_at timestamptz,
    server_reply text,
    last_failure jsonb,
    copy text not null default 'none' check (copy in ('none', 'pending', 'saved')),
    mail bigint,
    made_by text not null
);
create index on outgoing (route, queued_at) where state in ('sending', 'queued', 'held');
create index on outgoing (address, queued_at);
create index on outgoing (account);
create index on outgoing (message_id);

create table outgoing_chunks (
    request_id text not null references outgoing on delete cascade,
    position integer not null,
    data bytea not null,
    primary key (request_id, position)
);
alter table outgoing_chunks alter column data set storage external;

create table outgoing_recipients (
    request_id text not null references outgoing on delete cascade,
    ordinal integer not null,
    field text not null check (field in ('to', 'cc', 'bcc')),
    address text not null, -- as it is on the wire; 'erased' where the person was erased
    normal text not null, -- normalised, as addresses are compared
    state text not null default 'pending' check (state in ('pending', 'accepted', 'rejected', 'deferred', 'uncertain', 'bounced')),
    code integer,
    said text,
    primary key (request_id, ordinal)
);
create index on outgoing_recipients (normal);

-- Each attempt, for who asks later what went over the line. `recipients`: the ordinals that were offered.
create table outgoing_attempts (
    request_id text not null references outgoing on delete cascade,
    n integer not null,
    token uuid not null,
    worker text not null,
    started_at timestamptz not null,
    phase text not null default 'sending',
    marked_at timestamptz,
    ended_at timestamptz,
    code integer,
    said text,
    outcome text,
    recipients integer[] not null default '{}',
    primary key (request_id, n)
);

-- Views ------------------------------------------------------------------------------------------------------------------

create view routes as
select
    r.address, r.kind, r.organisation, r.state, r.reason, r.host, r.last_failure, r.authentication_failures,
    r.connection_failures, (select count(*) from outgoing o where o.route = r.id and o.state = 'held') as held, r.verified_at,
    r.next_attempt_at
from sending_routes r;

create view drafts as
select d.id, d.address, d.made_at, d.made_by, (select o.request_id from outgoing o where o.draft = d.id limit 1) as request_id
from sending_drafts d;

create view sent_recipients as
select request_id, ordinal, field, address, state, code, said from outgoing_recipients;

create view transmissions as
select request_id, n, worker, started_at, phase, marked_at, ended_at, code, said, outcome from outgoing_attempts;

create view sent_messages as
select
    o.request_id, o.address, o.route, o.source, o.kind, o.state, o.reason, o.since, o.message_id, o.mail as message,
    r.recipients, r.accepted, r.rejected, r.deferred, r.uncertain, r.bounced, o.attempts, o.queued_at, o.accepted_at,
    o.next_attempt_at, o.expires_at, o.server_reply, o.size, encode(o.sha256, 'hex') as sha256, o.copy, o.last_failure,
    o.made_by
from outgoing o
cross join lateral (
    select count(*) as recipients,
        count(*) filter (where state = 'accepted') as accepted,
        count(*) filter (where state = 'rejected') as rejected,
        count(*) filter (where state = 'deferred') as deferred,
        count(*) filter (where state = 'uncertain') as uncertain,
        count(*) filter (where state = 'bounced') as bounced
    from outgoing_recipients where request_id = o.request_id
) r;
