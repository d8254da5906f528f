"""The `outage` command: a table of what there is, loaded only when it is asked for.

To add a command: write a click command (or group) in `workers/commands/`, and give it a line
in `COMMANDS`. Nothing is imported before it runs, so `outage page` never loads a database
driver and a sender never loads geopandas; `outage --help` reads only this table.

Exit codes: 0 done, 1 refused or failed with one clear line on standard error, 2 usage, 130 stopped
by Ctrl+C; `outage bounces` also has 75, by which a mail server tries again later.
"""

import errno
import importlib
import logging
import sys
import traceback
from collections.abc import Sequence
from importlib import metadata
from typing import NamedTuple

import click

from outage import zones

ROOMS = frozenset(
    {"outage", "gis", "notifier", "status_page", "intake", "counter", "console", "workers"}
)

DATABASE_IS_AWAY = frozenset({"OperationalError", "DatabaseError"})
"""What drivers and SQLAlchemy call it; by name, because not every command may load them."""


class Entry(NamedTuple):
    """Where a command is, and what it is for."""

    where: str
    summary: str


COMMANDS: dict[str, Entry] = {
    "approve": Entry(
        "workers.commands.approvals:approve", "Let a large send go, as a second person."
    ),
    "audit": Entry("workers.commands.audit:audit", "Show who did what; verify the audit log."),
    "bounces": Entry("workers.commands.bounces:bounces", "Read mails that came back."),
    "broadcast": Entry(
        "workers.commands.broadcast:broadcast", "Tell everybody somewhere that a storm may come."
    ),
    "cancel": Entry("workers.commands.life:cancel", "Say that there never was such an outage."),
    "carrier": Entry(
        "workers.commands.carrier:carrier", "Simulate Twilio and SendGrid on this machine."
    ),
    "cis": Entry(
        "workers.commands.cis:cis", "See what the utility's own CIS is told; send it again."
    ),
    "clock": Entry("workers.commands.clock:clock", "Queue what is due, and sweep up."),
    "close": Entry("workers.commands.life:close", "Put an outage that is over away."),
    "confirm": Entry("workers.commands.life:confirm", "Say that a predicted outage is real."),
    "counter": Entry(
        "workers.commands.counter:counter",
        "Take the providers' callbacks; show people their place.",
    ),
    "crew": Entry(
        "workers.commands.crew:crew", "Let a crew report on an outage from its telephone."
    ),
    "db": Entry("workers.commands.db:db", "Upgrade, check, back up and restore the database."),
    "declare": Entry("workers.commands.declare:declare", "Put a new outage on record."),
    "demo": Entry("workers.commands.demo:demo", "A made-up utility in a storm, on this machine."),
    "doctor": Entry(
        "workers.commands.doctor:doctor",
        "Check settings, site, database, Redis, providers and hooks.",
    ),
    "explain": Entry("workers.commands.explain:explain", "Say why an account was told, or not."),
    "geocode": Entry(
        "workers.commands.geocode:geocode", "Give premises without coordinates a place."
    ),
    "hold": Entry("workers.commands.approvals:hold", "Keep a large send from going by itself."),
    "import": Entry(
        "workers.commands.import_:group", "Load premises, accounts and opt-outs from files."
    ),
    "init": Entry("workers.commands.init:init", "Say whose utility it is: write the site file."),
    "lift": Entry("workers.commands.life:lift", "End an advisory."),
    "list": Entry("workers.commands.listing:list_", "List the outages there are."),
    "match": Entry("workers.commands.match:match", "Say who is inside a shape; changes nothing."),
    "merge": Entry("workers.commands.regroup:merge", "Let an outage go on under another one."),
    "page": Entry("workers.commands.page:page", "Serve the public page from published files."),
    "queue": Entry(
        "workers.commands.queue:queue", "Say what waits to be sent, and how long it will take."
    ),
    "reject": Entry("workers.commands.life:reject", "Say that a predicted outage is none."),
    "relay": Entry(
        "workers.commands.relay:relay", "Follow the journal: match, plan, record, publish."
    ),
    "reopen": Entry("workers.commands.life:reopen", "Take the last restoration back."),
    "replay": Entry(
        "workers.commands.replay:replay",
        "Feed a recorded storm through everything on its own time.",
    ),
    "replies": Entry(
        "workers.commands.replies:replies", "What people text us: list it, note it as done."
    ),
    "report": Entry("workers.commands.report:report", "Say in figures what is on record."),
    "restore": Entry("workers.commands.life:restore", "Say that service is back."),
    "send-test": Entry(
        "workers.commands.send_test:send_test", "Send one message to see that a provider works."
    ),
    "sending": Entry(
        "workers.commands.sending:sending", "Say whether messages are sent; stop them, resume."
    ),
    "show": Entry("workers.commands.show:show", "Show an outage, a premise or an account."),
    "split": Entry("workers.commands.regroup:split", "Let a part of an outage go on as its own."),
    "start": Entry("workers.commands.life:start", "Say that planned work has begun."),
    "take-back": Entry(
        "workers.commands.life:take_back", "Take the last change of an outage back."
    ),
    "texts": Entry("workers.commands.texts:texts", "Check your own texts; show what is sent."),
    "token": Entry("workers.commands.token:token", "Make, list and revoke tokens for the API."),
    "up": Entry("workers.commands.up:up", "Start all processes and keep them running."),
    "update": Entry("workers.commands.update:update", "Say what is new about an outage."),
    "user": Entry("workers.commands.user:user", "Say who of the staff may do what."),
    "web": Entry("workers.commands.web:web", "Serve the console and the API to the staff."),
    "withdraw": Entry("workers.commands.approvals:withdraw", "Let a large send not go at all."),
    "worker": Entry("workers.commands.worker:worker", "Send the batches of one queue."),
}


