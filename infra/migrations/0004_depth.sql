-- Retrieval at full depth: large messages in chunks, servers that are no longer what they were, live progress.

-- A message too large to be held in memory is written piece by piece as it arrives, and becomes a blob when all of it is here.
-- `address`: who writes these chunks; null once they are a blob. What a session that died left is removed by the next one,
-- and the reference keeps a session that lost its mailbox from writing on.
create table uploads (
    chunks uuid primary key,
    address text,
    began_at timestamptz not null default now()
);
create index on uploads (address) where address is not null;

create table blob_chunks (
    chunks uuid not null references uploads on delete cascade,
    position integer not null,
    data bytea not null,
    primary key (chunks, position)
);
alter table blob_chunks alter column data set storage external;

alter table blobs alter column raw drop not null;
alter table blobs add column chunks uuid unique references uploads;
alter table blobs add check ((raw is null) <> (chunks is null));

create function blob_bytes(of_blob blobs) returns bytea language sql stable as $$
    select coalesce(
        of_blob.raw,
        (select string_agg(c.data, ''::bytea order by c.position) from blob_chunks c where c.chunks = of_blob.chunks),
        ''::bytea
    )
$$;

create or replace view raw_messages as
select mail.id, blob_bytes(blobs) as raw
from mail join blobs using (sha256);

-- `epoch_listed_at`: when the first list of the present epoch was worked through; until then a message may be an old one.
alter table mailboxes add column epoch_listed_at timestamptz;
update mailboxes set epoch_listed_at = listed_at;
alter table mailboxes add column rate double precision;

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
    m.rate
from accounts_recorded a
left join mailboxes m using (address);
