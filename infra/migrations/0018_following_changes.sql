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

-- `refresh_entries` as before, but found by message alone: a record may have very many links, and a plan may be as old as the
-- first message.
create index on entries (identity);

create or replace function refresh_entries(of_messages bytea[]) returns bigint language plpgsql set enable_seqscan = off as $$
declare
    changed bigint;
    more bigint;
begin
    insert into entries as e (crm, identity, record_kind, record_id, key, direction)
    select l.crm, l.identity, l.record_kind, l.record_id, entry_key(l.crm, l.identity, l.record_kind, l.record_id),
        case when bool_or(l.direction = 'Sent') then 'Sent' else 'Received' end
    from links l
    where l.identity = any(of_messages) and l.unlinked_at is null
    group by l.crm, l.identity, l.record_kind, l.record_id
    order by 1, 2, 3, 4
    on conflict (crm, identity, record_kind, record_id) do update set
        direction = excluded.direction,
        state = case when e.claimed_at is null and e.state <> 'uncertain' then 'queued' else e.state end,
        next_attempt_at = null, queued_at = now()
    where e.direction is distinct from excluded.direction;
    get diagnostics changed = row_count;
    with linked as materialized (
        select l.identity, l.crm, l.record_kind, l.record_id from links l
        where l.identity = any(of_messages) and l.unlinked_at is null
    )
    update entries e set
        direction = null,
        state = case when e.claimed_at is null and e.state <> 'uncertain' then 'queued' else e.state end,
        next_attempt_at = null, queued_at = now()
    where e.identity = any(of_messages) and e.direction is not null
        and (e.identity, e.crm, e.record_kind, e.record_id) not in (select * from linked);
    get diagnostics more = row_count;
    return changed + more;
end $$;
