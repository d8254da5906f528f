"""`outage explain`: why an account was told what it was told, or was not told."""

from __future__ import annotations

from datetime import timedelta

import click

from outage import aliases, register
from outage.settings import SendMode
from workers.commands import options
from workers.session import say, say_json, session


@click.command()
@click.argument("account")
@click.argument("outage_id", metavar="OUTAGE")
@options.as_json
def explain(*, account: str, outage_id: str, as_json: bool) -> None:
    """Say why ACCOUNT was told what it was told about OUTAGE, or why it was not."""
    from notifier.explain import explain as sentences

    with session() as desk_:
        with desk_.db.read() as conn:
            key = aliases.account(conn, account)
            outage = register.load(conn, outage_id)
            found = sentences(
                conn,
                key,
                outage.key,
                zone=desk_.zone,
                etr_step=timedelta(minutes=desk_.settings.etr_step_min),
                count_shadowed=desk_.settings.send in {SendMode.SHADOW, SendMode.ALLOWLIST},
            )
        if as_json:
            say_json({"account": account, "outage": outage.id, "sentences": found})
        else:
            for sentence in found:
                say(sentence)
