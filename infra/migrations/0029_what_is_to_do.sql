-- `action` is what the next push would do; null where nothing is to do: what is delivered, and what was turned and turned back before
-- the CRM was told.
create or replace view outbox as
select
    id, crm,
    case
        when state = 'delivered' then null
        when state = 'queued' and claimed_at is null and probe is null and direction is not distinct from delivered_direction
        then null
        when direction is null then 'remove'
        when delivered_direction is null then 'add'
        else 'change'
    end as action,
    record_kind, record_id, state, attempts, last_error, delivered_at,
    encode(identity, 'hex') as message_identity, direction, failure, next_attempt_at, remote_id
from entries;

-- An own folder is there as long as mail lies in it or a filter names it. Its row stays, for the spelling.
create or replace view folders as
select f.address, f.name, f.own, count(m.id) as messages, count(m.id) filter (where not 'seen' = any(m.flags)) as unseen
from (
    select a.address, always.name, false as own
    from accounts_recorded a cross join (values ('Inbox'), ('Sent'), ('Archive'), ('Trash')) always (name)
    union all
    select address, name, true from own_folders
) f
left join mail m on m.address = f.address and m.folder = f.name and m.state = 'stored'
group by f.address, f.name, f.own
having not f.own or count(m.id) > 0 or exists (
    select from account_filters a
    where a.address = f.address and a.actions @> jsonb_build_array(jsonb_build_object('move', f.name))
);
