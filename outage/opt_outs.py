"""Opt-outs: which may be lifted where, and by which others they are outdone."""

from __future__ import annotations

import sqlalchemy as sa

from outage import tables as t

BY_LINK = "link"
"""The source of an opt-out by the personal page: whoever has the link may lift it there."""


def to_stop() -> sa.ColumnElement[bool]:
    """Endpoints that a STOP is still to be written at.

    One by the page is outdone by any other: a text, a complaint or a list is lifted by START alone.
    """
    e = t.endpoints.c
    return sa.or_(e.opted_out_at.is_(None), e.opt_out_source == BY_LINK)
