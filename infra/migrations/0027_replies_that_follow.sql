-- Replies follow what they answer, those too that are being stored while it is linked otherwise, and however many there are:
-- `answered` is a message whose replies are to be linked anew.
alter table relinking add column answered bigint;
alter table relinking drop constraint relinking_names_one;
alter table relinking add constraint relinking_names_one check (
    num_nonnulls(account, participant, record_id, answered) = 1 and (record_kind is null) = (record_id is null)
);
create unique index relinking_answered on relinking (crm, answered) where begun_at is null and answered is not null;

-- The account's own addresses by which its people were counted; unknown before the next count.
alter table people_counted add column own text[];
