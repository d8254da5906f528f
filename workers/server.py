"""How a process of ours listens: uvicorn, quiet about paths, quick to stop."""

from typing import Any

import uvicorn

STOP_S = 1
"""Seconds that open streams and slow requests get when the process is told to stop."""
WAITING_CONNECTIONS = 2048


def listen(app: Any, *, host: str, port: int, **more: Any) -> None:  # noqa: ANN401 any ASGI app, and uvicorn's own options
    """Serve `app` until SIGINT or SIGTERM.

    No access log: paths carry personal tokens (DECISIONS 33). Forwarding headers are not
    believed here; an app that trusts a proxy reads them itself.
    """
    options: dict[str, Any] = {
        "loop": "uvloop",
        "http": "httptools",
        "ws": "none",
        "lifespan": "on",
        "access_log": False,
        "log_level": "warning",
        "server_header": False,
        "proxy_headers": False,
        "backlog": WAITING_CONNECTIONS,
        "timeout_graceful_shutdown": STOP_S,
    }
    uvicorn.Server(uvicorn.Config(app, host=host, port=port, **(options | more))).run()
