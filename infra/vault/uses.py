"""Whose a secret is: what each reference, of whatever kind, may be used for (the table `secret_uses`).

A reference is a name that anybody may write who may start an account, so it belongs to the first login that it opens, and
stays that login's when its secret changes. It is bound to a host and a port as well; who sets the secret again lets the same
login use it at another. An operator alone takes it away again (`mailroom vault delete`, `free`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from domain.mailbox.settings import RECENT_PREFIX, AccountSettings
from infra.database.locks import Guarded, Lock, hold
from infra.database.pool import Connection

# Whether a row lets this login in. Null stands for any: an earlier release bound to hosts alone, and a secret that is set again
# may go to another server.
THIS_LOGINS = """
    coalesce(host = %(host)s, true) and coalesce(port = %(port)s, true) and coalesce(login = %(login)s, true)
    and coalesce(organisation = %(organisation)s, true)
"""

# One row of what was left open is this login's alone from now on, the one that says most of it; the others stay for the logins
# and servers that share the secret: as many as it had, it keeps. Under a lock, so that of two logins that are let in at the same
# moment one alone is the first.
BIND = f"""
    with left_open as (
        delete from secret_uses where ctid = (
            select ctid from secret_uses
            where reference = %(reference)s and {THIS_LOGINS} and num_nulls(host, port, login, organisation) > 0
            order by num_nulls(host, port, login, organisation) limit 1
        )
        returning 1
    )
    insert into secret_uses (reference, host, port, login, organisation)
    select %(reference)s, %(host)s, %(port)s, %(login)s, %(organisation)s
    where exists (select from left_open) or not exists (select from secret_uses where reference = %(reference)s)
"""

# Whether it is nobody's yet, or this login's; and whether nothing is left to be bound.
MAY_BE_USED = f"""
    select coalesce(bool_or({THIS_LOGINS}), true), coalesce(bool_or(
        reference = %(reference)s
        and host = %(host)s and port = %(port)s and login = %(login)s and organisation = %(organisation)s
    ), false)
    from secret_uses where reference in (%(reference)s, %(spelled)s)
"""


@dataclass(frozen=True, slots=True)
class Use:
    """What a secret is wanted for: whose it is, and where it goes. A CRM's login is '': its key names its user."""

    organisation: str
    login: str
    host: str
    port: int


def use_of(settings: AccountSettings) -> Use:
    """What an account's secret is used for. The mark of recent mode is no part of the name: it is the same mailbox."""
    incoming = settings.incoming
    login = (incoming.username or settings.address).removeprefix(RECENT_PREFIX)
    return Use(settings.organisation, login, incoming.host, incoming.port)


@dataclass(frozen=True, slots=True)
class Names:
    """A reference by the one name that it is bound under, and as it is spelled, by which earlier releases have bound it."""

    bound: str
    spelled: str

    @classmethod
    def of(cls, reference: str, directory: Path | None) -> Names:
        """Looks at the disk for a file below `directory`: however many links lead to it, it is one secret.

        Folders whose names begin with `..` count for nothing: Kubernetes keeps a secret's files in a new one after each
        change, and their links lead there.
        """
        kind, _, name = reference.partition(":")
        if kind != "file":
            return cls(reference, reference)
        path = PurePosixPath(name)
        spelled = f"file:{path}"
        if directory is None or path.is_absolute() or ".." in path.parts:  # which is refused when it is read
            return cls(spelled, spelled)
        root = os.path.realpath(directory)
        real = Path(os.path.realpath(os.path.join(root, path)))
        if not real.is_relative_to(root) or str(real) == root:  # this, too
            return cls(spelled, spelled)
        *folders, last = real.relative_to(root).parts
        return cls(f"file:{PurePosixPath(*(one for one in folders if not one.startswith('..')), last)}", spelled)


async def is_of(connection: Connection, names: Names, use: Use) -> bool | None:
    """Whether the secret is this login's; None where it is nobody's yet, or not yet under its one name."""
    row = await (await connection.execute(MAY_BE_USED, _row(names, use))).fetchone()
    assert row is not None
    allowed, bound = row
    if not allowed:
        return False
    return True if bound else None


async def lock(connection: Connection, names: Names) -> None:
    """Has everybody else wait who would bind it, until the transaction ends."""
    await hold(connection, Lock(Guarded.SECRET, names.bound))


async def bind(connection: Connection, names: Names, use: Use) -> None:
    """Makes it this login's, where it is nobody's."""
    await connection.execute(BIND, _row(names, use))


async def free(connection: Connection, names: Names) -> bool:
    """Makes it nobody's; False where it was nobody's."""
    freed = await connection.execute(
        "delete from secret_uses where reference in (%s, %s)", [names.bound, names.spelled]
    )
    return freed.rowcount > 0


async def outside_the_vault(connection: Connection) -> list[tuple[str, list[str], datetime]]:
    """Each `env:` and `file:` secret that belongs to somebody, with its hosts and ports and since when."""
    found = await connection.execute(
        """
        select reference, array_agg(distinct concat_ws(':', host, port)), min(accepted_at)
        from secret_uses where reference not like 'vault:%' and host is not null group by reference order by reference
        """
    )
    return [(reference, places, accepted_at) for reference, places, accepted_at in await found.fetchall()]


def _row(names: Names, use: Use) -> dict[str, str | int]:
    return {
        "reference": names.bound,
        "spelled": names.spelled,
        "host": use.host.strip().lower().removesuffix("."),
        "port": use.port,
        "login": use.login,
        "organisation": use.organisation,
    }
