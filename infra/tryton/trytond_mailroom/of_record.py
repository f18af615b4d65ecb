"""What stands on a party, or on a lead or opportunity."""

from sql import Null
from trytond.model import Check, ModelStorage, Unique, fields


class OfRecord(ModelStorage):
    """Belongs to a party or to an opportunity, never to both, or it would be shown twice; known by its key."""

    __slots__ = ()
    key = fields.Char("Key", required=True)
    party = fields.Many2One("party.party", "Party", ondelete="CASCADE")
    opportunity = fields.Many2One("sale.opportunity", "Opportunity", ondelete="CASCADE")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints += [
            ("key_unique", Unique(table, table.key), "mailroom.msg_key_unique"),
            ("of_one", Check(table, (table.party == Null) != (table.opportunity == Null)), "mailroom.msg_of_one"),
        ]
