"""Runs the simulator as a process of its own: `python -m tests.integration.carrier.serve`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import uvicorn

from notifier.carrier.app import create_app
from notifier.carrier.settings import CarrierSettings
from notifier.carrier.store import CarrierStore


def main() -> None:
    """Serve until killed; the argument is the settings as JSON, with the port."""
    given = json.loads(sys.argv[1])
    port = given.pop("port")
    settings = CarrierSettings(**given | {"folder": Path(given["folder"])})
    uvicorn.run(
        create_app(CarrierStore(settings.folder), settings),
        host="127.0.0.1",
        port=port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
