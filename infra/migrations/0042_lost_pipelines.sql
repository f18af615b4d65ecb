-- Servers that offer PIPELINING and hang up on commands that come together: sessions learn it from lines that were lost.

-- Mailboxes whose last session lost its line, or was refused, while commands that had been sent together awaited their answers: the
-- next one sends them one by one.
create table pipelining_doubts (
    address text primary key,
    lost_at timestamptz not null
);

-- How often in a row that worked where pipelining had not, and when it last did.
alter table desynchronisations add column proofs integer not null default 0, add column proven_at timestamptz;
