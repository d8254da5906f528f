"""A longer real storm through everything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.storms import AnyStorm, Replayed

pytestmark = pytest.mark.timeout(1800)

STORM = "storm-2023-11-10.jsonl.xz"


class TestTheSecondStorm(AnyStorm):
    file = STORM


def test_the_second_storm_has_ten_outages_that_return(
    shared: Path, replayed: Callable[..., Replayed]
) -> None:
    facts = replayed(shared / "data" / STORM, "--assume-reviewed").facts
    assert (facts["outages"], facts["outages_returned"], facts["returns"]) == (827, 10, 11)
