"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum

import click

from outage.model import Cause, Reason, Service


def words(kind: type[StrEnum]) -> click.Choice[str]:
    """The words of an enum as they are stored, not the names Python has for them."""
    return click.Choice([word.value for word in kind])


as_json = click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")
crs = click.option("--crs", help="Coordinate system of the shape's numbers, like EPSG:26910.")
accept_repair = click.option(
    "--accept-repair",
    is_flag=True,
    help="Accept the repair of an invalid shape although it changes who is inside.",
)
allow_empty = click.option(
    "--allow-empty", is_flag=True, help="Go on although no premise is inside."
)
cause = click.option("--cause", type=words(Cause), help="Coded cause, shown in public.")
place = click.option("--place", help="Where it is, in words for the public.")
etr = click.option("--etr", help="When service should be back: 2h, 22:30, or RFC 3339.")
etr_reason = click.option("--etr-reason", type=words(Reason), help="Why the time is what it is.")
service = click.option(
    "--service",
    type=words(Service),
    default=str(Service.ELECTRIC),
    show_default=True,
    help="The service that is out.",
)
