-- `probe`: what the CRM is asked for where the answer to a push was lost, in its adapter's own terms. It is written with the claim,
-- because the message may be deleted before the CRM is asked, and it is gone as soon as it is known what the CRM shows.
alter table entries add column probe jsonb;

-- What waits, and holds back what follows it of the same record: few of very many.
create index entries_that_wait on entries (crm, record_kind, record_id, id)
    where state in ('queued', 'uncertain') and (next_attempt_at is not null or claimed_at is not null);
