"""Fingerprints of text: the same for the same, and another one for what differs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from gis.importing.fingerprints import fingerprints

TEXTS = st.lists(st.text(max_size=70), min_size=1)


@given(texts=TEXTS, cuts=st.lists(st.integers(0, 20)))
def test_texts_have_the_same_fingerprint_only_when_they_are_the_same(
    texts: list[str], cuts: list[int]
) -> None:
    all_of_it = pa.array(texts, pa.string())
    bounds = [0, *sorted(min(cut, len(texts)) for cut in cuts), len(texts)]
    # Slices do not begin where their buffers do.
    chunks = [all_of_it[begin:end] for begin, end in pairwise(bounds)]
    found = np.concatenate([fingerprints(chunk) for chunk in chunks])
    assert found.tolist() == fingerprints(all_of_it.dictionary_encode()).tolist()
    assert len(found) == len(texts)
    assert len(np.unique(found)) == len(set(texts))
    _, number = np.unique(np.array(texts, dtype=object), return_inverse=True)
    assert len(np.unique(np.column_stack([found, number]), axis=0)) == len(set(texts))


def test_the_length_of_its_neighbours_does_not_change_a_fingerprint() -> None:
    (alone,) = fingerprints(pa.array(["0"]))
    beside_a_longer, _ = fingerprints(pa.array(["0", "000000000"]))
    assert alone == beside_a_longer


def test_a_million_ids_in_a_row_have_a_million_fingerprints() -> None:
    for words in ("P{:08d}", "{:016d}", "9f1c6a52-0000-4000-8000-{:012x}"):
        ids = pa.array([words.format(one) for one in range(1_000_000)])
        assert len(np.unique(fingerprints(ids))) == 1_000_000


def test_long_texts_that_differ_only_at_the_end_look_alike() -> None:
    beginning = "x" * 300
    one, other = fingerprints(pa.array([beginning + "a", beginning + "b"]))
    assert one == other
