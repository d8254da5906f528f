"""What people are to do, by service, cause and state: which sentences, in which order. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from outage.model import STORMS, Cause, Service, Status
from status_page.view import PublicAdvice, PublicOutage
from status_page.words import FALLBACK

TEXTS: Mapping[str, str] = {
    "wire_down": "todo.wire_down",
    "flooded": "todo.flooded",
    "hole": "todo.hole",
    "wires": "help.electric.wires",
    "generator": "help.electric.generator",
    "smell": "help.gas.smell",
    "relight": "help.gas.relight",
    "medical": "help.medical",
    "notice": "help.water.advisory",
    "taps": "help.water.taps",
    "food": "help.electric.food",
    "appliances": "help.electric.appliances",
    "storm": "todo.storm",
    "ready_electric": "todo.ready.electric",
    "ready_water": "todo.ready.water",
    "ready_gas": "todo.ready.gas",
    "spoilt": "todo.back.food",
    "switch_on": "todo.back.electric",
    "run_water": "todo.back.water",
}
"""Each piece of advice by the name that a site file puts its own in place of."""

DANGERS = frozenset(
    {"wire_down", "flooded", "hole", "wires", "generator", "smell", "relight", "medical", "notice"}
)
"""Said before what a utility adds."""

_USUAL: Mapping[tuple[str, Service], tuple[str, ...]] = {
    ("now", Service.ELECTRIC): ("wires", "generator", "medical", "food", "appliances"),
    ("now", Service.WATER): ("taps",),
    ("now", Service.GAS): ("smell", "relight"),
    ("planned", Service.ELECTRIC): ("generator", "ready_electric", "food", "appliances"),
    ("planned", Service.WATER): ("ready_water", "taps"),
    ("planned", Service.GAS): ("smell", "relight", "ready_gas"),
    ("advisory", Service.ELECTRIC): ("wires", "ready_electric"),
    ("advisory", Service.WATER): ("notice",),
    ("advisory", Service.GAS): ("smell", "relight"),
    ("over", Service.ELECTRIC): ("spoilt", "switch_on"),
    ("over", Service.WATER): ("run_water",),
    ("over", Service.GAS): ("smell", "relight"),
}
_HAZARDS: Mapping[str, tuple[Service, frozenset[Cause]]] = {
    "wire_down": (
        Service.ELECTRIC,
        frozenset({Cause.WIRE_DOWN, Cause.POLE_DOWN, Cause.TREE, Cause.VEHICLE, Cause.LANDSLIDE}),
    ),
    "flooded": (Service.ELECTRIC, frozenset({Cause.FLOOD})),
    "hole": (Service.WATER, frozenset({Cause.MAIN_BREAK, Cause.LANDSLIDE})),
    "smell": (Service.GAS, frozenset(Cause) - {Cause.PLANNED_WORK, Cause.WORK}),
}
"""What makes which danger likely; it is said at the top then, and once."""
_SAYS_ALREADY = {"wire_down": "wires"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A sentence: ours by its ``key``, or the utility's ``own`` in its ``language``."""

    key: str = ""
    language: str = ""
    own: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToDo:
    """What to do now: what is dangerous here, then the rest."""

    hazards: tuple[Advice, ...]
    rest: tuple[Advice, ...]


def to_do(
    outage: PublicOutage, language: str, own: tuple[PublicAdvice, ...] = (), *more: str
) -> ToDo:
    """Return what people concerned by an outage are told to do.

    Args:
        outage: How it stands now.
        language: For whom; where the utility has not written in it, the next best is taken.
        own: The utility's own advice, in its order.
        more: Languages that are next best, after English.
    """
    hazards = tuple(_hazards(outage))
    silent = {*hazards, *(_SAYS_ALREADY.get(each, "") for each in hazards)}
    rest = [each for each in _usual(outage) if each not in silent]
    mine = [each for each in own if each.concerns(outage)]
    instead = {each.instead_of: each for each in mine if each.instead_of}

    def said(code: str) -> Advice:
        given = instead.get(code)
        return _written(given, language, more) if given else Advice(key=TEXTS[code])

    return ToDo(
        hazards=tuple(said(each) for each in hazards),
        rest=(
            *(said(each) for each in rest if each in DANGERS),
            *(_written(each, language, more) for each in mine if not each.instead_of),
            *(said(each) for each in rest if each not in DANGERS),
        ),
    )


def _hazards(outage: PublicOutage) -> Iterator[str]:
    if outage.section == "now":
        for code, (service, causes) in _HAZARDS.items():
            if outage.service is service and outage.cause in causes:
                yield code


def _usual(outage: PublicOutage) -> tuple[str, ...]:
    if outage.over and outage.status is not Status.RESTORED:
        # Called off, lifted, or nobody knows: there is nothing to clear up after it.
        return ()
    if outage.section == "advisory" and outage.status is Status.PREDICTED:
        return ("wires", "storm") if outage.cause in STORMS else ()
    return _USUAL[outage.section, outage.service]


def _written(advice: PublicAdvice, language: str, more: tuple[str, ...]) -> Advice:
    given = dict(advice.texts)
    chosen = next(each for each in (language, FALLBACK, *more, *given) if each in given)
    return Advice(language=chosen, own=given[chosen])
