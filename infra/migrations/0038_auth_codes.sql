-- What hosts that offer AUTH-RESP-CODE (RFC 3206) were seen to do with it. `said_at`: when one first said [AUTH]. `unmarked`:
-- refusals of a password without that mark, as long as it never did; counted no further than matters.
create table auth_codes (
    host text primary key,
    said_at timestamptz,
    unmarked smallint not null default 0
);
