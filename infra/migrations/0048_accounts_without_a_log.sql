-- As it was, and one thing more: an account that was set up has a log from its first moment on, whether it had a session yet or not.
-- Its row and its first event are of one transaction. What mail was attached to by hand has a row without a workflow, and no log
-- until there is any.
create or replace function verify_log(of_address text) returns table (version bigint, problem text) language sql stable
    set search_path = mailroom, pg_temp as $$
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
        select 1, 'there is no log: it is missing from the start, its head too'
        where not exists (select from log l where l.address = of_address)
            and not exists (select from log_heads h where h.address = of_address)
            and (
                exists (select from accounts_recorded a where a.address = of_address and a.workflow_id <> '')
                or exists (select from sessions s where s.address = of_address)
                or exists (select from mail m where m.address = of_address)
                or exists (
                    select from crm_connections c
                    where 'crm/' || c.name = of_address and c.settings is not null and c.kind <> 'builtin'
                )
            )
    )
    select p.version, p.problem from problems p where p.problem is not null order by p.version limit 1
$$;
