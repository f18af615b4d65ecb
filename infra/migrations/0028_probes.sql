-- `probe`: what the CRM is asked for where the answer to a push was lost, in its adapter's own terms. It is written with the claim,
-- because the message may be deleted before the CRM is asked, and it is gone as soon as it is known what the CRM shows.
alter table entries add column probe jsonb;
