"""`outage explain`: why an account was told what it was told, or was not told."""

from __future__ import annotations

import click

from outage import aliases, register
from outage.settings import SendMode
from outage.site import load_site
from workers.commands import options
from workers.session import say, say_json, session


@click.command()
@click.argument("account")
@click.argument("outage_id", metavar="OUTAGE")
@options.as_json
def explain(*, account: str, outage_id: str, as_json: bool) -> None:
    """Say why ACCOUNT was told what it was told about OUTAGE, or why it was not."""
    from notifier.explain import explain as sentences
    from notifier.manners import Manners

    with session() as desk_:
        with desk_.db.read() as conn:
            key = aliases.account(conn, account)
            outage = register.load(conn, outage_id)
            found = sentences(
                conn,
                key,
                outage.key,
                zone=desk_.zone,
                manners=Manners.of(desk_.settings, load_site(desk_.settings.home)),
                count_shadowed=desk_.settings.send in {SendMode.SHADOW, SendMode.ALLOWLIST},
            )
        if as_json:
            say_json({"account": account, "outage": outage.id, "sentences": found})
        else:
            for sentence in found:
                say(sentence)
