"""Some of the processes of `outage up`: `python -m tests.integration.workers.some HOME NAME…`."""

import os
import sys

from outage import settings
from workers.processes import children
from workers.supervisor import Supervisor

if __name__ == "__main__":
    found = settings.load({**os.environ, "OUTAGE_HOME": sys.argv[1]})
    wanted = [child for child in children(found, os.environ) if child.name in sys.argv[2:]]
    Supervisor(wanted, found.home).run()
