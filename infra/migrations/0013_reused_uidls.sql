-- UIDLs that are used again: what has left the list and comes back under the same name may be other mail.
alter table mailboxes add column emptied_at timestamptz; -- when the last list was read, if it was empty
create index on pop_ledger (address, epoch) where state = 'deleted' and vanished_at is null;
