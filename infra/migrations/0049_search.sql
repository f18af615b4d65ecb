-- By which words a message is found. A row comes with its message and has no words until they are taken from it, by a job behind
-- retrieval (activities/search/indexing.py), which claims a few at a time; with the message it goes. `without`: words of people who were erased, by which this
-- message is to be found no more.
create table mail_words (
    message bigint primary key references mail on delete cascade,
    words tsvector,
    without text[] not null default '{}',
    claimed_until timestamptz
);
-- A list of what is pending would be read through by each search.
create index mail_words_words_idx on mail_words using gin (words) with (fastupdate = off);
create index mail_words_to_do_idx on mail_words (message) where words is null;

create function is_to_be_found() returns trigger language plpgsql as $$
begin
    insert into mail_words (message) select id from added where state = 'stored';
    return null;
end
$$;
create trigger is_to_be_found after insert on mail
    referencing new table as added for each statement execute function is_to_be_found();

create function is_to_be_found_now() returns trigger language plpgsql as $$
begin
    insert into mail_words (message) values (new.id) on conflict do nothing;
    return null;
end
$$;
create trigger is_to_be_found_now after update of state on mail
    for each row when (new.state = 'stored' and old.state <> 'stored') execute function is_to_be_found_now();

insert into mail_words (message) select id from mail where state = 'stored';
