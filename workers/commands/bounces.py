"""`outage bounces`: mails that came back, as a mail server hands them over."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import click
from sqlalchemy.exc import SQLAlchemyError

from outage.errors import DatabaseError, SchemaError
from workers.commands import options
from workers.errors import NoMailServer, TryAgainLater
from workers.session import say, say_json, session

MOST_BYTES = 2_000_000
"""Of a mail; what a report says stands at its front."""


@contextmanager
def _or_later() -> Iterator[None]:
    """Raises `TryAgainLater` where it is not the mail's fault."""
    try:
        yield
    except (DatabaseError, SchemaError, SQLAlchemyError) as error:
        raise TryAgainLater(error) from error


@click.command()
@click.argument("files", nargs=-1, type=click.File("rb"), metavar="[FILE]…")
@options.as_json
def bounces(*, files: tuple[BinaryIO, ...], as_json: bool) -> None:
    """Read mails that came back to OUTAGE_SMTP_BOUNCES, one per FILE, or one on standard input.

    Meant for a mail server's alias: outage-bounces: "|outage bounces". A mail that is no report
    about one of ours is passed over, with exit 0, or the mail server would send it back. While the
    database cannot be used the exit is 75, by which a mail server tries again later.
    """
    from notifier.bounces import read
    from notifier.channels.marks import Marks
    from notifier.receipts import apply

    streams = files or (sys.stdin.buffer,)
    with _or_later(), session() as desk_:
        if not desk_.settings.smtp_host:
            raise NoMailServer
        marks = Marks(key=desk_.settings.secret_key)
        found = [read(stream.read(MOST_BYTES), marks) for stream in streams]
        receipts = [receipt for receipt in found if receipt is not None]
        changed = apply(desk_.db, receipts)
    counts = {"mails": len(found), "reports": len(receipts), "changed": changed}
    if as_json:
        say_json(counts)
    else:
        say(
            "{mails} mails, {reports} reports about ours, {changed} messages changed".format(
                **counts
            )
        )
