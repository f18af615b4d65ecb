-- Whoever may only work, and does not own these tables, appends through this function and changes nothing of the log.
alter function append_event(text, uuid, timestamptz, text, jsonb, text, text, text)
    security definer set search_path = mailroom, pg_temp;

-- What only an index's owner may ask for: relinking looks messages up that were stored a moment ago (activities/back_linking.py).
create function clean_address_indexes() returns void language sql
    security definer set search_path = mailroom, pg_temp as $$
    select gin_clean_pending_list(one) from unnest('{mail_addresses_idx,mail_loose_idx}'::regclass[]) one
$$;

-- Both act as their owner, so they are for roles that work (infra/database.py), not for whoever may read the views.
revoke execute on function append_event(text, uuid, timestamptz, text, jsonb, text, text, text) from public;
revoke execute on function clean_address_indexes() from public;

-- The roles that work: after each migration they are given what is new (infra/database.py).
create table worker_roles (name text primary key);

-- As it was, and one thing more: an account, or a CRM connection, that is there and has no log at all.
create or replace function verify_log(of_address text) returns table (version bigint, problem text) language sql stable as $$
    with entries as (
        select l.*,
            lag(l.hash, 1, sha256(convert_to(l.address, 'UTF8'))) over (order by l.version) as expected_previous,
            row_number() over (order by l.version) as expected_version
        from log l where l.address = of_address
    ), problems as (
        select e.expected_version as version, case
            when e.version <> e.expected_version then 'this entry is missing'
            when e.previous_hash <> e.expected_previous then 'this entry does not follow from the one before'
            when e.hash <> entry_hash(e.previous_hash, e.address, e.version, e.event_id, e.at, e.type, e.data, e.actor,
                                      e.workflow_id, e.run_id) then 'this entry was changed'
        end as problem
        from entries e
        union all
        select coalesce(t.version, 0) + 1, 'the log ends before its head: entries were cut off, or the head was changed'
        from (select of_address as address) asked
        left join log_heads h on h.address = asked.address
        left join lateral (
            select e.version, e.hash from entries e order by e.version desc limit 1
        ) t on true
        where (h.version, h.hash) is distinct from (t.version, t.hash)
        union all
        select 1, 'there is no log: it was removed whole, its head too'
        where not exists (select from log l where l.address = of_address)
            and not exists (select from log_heads h where h.address = of_address)
            and (
                exists (select from sessions s where s.address = of_address)
                or exists (
                    select from crm_connections c
                    where 'crm/' || c.name = of_address and c.settings is not null and c.kind <> 'builtin'
                )
            )
    )
    select p.version, p.problem from problems p where p.problem is not null order by p.version limit 1
$$;
