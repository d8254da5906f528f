"""People who text the utility: what they write is accepted and applied as in the processes."""

from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import sqlalchemy as sa

from notifier.inbound import InboundText, Inbox, accept
from outage import tables as t
from outage.settings import SendMode
from outage.site import Site, example, parse
from tests.integration.notifier.world import World

SITE = parse(example())


@dataclass(slots=True)
class Talk:
    """``say`` gives what is answered, whether it was sent yet or not."""

    world: World
    site: Site = SITE
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    @property
    def inbox(self) -> Inbox:
        return Inbox(self.world.db, replace(self.world.settings, send=SendMode.LIVE), self.site)

    def write(self, address: str, text: str, **more: Any) -> None:  # noqa: ANN401
        one = InboundText(
            provider="twilio",
            provider_id=f"SM{next(self.numbers)}",
            address=address,
            body=text,
            **more,
        )
        assert accept(self.world.db, [one]) == 1

    def say(self, address: str, text: str, **more: Any) -> str:  # noqa: ANN401
        self.write(address, text, **more)
        assert self.inbox.drain() == 1
        return self.answers()[-1]

    def answers(self) -> list[str]:
        a = t.answers.c
        with self.world.db.read() as conn:
            rows = conn.execute(
                sa.select(a.body, a.state, a.reason).where(a.role == "answer").order_by(a.key)
            )
            return [row.body if row.state == "pending" else str(row.reason) for row in rows]

    def pages(self) -> list[tuple[str, str]]:
        a = t.answers.c
        with self.world.db.read() as conn:
            rows = conn.execute(
                sa.select(a.address, a.body).where(a.role == "page").order_by(a.key)
            )
            return [(row.address, row.body) for row in rows]

    def last(self) -> Any:  # noqa: ANN401  # a row
        with self.world.db.read() as conn:
            return conn.execute(t.replies.select().order_by(t.replies.c.key.desc()).limit(1)).one()

    def endpoint(self, address: str) -> Any:  # noqa: ANN401  # a row
        with self.world.db.read() as conn:
            return conn.execute(t.endpoints.select().where(t.endpoints.c.address == address)).one()

    def reports(self) -> list[tuple[str, int, bool]]:
        """Kind, premise and whether it has ended, in the order in which they came."""
        r = t.reports.c
        with self.world.db.read() as conn:
            rows = conn.execute(sa.select(r.kind, r.premise_key, r.ended_at).order_by(r.key))
            return [(row.kind, row.premise_key, row.ended_at is not None) for row in rows]

    def restored(self, *premises: str) -> str:
        """Declare an outage of these premises and restore it, as gis leaves its members."""
        outage = self.world.declare(*premises)
        self.end(outage, *premises)
        return outage

    def end(self, outage: str, *premises: str) -> None:
        """Restore an outage that has these premises."""
        self.world.restore(outage)
        m, r = t.memberships, t.restorations.c
        with self.world.db.write() as conn:
            step = conn.execute(sa.select(r.key, r.at).order_by(r.key.desc()).limit(1)).one()
            conn.execute(
                m.update()
                .where(m.c.premise_key.in_([self.world.ids[name] for name in premises]))
                .values(until=step.at, outcome="restored", restoration_key=step.key)
            )

    def goes_on(self, outage: str, premise: str) -> None:
        """What gis does of "still out": the premise's interruption goes on, and is told of."""
        i, m, key = t.interruptions, t.memberships, self.world.ids[premise]
        with self.world.db.write() as conn:
            for table in (i, m):
                conn.execute(table.update().where(table.c.premise_key == key).values(outcome=None))
            conn.execute(i.update().where(i.c.premise_key == key).values(ended_at=None))
            conn.execute(m.update().where(m.c.premise_key == key).values(until=None))
        self.world.matched(outage)

    def address(self, premise: str, address: str, **facts: Any) -> None:  # noqa: ANN401
        """Write a premise's address down."""
        number, _, street = address.partition(" ")
        with self.world.db.write() as conn:
            conn.execute(
                t.premises.update()
                .where(t.premises.c.key == self.world.ids[premise])
                .values(address=address, house_number=int(number), street=street.lower(), **facts)
            )
