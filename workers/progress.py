"""How far long work has come, for a person who watches it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from outage.loading import Progress


@contextmanager
def progress_bar(label: str, *, shown: bool = True) -> Iterator[Progress | None]:
    """Give what hears how far work has come, and shows it on standard error.

    None where nobody watches: standard error is no terminal, or ``shown`` says so. Work that
    never tells of itself shows nothing.
    """
    if not (shown and sys.stderr.isatty()):
        yield None
        return
    with click.progressbar(length=1, label=label, file=sys.stderr, show_pos=True) as bar:

        def hear(done: int, of: int) -> None:
            bar.length = max(of, done, 1)
            bar.update(done - bar.pos)

        yield hear
