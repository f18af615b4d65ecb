-- Quarantine: what could not be taken is listed with its reason, and one message alone never holds up the others.

create index on pop_ledger (address) where state = 'quarantined';

-- Messages that a server listed and, asked for them, said it did not have. Another client may have deleted them in between: then
-- the next list lacks them, and nothing is kept of them here. Otherwise they are put in quarantine.
create table disclaimed (
    address text not null,
    epoch integer not null,
    uidl text not null,
    occurrence smallint not null,
    primary key (address, epoch, uidl, occurrence)
);

create view quarantine as
select
    address, epoch, uidl, occurrence, size,
    case when vanished_at is null then reason else 'no longer on the server; before that: ' || coalesce(reason, 'unknown') end as reason,
    attempts, first_seen_at, case when vanished_at is null then retry_at end as retry_at, mail as message
from pop_ledger
where state = 'quarantined';

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
    (select count(*) from pop_ledger l where l.address = a.address and l.state = 'quarantined') as quarantined
from accounts_recorded a
left join mailboxes m using (address);
