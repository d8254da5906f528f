"""Which compressed twin an answer may be, by what a client says it takes (RFC 9110, 12.5.3)."""

import functools

from status_page.media import ENCODINGS

_ALIASES = {"x-gzip": "gzip"}
_LONGEST = 256
"""Characters; a browser sends about 30."""


def twins_for(accept_encoding: str) -> tuple[str, ...]:
    """Return ends of twins, the most welcome first; none of them before the file itself.

    Who sends a longer header than any browser does is sent the file itself, which is always
    understood: it is neither read nor kept.
    """
    return _read(accept_encoding) if len(accept_encoding) <= _LONGEST else ()


# The header of a browser is one of a few, so a page process reads each of them once.
@functools.lru_cache(maxsize=1024)
def _read(accept_encoding: str) -> tuple[str, ...]:
    weights = dict(map(_weighed, accept_encoding.lower().split(",")))
    others = weights.get("*", 0.0)
    plain = weights.get("identity", 0.0)
    welcome = {end: weights.get(name, others) for end, name in ENCODINGS.items()}
    # Of equal weights the order of `ENCODINGS` holds: the smallest comes first.
    ordered = sorted(welcome, key=lambda end: -welcome[end])
    return tuple(end for end in ordered if welcome[end] > 0 and welcome[end] >= plain)


def _weighed(item: str) -> tuple[str, float]:
    name, _, parameters = item.partition(";")
    name = name.strip()
    weight = 1.0
    for each in parameters.split(";"):
        key, _, value = each.partition("=")
        if key.strip() == "q":
            weight = _weight(value.strip())
    return _ALIASES.get(name, name), weight


def _weight(value: str) -> float:
    """Return a weight from 0 to 1; one that cannot be read refuses, which is always understood."""
    try:
        found = float(value)
    except ValueError:
        return 0.0
    return found if 0 <= found <= 1 else 0.0
