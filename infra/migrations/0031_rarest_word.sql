-- Several words are looked up by the rarest of them: "contact 4711" where all are called Contact. Where even that one begins many
-- entries, all of what they begin is compared, as before.

create or replace function complete_people(of_account text, typed text[], most integer) returns setof people
language plpgsql stable as $$
declare
    found bigint[];
    rarest text;
    times bigint;
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
        select given, counted.times into rarest, times
        from unnest(typed) given cross join lateral (
            select count(*) as times from (
                select from people_words w
                where w.account = of_account and w.word >= given collate "C" and w.word < (given || U&'\+10FFFF') collate "C"
                limit 1000
            ) up_to_a_thousand
        ) counted
        order by counted.times limit 1;
        if times < 1000 then
            found := array(
                select distinct p.id
                from people_words w join people p on p.id = w.person
                where w.account = of_account and w.word >= rarest collate "C" and w.word < (rarest || U&'\+10FFFF') collate "C"
                    and begins(p.words, typed)
            );
        else
            found := array(
                select w.person
                from unnest(typed) given join people_words w
                    on w.account = of_account and w.word >= given collate "C" and w.word < (given || U&'\+10FFFF') collate "C"
                group by w.person having count(distinct given) = (select count(distinct given) from unnest(typed) given)
            );
        end if;
    end if;
    return query
        select p.* from people p
        where p.id = any(found)
        order by p.pinned desc, (p.written > 0) desc, p.score desc, p.name
        limit most;
end $$;

-- Records that have become others are left out here, too.
create or replace function complete_records(of_crm text, kind text, typed text[], known text[], most integer) returns setof records
language plpgsql stable as $$
declare
    found text[];
    rarest text;
    times bigint;
begin
    if most <= 0 then
        return;
    end if;
    found := array(
        select best.record_id
        from (
            select r.record_id, r.words, r.name from records r
            where r.crm = of_crm and r.record_kind = kind and r.gone_at is null
                and r.merged_into is null and r.converted_to is null
            order by r.name, r.record_id limit 300
        ) best
        where begins(best.words, typed) and not best.record_id = any(known)
        order by best.name, best.record_id
        limit most
    );
    if cardinality(found) < most and cardinality(typed) > 0 then
        select given, counted.times into rarest, times
        from unnest(typed) given cross join lateral (
            select count(*) as times from (
                select from record_words w
                where w.crm = of_crm and w.record_kind = kind
                    and w.word >= given collate "C" and w.word < (given || U&'\+10FFFF') collate "C"
                limit 1000
            ) up_to_a_thousand
        ) counted
        order by counted.times limit 1;
        if times < 1000 then
            found := array(
                select distinct r.record_id
                from record_words w join records r using (crm, record_kind, record_id)
                where w.crm = of_crm and w.record_kind = kind
                    and w.word >= rarest collate "C" and w.word < (rarest || U&'\+10FFFF') collate "C"
                    and begins(r.words, typed)
            );
        else
            found := array(
                select w.record_id
                from unnest(typed) given join record_words w
                    on w.crm = of_crm and w.record_kind = kind
                        and w.word >= given collate "C" and w.word < (given || U&'\+10FFFF') collate "C"
                group by w.record_id having count(distinct given) = (select count(distinct given) from unnest(typed) given)
            );
        end if;
    end if;
    return query
        select r.* from records r
        where r.crm = of_crm and r.record_kind = kind and r.record_id = any(found) and not r.record_id = any(known)
            and r.merged_into is null and r.converted_to is null
        order by r.name, r.record_id
        limit most;
end $$;
