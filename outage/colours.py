"""Contrast of two colours, as WCAG 2.2 defines it (success criterion 1.4.3)."""

WHITE = "#ffffff"
DARK = "#121212"
"""Background of the page where a person prefers dark."""
LEAST_CONTRAST = 4.5
_STRAIGHT = 0.04045
"""Below this sRGB's curve is a straight line."""


def contrast(one: str, other: str) -> float:
    """Ratio from 1 (the same) to 21 (black on white) of two colours like ``#0b5394``."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= _STRAIGHT else float(((part + 0.055) / 1.055) ** 2.4)
