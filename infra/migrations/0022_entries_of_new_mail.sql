-- Entries cost less to make, and whoever computes a direction has seen what others have linked meanwhile.

-- The same uniqueness in an order that finds the entries of a message without an index of its own; `key` follows from it.
alter table entries add unique (identity, crm, record_kind, record_id);
alter table entries drop constraint entries_crm_identity_record_kind_record_id_key;
alter table entries drop constraint entries_key_key;
drop index entries_identity_idx;

-- What CRMs are to show of these messages by their links: Sent where one lies in any Sent folder, else Received (R34).
create function linked_directions(of_messages bytea[])
returns table (identity bytea, crm text, record_kind text, record_id text, direction text)
language sql stable as $$
    select l.identity, l.crm, l.record_kind, l.record_id, case when bool_or(l.direction = 'Sent') then 'Sent' else 'Received' end
    from links l
    where l.identity = any(of_messages) and l.unlinked_at is null
    group by 1, 2, 3, 4
$$;

-- Brings the entries of these messages up to their links; nothing is shown where no link is left. What changes is queued again.
-- Two transactions that link copies of one message do so one after the other, each entry in one order for everybody: the
-- directions are computed when the entries are locked, in a statement of its own that sees what was committed until then.
create or replace function refresh_entries(of_messages bytea[]) returns bigint language plpgsql set enable_seqscan = off as $$
declare
    made bigint;
    changed bigint;
begin
    insert into entries (identity, crm, record_kind, record_id, key, direction)
    select l.identity, l.crm, l.record_kind, l.record_id, entry_key(l.crm, l.identity, l.record_kind, l.record_id), l.direction
    from linked_directions(of_messages) l
    order by 1, 2, 3, 4
    on conflict (identity, crm, record_kind, record_id) do nothing;
    get diagnostics made = row_count;
    perform from entries e where e.identity = any(of_messages)
    order by e.identity, e.crm, e.record_kind, e.record_id for no key update;
    update entries e set
        direction = due.direction,
        state = case when e.claimed_at is null and e.state <> 'uncertain' then 'queued' else e.state end,
        next_attempt_at = null, queued_at = now()
    from (
        select there.id, l.direction
        from entries there left join linked_directions(of_messages) l using (identity, crm, record_kind, record_id)
        where there.identity = any(of_messages) and there.direction is distinct from l.direction
    ) due
    where e.id = due.id;
    get diagnostics changed = row_count;
    return made + changed;
end $$;
