"""Which scan searches: numpy's at once, the compiled one as soon as it is there."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from importlib.util import find_spec

import numpy as np
import shapely

from gis.search import scan
from gis.search.edges import Edges
from gis.search.scan import Block, Found
from gis.search.strips import place_of

Scan = Callable[[Edges, Sequence[Block]], list[Found]]
log = logging.getLogger(__name__)
_ready: list[Scan] = [scan.scan]
_began = threading.Event()


def fastest() -> Scan:
    """The fastest scan that can search at once."""
    return _ready[-1]


def prepare() -> threading.Thread | None:
    """Begin to load the compiled scan beside everything else; None where there is none to load.

    For processes that stay: the first process of a host compiles for many seconds, later ones load
    what it left on disk. Who asks meanwhile is answered by numpy's.
    """
    if find_spec("numba") is None or _began.is_set():
        return None
    _began.set()
    thread = threading.Thread(target=_load, name="compile", daemon=True)
    thread.start()
    return thread


def compiled() -> Scan:
    """The compiled scan, ready to search. Raises ImportError where numba is not installed."""
    from gis.search import compiled as kernel  # noqa: PLC0415 - numba is an extra, a second to load

    try:
        _try(kernel.scan)
    except Exception as error:  # noqa: BLE001 - what an earlier release has kept may fail in any way
        log.info("what is kept of the compiled search is of no use (%s); compiling it anew", error)
        kernel.forget()
        _try(kernel.scan)
    return kernel.scan


def _try(search: Scan) -> None:
    """Search once: that loads or compiles all of it, for arrays such as the index has."""
    point = np.zeros(1)
    block = Block(start=0, places=place_of(point, point), lon=point, lat=point)
    for array in (block.places, block.lon, block.lat):
        array.setflags(write=False)
    search(Edges.of([shapely.to_wkb(shapely.box(-1, -1, 1, 1))]), [block])


def _load() -> None:
    try:
        _ready.append(compiled())
    except Exception as error:  # noqa: BLE001 - whatever numba trips over, numpy's answers are the same
        log.warning("the compiled search cannot be used (%s); numpy searches", error)
