-- The view `crms`: every connection with what it still has to do. After all that refers to the table by its first name.

alter table crms rename to crm_connections;

-- A simple view: what is written to it is written to the table.
create view crms as
select
    c.name, c.kind, c.profile, c.organisation, c.state, c.reason, c.last_failure, c.authentication_failures,
    c.connection_failures,
    (select count(*) from entries e where e.crm = c.name and e.state in ('queued', 'uncertain')) as backlog,
    (select count(*) from entries e where e.crm = c.name and e.state = 'uncertain') as uncertain,
    (select count(*) from entries e where e.crm = c.name and e.state = 'failed') as failed,
    c.pulled_at, c.swept_at, c.next_attempt_at, c.linking, c.cursor, c.settings
from crm_connections c;
