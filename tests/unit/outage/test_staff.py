"""Links and browsers of the staff, on both databases."""

from outage import signing_in, staff
from outage.database import Database


def test_a_link_is_used_once_and_a_browser_is_known_once(database: Database) -> None:
    with database.write() as conn:
        found = staff.first(conn)
        assert found is not None
        member, words = found
        opened = staff.welcome(conn, words)
        assert opened is not None
    with database.write() as conn:
        codes = staff.settle(conn, opened, password_hash="x", step=1)
        assert codes is not None
        assert staff.settle(conn, opened, password_hash="y", step=2) is None
        assert staff.first(conn) is None
        known = signing_in.remember(conn, member, "")
        assert signing_in.remember(conn, member, known) == known
        staff.link(conn, member.key)
