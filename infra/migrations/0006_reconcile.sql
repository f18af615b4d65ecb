-- Proof of completeness: the bytes that a reconciliation found lost or damaged, and how good ones take their place.

-- A row stays until the blob is found whole or its bytes have come again.
create table damaged_blobs (
    sha256 bytea primary key,
    problem text not null check (problem in ('lost', 'differs')),
    found_at timestamptz not null default now()
);

-- Whoever brings the bytes of a damaged blob again replaces it in that very transaction: only what is good may be deleted from
-- a server. The damaged row has to go before the good one can come, so the messages that refer to it are looked at afterwards.
alter table mail alter constraint mail_sha256_fkey deferrable initially immediate;

create function make_way_for_good_bytes() returns trigger language plpgsql as $$
declare
    damaged blobs;
begin
    if exists (select from damaged_blobs d where d.sha256 = new.sha256) then -- every stored message asks this: no write
        delete from damaged_blobs d where d.sha256 = new.sha256;
        set constraints mail_sha256_fkey deferred;
        delete from blobs b where b.sha256 = new.sha256 returning * into damaged;
        delete from uploads u where u.chunks = damaged.chunks;
    end if;
    return new;
end $$;

create trigger good_bytes_replace_damaged_ones before insert on blobs
    for each row execute function make_way_for_good_bytes();

-- A number in an event's data, 0 where there is none: an entry that somebody changed must not stop what reads it.
create function amount(data jsonb, field text) returns numeric language sql immutable as $$
    select case when jsonb_typeof(data -> field) = 'number' then (data ->> field)::numeric else 0 end
$$;
