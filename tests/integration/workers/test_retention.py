from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from outage import tables as t
from outage.database import Database
from outage.settings import Settings, load
from workers.retention import STEP, Retention, forget_idempotency_keys


@pytest.fixture
def settings() -> Settings:
    return load({})


def _answer(db: Database, key: str, age: timedelta) -> None:
    with db.write() as conn:
        conn.execute(
            t.idempotency.insert().values(
                actor="cli",
                route="declare",
                key=key,
                body_hash="",
                created_at=datetime.now(UTC) - age,
            )
        )


def test_answers_are_kept_for_thirty_days(database: Database) -> None:
    _answer(database, "young", timedelta(days=29))
    _answer(database, "old", timedelta(days=31))

    assert not forget_idempotency_keys(database)

    with database.read() as conn:
        assert conn.execute(sa.select(t.idempotency.c.key)).scalars().all() == ["young"]


def test_a_long_backlog_goes_in_short_steps(database: Database) -> None:
    old = datetime.now(UTC) - timedelta(days=31)
    with database.write() as conn:
        conn.execute(
            t.idempotency.insert(),
            [
                {"actor": "cli", "route": "", "key": str(n), "body_hash": "", "created_at": old}
                for n in range(STEP + 1)
            ],
        )

    assert forget_idempotency_keys(database)
    assert not forget_idempotency_keys(database)

    with database.read() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(t.idempotency)).scalar() == 0


NUMBER, KNOWN = "+12025550177", "+12025550178"


def _words(db: Database, age: timedelta) -> None:
    """A text with its answer and temporary link, a report by form and a note, so old."""
    at = datetime.now(UTC) - age
    with db.write() as conn:
        endpoint = conn.execute(
            t.endpoints.insert().values(kind="phone", address=NUMBER).returning(t.endpoints.c.key)
        ).scalar_one()
        _, answer = _asked(conn, at, endpoint, intent="start")
        conn.execute(
            t.temporary_links.insert().values(
                answer_key=answer,
                endpoint_key=endpoint,
                premises="[]",
                occupancies="[]",
                outages="[]",
                made_at=at,
            )
        )
        account = t.accounts.insert().values(id="A9").returning(t.accounts.c.key)
        conn.execute(
            t.account_notes.insert().values(
                account_key=conn.execute(account).scalar_one(),
                once="x",
                at=at,
                actor="staff:1",
                text="The key is at 12 Oak",
            )
        )
        for once in ("first", "last"):
            conn.execute(
                t.public_reports.insert().values(
                    once=once,
                    wrong="out",
                    service="electric",
                    written="12 Oak",
                    note="sparks",
                    callback=KNOWN,
                    longitude=-89.6,
                    latitude=39.7,
                    at=at,
                )
            )


def _asked(conn: sa.Connection, at: datetime, endpoint: int, *, intent: str) -> tuple[int, int]:
    facts = {"provider": "x", "provider_id": f"{endpoint} {at}", "address": NUMBER, "body": "Hi"}
    r, a = t.replies, t.answers
    reply: int = conn.execute(
        r.insert()
        .values(**facts, received_at=at, applied_at=at, intent=intent, endpoint_key=endpoint)
        .returning(r.c.key)
    ).scalar_one()
    answers = [
        conn.execute(
            a.insert()
            .values(
                reply_key=reply,
                role=role,
                channel="sms",
                address=NUMBER if role == "answer" else address,
                language="en",
                template="x 1",
                subject="s",
                body="b",
                urgency=0,
                state="accepted",
                created_at=at,
                send_after=at,
            )
            .returning(a.c.key)
        ).scalar_one()
        for role, address in (("page", "+12025550101"), ("page", KNOWN), ("answer", NUMBER))
    ]
    return reply, answers[-1]


def test_words_and_numbers_go_after_their_time_and_what_was_done_stays(
    database: Database, settings: Settings
) -> None:
    retention = Retention.of(database, replace(settings, words_kept_days=90))
    _words(database, timedelta(days=89))
    before = _all(database)
    # Only the link is over: it opens nothing after thirty days.
    assert not retention.turn()
    assert {name: rows for name, rows in _all(database).items() if rows != before[name]} == {
        "temporary_links": []
    }
    assert not replace(retention, words_for=timedelta(days=88)).turn()
    after = _all(database)
    assert [(row.address, row.body, row.intent) for row in after["replies"]] == [("", "", "start")]
    assert {(row.subject, row.body) for row in after["answers"]} == {("", "")}
    (last,) = after["public_reports"]
    assert (last.once, last.written, last.note, last.callback) == ("last", "", "", None)
    assert after["account_notes"] == []
    assert NUMBER in str(after["endpoints"])
    for number in (NUMBER, KNOWN, "12 Oak", "sparks", "39.7"):
        assert number not in str({**after, "endpoints": []})


def _all(db: Database) -> dict[str, list[Any]]:
    tables = (
        t.replies,
        t.answers,
        t.temporary_links,
        t.public_reports,
        t.account_notes,
        t.opt_ins,
        t.endpoints,
    )
    with db.read() as conn:
        return {one.name: list(conn.execute(one.select())) for one in tables}


def test_a_wish_without_a_yes_goes_with_the_number_that_nothing_else_names(
    database: Database, settings: Settings
) -> None:
    at = datetime.now(UTC) - timedelta(days=61)
    with database.write() as conn:
        premise = t.premises.insert().values(key=1, id="P1", services=1, loaded_version=1)
        conn.execute(premise)
        conn.execute(t.accounts.insert().values(key=1, id="A1"))
        conn.execute(t.occupancies.insert().values(key=1, account_key=1, premise_key=1, since=at))
        said: dict[str, dict[str, Any]] = {
            NUMBER: {},
            KNOWN: {"confirmed_at": at},
            "+12025550179": {"asked_at": at + timedelta(days=2)},
            "+12025550180": {},
        }
        for address, more in said.items():
            endpoint = conn.execute(
                t.endpoints.insert()
                .values(
                    kind="phone",
                    address=address,
                    opted_out_at=at if address.endswith("80") else None,
                )
                .returning(t.endpoints.c.key)
            ).scalar_one()
            _, answer = _asked(conn, at, endpoint, intent="subscribe")
            wish = {"once": address, "channel": "sms", "language": "en", "source": "page"}
            held = {"account_key": 1, "occupancy_key": 1, "answer_key": answer, "asked_at": at}
            conn.execute(
                t.opt_ins.insert().values(**{**wish, **held, **more, "endpoint_key": endpoint})
            )
        # Pages of a wish there are none.
        conn.execute(t.answers.delete().where(t.answers.c.role == "page"))
    Retention.of(database, settings).turn()
    after = _all(database)
    assert [row.once for row in after["opt_ins"]] == [KNOWN, "+12025550179"]
    assert [row.address for row in after["endpoints"]] == [KNOWN, "+12025550179", "+12025550180"]
    assert len(after["answers"]) == len(after["replies"]) == 2
