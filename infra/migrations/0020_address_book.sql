-- The address book: the people that an account corresponds with or has saved, and the contacts and leads of its CRMs, found by
-- the beginning of a word of their name or address.

-- Lower case, without accents: what is typed and what is found are both compared in this form.
create function folded(given text) returns text language sql immutable strict parallel safe as $$
    select translate(
        regexp_replace(normalize(lower(given), NFKD), U&'[\0300-\036F\200B-\200D]', '', 'g'),
        U&'\00F8\0142\0111\0131\00F0\00FE', 'oldidt'
    )
$$;

-- The words by whose beginning an entry is found: those of the name, the address, its domain, and the parts of its local part.
create function book_words(name text, addresses text[]) returns text[] language sql immutable parallel safe as $$
    select coalesce(array_agg(distinct left(word, 100) order by left(word, 100)), '{}')
    from (
        select regexp_split_to_table(replace(folded(name), U&'\00DF', 'ss'), '[^[:alnum:]'']+') as word
        union all
        select unnest(array[folded(address), split_part(folded(address), '@', 2)]) from unnest(addresses) address
        union all
        select regexp_split_to_table(split_part(folded(address), '@', 1), '[._+-]+') from unnest(addresses) address
    ) words
    where word <> ''
$$;

-- People of one account -------------------------------------------------------------------------------------------------

-- `score`: every message counts by 2 to the power of its age in half-lives of 30 days, counted from a fixed day, so that a score
-- never has to be aged: the newer message simply counts for more.
create table people (
    id bigint generated always as identity primary key,
    account text not null,
    address text not null,
    spelled text not null,
    name text not null,
    names jsonb not null default '{}',
    written integer not null default 0,
    wrote integer not null default 0,
    score double precision not null default 0,
    last_at timestamptz,
    saved boolean not null default false,
    pinned boolean not null default false,
    words text[] not null generated always as (book_words(name, array[spelled])) stored,
    unique (account, address)
);
create index on people (account, pinned desc, (written > 0) desc, score desc, name);

create table people_words (
    account text not null,
    word text collate "C" not null,
    person bigint not null references people on delete cascade,
    primary key (account, word, person)
);
create index on people_words (person);

create function keep_people_words() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' or old.words is distinct from new.words then
        delete from people_words w where w.person = new.id;
        insert into people_words select new.account, word, new.id from unnest(new.words) word;
    end if;
    return null;
end $$;
create trigger words_follow after insert or update on people for each row execute function keep_people_words();

-- How far an account's mail is counted.
create table people_counted (
    account text primary key,
    through bigint not null
);

-- The counts of display names of two sides put together, the five most frequent of them.
create function more_names(known jsonb, found jsonb) returns jsonb language sql immutable as $$
    select coalesce(jsonb_object_agg(name, times), '{}') from (
        select name, sum(times)::integer as times
        from (
            select key as name, value::integer as times from jsonb_each_text(known)
            union all
            select key, value::integer from jsonb_each_text(found)
        ) sides
        group by name order by 2 desc, 1 limit 5
    ) most
$$;

create function most_frequent(names jsonb) returns text language sql immutable as $$
    select key from jsonb_each_text(names) order by value::integer desc, key limit 1
$$;

-- Records of CRMs -------------------------------------------------------------------------------------------------------

alter table records add column words text[] not null generated always as (book_words(name, addresses)) stored;

create table record_words (
    crm text not null,
    record_kind text not null,
    word text collate "C" not null,
    record_id text not null,
    primary key (crm, record_kind, word, record_id)
);
create index on record_words (crm, record_kind, record_id);
create index on records (crm, record_kind, name, record_id) where gone_at is null;

create function keep_record_words() returns trigger language plpgsql as $$
begin
    if tg_op <> 'INSERT' then
        if tg_op = 'UPDATE' then
            if (old.words, old.gone_at is null) is not distinct from (new.words, new.gone_at is null) then
                return null;
            end if;
        end if;
        delete from record_words w
        where w.crm = old.crm and w.record_kind = old.record_kind and w.record_id = old.record_id;
    end if;
    if tg_op <> 'DELETE' then
        if new.gone_at is null and new.record_kind <> 'deal' then
            insert into record_words select new.crm, new.record_kind, word, new.record_id from unnest(new.words) word;
        end if;
    end if;
    return null;
end $$;
create trigger words_follow after insert or update or delete on records for each row execute function keep_record_words();

insert into record_words
select crm, record_kind, word, record_id
from records cross join lateral unnest(words) word
where gone_at is null and record_kind <> 'deal';

-- What people ask -------------------------------------------------------------------------------------------------------

create view address_book as
select account, 'contacts' as in_group, name, spelled as address, null as crm, null as record_kind, null as record_id, pinned,
    written, wrote, last_at
from people
union all
select a.address, case r.record_kind when 'lead' then 'crm_leads' else 'crm_contacts' end, r.name, one.address, r.crm,
    r.record_kind, r.record_id, coalesce(p.pinned, false), coalesce(p.written, 0), coalesce(p.wrote, 0), p.last_at
