"""The situation of many endpoints at once, built set-wise in SQL.

This module only counts and packs; what follows from a situation is decided in
`notifier.policy` and nowhere else (DECISIONS 20).
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, FromClause, Select, case, func, literal

from notifier.as_numbers import MINUTE_MS, at_most, between, is_, minute_of
from notifier.kinds import Channel, Told
from notifier.last_told import BACKS, ago, said, told_code, told_key, told_time
from notifier.moment import MINUTE, SHADOWED, TOLD_STATES, Form, Moment, zone_named
from notifier.places import BACK, LEFT, places_of
from notifier.situation import (
    CHANNEL_OF,
    CHANNELS,
    FAR_MIN,
    HOURLY,
    MOST_PLACES,
    OUTAGES,
    SHIFTS,
    most,
)
from outage import tables as t

__all__ = [
    "CHANNELS",
    "CHANNEL_OF",
    "HOURLY",
    "OUTAGES",
    "SHADOWED",
    "TOLD_STATES",
    "Form",
    "Moment",
    "situations",
    "zone_named",
]

_OUT = [told.name.lower() for told in Told if told.out]
_AHEAD = tuple(told.name.lower() for told in (Told.NOTICED, Told.REMINDED))


def situations(targets: FromClause, form: Form) -> Select[Any]:
    """One row per target: a pair (``outage_key``, ``endpoint_key``). Asked with `Moment.values`.

    Columns: the pair, ``account_key`` (the first account concerned), ``channel``,
    ``medical``, ``first_premise`` (lowest key of its premises in the outage), ``premise`` (one
    that ``places`` counts),
    ``told_key`` (the message it was last told by), ``zone`` (of its premises there; empty for the
    utility's own) and ``packed``, the situation.
    A target that holds no premise of the outage any more gives no row.
    """
    return in_one(_endpoints(targets, form).subquery("whole"))


def in_one(whole: FromClause, *, by_area: bool = False) -> Select[Any]:
    """The situation of each row of ``whole``, which is as `_endpoints` makes it, as one integer."""
    m = t.messages.c
    time = told_time()
    # Who has begun to hear of it by e-mail hears how it goes on, whatever becomes of the phone.
    goes_on = sa.and_(
        t.endpoints.c.kind == "email", whole.c.told_key.is_not(None), whole.c.bears == 1
    )
    facts: dict[str, ColumnElement[Any]] = {
        "channel": case(
            (t.endpoints.c.kind == "phone", int(Channel.SMS)), else_=int(Channel.EMAIL)
        ),
        "wanted": case((goes_on, 1), else_=whole.c.wanted),
        "opted_out": is_(t.endpoints.c.opted_out_at.is_not(None)),
        "valid": is_(t.endpoints.c.invalid_at.is_(None)),
        "told": case(
            (m.told_state.is_(None), whole.c.reported * int(Told.REPORTED)),
            (sa.and_(m.told_state.in_(_OUT), whole.c.told_back > m.key), int(Told.BACK)),
            else_=told_code(m.told_state),
        ),
        "here": whole.c.here,
        "elsewhere": whole.c.elsewhere,
        "listed": whole.c.listed,
        "back": whole.c.back,
        "left": whole.c.left,
        "places": at_most(whole.c.places, MOST_PLACES),
        "fewer": is_(func.coalesce(m.told_places, 0) > at_most(whole.c.places, MOST_PLACES)),
        "told_time": case(
            (time.is_(None), 0),
            else_=FAR_MIN + between(1 - FAR_MIN, time // MINUTE_MS - MINUTE, FAR_MIN),
        ),
        "told_update": is_(m.told_update.is_(True)),
        "end_moved": is_(sa.and_(m.told_state.in_(_AHEAD), minute_of(m.told_end) != whole.c.ends)),
        "told_crew": is_(m.told_crew.is_(True)),
        "medical": whole.c.medical,
        "ago": case((whole.c.hourly == 0, 0), else_=ago()),
        "recent": at_most(whole.c.said % BACKS, most("recent")),
        "backs": at_most(whole.c.said // BACKS, most("backs")),
        "quiet": whole.c.quiet,
    }
    if by_area:
        facts["by_area"] = literal(1)
    packed = sum(
        (sa.cast(fact, sa.BigInteger) * (1 << SHIFTS[name]) for name, fact in facts.items()),
        literal(0, sa.BigInteger),
    )
    return (
        sa.select(
            whole.c.outage_key,
            whole.c.endpoint_key,
            whole.c.account_key,
            case((t.endpoints.c.kind == "phone", "sms"), else_="email").label("channel"),
            whole.c.medical,
            whole.c.first_premise,
            whole.c.premise,
            whole.c.told_key,
            whole.c.zone,
            packed.label("packed"),
        )
        .select_from(whole)
        .join(t.endpoints, t.endpoints.c.key == whole.c.endpoint_key)
        .outerjoin(t.messages, t.messages.c.key == whole.c.told_key)
    )


def _endpoints(targets: FromClause, form: Form) -> Select[Any]:
    """One row per target: its premises taken together, and the message it was last told by."""
    places = places_of(targets, form).subquery("places")
    wanted = func.max(places.c.wanted)
    # An advisory goes also to who wants no alerts.
    counts = case((places.c.advisory == 1, 1), else_=places.c.wanted)

    def flag(column: ColumnElement[int]) -> ColumnElement[int]:
        # Premises of an account that wants no alerts concern nobody, unless none does.
        return case((wanted == 1, func.max(column * counts)), else_=func.max(column))

    def number(column: ColumnElement[int]) -> ColumnElement[int]:
        return case((wanted == 1, func.sum(column * counts)), else_=func.sum(column))

    here, back = places.c.here, is_(places.c.state == BACK)

    def counted_of(what: ColumnElement[int]) -> ColumnElement[int]:
        """One of those that `counted` counts, the same for whatever is asked of it."""

        def one(column: ColumnElement[int]) -> ColumnElement[int]:
            return case(
                (wanted == 1, func.min(case((column * counts > 0, what)))),
                else_=func.min(case((column > 0, what))),
            )

        return case(
            (flag(here) == 1, one(here)), (flag(back) == 1, one(back)), else_=one(literal(1))
        )

    counted = case(
        (flag(here) == 1, number(here)),
        (flag(back) == 1, number(back)),
        else_=number(literal(1)),
    )
    return sa.select(
        places.c.outage_key,
        places.c.endpoint_key,
        # A text that names a place belongs on its account's record.
        counted_of(places.c.account_key).label("account_key"),
        func.max(places.c.medical).label("medical"),
        func.min(places.c.premise_key).label("first_premise"),
        told_key(places, form).label("told_key"),
        wanted.label("wanted"),
        func.max(places.c.bears).label("bears"),
        func.max(places.c.ends).label("ends"),
        func.max(places.c.reported).label("reported"),
        # Of several zones the utility's own comes first: its name is empty.
        func.min(places.c.zone).label("zone"),
        flag(here).label("here"),
        flag(places.c.elsewhere).label("elsewhere"),
        flag(is_(places.c.state == 0)).label("listed"),
        flag(back).label("back"),
        flag(is_(places.c.state == LEFT)).label("left"),
        counted.label("places"),
        counted_of(places.c.premise_key).label("premise"),
        func.max(places.c.quiet).label("quiet"),
        func.max(places.c.hourly).label("hourly"),
        said(places, form).label("said"),
        # All that are out now, or all there are, were said to be back since.
        func.coalesce(
            func.min(case((here == 1, places.c.told_back))), func.min(places.c.told_back)
        ).label("told_back"),
    ).group_by(places.c.outage_key, places.c.endpoint_key)
