-- Folders people name, what filing changed and how to undo it, and mail that is deleted here.

-- Inbox, Sent, Archive and Trash every account has; its own come to exist by being named, and stay as they were first spelled.
create table own_folders (
    address text not null,
    name text not null
);
create unique index on own_folders (address, lower(name));

create view folders as
select f.address, f.name, f.own, count(m.id) as messages, count(m.id) filter (where not 'seen' = any(m.flags)) as unseen
from (
    select a.address, always.name, false as own
    from accounts_recorded a cross join (values ('Inbox'), ('Sent'), ('Archive'), ('Trash')) always (name)
    union all
    select address, name, true from own_folders
) f
left join mail m on m.address = f.address and m.folder = f.name and m.state = 'stored'
group by f.address, f.name, f.own;

-- Where a message was filed before a command filed it anew, and since: folder, labels, flags and filters. `run` is the command's
-- event id. Folders and labels are people's words, so they are here, in a row that can be erased, and not in the log.
create table filing_changes (
    run uuid not null,
    message bigint not null references mail on delete cascade,
    before jsonb not null,
    after jsonb not null,
    primary key (run, message)
);
create index on filing_changes (message);

create view refilings as
select c.run, m.address, c.message, c.before, c.after
from filing_changes c join mail m on m.id = c.message;

-- Who else has the bytes of a message that is deleted is asked of all accounts.
create index on mail (sha256, address);
drop index mail_address_sha256_idx;

-- `reason`: why a message was not taken, or is here no more.
create or replace view ledger as
select address, epoch, uidl, state, size, first_seen_at, stored_at, deleted_at, vanished_at, reason
from pop_ledger;
