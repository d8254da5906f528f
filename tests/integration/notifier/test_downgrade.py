"""Back to the schema of the release before, with messages of kinds that it does not know."""

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from notifier.kinds import Kind
from outage import schema
from outage import tables as t
from tests.integration.notifier.world import World, phone

KNOWN = {
    ("detected", ""),
    ("etr", ""),
    ("restored", ""),
    ("cancelled", ""),
    ("correction", "out"),
    ("correction", "unaffected"),
}
"""Kinds of 0.1.0, whose claim cannot go on over a pending message of any other."""


@pytest.fixture
def downgraded(world: World) -> list[tuple[str, str, str, str | None]]:
    """A message of each kind that waits, one of unknown fate, one accepted: it comes and goes."""
    kinds = [kind for kind in Kind if not kind.by_area]
    for number in range(len(kinds) + 3):
        world.account(f"A{number}", [f"P{number}"], phone(number))
    world.declare(*(f"P{number}" for number in range(len(kinds) + 3)))
    world.plan()
    m = t.messages
    with world.db.write() as conn:
        keys = conn.execute(sa.select(m.c.key).order_by(m.c.key)).scalars().all()
        for key, kind in zip(keys, kinds, strict=False):
            conn.execute(
                m.update().where(m.c.key == key).values(kind=kind.public_name, variant=kind.variant)
            )
        of_area = {"account_key": None, "kind": "area_out"}
        conn.execute(m.update().where(m.c.key == keys[-3]).values(**of_area))
        lost = {"state": "unknown", "kind": "crew"}
        conn.execute(m.update().where(m.c.key == keys[-2]).values(**lost))
        told = {"kind": "correction", "variant": "intermittent", "told_state": "intermittent"}
        conn.execute(m.update().where(m.c.key == keys[-1]).values(state="accepted", **told))
        # A time that passed: those who were told so, and those whose message it had been.
        for decision, count in (("etr_passed", 3), ("etr_over", 2)):
            conn.execute(
                t.decisions.insert().values(number=99, outage_key=1, decision=decision, count=count)
            )
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS).replace("%", "%%"))
    with world.db.write() as conn:
        config.attributes["connection"] = conn
        command.downgrade(config, "0002")
    with world.db.read() as conn:
        rows = conn.execute(
            sa.select(m.c.state, m.c.kind, m.c.variant, m.c.told_state).order_by(m.c.key)
        )
        return [tuple(row) for row in rows]


def test_what_waits_has_a_kind_that_the_release_before_knows(
    downgraded: list[tuple[str, str, str, str | None]],
) -> None:
    waiting = [row for row in downgraded if row[0] == "pending"]
    assert len(waiting) == len([kind for kind in Kind if not kind.by_area])
    assert {(kind, variant) for _, kind, variant, _ in waiting} == KNOWN


def test_what_nobody_knows_the_fate_of_has_one_too(
    downgraded: list[tuple[str, str, str, str | None]],
) -> None:
    assert downgraded[-2] == ("unknown", "etr", "", None)


def test_what_was_told_stays_on_record_and_who_believes_to_be_out_still_does(
    downgraded: list[tuple[str, str, str, str | None]],
) -> None:
    assert downgraded[-1] == ("accepted", "correction", "intermittent", "out")


def test_what_two_words_counted_one_counts(
    downgraded: list[tuple[str, str, str, str | None]], world: World
) -> None:
    assert downgraded
    d = t.decisions.c
    with world.db.read() as conn:
        found = conn.execute(sa.select(d.decision, d.count).where(d.number == 99)).all()
    assert [tuple(row) for row in found] == [("etr_passed", 5)]
