"""Ready-made filters, and what to say of one that does more than was meant (R35)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from domain.filing.filters import ADDRESS_FIELDS, SENT, Action, Condition, Filter, folded
from domain.mime.addresses import normal_address


def own_mail(own: Sequence[str]) -> Filter:
    """The ready-made filter for mail that the account's owner sent, in the words of the product that it is known from."""
    return Filter(
        name="Sent mail",
        match="all" if len(own) == 1 else "any",
        conditions=tuple(Condition(field="from", operator="contains", value=address) for address in own),
        actions=(Action(move=SENT),),
    )


def own_mail_exactly() -> Filter:
    """The same without the recipe's two weaknesses: longer addresses, and mail that only claims to be the owner's."""
    return Filter(
        name="Sent mail, own addresses only",
        match="all",
        conditions=(
            Condition(field="own_address", operator="is", value=True),
            Condition(field="spoofed", operator="is", value=False),
        ),
        actions=(Action(move=SENT),),
    )


def warnings(given: Filter, own: Iterable[str]) -> list[str]:
    """What to say of a filter that does as written, and perhaps more than was meant (R35)."""
    found = []
    for condition in given.conditions:
        if condition.operator != "contains" or condition.field not in ADDRESS_FIELDS:
            continue
        for address in own:
            if folded(str(condition.value)) in (folded(address), folded(normal_address(address) or address)):
                found.append(
                    f"{condition.field} contains {address} also matches longer addresses, such as my.{address}; "
                    f"{condition.field} is {address} would not"
                )
    return found


def pasted(given: Filter) -> str:
    """The command that saves it, as it can be pasted."""
    written = given.written()
    del written["enabled"]
    return f"save_filter {json.dumps(written, ensure_ascii=False)}"
