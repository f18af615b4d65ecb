-- What a conversation that broke teaches the next one.

-- Hosts whose answers got out of step with pipelined commands: how often, each time within the pause of the time before.
create table desynchronisations (
    host text primary key,
    times integer not null,
    last_at timestamptz not null
);

-- Messages at which sessions broke. `weight` is the evidence against a message: enough of it, and the message is asked for
-- last and alone, so that it cannot take another down with it.
create table suspects (
    address text not null,
    epoch integer not null,
    uidl text not null,
    occurrence smallint not null,
    weight integer not null,
    primary key (address, epoch, uidl, occurrence)
);
