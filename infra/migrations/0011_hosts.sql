-- Many accounts at one host: whose turn it is, whose login was refused last, and whether the whole host is out.

-- Accounts whose last login was refused, until one is accepted. An address that never became an account is forgotten
-- a day later.
create table login_refusals (
    address text primary key,
    host text not null,
    refused_at timestamptz not null
);
create index on login_refusals (host);

-- Who waits for a session with a full host. `turn_at` is the place in the queue, `again_at` when its watch asks at the latest.
create table session_queue (
    address text primary key,
    host text not null,
    turn_at timestamptz not null,
    again_at timestamptz not null
);
create index on session_queue (host);

-- Since when an account's sessions have failed to reach its server, one after the other; null once one reached it.
alter table mailboxes add column unreachable_since timestamptz;

create index on accounts_recorded (host);

create table outages (
    id uuid primary key,
    host text not null,
    began_at timestamptz not null,
    ended_at timestamptz,
    failed_at timestamptz not null, -- the last time that an account did not reach it
    accounts integer not null, -- the most that failed at the same time
    cause text
);
create unique index on outages (host) where ended_at is null;
create index on outages (host, ended_at);

create view host_outages as
select host, began_at, ended_at, accounts, cause
from outages;

create or replace view accounts as
select
    a.address, a.organisation, a.state, a.reason, a.host, a.authentication_failures, a.connection_failures,
    coalesce(m.messages, 0) as messages, coalesce(m.bytes, 0) as bytes, m.on_server, m.remaining, m.eta,
    m.last_checked_at, m.last_success_at,
    case
        when a.state in ('disabled', 'closed') then null
        when a.state = 'suspended' then a.next_attempt_at
        else greatest(a.next_attempt_at, m.next_attempt_at)
    end as next_attempt_at,
    m.rate,
    (select count(*) from pop_ledger l where l.address = a.address and l.state = 'quarantined') as quarantined,
    o.began_at as host_outage_since
from accounts_recorded a
left join mailboxes m using (address)
left join outages o on o.host = a.host and o.ended_at is null and m.unreachable_since is not null and a.state <> 'closed';
