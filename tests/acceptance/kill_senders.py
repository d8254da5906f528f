"""Never lost, never twice: whatever has to do with sending is killed while messages go out.

`python -m tests.acceptance.kill_senders --runs 50`. Each run has a home of its own with real
processes: simulator, Valkey, relay, clock, counter and the workers. Half of the accounts are out
(`detected`: sent again if unknown), the other half are warned of a storm (`storm_watch`: not), each
with a phone and a mailbox. Random faults meet the requests, and -9 random processes, until
everything is out; then everything is counted in the database and in the simulator's own log.

The sender is RQ's worker without a fork: there is no horse beside it that could be killed.
"""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from urllib.request import Request, urlopen

import click
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.database import Database
from outage.settings import load
from tests.acceptance.kill_checks import Found, check
from workers import opening, roster
from workers.child import of_ours
from workers.demo import barriers, stage
from workers.demo.check import free_ports
from workers.demo.house import House
from workers.demo.utility import fictional_phones

SENDERS = ("worker-sms-urgent", "worker-sms", "worker-email")
KILLED = (*SENDERS, "relay", "clock", "valkey", "carrier")
PROCESSES = (*KILLED, "counter")
EACH = 2
"""Messages to an account: a text and an e-mail."""
MOST_KILLS = 15
"""What dies again and again is started ever later: with more, a run is mostly waiting."""
PATIENCE_S = 600.0
SETTINGS = {
    "OUTAGE_LEASE_S": "12",
    "OUTAGE_ASK_AFTER_S": "10",
    "OUTAGE_MAIL_EVENTS_S": "20",
    "OUTAGE_BATCH_SIZE": "100",
    "OUTAGE_TWILIO_CONCURRENCY": "20",
}
"""Shorter than anybody would have them, so that a run does not last for half an hour."""


