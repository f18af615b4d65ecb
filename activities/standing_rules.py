"""What an account's mail is stored by: its privacy, its filters and the rules of its CRMs, as they are when a batch is stored.

They are read in one query, behind the locks under which they hold: whoever changes them later knows of this transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from activities.filing import as_written
from activities.matching import as_rules
from activities.recognition import ATTACHED
from domain.filters import Saved
from domain.linking import Rules
from domain.privacy import Privacy
from domain.settings import AccountSettings


@dataclass(frozen=True, slots=True)
class StandingRules:
    """`any_attached`: mail was attached to the account by hand; `any_erased`: people were erased from it; `linking`: by the
    name of the CRM, in the order of the settings."""

    privacy: Privacy
    filters: Sequence[Saved]
    any_attached: bool
    any_erased: bool
    linking: Mapping[str, Rules]


async def hold_rules(
    connection: AsyncConnection[TupleRow], settings: AccountSettings, *, attaching: bool
) -> StandingRules:
    """Locks and reads them. Until the transaction ends, nobody changes the privacy, and nobody attaches mail: neither of the
    two would see what the other one stores (who is `attaching` has to lock that for itself alone). Whoever changes the
    directory or the rules of a CRM links anew only what this transaction has stored by then."""
    address = settings.address
    locks = [f"privacy:{address}", *([] if attaching else [f"attach:{address}"])]
    locks += [f"directory:{crm}" for crm in sorted(set(settings.crm))]
    # A foreign key is checked by a plan that is made once and kept. By statistics of when the table was almost empty it would
    # read all of the table for every message, until the next statistics.
    await connection.execute(
        """
        select set_config('enable_seqscan', 'off', true), pg_advisory_xact_lock_shared(hashtextextended(name, 0))
        from unnest(%s::text[]) name
        """,
        [locks],
    )
    row = await (
        await connection.execute(
            """
            select (select rules from account_privacy where address = %(address)s),
                (
                    select jsonb_agg(
                        jsonb_build_array(id, version, name, match, conditions, actions, enabled) order by position, id
                    ) from account_filters where address = %(address)s
                ),
                exists (select from pop_ledger where address = %(address)s and epoch = %(attached)s),
                exists (select from erased_people where address = %(address)s),
                (select jsonb_object_agg(name, linking) from crm_connections where name = any(%(crms)s))
            """,
            {"address": address, "attached": ATTACHED, "crms": settings.crm},
        )
    ).fetchone()
    assert row is not None
    privacy, filters, any_attached, any_erased, linking = row
    return StandingRules(
        Privacy.model_validate(privacy or {}, strict=False),
        [Saved(one[0], one[1], as_written(*one[2:])) for one in filters or ()],
        any_attached,
        any_erased,
        {crm: as_rules((linking or {}).get(crm)) for crm in settings.crm},
    )