from accounts_recorded a
join records r on r.crm = any(a.crm) and r.record_kind <> 'deal' and r.gone_at is null
join record_addresses one on (one.crm, one.record_kind, one.record_id) = (r.crm, r.record_kind, r.record_id)
left join people p on p.account = a.address and p.address = one.address;

-- Whether every word that was typed begins a word of the entry.
create function begins(words text[], typed text[]) returns boolean language sql immutable parallel safe as $$
    select not exists (
        select from unnest(typed) given where not exists (select from unnest(words) word where starts_with(word, given))
    )
$$;

-- Those of the account's people whom `typed` finds, best first. Where a beginning is frequent, the best are soon found in order
-- of rank; where that does not find enough, the beginning is rare, and its words lead to all it finds.
create function complete_people(of_account text, typed text[], most integer) returns setof people language plpgsql stable as $$
declare
    found bigint[];
begin
    found := array(
        select best.id
        from (
            select p.id, p.words, p.pinned, p.written, p.score, p.name from people p where p.account = of_account
            order by p.pinned desc, (p.written > 0) desc, p.score desc, p.name limit 300
        ) best
        where begins(best.words, typed)
        order by best.pinned desc, (best.written > 0) desc, best.score desc, best.name
        limit most
    );
    if cardinality(found) < most and cardinality(typed) > 0 then
        found := array(
            select w.person
            from unnest(typed) given join people_words w
                on w.account = of_account and w.word >= given collate "C" and w.word < (given || U&'\+10FFFF') collate "C"
            group by w.person having count(distinct given) = (select count(distinct given) from unnest(typed) given)
        );
    end if;
    return query
        select p.* from people p
        where p.id = any(found)
        order by p.pinned desc, (p.written > 0) desc, p.score desc, p.name
        limit most;
end $$;

-- The same of the records of one kind, in order of their names; those in `known` are left out.
create function complete_records(of_crm text, kind text, typed text[], known text[], most integer) returns setof records
language plpgsql stable as $$
declare
    found text[];
begin
    if most <= 0 then
        return;
    end if;
    found := array(
        select best.record_id
        from (
            select r.record_id, r.words, r.name from records r
            where r.crm = of_crm and r.record_kind = kind and r.gone_at is null
            order by r.name, r.record_id limit 300
        ) best
        where begins(best.words, typed) and not best.record_id = any(known)
        order by best.name, best.record_id
        limit most
    );
    if cardinality(found) < most and cardinality(typed) > 0 then
        found := array(
            select w.record_id
            from unnest(typed) given join record_words w
                on w.crm = of_crm and w.record_kind = kind
                    and w.word >= given collate "C" and w.word < (given || U&'\+10FFFF') collate "C"
            group by w.record_id having count(distinct given) = (select count(distinct given) from unnest(typed) given)
        );
    end if;
    return query
        select r.* from records r
        where r.crm = of_crm and r.record_kind = kind and r.record_id = any(found) and not r.record_id = any(known)
        order by r.name, r.record_id
        limit most;
end $$;

-- What completes `typed` in a recipient's field of the account: in each group at most `most` entries, best first. Records that
-- the account corresponds with come before the others of their group.
create function complete(of_account text, typed text, most integer default 10)
returns table (in_group text, name text, address text, crm text, record_kind text, record_id text)
language plpgsql stable as $$
#variable_conflict use_column
declare
    beginnings text[] := array(
        select left(word, 100)
        from regexp_split_to_table(replace(folded(translate(typed, '"<>,;', '     ')), U&'\00DF', 'ss'), '\s+') word
        where word <> '' limit 5
    );
    best people[] := array(select p from complete_people(of_account, beginnings, most * 5) p);
    kinds text[];
    of_crm text;
    known text[];
begin
    return query select 'contacts', p.name, p.spelled, null::text, null::text, null::text from unnest(best) p limit most;
    for of_crm in select unnest(a.crm) from accounts_recorded a where a.address = of_account loop
        foreach kinds slice 1 in array array[['crm_contacts', 'contact'], ['crm_contacts', 'candidate'], ['crm_leads', 'lead']] loop
            known := array(
                select r.record_id from (
                    select distinct on (r.record_id) r.record_id, p.place
                    from unnest(best) with ordinality as p (id, account, address, spelled, name, names, written, wrote, score,
                        last_at, saved, pinned, words, place)
                    join record_addresses r on r.crm = of_crm and r.record_kind = kinds[2] and r.address = p.address
                    order by r.record_id, p.place
                ) r
                order by r.place limit most
            );
            return query
                select kinds[1], r.name, coalesce(
                    (select one from unnest(r.addresses) one where begins(book_words('', array[one]), beginnings) limit 1),
                    r.addresses[1]
                ), r.crm, r.record_kind, r.record_id
                from (
                    select r.*, p.place from unnest(known) with ordinality as p (id, place)
                    join records r on r.crm = of_crm and r.record_kind = kinds[2] and r.record_id = p.id
                    where r.gone_at is null
                    union all
                    select r.*, most + row_number() over (order by r.name, r.record_id)
                    from complete_records(of_crm, kinds[2], beginnings, known, most - cardinality(known)) r
                ) r
                where cardinality(r.addresses) > 0
                order by r.place;
        end loop;
    end loop;
end $$;
