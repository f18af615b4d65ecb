"""Threads: the messages that a message answers, and those that answer it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from activities.linking.lookups import FOLLOWERS
from domain.linking.model import Correspondence
from infra.database.pool import Connection

MOST_ANCESTORS = 32  # Message-IDs of a message's thread that are looked at
MOST_ROUNDS = 4  # in which more of them are found, where a mail names its parent alone


async def ancestors_of(
    connection: Connection, replies: Mapping[tuple[str, int], Sequence[str]]
) -> dict[tuple[str, int], list[int]]:
    """The stored messages of each reply's thread before it, of the same account: `replies` are the Message-IDs that a message
    (account, id) names. At most 32 Message-IDs of each are looked at, so circles end."""
    seen = {reply: list(dict.fromkeys(named))[-MOST_ANCESTORS:] for reply, named in replies.items() if named}
    stored: dict[tuple[str, str], list[tuple[int, list[str]]]] = {}
    for _ in range(MOST_ROUNDS):
        wanted = {(account, name) for (account, _), named in seen.items() for name in named} - stored.keys()
        if wanted:
            stored |= {one: [] for one in wanted}
            rows = await (
                await connection.execute(
                    """
                    select m.address, m.message_id, m.id, m.in_reply_to || m.message_references
                    from mail m
                    where m.message_id = any(%s) and m.address = any(%s) and m.state = 'stored'
                    """,
                    [sorted({name for _, name in wanted}), sorted({account for account, _ in wanted})],
                )
            ).fetchall()
            for account, name, message, named in rows:
                if (account, name) in wanted:
                    stored[account, name].append((message, named))
        grown = False  # also by what was found for another reply before
        for (account, _), named in seen.items():
            for name in list(named):
                more = [one for _, names in stored.get((account, name), ()) for one in names if one not in named]
                more = list(dict.fromkeys(more))[: max(MOST_ANCESTORS - len(named), 0)]
                named += more
                grown = grown or bool(more)
        if not grown:
            break
    return {
        (account, reply): sorted(
            {message for name in named for message, _ in stored.get((account, name), ()) if message != reply}
        )
        for (account, reply), named in seen.items()
    }


async def anchors_of(
    connection: Connection, messages: Iterable[int], computed: Collection[int]
) -> dict[int, list[Correspondence]]:
    """What threads pass on of these messages: links to deals, except those that came by a thread, and links made by hand. Of
    the messages that are being `computed`, links made by hand alone."""
    rows = await (
        await connection.execute(
            """
            select message, crm, record_kind, record_id, direction, matched_address, evidence from links
            where message = any(%s) and unlinked_at is null and (
                source = 'manual'
                or (record_kind = 'deal' and evidence ->> 'rule' = 'deal' and message <> all(%s))
            )
            order by message, crm, record_kind, record_id
            """,
            [sorted(messages), sorted(computed)],
        )
    ).fetchall()
    found: dict[int, list[Correspondence]] = {}
    for message, *link in rows:
        found.setdefault(message, []).append(Correspondence(*link))
    return found


async def threads_pass_on(connection: Connection, accounts: Collection[str]) -> bool:
    """Whether there is anything in these accounts that a thread could pass on."""
    row = await (
        await connection.execute(
            """
            select exists (
                select from links where address = any(%s) and unlinked_at is null and (record_kind = 'deal' or source = 'manual')
            )
            """,
            [sorted(accounts)],
        )
    ).fetchone()
    return bool(row and row[0])


async def passing_on(connection: Connection, messages: Collection[int]) -> list[int]:
    """Those of these messages that have a link which their replies may have inherited."""
    rows = await (
        await connection.execute(
            """
            select distinct message from links where message = any(%s) and unlinked_at is null
                and (record_kind = 'deal' or source = 'manual' or evidence ->> 'rule' = 'thread')
            """,
            [sorted(messages)],
        )
    ).fetchall()
    return [row[0] for row in rows]


async def followers_of(connection: Connection, messages: Collection[int], most: int, after: int = 0) -> list[int]:
    """The stored messages of the same account that answer one of `messages`, or one that answers it, and so on, in the order of
    their ids. They are looked up by what they name: read in the order of the ids until there are `most`, it may be all mail."""
    if not messages:
        return []
    given = {"messages": sorted(messages), "most": most, "after": after}
    return [row[0] for row in await (await connection.execute(FOLLOWERS, given)).fetchall()]
