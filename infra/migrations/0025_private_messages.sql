-- Messages that a person keeps to themselves: linked to nothing, whatever the rules say, until that is taken back.

create table kept_private (
    message bigint primary key references mail on delete cascade,
    by text not null,
    at timestamptz not null
);

create view private_messages as
select k.message, m.address, k.by, k.at
from kept_private k join mail m on m.id = k.message;
