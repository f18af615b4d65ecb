-- What linking looks up: levels of address matching, threads, reports about sent mail; and what is told of mail.

-- The form in which addresses of one mailbox agree at every level; domain/linking.py (loose) is the same.
create function loose_address(address text) returns text language sql immutable parallel safe as $$
    select case
        when address like '"%' then address
        when address ~ '@(gmail|googlemail)\.com$' then
            replace(regexp_replace(regexp_replace(address, '@[^@]*$', ''), '(.)\+.*$', '\1'), '.', '') || '@gmail.com'
        else regexp_replace(regexp_replace(address, '@[^@]*$', ''), '(.)\+.*$', '\1') || substring(address from '@[^@]*$')
    end
$$;
create index on record_addresses (loose_address(address), crm);

-- What mail is found by where a record has another address of the same mailbox (domain/linking.py: searched_loosely).
alter table mail add column loose text[] not null default '{}';
update mail set loose = array(
    select distinct 'loose:' || loose_address(one) from unnest(addresses) one where loose_address(one) <> one
)
where exists (select from unnest(addresses) one where loose_address(one) <> one);
create index on mail using gin (loose) where loose <> '{}';

-- Who is a colleague.
create index on accounts_recorded using gin (aliases);

-- Replies: to what they are, and those whose parent may be missing.
create index on mail using gin ((in_reply_to || message_references))
    where in_reply_to <> '{}' or message_references <> '{}';
create index mail_replies on mail (address) where kind = 'personal' and state = 'stored' and in_reply_to <> '{}';

-- Bounces, receipts and abuse reports by the message that they are about.
create index mail_reports on mail ((traits ->> 'about'), address) where traits ? 'about';

-- What a thread passes on.
create index links_passed_on on links (address) where unlinked_at is null and (record_kind = 'deal' or source = 'manual');

-- What is known of messages besides what `messages` shows: who wrote them, and what linking goes by.
create view message_traits as
select id as message, address, author, kind, automatic, traits from mail where state = 'stored';

-- What people should know of a message, as of now.
create view hints as
select m.id as message, m.address, 'sent_elsewhere'::text as code,
    'It answers a message that is not here: a message sent elsewhere is missing. Copies of what is sent elsewhere come in with '
    'a copy to oneself (Cc or Bcc), or in recent mode.' as text
from mail m
where m.kind = 'personal' and m.state = 'stored' and m.in_reply_to <> '{}' and not m.automatic and m.folder <> 'Sent'
    and not m.traits ? 'own_copy'
    and not exists (
        select from mail parent
        where parent.message_id = any(m.in_reply_to) and parent.address = m.address and parent.state = 'stored'
    )
union all
select m.id, m.address, 'message_id_collision',
    'Another message here has the same Message-ID and is not the same message: both are kept. One of them may be forged.'
from mail m
where m.state = 'stored' and exists (
    select from mail other
    where other.message_id = m.message_id and other.address = m.address and other.state = 'stored'
        and other.identity is distinct from m.identity
);