class Commands(click.Group):
    """The commands of the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.where.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 the table's promise, tested
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, COMMANDS[name].summary) for name in self.list_commands(ctx)]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


@click.group(cls=Commands)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda ctx, _parameter, asked: _show_version(ctx) if asked else None,
    help="Show the version and exit.",
)
@click.option("--debug", is_flag=True, help="Show where in the code an error came from.")
def outage(*, debug: bool) -> None:
    """Outage notification and status for electric, water and gas utilities."""
    del debug  # read by `run`, which has to know it however the command ends


def _show_version(ctx: click.Context) -> None:
    try:
        version = metadata.version("outage-status")
    except metadata.PackageNotFoundError:
        version = "(run from a folder; not installed)"
    click.echo(f"outage {version}")
    ctx.exit()


def main() -> None:
    """Run the command line of this process and exit."""
    if logging.lastResort is not None:
        # SQLAlchemy logs what interrupts it; whoever pressed Ctrl+C wants no traceback of it.
        logging.lastResort.addFilter(lambda record: not _is_interrupt(record))
    zones.use_newest()
    sys.exit(run(sys.argv[1:]))


def _is_interrupt(record: logging.LogRecord) -> bool:
    return record.exc_info is not None and isinstance(record.exc_info[1], KeyboardInterrupt)


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns its exit code and puts any failure in one line."""
    try:
        code = outage.main(list(arguments), prog_name="outage", standalone_mode=False)
    except click.Abort:
        return _stopped(arguments)
    except click.UsageError as error:
        error.show()
        return 2
    except click.ClickException as error:
        return _fail(error.format_message())
    except Exception as error:  # noqa: BLE001 the last place where a person can be told
        if "--debug" in arguments:
            traceback.print_exc()
        return _fail(explain(error), getattr(error, "exit_code", 1))
    return code if isinstance(code, int) else 0


def explain(error: Exception) -> str:
    """One line for people: our own refusals speak for themselves, the rest says what it is."""
    text = " ".join(str(error).split())
    if any(kind.__module__.partition(".")[0] in ROOMS for kind in type(error).__mro__):
        return text
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"the port is taken: {text}"
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    driver = getattr(error, "orig", None)
    away = type(error).__name__ in DATABASE_IS_AWAY
    if driver or away:
        # Its first line only: those after it quote the values, and so perhaps a phone number.
        text = next(iter(str(driver or error).splitlines()), type(error).__name__)
    if away:
        return f"the database cannot be used: {text}; `outage doctor` looks closer"
    if isinstance(error, UnicodeEncodeError):
        return "something that was typed is not UTF-8 text; set a UTF-8 locale, or leave it out"
    hint = "`outage --debug …` shows where it came from"
    return f"unexpected {type(error).__name__}: {text} ({hint})"


def _stopped(arguments: Sequence[str]) -> int:
    """Say that Ctrl+C was heard, and what becomes of a load."""
    command = next((word for word in arguments if not word.startswith("-")), None)
    load = command == "import"
    more = "; a load that was under way is not done, the same command completes it" if load else ""
    sys.stderr.write(f"outage: stopped{more}\n")
    return 130


def _fail(line: str, code: int = 1) -> int:
    sys.stderr.write(f"outage: {line}\n")
    return code
