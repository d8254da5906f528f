"""`outage up`: every process, by one command."""

import os
import socket
import sys
from pathlib import Path

import click

from outage import settings as reading
from outage.settings import Settings
from workers import processes, roster
from workers.errors import AlreadyRunning, PortTaken
from workers.supervisor import Supervisor

_CARRIER_PORT = "OUTAGE_CARRIER_PORT"


@click.command()
@click.option("--carrier", is_flag=True, help="Run the carrier simulator too.")
def up(*, carrier: bool) -> None:
    """Start all processes and keep them running until Ctrl+C.

    An embedded database is made, or upgraded after a backup. Without OUTAGE_REDIS_URL a
    Valkey of our own runs on a private socket.
    """
    settings = reading.load()
    running = roster.pids(settings.home)
    if running:
        # The supervisor's own lock decides; this only spares the migration and the ports.
        raise AlreadyRunning(settings.home, running.get(roster.SUPERVISOR))
    _check_ports(settings, carrier=carrier)
    _prepare_database(settings)
    _say_where(settings, carrier=carrier)
    Supervisor(processes.children(settings, os.environ, carrier=carrier), settings.home).run()


def _check_ports(settings: Settings, *, carrier: bool) -> None:
    wanted = {
        "OUTAGE_PAGE_PORT": settings.page_port,
        "OUTAGE_WEB_PORT": settings.web_port,
        "OUTAGE_COUNTER_PORT": settings.counter_port,
    }
    if carrier:
        wanted[_CARRIER_PORT] = settings.carrier_port
    for name, port in wanted.items():
        host = "127.0.0.1" if name == _CARRIER_PORT else settings.host
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as attempt:
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                attempt.bind(address)
            except OSError as error:
                raise PortTaken(host, port, name) from error


def _prepare_database(settings: Settings) -> None:
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


def _backups(home: Path) -> set[Path]:
    return set((home / "backups").glob("*.db"))


def _say_where(settings: Settings, *, carrier: bool) -> None:
    rows = [
        ("page", f"http://{settings.host}:{settings.page_port}/"),
        ("console", f"http://{settings.host}:{settings.web_port}/"),
        ("counter", f"http://{settings.host}:{settings.counter_port}/"),
    ]
    if carrier:
        rows.append(("carrier", f"http://127.0.0.1:{settings.carrier_port}/"))
    click.echo(f"home     {settings.home}")
    for name, address in rows:
        click.echo(f"{name:<8} {address}")
    click.echo(f"sending  {settings.send} (OUTAGE_SEND)")
    sys.stdout.flush()
