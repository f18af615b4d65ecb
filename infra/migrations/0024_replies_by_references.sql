-- Some programs name what they answer in References alone, where it stands last (RFC 5322, section 3.6.4); so do others in what
-- they forward, so that only the subject tells an answer there.

create or replace view hints as
select m.id as message, m.address, 'sent_elsewhere'::text as code,
    'It answers a message that is not here: a message sent elsewhere is missing. Copies of what is sent elsewhere come in with '
    'a copy to oneself (Cc or Bcc), or in recent mode.' as text
from mail m
cross join lateral (
    select case
        when m.in_reply_to <> '{}' then m.in_reply_to
        when m.subject ~* '^\s*(re|aw|antw|sv|vs|odp|rif)\s*(\[\d{1,3}\])?\s*[:：]'
            then m.message_references[cardinality(m.message_references):]
        else '{}'
    end as message_ids
) answered
where m.kind = 'personal' and m.state = 'stored' and answered.message_ids <> '{}' and not m.automatic and m.folder <> 'Sent'
    and not m.traits ? 'own_copy'
    and not exists (
        select from mail parent
        where parent.message_id = any(answered.message_ids) and parent.address = m.address and parent.state = 'stored'
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
