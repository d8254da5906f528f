"""What a page process says of itself to Prometheus.

`alert-rules.yml` beside this file says which of it a person should be woken for.
"""

from collections.abc import Iterable, Iterator

from status_page.broadcaster import Broadcaster
from status_page.crowd import Fault, Refusal
from status_page.pointer import Pointer


def metrics_of(broadcaster: Broadcaster) -> str:
    """Return the text of `/metrics`."""
    return "".join(f"{line}\n" for line in _lines(broadcaster))


def _lines(broadcaster: Broadcaster) -> Iterator[str]:
    figures = broadcaster.figures
    crowd = broadcaster.crowd
    yield from _one("streams", "gauge", "Streams that are open.", len(crowd))
    yield from _one("streams_most", "gauge", "Streams that may be open at once.", crowd.most)
    yield from _one("frames_total", "counter", "Frames put in line for clients.", figures.frames)
    dropped = ((reason, figures.dropped[reason]) for reason in Fault)
    yield from _by_reason("streams_dropped_total", "Clients that did not read.", dropped)
    refused = ((reason, figures.refused[reason]) for reason in Refusal)
    yield from _by_reason("streams_refused_total", "Streams that were not opened.", refused)
    yield from _one("resets_total", "counter", "Clients told to load all anew.", figures.resets)
    yield from _published(broadcaster.pointer)


def _published(pointer: Pointer | None) -> Iterator[str]:
    """Say what is published; 0 and no counts where nothing is."""
    counts = pointer.counts if pointer else {}
    number, drill = (pointer.number, pointer.drill) if pointer else (0, False)
    checked, as_of = (
        (pointer.checked_at.timestamp(), pointer.as_of.timestamp()) if pointer else (0, 0)
    )
    yield from _one("generation", "gauge", "Number of the generation in force.", number)
    text = "When the publisher last looked; it does so every 15 seconds."
    yield from _one("checked_timestamp_seconds", "gauge", text, checked)
    text = "Business time for which the page is true."
    yield from _one("as_of_timestamp_seconds", "gauge", text, as_of)
    yield from _one("drill", "gauge", "1 in a drill or replay.", int(drill))
    for name, text in (
        ("outages", "Outages that interrupt somebody now."),
        ("listed", "Outages on the list in all."),
        ("counting", "Outages that are still being counted."),
    ):
        yield from _one(name, "gauge", text, counts.get(name) or 0)


def _one(name: str, kind: str, text: str, value: float) -> Iterator[str]:
    yield f"# HELP outage_page_{name} {text}"
    yield f"# TYPE outage_page_{name} {kind}"
    yield f"outage_page_{name} {value}"


def _by_reason(name: str, text: str, counts: Iterable[tuple[str, int]]) -> Iterator[str]:
    yield f"# HELP outage_page_{name} {text}"
    yield f"# TYPE outage_page_{name} counter"
    for reason, count in counts:
        yield f'outage_page_{name}{{reason="{reason}"}} {count}'
