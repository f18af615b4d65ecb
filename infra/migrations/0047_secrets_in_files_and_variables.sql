-- A secret that is set again may go to another server: null stands for any there, too.
alter table secret_uses alter column host drop not null;

-- Files of secrets by the spelling that they are looked up by: without empty parts and single dots.
update secret_uses set reference = 'file:' || array_to_string(
    array(
        select part from unnest(string_to_array(substr(reference, 6), '/')) with ordinality parts (part, place)
        where part not in ('', '.') order by place
    ),
    '/'
)
where reference like 'file:%';

-- What 0044 left to whoever is first: variables and files of CRMs, and of accounts that are closed. Whoever may start an account
-- could be quicker than a CRM that is down or disabled, and nobody at all competes with him for those of closed accounts.
with spelled as (
    select
        l.address, l.data #>> '{settings,incoming,secret}' as reference,
        rtrim(lower(l.data #>> '{settings,incoming,host}'), '.') as host,
        (l.data #>> '{settings,incoming,port}')::integer as port,
        regexp_replace(
            coalesce(l.data #>> '{settings,incoming,username}', l.data #>> '{settings,address}'), '^recent:', ''
        ) as login,
        l.data #>> '{settings,organisation}' as organisation
    from (
        select distinct on (l.address) l.address, l.data
        from log l join accounts_recorded a using (address)
        where l.type in ('AccountConnected', 'SettingsChanged', 'CredentialChanged') and a.state = 'closed'
        order by l.address, l.version desc
    ) l
    union all
    select
        'crm/' || c.name, c.settings ->> 'secret',
        rtrim(lower(btrim(substring(c.settings ->> 'url' from '^[A-Za-z]+://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)'), '[]')), '.'),
        coalesce(
            substring(c.settings ->> 'url' from '^[A-Za-z]+://[^/]*:([0-9]{1,5})(?:/|$)')::integer,
            case when c.settings ->> 'url' ilike 'http://%' then 80 else 443 end
        ),
        '', c.organisation
    from crm_connections c
), uses as (
    select distinct
        case when reference like 'file:%' then 'file:' || array_to_string(
            array(
                select part from unnest(string_to_array(substr(reference, 6), '/')) with ordinality parts (part, place)
                where part not in ('', '.') order by place
            ),
            '/'
        ) else reference end as reference,
        host, port, login, organisation
    from spelled where reference ~ '^(env|file):' and host <> '' and port is not null and organisation is not null
)
insert into secret_uses (reference, host, port, login, organisation)
select * from uses where not exists (select from secret_uses u where u.reference = uses.reference);
