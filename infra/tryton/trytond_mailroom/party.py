"""Parties and opportunities with what Mailroom brings to them."""

from trytond.model import Unique, fields
from trytond.pool import Pool, PoolMeta

CONTENTS = ["subject", "sender", "recipients", "text", "message_id"]


class WithMail:
    """`mailroom_key` names the request that made the record."""

    __slots__ = ()
    mailroom_key = fields.Char("Mailroom Key")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints += [
            ("mailroom_key_unique", Unique(table, table.mailroom_key), "mailroom.msg_key_unique"),
        ]

    @classmethod
    def copy(cls, records, default=None):
        default = dict(default or {})
        default.setdefault("mailroom_key")
        default.setdefault("correspondences")
        default.setdefault("activities")
        return super().copy(records, default=default)


class Party(WithMail, metaclass=PoolMeta):
    """A party with its mail."""

    __name__ = "party.party"
    correspondences = fields.One2Many("mailroom.correspondence", "party", "Correspondence", readonly=True)
    activities = fields.One2Many("mailroom.activity", "party", "Activities")


class Opportunity(WithMail, metaclass=PoolMeta):
    """A lead or opportunity with its mail."""

    __name__ = "sale.opportunity"
    correspondences = fields.One2Many("mailroom.correspondence", "opportunity", "Correspondence", readonly=True)
    activities = fields.One2Many("mailroom.activity", "opportunity", "Activities")


class Replace(metaclass=PoolMeta):
    """A party that replaces another gets its mail."""

    __name__ = "party.replace"

    @classmethod
    def fields_to_replace(cls):
        return [*super().fields_to_replace(), ("mailroom.correspondence", "party"), ("mailroom.activity", "party")]


class Erase(metaclass=PoolMeta):
    """Of a person who is erased no words stay."""

    __name__ = "party.erase"

    def to_erase(self, party_id):
        pool = Pool()
        return [
            *super().to_erase(party_id),
            (
                pool.get("mailroom.correspondence"),
                [("party", "=", party_id)],
                True,
                CONTENTS,
                [None] * len(CONTENTS),
            ),
            (pool.get("mailroom.activity"), [("party", "=", party_id)], True, ["subject", "text"], ["****", None]),
        ]
