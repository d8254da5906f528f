"""All that has happened to an outage, in the order in which people read it. Pure."""

from outage.model import Kind, Status
from status_page.view import PublicOutage, PublicStep

SHOWN = 6
"""The newest, which are seen at once; the others are folded away."""
MOST = 60
"""Of all: nobody reads more, and a page has to be loaded."""


def moments(outage: PublicOutage) -> list[PublicStep]:
    """Return all that has happened, estimates among it, the newest first."""
    found = [*outage.steps]
    if outage.kind is Kind.UNPLANNED and outage.status not in {Status.PREDICTED, Status.CANCELLED}:
        found.append(PublicStep(at=outage.started, what="began"))
    found += (
        PublicStep(
            at=each.at,
            what="etr",
            reason=each.reason or "",
            earliest=each.earliest,
            latest=each.latest,
        )
        for each in outage.etrs
    )
    first = min((each.at for each in outage.etrs), default=None)
    # Of one that was never published nobody has heard.
    known = [
        each
        for each in found
        if not each.what.startswith("etr_") or (first is not None and each.at >= first)
    ]
    # At one moment, the beginning comes first: the list is turned round.
    known.sort(key=lambda each: (each.at, each.what != "began"))
    return known[::-1]
