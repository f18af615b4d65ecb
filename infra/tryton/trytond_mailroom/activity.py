"""Tasks, events and notes on records, which Tryton's own modules do not have."""

from trytond.model import Index, ModelSQL, ModelView, fields
from trytond.pyson import Eval

from trytond_mailroom.of_record import OfRecord


class Activity(OfRecord, ModelSQL, ModelView):
    """A task (due at `start`), an event (from `start` to `end`) or a note."""

    __name__ = "mailroom.activity"
    _rec_name = "subject"

    kind = fields.Selection([("task", "Task"), ("event", "Event"), ("note", "Note")], "Kind", required=True)
    subject = fields.Char("Subject", required=True)
    text = fields.Text("Text")
    start = fields.DateTime("Due or Start", states={"invisible": Eval("kind") == "note"})
    end = fields.DateTime("End", states={"invisible": Eval("kind") != "event"})
    done = fields.Boolean("Done", states={"invisible": Eval("kind") != "task"})

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._order = [("create_date", "DESC"), ("id", "DESC")]
        cls._sql_indexes.update(
            {Index(table, (table.party, Index.Range())), Index(table, (table.opportunity, Index.Range()))}
        )
