-- The records that were merged into another one, few of very many.
create index on records (crm, merged_into) where merged_into is not null;

-- Who is offered in a recipient's field: by names with a hyphen, an apostrophe or brackets too, and at addresses alone.

-- What is typed, and a name, by its blanks; punctuation around a name is none of it, and every apostrophe is the same.
create function words_between_blanks(given text) returns text[] language sql immutable parallel safe as $$
    select coalesce(array_agg(word), '{}')
    from regexp_split_to_table(
        replace(
            folded(translate(given, U&'\2019\02BC"<>()[],;\201C\201D\201E', '''''' || repeat(' ', 12))), U&'\00DF', 'ss'
        ), '\s+'
    ) word
    where word <> ''
$$;

-- A word of a name is found whole, and by each of its parts.
create or replace function book_words(name text, addresses text[]) returns text[] language sql immutable parallel safe as $$
    select coalesce(array_agg(distinct left(word, 100) order by left(word, 100)), '{}')
    from (
        select unnest(words_between_blanks(name)) as word
        union all
        select regexp_split_to_table(word, ends) from unnest(words_between_blanks(name)) word
            cross join (values ('[^[:alnum:]'']+'), ('[^[:alnum:]]+')) parts (ends)
        union all
        select unnest(array[address, split_part(address, '@', 2)] || regexp_split_to_array(split_part(address, '@', 1), '[._+-]+'))
        from (select replace(folded(address), U&'\00DF', 'ss') as address from unnest(addresses) address) theirs
    ) words
    where word <> ''
$$;
update people set name = name where words is distinct from book_words(name, array[spelled]);
update records set name = name where words is distinct from book_words(name, addresses);

-- As before, with addresses alone: a record may have `none`, or a telephone number, where one belongs. And without records that have
-- become others: the survivor is offered, and of a converted lead the contact.
create or replace function complete(of_account text, typed text, most integer default 10)
returns table (in_group text, name text, address text, crm text, record_kind text, record_id text)
language plpgsql stable as $$
#variable_conflict use_column
declare
    beginnings text[] := array(
        select left(word, 100) from unnest(words_between_blanks(typed)) word limit 5
    );
    best people[];
    kinds text[];
    of_crm text;
    known text[];
begin
    most := least(greatest(coalesce(most, 10), 0), 1000);
    best := array(select p from complete_people(of_account, beginnings, most * 5) p);
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
                select kinds[1], r.name, offered.address, r.crm, r.record_kind, r.record_id
                from (
                    select r.*, p.place from unnest(known) with ordinality as p (id, place)
                    join records r on r.crm = of_crm and r.record_kind = kinds[2] and r.record_id = p.id
                    where r.gone_at is null and r.merged_into is null and r.converted_to is null
                    union all
                    select r.*, most + row_number() over (order by r.name, r.record_id)
                    from complete_records(of_crm, kinds[2], beginnings, known, most - cardinality(known)) r
                ) r
                cross join lateral (
                    select btrim(one) as address from unnest(r.addresses) with ordinality as one (one, n)
                    where btrim(one) ~ '^([^[:space:]@"]+|".+")@[^[:space:]@"]+$'
                    order by begins(book_words('', array[one]), beginnings) desc, n limit 1
                ) offered
                order by r.place;
        end loop;
    end loop;
end $$;

create or replace view address_book as
select account, 'contacts' as in_group, name, spelled as address, null as crm, null as record_kind, null as record_id, pinned,
    written, wrote, last_at
from people
union all
select a.address, case r.record_kind when 'lead' then 'crm_leads' else 'crm_contacts' end, r.name, one.address, r.crm,
    r.record_kind, r.record_id, coalesce(p.pinned, false), coalesce(p.written, 0), coalesce(p.wrote, 0), p.last_at
from accounts_recorded a
join records r on r.crm = any(a.crm) and r.record_kind <> 'deal' and r.gone_at is null
    and r.merged_into is null and r.converted_to is null
join record_addresses one on (one.crm, one.record_kind, one.record_id) = (r.crm, r.record_kind, r.record_id)
left join people p on p.account = a.address and p.address = one.address;
