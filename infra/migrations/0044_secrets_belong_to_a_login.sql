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

-- Whoever uses a secret today goes on with it, also where several accounts share one. A vault's entry that only closed
-- accounts have used stays theirs: else anybody at that host could be the next to use it.
with logins as (
    select distinct on (l.address)
        l.data #>> '{settings,incoming,secret}' as reference,
        rtrim(lower(l.data #>> '{settings,incoming,host}'), '.') as host,
        (l.data #>> '{settings,incoming,port}')::integer as port,
        regexp_replace(
            coalesce(l.data #>> '{settings,incoming,username}', l.data #>> '{settings,address}'), '^recent:', ''
        ) as login,
        l.data #>> '{settings,organisation}' as organisation,
        a.state = 'closed' as closed
    from log l join accounts_recorded a using (address)
    where l.type in ('AccountConnected', 'SettingsChanged', 'CredentialChanged')
    order by l.address, l.version desc
)
insert into secret_uses (reference, host, port, login, organisation)
select distinct reference, host, port, login, organisation
from logins one
where reference is not null and (
    not closed
    or exists (select from vault v where 'vault:' || v.name = one.reference and v.host = one.host)
    and not exists (select from logins other where other.reference = one.reference and not other.closed)
);

-- A CRM's port is in its URL, or follows from its scheme; a data centre's is 443.
insert into secret_uses (reference, host, port, login, organisation)
select distinct
    c.settings ->> 'secret', v.host,
    coalesce(
        substring(c.settings ->> 'url' from '^[A-Za-z]+://[^/]*:([0-9]{1,5})(?:/|$)')::integer,
        case when c.settings ->> 'url' ilike 'http://%' then 80 else 443 end
    ),
    '', c.organisation
from crm_connections c join vault v on 'vault:' || v.name = c.settings ->> 'secret'
where c.state <> 'closed' and v.host is not null;

-- Entries that were accepted somewhere, and nothing says by whom: the first login at that host takes them.
insert into secret_uses (reference, host)
select 'vault:' || name, host from vault
where host is not null and not exists (select from secret_uses where reference = 'vault:' || name);

alter table vault drop column host;
