-- Bytes that a session took from the wire, failed and recognised messages and all listings included: a provider's daily volume
-- counts them, whatever became of them here. What was stored is what is known of the sessions before.
alter table sessions add column taken bigint not null default 0;
update sessions set taken = bytes where started_at > now() - interval '2 days';

-- A server that announced a LOGIN-DELAY of years is asked once a day.
update mailboxes set login_delay_seconds = 86400 where login_delay_seconds > 86400;
