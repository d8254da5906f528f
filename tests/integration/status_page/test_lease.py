"""One publisher at a time: what counts of the lease is what is on record."""

import pytest
import sqlalchemy as sa

from outage import tables as t
from outage.database import Database
from status_page.errors import NewerPublication
from status_page.lease import Lease


def lost(db: Database) -> None:
    """Time passes, and somebody else has it."""
    with db.write() as conn:
        conn.execute(t.leases.update().values(until=t.leases.c.until - 60_000))
    assert Lease().take(db)


def test_one_holds_it_at_a_time(database: Database) -> None:
    one, other = Lease(), Lease()
    assert one.take(database)
    assert not other.take(database)
    assert one.take(database)
    with database.write() as conn:
        one.give_back(conn)
    assert other.take(database)
    assert other.fence == 2


def test_what_was_not_committed_is_not_believed(database: Database) -> None:
    lease = Lease()
    assert lease.take(database)
    until_s, still_held = lease._until_s, lease.check(database)  # noqa: SLF001 - what it believes is what this is about

    def away(_conn: object) -> None:
        raise sa.exc.OperationalError("COMMIT", {}, Exception("the database is away"))

    sa.event.listen(database.engine, "commit", away)
    try:
        with pytest.raises(sa.exc.OperationalError):
            lease.take(database)
    finally:
        sa.event.remove(database.engine, "commit", away)
    assert lease._until_s == until_s  # noqa: SLF001 - see above
    still_held()
    lost(database)
    lease._until_s = 0.0  # noqa: SLF001 - its time has passed
    with pytest.raises(NewerPublication):
        still_held()
