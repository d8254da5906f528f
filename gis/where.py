"""Who is inside: from any way to say where to a selection of premises."""

from __future__ import annotations

from functools import reduce
from operator import or_

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gis.areas import spellings
from gis.index import PremiseIndex
from gis.search.fetching import fetch
from gis.selection import Keys, Selection
from outage import tables as t
from outage import where as w
from outage.model import Service

DEVICES = {"circuit": t.premises.c.circuit, "transformer": t.premises.c.transformer}
_p = t.premises.c


def select(conn: Connection, where: w.Where, index: PremiseIndex, service: Service) -> Selection:
    """Select the premises of an index that have the service and are inside ``where``.

    Shapes are answered by the index, everything else by the columns of the premises as they are
    now, of which the index keeps those of its version.
    """
    match where:
        case w.Drawn():
            return index.match(_wkb(conn, where.digest), service.bit)
        case w.Everything():
            return index.everything(service.bit)
        case w.AnyOf():
            parts = (select(conn, one, index, service) for one in where.of)
            return reduce(or_, parts, index.locate(np.empty(0, np.int64)))
        case w.Both():
            one = select(conn, where.one, index, service)
            return one & select(conn, where.other, index, service)
        case w.But():
            one = select(conn, where.one, index, service)
            return one - select(conn, where.without, index, service)
        case w.Listed():
            keys = np.array(where.premises, dtype=np.int64)
        case w.Devices() | w.Street():
            keys = _named(conn, condition(where))
        case w.Area():
            spelled = spellings(conn, where.kind, where.name)
            keys = _named(conn, t.premises.c[where.kind].in_(spelled))
    return index.locate(keys) & index.everything(service.bit)


def _wkb(conn: Connection, digest: str) -> bytes:
    wkb: bytes = conn.execute(
        sa.select(t.shapes.c.wkb).where(t.shapes.c.digest == digest)
    ).scalar_one()
    return wkb


def _named(conn: Connection, condition: sa.ColumnElement[bool]) -> Keys:
    keys = fetch(conn, sa.select(_p.key).where(condition), [("key", np.int64)])
    return np.asarray(keys["key"])


def condition(where: w.Devices | w.Street) -> sa.ColumnElement[bool]:
    """Say of a premise's columns what makes it one of a place's."""
    match where:
        case w.Devices():
            return sa.or_(*map(_fed_by, where.paths))
        case w.Street():
            return sa.and_(*_on_street(where))


def _fed_by(device: str) -> sa.ColumnElement[bool]:
    kind, colon, name = device.partition(":")
    if colon and kind in DEVICES:
        return DEVICES[kind] == name
    # A range, not LIKE: an index answers it, and no sign in a name means anything.
    return sa.or_(_p.path == device, sa.and_(_p.path >= f"{device}/", _p.path < f"{device}0"))


def _on_street(where: w.Street) -> list[sa.ColumnElement[bool]]:
    wanted = [_p.street == where.name]
    if where.first is not None:
        wanted.append(_p.house_number >= where.first)
    if where.last is not None:
        wanted.append(_p.house_number <= where.last)
    if where.side is not None:
        wanted.append(_p.house_number % 2 == (1 if where.side is w.Side.ODD else 0))
    if where.city is not None:
        wanted.append(sa.func.lower(_p.city) == where.city.lower())
    return wanted
