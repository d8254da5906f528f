"""What a benchmark found, one fact a line."""

from __future__ import annotations

from collections.abc import Mapping


def lines(found: Mapping[str, object]) -> str:
    """One line for each fact; those of a part stand below its name."""
    shown: list[str] = []
    for name, value in found.items():
        if isinstance(value, dict):
            shown += [name, *(f"  {key:30}{each:>14,}" for key, each in value.items())]
        else:
            shown.append(f"{name:32}{value:>14}")
    return "\n".join(shown)
