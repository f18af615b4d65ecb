-- What sessions notice beside the mail: messages that somebody else removed, and what that and other signs come to.

-- `vanished_at`: since when the complete list of the server lacks a message that nobody here asked to be deleted.
alter table pop_ledger add column vanished_at timestamptz;

-- What the looks before remembered (domain/observations.py: Memory), and what held at the last one.
alter table mailboxes add column memory jsonb not null default '{}';
alter table mailboxes add column observed jsonb not null default '[]';

create or replace view ledger as
select address, epoch, uidl, state, size, first_seen_at, stored_at, deleted_at, vanished_at
from pop_ledger;

create view warnings as
select m.address, one->>'code' as code, one->'facts' as facts
from mailboxes m cross join lateral jsonb_array_elements(m.observed) as one;
