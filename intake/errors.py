"""What intake refuses, each with a sentence that says what to do next."""

from __future__ import annotations


class IntakeError(Exception):
    """What came in from outside cannot be used."""


class MappingRefused(IntakeError):
    """The mapping file does not say what it must."""


class MappingUnknown(IntakeError):
    """There is no mapping by that name and no file at that path."""


class MappingUndecided(IntakeError):
    """The shipped mappings do not tell which one fits."""


class RecordingRefused(IntakeError):
    """The recording cannot be read at all."""


class ReplayRefused(IntakeError):
    """Replay would mix a recording with what is going on."""


class Unreadable(IntakeError, ValueError):
    """A value is not what the mapping says; the message is the end of a sentence about it."""
