from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gis.index import PremiseIndex
from gis.search.layout import lay_out
from tests.unit.gis.answers import scans

premises = st.lists(
    st.tuples(
        st.integers(0, 8) | st.none(), st.integers(0, 8), st.integers(1, 7), st.integers(-50, 5000)
    ),
    max_size=60,
    unique_by=lambda premise: premise[3],
)


def arrays(rows: list[tuple[int | None, int, int, int]]) -> dict[str, np.ndarray]:
    return {
        "lon": np.array([np.nan if x is None else x for x, *_ in rows], np.float64),
        "lat": np.array([y for _, y, *_ in rows], np.float64),
        "services": np.array([bits for _, _, bits, _ in rows], np.uint8),
        "keys": np.array([key for *_, key in rows], np.int64),
    }


@pytest.mark.parametrize("name", sorted(scans()))
@given(rows=premises, service=st.integers(1, 7))
def test_only_premises_with_the_service_are_found(
    name: str, rows: list[tuple[int | None, int, int, int]], service: int
) -> None:
    index = PremiseIndex.over(lay_out(version=1, **arrays(rows)), scans()[name])
    served = [(x, y, key) for x, y, bits, key in rows if bits & service]
    inside = sorted(k for x, y, k in served if x is not None and 2 <= x <= 6 and 1 <= y <= 5)
    box = shapely.to_wkb(shapely.box(2, 1, 6, 5))
    assert index.match(box, service).keys().tolist() == inside
    assert index.everything(service).keys().tolist() == sorted(k for *_, k in served)
    unplaced = sorted(k for x, _, k in served if x is None)
    assert index.unplaced(service).keys().tolist() == unplaced


@given(rows=premises, wanted=st.lists(st.integers(-100, 5100), max_size=80))
def test_premises_are_located_by_key_wherever_they_stand(
    rows: list[tuple[int | None, int, int, int]], wanted: list[int]
) -> None:
    index = PremiseIndex(version=1, **arrays(rows))
    found = index.locate(np.array(wanted, np.int64)).keys().tolist()
    assert found == sorted({key for *_, key in rows} & set(wanted))


def test_all_premises_of_one_service_are_one_range() -> None:
    rows: list[tuple[int | None, int, int, int]] = [(n % 9, n // 9, 1, n) for n in range(80)]
    everything = PremiseIndex(version=1, **arrays(rows)).everything(1)
    assert (everything.starts.tolist(), everything.stops.tolist()) == ([0], [80])


def test_what_the_threads_share_cannot_be_written_to() -> None:
    layout = lay_out(version=1, **arrays([(1, 1, 1, 1)]))
    with pytest.raises(ValueError, match="read-only"):
        layout.keys[0] = 2
