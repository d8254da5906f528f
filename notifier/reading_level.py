"""How many years of school an English text asks for."""

import re


def grade(text: str) -> float:
    """Years of school that a text asks for (Flesch and Kincaid, 1975), numbers left out."""
    plain = re.sub(r"\b(?:Est\.|[\d:]+(?:[AP]M)?|UTC|Pacific Standard Time)", "", text)
    sentences = [part for part in re.split(r"[.!?:]\s*", plain) if re.search("[a-z]", part)]
    heard = [syllables(word) for part in sentences for word in re.findall("[A-Za-z']+", part)]
    if not heard or not sentences:
        return 0.0
    return 0.39 * len(heard) / len(sentences) + 11.8 * sum(heard) / len(heard) - 15.59


def syllables(word: str) -> int:
    """Groups of vowels, a silent e left out."""
    groups = re.findall("[aeiouy]+", re.sub(r"(?<=[^l\W])e[sd]?$", "", word.lower()))
    return max(1, len(groups))
