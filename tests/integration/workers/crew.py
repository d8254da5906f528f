"""A small supervised crew for the tests: `python -m tests.integration.workers.crew HOME`.

Two children sleep, one ignores SIGTERM when asked to, and the broker is the real one.
"""

import os
import sys
from pathlib import Path

from workers import broker
from workers.child import Child
from workers.errors import WorkersError
from workers.supervisor import Supervisor

_SLEEP = "import time\nprint('awake', flush=True)\ntime.sleep(600)"
_STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + _SLEEP
_BRIEF = "print('no newline at the end', end='')"


def main(home: Path, *extra: str) -> None:
    environment = dict(os.environ)
    codes = {"one": _SLEEP, "two": _SLEEP}
    codes |= {"stubborn": _STUBBORN} if "stubborn" in extra else {}
    codes |= {"brief": _BRIEF} if "brief" in extra else {}
    children = [broker.child(home, environment)] if "broker" in extra else []
    children += [
        Child(name=name, command=(sys.executable, "-c", code), environment=environment)
        for name, code in codes.items()
    ]
    try:
        Supervisor(children, home, stop_s=30.0 if "patient" in extra else 1.0).run()
    except WorkersError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
