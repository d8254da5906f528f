"""What processes write about themselves: one line each, no people's data in it."""

import logging
import sys


def begin(level: int = logging.INFO) -> None:
    """Write log lines to standard error; the supervisor puts the process's name before them."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname).1s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # RQ names every job it runs, and Alembic every step it takes.
    for name in ("rq", "rq.worker", "rq.job", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
