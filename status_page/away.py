"""What is said of a form while `counter` does not answer: a published page in each language."""

from collections.abc import Mapping

FORMS: Mapping[str, str] = {
    "report": "We cannot take your report just now",
    "subscribe": "We cannot take your subscription just now",
    "lookup": "We cannot look up your place just now",
}
"""Each form, with the sentence for programs, and for people before anything is published."""


def name_of(prefix: str, form: str) -> str:
    """Return the name of the page; ``prefix`` is its language's."""
    return f"{prefix}away-{form}.html"
