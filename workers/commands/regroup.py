"""`outage merge|split`: two outages that become one, and one that becomes two."""

from __future__ import annotations

import click

from outage import register, regrouping
from workers.commands import options, whereabouts
from workers.commands.whereabouts import WAYS, Given
from workers.session import ACTOR, say, say_json, session

_id = click.argument("outage_id", metavar="ID")


@click.command()
@_id
@click.option("--into", required=True, metavar="ID", help="The outage that it goes on under.")
@options.as_json
def merge(*, outage_id: str, into: str, as_json: bool) -> None:
    """Let outage ID go on under another one of the same service and kind.

    Whoever is out in it is out in that one now, since the same time; whoever was told of it counts
    as told, so nobody is told anything by it. The other one keeps its own facts.
    """
    from gis.matching import Matcher
    from gis.membership.parting import together

    with session() as desk_:
        shape = together(desk_.db, Matcher(desk_.db), outage_id, into)
        with desk_.write(outage_id) as conn:
            outage = regrouping.merge(
                conn,
                outage_id,
                into=into,
                actor=ACTOR,
                shape=shape,
                max_premises=desk_.settings.max_recipients,
            )
        facts = desk_.facts(outage.id)
        if as_json:
            say_json(facts)
        else:
            say(f"{outage.id} goes on under {facts['merged_into']}; nobody is told by it.")


@click.command()
@_id
@whereabouts.where()
@options.as_json
def split(*, outage_id: str, where: Given, as_json: bool) -> None:
    """Let the part of outage ID inside a place go on as a new outage with the same facts.

    Whoever was told of the outage counts as told of the new one, so nobody is told anything by it.
    """
    from gis.matching import Matcher
    from gis.membership.parting import part

    if where.way is None:
        raise click.UsageError(f"Say which part: {WAYS}.")
    with session() as desk_:
        with desk_.db.read() as conn:
            service = register.load(conn, outage_id).service
        place = desk_.matched(where, service)
        assert place is not None  # noqa: S101 there is a way
        parting = part(desk_.db, Matcher(desk_.db), outage_id, place)
        with desk_.write(outage_id) as conn:
            left, new = regrouping.split(conn, outage_id, parting, actor=ACTOR)
        if as_json:
            say_json(desk_.facts(new.id) | {"left": desk_.facts(left.id)})
            return
        say(f"{new.id} has {parting.moves:,} of the premises that are out in {left.id},")
        say(f"which keeps {parting.stays:,}; nobody is told by it.")
