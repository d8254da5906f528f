from datetime import timedelta

import pytest
import sqlalchemy as sa

from outage import tables as t
from outage import tokens
from outage.database import Database, wall_now
from outage.errors import ForbiddenError, NotSignedInError, UnknownTokenError
from outage.rights import Right, Role
from outage.tokens import Token


def make(db: Database, role: Role, lasts: timedelta | None = None) -> tuple[str, Token]:
    with db.write() as conn:
        return tokens.make(conn, role=role, name="truck-7", lasts=lasts)


def check(db: Database, words: str, right: Right) -> Token:
    with db.read() as conn:
        return tokens.check(conn, words, right)


@pytest.mark.parametrize(
    ("role", "rights"),
    [
        (Role.VIEWER, {Right.SELF, Right.SEE, Right.READ, Right.ACCOUNT}),
        (Role.CREW, {Right.SELF, Right.SEE, Right.REPORT}),
        (Role.FEED, {Right.SEE, Right.REPORT, Right.DISPATCH}),
        (Role.IVR, {Right.ACCOUNT}),
        (Role.DISPATCHER, set(Right) - {Right.AUDIT, Right.STAFF}),
    ],
)
def test_each_role_may_do_its_part_and_nothing_else(
    database: Database, role: Role, rights: set[Right]
) -> None:
    words, _ = make(database, role)
    for right in Right:
        if right in rights:
            assert check(database, words, right).role is role
        else:
            with pytest.raises(ForbiddenError, match=f"A {role} token"):
                check(database, words, right)


def test_the_words_of_a_token_are_nowhere_on_record(database: Database) -> None:
    words, _ = make(database, Role.CREW)
    with database.read() as conn:
        assert words not in str(conn.execute(sa.select(t.tokens)).all())


def test_an_unknown_an_expired_and_a_revoked_token_are_all_refused(database: Database) -> None:
    expired, old = make(database, Role.VIEWER, timedelta(days=1))
    revoked, gone = make(database, Role.VIEWER)
    assert check(database, expired, Right.READ).name == "truck-7"
    with database.write() as conn:
        conn.execute(
            t.tokens.update()
            .where(t.tokens.c.key == old.key)
            .values(expires_at=wall_now(conn) - timedelta(seconds=1))
        )
        assert tokens.revoke(conn, gone.key).revoked_at is not None
    for words in (expired, revoked, "outage_unheard-of", ""):
        with pytest.raises(NotSignedInError):
            check(database, words, Right.READ)


def test_revoking_what_is_not_there_says_so(database: Database) -> None:
    with pytest.raises(UnknownTokenError), database.write() as conn:
        tokens.revoke(conn, 99)
