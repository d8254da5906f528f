"""What fires by itself when business time comes: each firing is a journal entry."""

from outage import deadlines
from outage.clock import business_now
from outage.database import Database


def fire(db: Database) -> bool:
    """Put on record every published ETR that has passed; True if there was one."""
    with db.read() as conn:
        due = deadlines.next_etr_passing(conn)
        if due is None or due > business_now(conn):
            return False
    with db.write() as conn:
        return deadlines.note_passed_etrs(conn) > 0
