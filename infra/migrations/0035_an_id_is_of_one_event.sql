-- An event's id is made by its author, once. Where Temporal's database is set back to an earlier state, a workflow makes the same
-- ids again, for other events: those were taken for appends that are tried again, and lost.

-- Appends one event and answers its version. An event whose id is there already, with the same content, is the same append tried
-- again; with other content it is refused (SQLSTATE MR001), because one of the two would be lost. Content is what happened to which
-- address, and who did it; data are compared as jsonb, so neither the order of keys nor how a number is written matters.
-- The head row is locked until the end of the transaction: call this last, so that two writers wait only briefly.
create or replace function append_event(
    of_address text, id uuid, happened_at timestamptz, event_type text, facts jsonb, who text, workflow text, run text
) returns bigint language plpgsql as $$
declare
    head log_heads;
    known log;
    next_hash bytea;
begin
    insert into log_heads (address, version, hash) values (of_address, 0, sha256(convert_to(of_address, 'UTF8')))
        on conflict (address) do nothing;
    select * into head from log_heads h where h.address = of_address for update;
    select * into known from log l where l.event_id = id;
    if found then
        if (known.address, known.type, known.data, known.actor) is distinct from (of_address, event_type, facts, who) then
            raise exception using errcode = 'MR001', message = format(
                'the log has version %s of %s, %s by %s at %s, under the id of %s by %s', known.version, known.address,
                known.type, known.actor, to_char(known.at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'), event_type, who
            );
        end if;
        return known.version;
    end if;
    next_hash := entry_hash(head.hash, of_address, head.version + 1, id, happened_at, event_type, facts, who, workflow, run);
    insert into log values (
        of_address, head.version + 1, id, happened_at, event_type, facts, who, workflow, run, head.hash, next_hash
    );
    update log_heads h set version = head.version + 1, hash = next_hash where h.address = of_address;
    return head.version + 1;
end $$;
