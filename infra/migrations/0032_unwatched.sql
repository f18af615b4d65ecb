-- Which active accounts nobody looks at any more, whatever the reason.

-- How many seconds after the last sign of a session an account counts as such: a rule of domain/retrieval.py, for the
-- interval and the server's LOGIN-DELAY as they were at the last login. And when a session last showed how far it is.
alter table mailboxes
    add column unwatched_after double precision not null default 11400, -- the longest interval, until the next login
    add column shown_at timestamptz;

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
    o.began_at as host_outage_since,
    a.state = 'active' and coalesce(
        -- A wait after a failure is the workflow's; what a session had planned is the interval itself.
        greatest(m.last_checked_at, m.login_at, m.shown_at, a.next_attempt_at)
            < now() - make_interval(secs => m.unwatched_after),
        true
    ) as unwatched
from accounts_recorded a
left join mailboxes m using (address)
left join outages o on o.host = a.host and o.ended_at is null and m.unreachable_since is not null and a.state <> 'closed';