class Run:
    """One run, from an empty home to its figures."""

    def __init__(self, home: Path, *, messages: int, seed: int) -> None:
        self.home = home
        self._dice = random.Random(seed)
        self._messages = messages
        self.kills: Counter[str] = Counter()
        ports = free_ports(stage.PORTS)
        told = stage.environment(home, _clean(), hold_s=1, ports=ports) | SETTINGS
        self._told = told
        self._carrier = f"http://127.0.0.1:{ports['OUTAGE_CARRIER_PORT']}"
        self._conditions = _conditions(self._dice)
        self._disturbed = False
        module = "tests.integration.workers.some"
        self._house = House(
            home, told, of_ours(str(home), *PROCESSES, name="some", environment=told, module=module)
        )

    def play(self) -> Found:
        """Send everything through all that goes wrong, and count. Raises `NotDrainedError`."""
        settings = load(self._told)
        db = opening.open_record(settings)
        self._house.start()
        try:
            self._until_listening()
            self._command("declare", "--devices", "circuit:A", "--service", "electric")
            self._command("broadcast", "storm-watch", "--devices", "circuit:B")
            self._kill(db)
            self._settle(db)
            self._house.stop()
            with db.read() as conn:
                return check(conn, self.home / stage.CARRIER_FOLDER, self._messages)
        finally:
            self._house.stop()
            db.close()

    def _command(self, *arguments: str) -> None:
        _command(self._told, *arguments)

    def _until_listening(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not (self._disturb() and set(PROCESSES) <= set(roster.pids(self.home))):
            if time.monotonic() > deadline:
                raise TimeoutError("the processes did not start")
            time.sleep(0.2)

    def _kill(self, db: Database) -> None:
        """Kill one after the other while anything is on its way for the first time."""
        while _going_out(db, self._messages) and sum(self.kills.values()) < MOST_KILLS:
            until = time.monotonic() + self._dice.uniform(0.1, 1.5)
            while time.monotonic() < until:
                self._disturb()
                time.sleep(0.05)
            running = roster.pids(self.home)
            name = self._dice.choice([name for name in KILLED if name in running] or ["relay"])
            self._house.kill(name)
            self.kills[name] += 1
            self._disturbed &= name != "carrier"

    def _settle(self, db: Database) -> None:
        """Let everything come to its end; faults go on."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            self._disturb()
            with db.read() as conn:
                left = barriers.left_to_tell(conn) or _put_off(conn)
            left = left or barriers.calls_pending(self._carrier)
            if not left:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"not at its end after {PATIENCE_S:.0f} s: {', '.join(left)}")
            time.sleep(0.2)

    def _disturb(self) -> bool:
        """Give the simulator its faults again if it was killed: they live in its memory."""
        if not self._disturbed:
            body = json.dumps(self._conditions).encode()
            request = Request(
                f"{self._carrier}/control", body, {"Content-Type": "application/json"}
            )
            try:
                with urlopen(request, timeout=5):
                    self._disturbed = True
            except OSError:
                return False
        return True


def _command(told: Mapping[str, str], *arguments: str) -> None:
    child = of_ours(*arguments, "--json", name="outage", environment=told)
    subprocess.run(
        child.command, env=dict(child.environment), check=True, stdout=subprocess.DEVNULL
    )


@contextmanager
def filled(messages: int) -> Iterator[Path]:
    """A home with premises and accounts in it, for each run to copy."""
    with tempfile.TemporaryDirectory(prefix="outage-kills-") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        for what, path in _files(Path(folder) / "files", messages // EACH).items():
            _command(_clean() | {"OUTAGE_HOME": str(home)}, "import", what, str(path))
        yield home


def _going_out(db: Database, messages: int) -> bool:
    """Whether something has not been tried yet, or is being tried for the first time."""
    m = t.messages.c
    with db.read() as conn:
        planned = conn.execute(sa.select(sa.func.count()).select_from(t.messages)).scalar_one()
        first = sa.or_(m.state == "pending", sa.and_(m.state == "claimed", m.sends == 1))
        waits = conn.execute(sa.select(m.key).where(first).limit(1)).first()
    return planned < messages or waits is not None


def _put_off(conn: Connection) -> list[str]:
    """Say how many messages wait for another try: one that was refused is due again later."""
    pending = sa.select(sa.func.count()).where(t.messages.c.state == "pending")
    count = conn.execute(pending).scalar_one()
    return [f"{count} messages put off"] if count else []


def _conditions(dice: random.Random) -> dict[str, object]:
    """What goes wrong in this run, and how often."""
    faults: list[dict[str, object]] = []
    for api, often in (("sms", 0.02), ("email", 0.1), ("list", 0.05)):

        def fault(
            kind: str, share: float, api: str = api, often: float = often, **more: object
        ) -> None:
            rate = round(dice.uniform(0.2, 1.0) * often * share, 4)
            faults.append({"api": api, "kind": kind, "rate": rate, **more})

        fault("too_many_requests", 1)
        fault("server_error", 1, status=dice.choice([500, 502, 503]))
        fault("timeout", 0.2, hold_s=3)
        if api != "list":
            fault("server_error", 1, status=500, accepted=True)
            fault("timeout", 0.2, hold_s=dice.choice([3, 12]), accepted=True)
    return {"faults": faults, "latency_ms": dice.choice([0, 50, 200, 500])}


def _files(folder: Path, accounts: int) -> dict[str, Path]:
    """Write premises and accounts: half on circuit A, half on circuit B."""
    folder.mkdir()
    found = {name: folder / f"{name}.csv" for name in ("premises", "accounts")}
    with found["premises"].open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["premise_id", "longitude", "latitude", "circuit"])
        for number in range(accounts):
            longitude, latitude = -125.6 + number % 100 * 0.001, 44.2 + number // 100 * 0.001
            rows.writerow([f"P{number}", f"{longitude:.4f}", f"{latitude:.4f}", "AB"[number % 2]])
    with found["accounts"].open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["account_id", "premise_ids", "mobile", "email", "language", "medical"])
        for number, phone in enumerate(islice(fictional_phones(), accounts)):
            spanish, medical = (
                "es" if number % 7 == 0 else "en",
                "yes" if number % 50 == 0 else "no",
            )
            mail = f"account{number}@example.org"
            rows.writerow([f"C{number}", f"P{number}", phone, mail, spanish, medical])
    return found


def _clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("OUTAGE_")}


def play(like: Path, *, messages: int, seed: int) -> tuple[Found, Mapping[str, int], Path | None]:
    """Play one run; the figures, how often each process was killed, and the home if it is kept."""
    home = Path(tempfile.mkdtemp(prefix="outage-kills-"))
    shutil.copytree(like, home, dirs_exist_ok=True)
    run = Run(home, messages=messages, seed=seed)
    try:
        found = run.play()
    except BaseException:
        click.echo(f"What happened is in {home}/up.log", err=True)
        raise
    if found.problems:
        return found, run.kills, home
    shutil.rmtree(home)
    return found, run.kills, None


@click.command()
@click.option("--runs", type=click.IntRange(1), default=50, show_default=True)
@click.option("--messages", type=click.IntRange(4), default=5000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the first run.")
@click.option("--json", "as_json", is_flag=True, help="Print the sums as JSON.")
def main(*, runs: int, messages: int, seed: int, as_json: bool) -> None:
    """Kill whatever has to do with sending while messages go out; exit 1 if one was lost."""
    totals: Counter[str] = Counter()
    kills: Counter[str] = Counter()
    problems: list[str] = []
    with filled(messages) as like:
        for number in range(runs):
            began = time.monotonic()
            found, killed, kept = play(like, messages=messages, seed=seed + number)
            totals.update(found.figures)
            kills.update(killed)
            problems += [f"seed {seed + number}: {problem}" for problem in found.problems]
            which = f"{number + 1}/{runs} (seed {seed + number})"
            _say_run(which, found, killed, time.monotonic() - began)
            if kept:
                click.echo(f"  its home was kept: {kept}", err=True)
    sums = {"runs": runs, "messages": messages * runs, "kills": dict(kills), **totals}
    if as_json:
        click.echo(json.dumps({**sums, "problems": problems}))
    else:
        _say_sums(sums, problems)
    sys.exit(1 if problems else 0)


def _say_run(which: str, found: Found, kills: Mapping[str, int], took_s: float) -> None:
    figures = found.figures
    click.echo(
        f"run {which}: {sum(kills.values())} kills, {figures['unknown']} unknown, "
        f"{figures['lost']} lost, {figures['texts_accepted_twice']} texts twice, "
        f"{figures['mails_resent']} e-mails resent, {len(found.problems)} problems, "
        f"{took_s:.0f} s",
        err=True,
    )


def _say_sums(sums: Mapping[str, object], problems: Sequence[str]) -> None:
    for name, value in sums.items():
        click.echo(f"{name:<32} {value}")
    for problem in problems:
        click.echo(f"PROBLEM {problem}")


if __name__ == "__main__":
    main()
