"""`outage bounces`: mails that came back, as a mail server hands them over."""

from __future__ import annotations

import sys
from typing import BinaryIO

import click

from workers.commands import options
from workers.errors import NoMailServer, NoReport
from workers.session import say, say_json, session

MOST_BYTES = 2_000_000
"""Of a mail; what a report says stands at its front."""


@click.command()
@click.argument("files", nargs=-1, type=click.File("rb"), metavar="[FILE]…")
@options.as_json
def bounces(*, files: tuple[BinaryIO, ...], as_json: bool) -> None:
    """Read mails that came back to OUTAGE_SMTP_BOUNCES, one per FILE, or one on standard input.

    Meant for a mail server's alias: outage-bounces: "|outage bounces". A mail that is no report
    about one of ours is passed over.
    """
    from notifier.bounces import read
    from notifier.channels.marks import Marks
    from notifier.receipts import apply

    streams = files or (sys.stdin.buffer,)
    with session() as desk_:
        if not desk_.settings.smtp_host:
            raise NoMailServer
        marks = Marks(key=desk_.settings.secret_key)
        found = [read(stream.read(MOST_BYTES), marks) for stream in streams]
        receipts = [receipt for receipt in found if receipt is not None]
        if not receipts:
            raise NoReport
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
