"""What an account's mail is stored by: its CRMs, its own addresses, its privacy, its filters and the rules of its CRMs, as they
are when a batch is stored.

They are read behind the locks under which they hold: whoever changes them later knows of this transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from activities.core.locks import linking_by
from domain.filing.evaluation import Saved
from domain.filing.stored import as_written
from domain.linking.rules import Rules, as_rules
from domain.mailbox.settings import AccountSettings
from domain.privacy.rules import Privacy
from domain.retrieval.plan import ATTACHED
from infra.database.locks import Guarded, Lock, hold
from infra.database.planner import LOOKS_UP


@dataclass(frozen=True, slots=True)
class StandingRules:
    """`settings`: with the CRMs, aliases and organisation that are recorded now; `any_attached`: mail was attached to the account
    by hand; `any_erased`: people were erased from it; `linking`: by the name of the CRM, in the order of the settings."""

    settings: AccountSettings
    privacy: Privacy
    filters: Sequence[Saved]
    any_attached: bool
    any_erased: bool
    linking: Mapping[str, Rules]


async def hold_rules(
    connection: AsyncConnection[TupleRow], settings: AccountSettings, *, attaching: bool
) -> StandingRules:
    """Locks and reads them. Until the transaction ends, nobody changes the privacy or the account's row, and nobody attaches
    mail: none of them would see what the other one stores. Whoever changes the directory or the rules of a CRM links anew only
    what this transaction has stored by then.

    `settings` may be older than the row: a session that Temporal cannot reach stores on with what it was started with, and
    mail that was linked by it would never be linked with a CRM that was added meanwhile."""
    address = settings.address
    # A foreign key is checked by a plan that is made once and kept. By statistics of when the table was almost empty it would
    # read all of the table for every message, until the next statistics.
    account = await (
        await connection.execute(
            f"""
            with account as materialized (select crm from accounts_recorded where address = %s for share)
            select (table account), {LOOKS_UP}
            """,
            [address],
        )
    ).fetchone()
    assert account is not None
    crms, _ = account
    await hold(
        connection,
        Lock(Guarded.PRIVACY, address, shared=True),
        Lock(Guarded.ATTACH, address, shared=not attaching),
        *linking_by(settings.crm if crms is None else crms),
    )
    row = await (
        await connection.execute(
            """
            select a.crm, a.aliases, a.organisation, (select rules from account_privacy where address = %(address)s),
                (
                    select jsonb_agg(
                        jsonb_build_array(id, version, name, match, conditions, actions, enabled) order by position, id
                    ) from account_filters where address = %(address)s
                ),
                exists (select from pop_ledger where address = %(address)s and epoch = %(attached)s),
                exists (select from erased_people where address = %(address)s),
                (select jsonb_object_agg(name, linking) from crm_connections where name = any(coalesce(a.crm, %(crms)s)))
            from (select) one left join accounts_recorded a on a.address = %(address)s
            """,
            {"address": address, "attached": ATTACHED, "crms": settings.crm},
        )
    ).fetchone()
    assert row is not None
    crms, aliases, organisation, privacy, filters, any_attached, any_erased, linking = row
    if crms is not None:
        settings = settings.model_copy(update={"crm": crms, "aliases": aliases, "organisation": organisation})
    return StandingRules(
        settings,
        Privacy.model_validate(privacy or {}, strict=False),
        [Saved(one[0], one[1], as_written(*one[2:])) for one in filters or ()],
        any_attached,
        any_erased,
        {crm: as_rules((linking or {}).get(crm)) for crm in settings.crm},
    )
