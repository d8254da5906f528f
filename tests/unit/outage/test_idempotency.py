import threading
from datetime import timedelta

import pytest

from outage import idempotency
from outage import tables as t
from outage.database import Database, wall_now
from outage.errors import IdempotencyConflictError, IdempotencyInProgressError
from outage.idempotency import Answer, Request

REQUEST = Request(
    actor="crew:truck-7", route="POST /updates", key="k1", body_hash=idempotency.hash_body(b"a")
)
ANSWER = Answer(status=200, body='{"id": "O-22222"}')


def do(db: Database, request: Request = REQUEST) -> Answer | None:
    with db.write() as conn:
        stored = idempotency.once(conn, request)
        if stored is None:
            idempotency.store(conn, request, ANSWER)
        return stored


def test_the_second_time_gives_the_first_answer(database: Database) -> None:
    assert do(database) is None
    assert do(database) == ANSWER


def test_a_key_belongs_to_its_actor_and_its_route(database: Database) -> None:
    assert do(database) is None
    for other in (
        Request(actor="crew:truck-8", route=REQUEST.route, key="k1", body_hash=REQUEST.body_hash),
        Request(actor=REQUEST.actor, route="POST /close", key="k1", body_hash=REQUEST.body_hash),
    ):
        assert do(database, other) is None


def test_another_body_under_the_same_key_is_refused(database: Database) -> None:
    do(database)
    other = Request(
        actor=REQUEST.actor,
        route=REQUEST.route,
        key=REQUEST.key,
        body_hash=idempotency.hash_body(b"b"),
    )
    with pytest.raises(IdempotencyConflictError):
        do(database, other)


def test_what_failed_is_as_if_it_had_never_been_asked(database: Database) -> None:
    with database.write() as conn:
        assert idempotency.once(conn, REQUEST) is None
        conn.rollback()
    assert do(database) is None


def test_an_answer_is_kept_for_thirty_days(database: Database) -> None:
    do(database)
    with database.write() as conn:
        then = wall_now(conn) - idempotency.KEPT - timedelta(minutes=1)
        conn.execute(t.idempotency.update().values(created_at=then))
    assert do(database) is None


def test_two_at_the_same_time_do_it_once(database: Database) -> None:
    ends: list[str] = []
    inside, go_on = threading.Event(), threading.Event()

    def first() -> None:
        with database.write() as conn:
            assert idempotency.once(conn, REQUEST) is None
            inside.set()
            go_on.wait(10)
            idempotency.store(conn, REQUEST, ANSWER)

    def second() -> None:
        inside.wait(10)
        try:
            ends.append("answer" if do(database) == ANSWER else "done again")
        except IdempotencyInProgressError:
            ends.append("in progress")

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    if not database.is_sqlite:
        threads[1].join(10)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert ends == ["answer" if database.is_sqlite else "in progress"]
    assert do(database) == ANSWER
