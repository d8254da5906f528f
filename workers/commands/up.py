"""`outage up`: every process, by one command."""

import os
import socket
import sys
import time
from pathlib import Path

import click

from outage import settings as reading
from outage.settings import Settings
from workers import processes, roster
from workers.errors import AlreadyRunning, NotAFolder, PortTaken
from workers.supervisor import Supervisor

_CARRIER_PORT = "OUTAGE_CARRIER_PORT"
FIRST_LINK = "first-link"
PATIENCE_S = 2.0
"""How long a port may still be held by those that died with the supervisor before us."""


@click.command()
def up() -> None:
    """Start all processes and keep them running until Ctrl+C.

    An embedded database is made, or upgraded after a backup. Without OUTAGE_REDIS_URL a
    Valkey of our own runs on a private socket; the carrier simulator runs if
    OUTAGE_TWILIO_BASE_URL or OUTAGE_SENDGRID_BASE_URL names its port on this machine.
    """
    settings = reading.load()
    running = roster.pids(settings.home)
    if running:
        # The supervisor's own lock decides; this only spares the migration and the ports.
        raise AlreadyRunning(settings.home, running.get(roster.SUPERVISOR))
    check_ports(settings)
    prepare_folder(settings)
    prepare_database(settings)
    _say_where(settings)
    let_first_in(settings)
    Supervisor(processes.children(settings, os.environ), settings.home).run()


def check_ports(settings: Settings) -> None:
    """Refuse with a sentence when a port of ours is taken. Raises `PortTaken`."""
    wanted = {
        "OUTAGE_PAGE_PORT": settings.page_port,
        "OUTAGE_WEB_PORT": settings.web_port,
        "OUTAGE_COUNTER_PORT": settings.counter_port,
    }
    if processes.simulates(settings):
        wanted[_CARRIER_PORT] = settings.carrier_port
    deadline = time.monotonic() + PATIENCE_S
    for name, port in wanted.items():
        host = "127.0.0.1" if name == _CARRIER_PORT else settings.host
        while not _is_free(host, port):
            if time.monotonic() > deadline:
                raise PortTaken(host, port, name)
            time.sleep(0.1)


def _is_free(host: str, port: int) -> bool:
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family) as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(address)
        except OSError:
            return False
        return True


def prepare_folder(settings: Settings) -> None:
    """Make the folder of the public page. Raises `NotAFolder`."""
    try:
        settings.published.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise NotAFolder(settings.published) from None


def prepare_database(settings: Settings) -> None:
    """Make the embedded database, or upgrade it after a backup; check any other."""
    # Imported here: whoever only wants the supervisor need not load a database driver.
    from outage import schema
    from workers import opening

    if settings.database_url:
        opening.open_record(settings).close()  # refuses an old schema before anything starts
        return
    before = _backups(settings.home)
    schema.open_embedded(opening.embedded_file(settings)).close()
    for made in sorted(_backups(settings.home) - before):
        click.echo(f"The database was upgraded; it was backed up to {made} first.")


def let_first_in(settings: Settings) -> None:
    """Print a link for the first administrator, until somebody of the staff can sign in.

    What is printed to no terminal ends up in a log, which many read: then it is kept in a file.
    """
    from outage import audit, staff
    from workers import opening
    from workers.session import acting

    db = opening.open_record(settings)
    try:
        with audit.deed(db, actor=acting(), action="user link", about="first") as deed:
            found = staff.first(deed.conn)
            deed.kept = found is not None
    finally:
        db.close()
    kept = settings.home / FIRST_LINK
    kept.unlink(missing_ok=True)
    if found is None:
        return
    member, words = found
    address = f"{settings.console}/welcome/{words}"
    if sys.stdout.isatty():
        click.echo(f"first    {address}")
    else:
        with os.fdopen(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{address}\n")
        click.echo(f"first    see {kept}")
    click.echo("         Nobody can sign in to the console yet: this link sets the password of")
    click.echo(f"         {member.name}. It opens once, for a day; keep it from others.")
    sys.stdout.flush()


def _backups(home: Path) -> set[Path]:
    return set((home / "backups").glob("*.db"))


def _say_where(settings: Settings) -> None:
    rows = [
        ("page", f"http://{settings.host}:{settings.page_port}/"),
        ("console", f"{settings.console}/"),
        ("api", f"http://{settings.host}:{settings.web_port}/api/v1/outages"),
        ("counter", f"http://{settings.host}:{settings.counter_port}/"),
    ]
    if processes.simulates(settings):
        rows.append(("carrier", f"http://127.0.0.1:{settings.carrier_port}/"))
    click.echo(f"home     {settings.home}")
    for name, address in rows:
        click.echo(f"{name:<8} {address}")
    click.echo(f"sending  {settings.send} (OUTAGE_SEND)")
    sys.stdout.flush()
