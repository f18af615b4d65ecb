-- The views that people query: docs/reference.md lists their columns, which stay.

create view account_events as
select address, version, event_id, at, type, data, actor, workflow_id, run_id, previous_hash, hash
from log;

create view accounts as
select
    a.address, a.organisation, a.state, a.reason, a.host, a.authentication_failures, a.connection_failures,
    coalesce(m.messages, 0) as messages, coalesce(m.bytes, 0) as bytes, m.on_server, m.remaining, m.eta,
    m.last_checked_at, m.last_success_at,
    case
        when a.state in ('disabled', 'closed') then null
        when a.state = 'suspended' then a.next_attempt_at
        else greatest(a.next_attempt_at, m.next_attempt_at)
    end as next_attempt_at
from accounts_recorded a
left join mailboxes m using (address);

create view messages as
select
    id, address, uidl, message_id, folder, from_address, subject, sent_at, stored_at, size, sha256, state, parse_error
from mail;

create view raw_messages as
select mail.id, blobs.raw
from mail join blobs using (sha256);

create view correspondence as
select
    id, message, address, crm, record_kind, record_id, direction, matched_address, evidence, linked_at, unlinked_at
from links;

create view retrievals as
select address, started_at, finished_at, stored, skipped, deleted, bytes, outcome, worker
from sessions;

create view ledger as
select address, epoch, uidl, state, size, first_seen_at, stored_at, deleted_at
from pop_ledger;

create view directory as
select crm, record_kind, record_id, name, addresses
from records;
