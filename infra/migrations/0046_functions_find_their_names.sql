-- Functions find what they name, whatever the search path: people and roles that work have another than workers, and whoever brings a
-- backup back has none.
alter function verify_log(text) set search_path = mailroom, pg_temp;
alter function complete(text, text, integer) set search_path = mailroom, pg_temp;

-- As they were, but bound to what they name, so that pg_dump knows what comes first: columns are computed with them.
create or replace function blob_bytes(of_blob blobs) returns bytea language sql stable
    return coalesce(
        of_blob.raw,
        (select string_agg(c.data, ''::bytea order by c.position) from blob_chunks c where c.chunks = of_blob.chunks),
        ''::bytea
    );

create or replace function words_between_blanks(given text) returns text[] language sql immutable parallel safe
    return (
        select coalesce(array_agg(word), '{}')
        from regexp_split_to_table(
            replace(
                folded(translate(given, U&'\2019\02BC"<>()[],;\201C\201D\201E', '''''' || repeat(' ', 12))), U&'\00DF', 'ss'
            ), '\s+'
        ) word
        where word <> ''
    );

create or replace function book_words(name text, addresses text[]) returns text[] language sql immutable parallel safe
    return (
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
    );
