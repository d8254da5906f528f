"""What a page process says of itself to Prometheus."""

from collections.abc import Iterable, Iterator

from status_page.broadcaster import Broadcaster
from status_page.crowd import Fault, Refusal


def metrics_of(broadcaster: Broadcaster) -> str:
    """Return the text of `/metrics`."""
    return "".join(f"{line}\n" for line in _lines(broadcaster))


def _lines(broadcaster: Broadcaster) -> Iterator[str]:
    figures = broadcaster.figures
    pointer = broadcaster.pointer
    yield from _one("streams", "gauge", len(broadcaster.crowd))
    yield from _one("streams_most", "gauge", broadcaster.crowd.most)
    yield from _one("frames_total", "counter", figures.frames)
    dropped = ((reason, figures.dropped[reason]) for reason in Fault)
    yield from _by_reason("streams_dropped_total", dropped)
    refused = ((reason, figures.refused[reason]) for reason in Refusal)
    yield from _by_reason("streams_refused_total", refused)
    yield from _one("resets_total", "counter", figures.resets)
    yield from _one("generation", "gauge", pointer.number if pointer else 0)
    checked = pointer.checked_at.timestamp() if pointer else 0
    yield from _one("checked_timestamp_seconds", "gauge", checked)


def _one(name: str, kind: str, value: float) -> Iterator[str]:
    yield f"# TYPE outage_page_{name} {kind}"
    yield f"outage_page_{name} {value}"


def _by_reason(name: str, counts: Iterable[tuple[str, int]]) -> Iterator[str]:
    yield f"# TYPE outage_page_{name} counter"
    for reason, count in counts:
        yield f'outage_page_{name}{{reason="{reason}"}} {count}'
