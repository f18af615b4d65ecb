-- Following what changes in a CRM: records that are gone, merged or converted, and addresses that come and go.

-- `seen_at`: when the CRM last showed the record; what a whole comparison does not show is gone.
alter table records add column seen_at timestamptz not null default now();

create index on link_decisions (crm, record_kind, record_id);

-- Work that is asked for names an account, an address, or a record whose mail has to follow it. `begun_at`: since when pages are
-- done; whoever asks for the same later asks anew, because a page may have read what was before. `page_at` says whose turn it is.
alter table relinking add column record_kind text;
alter table relinking add column record_id text;
alter table relinking add column begun_at timestamptz;
alter table relinking add column page_at timestamptz;
update relinking set begun_at = asked_at where after > 0;
alter table relinking drop constraint relinking_check;
alter table relinking add constraint relinking_names_one check (
    num_nonnulls(account, participant, record_id) = 1 and (record_kind is null) = (record_id is null)
);
drop index relinking_crm_account_idx;
drop index relinking_crm_participant_idx;
create unique index relinking_account on relinking (crm, account) where begun_at is null and account is not null;
create unique index relinking_participant on relinking (crm, participant) where begun_at is null and participant is not null;
create unique index relinking_record on relinking (crm, record_kind, record_id) where begun_at is null and record_id is not null;
create index relinking_turn on relinking (crm, (coalesce(page_at, asked_at)), id);

-- Messages that could not be linked anew, set aside so that the others were. A later attempt that works removes them.
create table not_relinked (
    message bigint not null references mail on delete cascade,
    crm text not null references crms,
    cause text not null,
    error text not null,
    at timestamptz not null default now(),
    primary key (message, crm)
);

-- `refresh_entries` asks by message.
create index on entries (identity);
