"""What fires by itself when business time comes: each firing is a journal entry."""

from outage import deadlines
from outage.clock import business_now
from outage.database import Database
from outage.deadlines import Leads


def fire(db: Database, leads: Leads | None = None) -> bool:
    """Put on record every time that has passed or is near; True if there was one."""
    with db.read() as conn:
        due = deadlines.next_due(conn, leads)
        if due is None or due > business_now(conn):
            return False
    with db.write() as conn:
        return deadlines.note_due(conn, leads) > 0
