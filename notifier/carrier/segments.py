"""How many SMS segments a text takes (3GPP TS 23.038), for `num_segments`."""

from __future__ import annotations

import math

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€\f")


def segment_count(body: str) -> int:
    """Count segments: 160 GSM-7 septets or 70 UTF-16 units alone, 153 or 67 when joined."""
    if all(char in _BASIC or char in _EXTENDED for char in body):
        length = sum(2 if char in _EXTENDED else 1 for char in body)
        alone, joined = 160, 153
    else:
        length = len(body.encode("utf-16-le")) // 2
        alone, joined = 70, 67
    return 1 if length <= alone else math.ceil(length / joined)
