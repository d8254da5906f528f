"""Every rule that a finished storm is held against."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tests.acceptance.told_true.by_area import by_area
from tests.acceptance.told_true.by_two import told_by_two
from tests.acceptance.told_true.case import Case, Fault
from tests.acceptance.told_true.counting import audience, reconstruction, sums
from tests.acceptance.told_true.endings import never_told_the_end
from tests.acceptance.told_true.sending import clocks, past_expiry, provider_log, stopped
from tests.acceptance.told_true.twice import accepted_twice, told_twice
from tests.acceptance.told_true.untrue import untrue

Rule = Callable[[Case], Iterator[Fault]]

RULES: Sequence[Rule] = (
    told_twice,
    told_by_two,
    accepted_twice,
    untrue,
    by_area,
    never_told_the_end,
    past_expiry,
    stopped,
    sums,
    audience,
    provider_log,
    clocks,
    reconstruction,
)
