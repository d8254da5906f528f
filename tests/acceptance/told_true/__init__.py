"""An independent checker of a finished storm: was everybody told once, and told true?

It shares no code with the notifier, nor with the tables: it reads the record by plain SQL and the
simulator's own log, works out for itself what was so for each premise at each moment, and holds
every message against that. What it finds is a list of faults, each with its name.
"""

from tests.acceptance.told_true.case import Fault
from tests.acceptance.told_true.checking import Finding, check
from tests.acceptance.told_true.record import read

__all__ = ["Fault", "Finding", "check", "read"]
