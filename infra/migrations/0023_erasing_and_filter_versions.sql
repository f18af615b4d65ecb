-- What a filter was when it filed something, and who was erased: neither is told by the log, which names nobody.

-- Each version of a filter as it was saved; a filter that is removed leaves its versions. The log's FilterSaved has who and when.
create table filter_texts (
    filter bigint not null,
    version integer not null,
    address text not null,
    name text not null,
    match text not null,
    conditions jsonb not null,
    actions jsonb not null,
    enabled boolean not null,
    saved_at timestamptz not null default now(),
    primary key (filter, version)
);
create index on filter_texts (address);

insert into filter_texts (filter, version, address, name, match, conditions, actions, enabled)
select id, version, address, name, match, conditions, actions, enabled from account_filters;

create function keep_filter_text() returns trigger language plpgsql as $$
begin
    insert into filter_texts (filter, version, address, name, match, conditions, actions, enabled)
    values (new.id, new.version, new.address, new.name, new.match, new.conditions, new.actions, new.enabled)
    on conflict (filter, version) do nothing;
    return null;
end $$;
create trigger keep_filter_text after insert or update of version on account_filters
    for each row execute function keep_filter_text();

create view filter_versions as
select filter, version, address, name, match, conditions, actions, enabled, saved_at
from filter_texts;

-- Who was erased from an account, and when: `person` is their address as a digest (domain/erasure.py, pseudonym). Mail of theirs
-- that was in quarantine then is not stored, should the server hand it out after all.
create table erased_people (
    address text not null,
    erasure uuid not null,
    person text not null,
    at timestamptz not null,
    primary key (address, erasure)
);
