-- What a secret may be used for. Nothing yet: whoever is let in with it first. From then on that alone: one
-- organisation's login, at one service. Null stands for any, of entries that were bound to their host alone.
create table secret_uses (
    reference text not null, -- as settings spell it: vault:NAME, env:NAME, file:NAME
    host text not null,
    port integer,
    login text, -- what USER or AUTH is given; '' for a CRM, whose key names its user
    organisation text,
    accepted_at timestamptz not null default now()
);
create index on secret_uses (reference);

-- Whoever uses a secret today goes on with it, also where several accounts share one.
insert into secret_uses (reference, host, port, login, organisation)
select distinct
    settings #>> '{incoming,secret}',
    rtrim(lower(settings #>> '{incoming,host}'), '.'),
    (settings #>> '{incoming,port}')::integer,
    coalesce(settings #>> '{incoming,username}', settings ->> 'address'),
    settings ->> 'organisation'
from (
    select distinct on (l.address) l.data -> 'settings' as settings
    from log l join accounts_recorded a using (address)
    where l.type in ('AccountConnected', 'SettingsChanged', 'CredentialChanged') and a.state <> 'closed'
    order by l.address, l.version desc
) latest
where settings #>> '{incoming,secret}' is not null;

-- A CRM's host and port are in its URL or follow from its data centre: the entry keeps its host, and any port of it.
insert into secret_uses (reference, host, login, organisation)
select distinct c.settings ->> 'secret', v.host, '', c.organisation
from crm_connections c join vault v on 'vault:' || v.name = c.settings ->> 'secret'
where c.state <> 'closed' and v.host is not null;

-- Entries that were accepted somewhere and are used by nobody now.
insert into secret_uses (reference, host)
select 'vault:' || name, host from vault
where host is not null and not exists (select from secret_uses where reference = 'vault:' || name);

alter table vault drop column host;
