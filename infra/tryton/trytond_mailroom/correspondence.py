"""Messages as they are shown on records."""

from trytond.model import Index, ModelSQL, ModelView, fields
from trytond.rpc import RPC
from trytond.transaction import Transaction

from trytond_mailroom.of_record import OfRecord

# What a transaction writes carries the time at which it began, and is seen when it ends: whoever looks now has seen all that
# carries an earlier time than this, which is in the terms of the columns of times, whatever the time zone of the database is.
HORIZON = """
    SELECT LEAST(LOCALTIMESTAMP, MIN(xact_start)::timestamp) FROM pg_stat_activity
    WHERE datname = CURRENT_DATABASE()
"""


class Correspondence(OfRecord, ModelSQL, ModelView):
    """One message on one record."""

    __name__ = "mailroom.correspondence"
    _rec_name = "subject"

    direction = fields.Selection([("sent", "Sent"), ("received", "Received")], "Direction", required=True)
    sent_at = fields.DateTime("Date", required=True)
    subject = fields.Char("Subject")
    sender = fields.Char("From")
    recipients = fields.Text("Recipients")
    text = fields.Text("Text")
    message_id = fields.Char("Message-ID")
    account = fields.Char("Mailbox")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._order = [("sent_at", "DESC"), ("id", "DESC")]
        cls._sql_indexes.update(
            {Index(table, (table.party, Index.Range())), Index(table, (table.opportunity, Index.Range()))}
        )
        cls.__rpc__["horizon"] = RPC()

    @classmethod
    def horizon(cls):
        """Up to when all that has been changed is seen now."""
        cursor = Transaction().connection.cursor()
        cursor.execute(HORIZON)
        (found,) = cursor.fetchone()
        return found
