"""How small a number the public may see (DECISIONS 32, docs/privacy.md)."""

MIN_PREMISES = 5
"""Fewer than this many are never counted or drawn in public.

No setting: readers, publisher and every page must agree on it for the whole life of an outage, and
two numbers in turn would show the difference between them.
"""
FEW = 1
"""What stands for every number from one to `MIN_PREMISES` - 1 wherever the public can see it."""


def masked(count: int) -> int:
    """Return a count as the public may see it: 0, `FEW`, or `MIN_PREMISES` and more as it is."""
    return FEW if 0 < count < MIN_PREMISES else count
