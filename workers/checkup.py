"""What `outage doctor` looks at, each finding with what to do about it."""

import os
import zoneinfo
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import SQLAlchemyError

from notifier import own_texts
from notifier.channels.providers import configured
from notifier.kinds import Channel
from notifier.outbox import voice
from outage import clock, schema, zones
from outage import settings as reading
from outage import tables as t
from outage.database import Database, wall_now
from outage.errors import OutageError, SettingsError, SiteError
from outage.reading import is_loopback
from outage.settings import SendMode, Settings
from outage.site import FILE, load_site
from workers import access_checks, cis_checks, message_checks, opening, queue_checks
from workers.findings import Check, State, failed, note, ok

PATIENCE_S = 5
"""How long a database server may take to answer."""
CLOCKS_AGREE = timedelta(seconds=5)
SILENT_AFTER = timedelta(seconds=30)
DEMO_MARK = "demo.json"
"""Stands in a demo's home; it alone knows the settings its processes run with."""
PMTILES = b"PMTiles\x03"
"""How a map of tiles begins."""
SHOWN = 5
"""How many parked items are named one by one."""


def doctor(environ: Mapping[str, str]) -> list[Check]:
    """Look at everything the settings of `environ` name; nothing is sent and nobody is told."""
    try:
        settings = reading.load(environ)
    except SettingsError as problem:
        return [failed("settings", sentence) for sentence in problem.problems]
    return [
        ok("settings", f"home {settings.home}"),
        *_site(settings),
        _zones(),
        *_texts(settings),
        *_database(settings),
        *_published(settings),
        _redis(settings),
        *_sending(settings),
        *_on_call(settings),
        *_hooks(settings),
        *_edge(settings),
    ]


def _site(settings: Settings) -> Iterator[Check]:
    try:
        found = load_site(settings.home)
    except SiteError as problem:
        yield from (failed("site", sentence) for sentence in problem.problems)
        return
    if found.is_neutral:
        # Nobody should read a real text of a utility that has no name.
        says = failed if settings.send is SendMode.LIVE else note
        yield says(
            "site",
            f'neutral: "{found.name}", {found.time_zone}, no telephone numbers; '
            f"say whose utility it is with `outage init`, or in {settings.home / FILE}",
        )
    else:
        yield ok("site", f"{found.name}, {found.time_zone}, {' and '.join(found.languages)}")
    if found.map.tiles and not settings.is_bucket:
        yield from _tiles(settings.published / "tiles" / found.map.tiles)


def _tiles(path: Path) -> Iterator[Check]:
    """Whether the map that the site file names can be read; silent when it can."""
    try:
        with path.open("rb") as file:
            begins = file.read(len(PMTILES))
    except OSError as problem:
        told = f"{path} of the site file cannot be read: {problem.strerror}"
    else:
        if begins == PMTILES:
            return
        told = f"{path} of the site file is no PMTiles file of version 3"
    yield failed("map", f"{told}; until it can be, the page draws coarse lines")


def _zones() -> Check:
    """Whether the rules by which people read times are as new as those we know of."""
    if zoneinfo.TZPATH and zones.of_system() < zones.OURS:
        return note(
            "zones", f"{zones.in_use()}, are older than {zones.OURS}: unset PYTHONTZPATH, or update"
        )
    return ok("zones", zones.in_use())


def _texts(settings: Settings) -> Iterator[Check]:
    """Whether the operator's own texts are fit to send; silent where there are none."""
    if settings.texts is None:
        return
    try:
        speaks = voice(load_site(settings.home))
    except SiteError:
        return
    found, faults = own_texts.load(settings.texts, speaks)
    if faults:
        first = faults[0].sentence
        more = f" and {len(faults) - 1} more; see `outage texts check`" if len(faults) > 1 else ""
        yield failed("texts", f"ours are sent in place of yours: {first}{more}")
    else:
        yield ok("texts", f"{len(found.own)} files of your own in {settings.texts}")


def _database(settings: Settings) -> Iterator[Check]:
    try:
        opened = opening.open_record(_patient(settings))
        try:
            yield from _record(opened, settings)
        finally:
            opened.close()
    except OutageError as problem:
        yield failed("database", str(problem))
    except SQLAlchemyError as problem:
        yield failed("database", _first_line(getattr(problem, "orig", None) or problem))
    except OSError as problem:
        yield failed("database", f"{problem.filename}: {problem.strerror}")


def _published(settings: Settings) -> Iterator[Check]:
    """Whether the page can be published; silent when it can."""
    folder = settings.published
    standing = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    if not standing.is_dir():
        yield failed("publish", f"{standing} is no folder; move it away or set OUTAGE_PUBLISH_URL")
    elif not os.access(standing, os.W_OK | os.X_OK):
        yield failed("publish", f"{standing} cannot be written to by this user")
    if settings.is_bucket:
        yield from _bucket(settings)


def _bucket(settings: Settings) -> Iterator[Check]:
    """Whether the bucket answers and lets us read; silent when it does."""
    from obstore.exceptions import BaseError

    from workers.relay import store_of

    try:
        store_of(settings).read("status.json")
    except BaseError as problem:
        told = _first_line(problem)
        yield failed("publish", f"the bucket of OUTAGE_PUBLISH_URL cannot be read: {told}")


def _edge(settings: Settings) -> Iterator[Check]:
    """Whether `counter` can tell visitors apart; silent when it can."""
    if settings.counter_url and not settings.edge_key:
        yield failed(
            "edge",
            "OUTAGE_COUNTER_URL is set and OUTAGE_EDGE_KEY is not: to `counter` all visitors are "
            "one, and the busiest minute of one ends it for all; give both the same key",
        )


def _patient(settings: Settings) -> Settings:
    """The same settings, with a limit on how long a database server may keep us waiting."""
    if not settings.database_url.startswith("postgresql"):
        return settings
    limited = make_url(settings.database_url).update_query_dict(
        {"connect_timeout": f"{PATIENCE_S}"}
    )
    return replace(settings, database_url=limited.render_as_string(hide_password=False))


def _first_line(problem: object) -> str:
    return next(iter(str(problem).strip().splitlines()), type(problem).__name__)


def _record(opened: Database, settings: Settings) -> Iterator[Check]:
    with opened.read() as conn:
        kind = "SQLite" if opened.is_sqlite else "PostgreSQL"
        yield ok("database", f"{kind}, schema {schema.found(conn)}")
        yield _work(conn)
        yield _clocks(conn)
        yield _processes(conn)
        yield from _providers(conn)
        yield from queue_checks.checks(conn, settings)
        yield from message_checks.checks(conn)
        yield from access_checks.checks(conn)
        yield from cis_checks.checks(conn, settings)


def _work(conn: Connection) -> Check:
    items = t.work_items.c
    waiting = conn.execute(sa.select(sa.func.count()).where(items.parked_at.is_(None))).scalar_one()
    parked = conn.execute(
        sa.select(items.reader, items.number, t.outages.c.id)
        .outerjoin(t.outages, t.outages.c.key == items.outage_key)
        .where(items.parked_at.is_not(None))
        .order_by(items.parked_at, items.number)
    ).all()
    if not parked:
        return ok("work", f"{waiting} waiting, none parked")
    named = [f"{row.reader} at entry {row.number} of {row.id or 'no outage'}" for row in parked]
    more = f" and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    return failed(
        "work",
        f"{len(parked)} parked after five failures: {', '.join(named[:SHOWN])}{more}; "
        "the log of `outage relay` says why, `outage doctor --retry-parked` tries again",
    )


def _clocks(conn: Connection) -> Check:
    apart = abs(wall_now(conn) - datetime.now(UTC))
    if apart > CLOCKS_AGREE:
        return failed(
            "clock",
            f"the database's clock and this machine's are {apart.total_seconds():.0f} s apart; "
            "leases and signatures need both to be right",
        )
    if clock.is_held(conn):
        at = clock.business_now(conn).isoformat(timespec="seconds")
        return note(
            "clock",
            f"business time is held at {at} by a replay or a drill; if none is going on, one was "
            "killed: `outage doctor --release-clock`, or nothing more falls due",
        )
    return ok("clock", "this machine and the database agree")


def _processes(conn: Connection) -> Check:
    """Who has given a sign of life lately."""
    seen = conn.execute(sa.select(t.processes.c.name, t.processes.c.seen_at)).all()
    now = wall_now(conn)
    alive = sorted({row.name for row in seen if now - row.seen_at <= SILENT_AFTER})
    if not alive:
        return note("processes", "none is running; `outage up` starts all of them")
    return ok("processes", f"running: {', '.join(alive)}")


def _providers(conn: Connection) -> Iterator[Check]:
    """Which providers are left alone, and which carry another share than they would at rest."""
    now = wall_now(conn)
    for row in conn.execute(t.providers.select().order_by(t.providers.c.name)):
        if row.rests_until is not None and row.rests_until > now:
            until = row.rests_until.isoformat(timespec="seconds")
            yield failed(
                "provider",
                f"{row.name} is left alone until {until}: it answered "
                f"{row.rests_code or 'nothing'} (docs/operate.md says what that means)",
            )
        if row.blocked:
            yield failed(
                "provider",
                f"{row.blocked} receipts of {row.name} in a row say that our sender or account is "
                f"blocked: {row.blocked_code} (docs/operate.md says what that means)",
            )
        if row.share is not None and row.share_reason != "back":
            yield note(
                "provider", f"{row.name} carries {row.share} of a hundred ({row.share_reason})"
            )


def _redis(settings: Settings) -> Check:
    if opening.bell(settings).answers():
        return ok("redis", "answers")
    if settings.redis_url:
        return failed(
            "redis",
            "OUTAGE_REDIS_URL does not answer; nothing is lost, but everything is slower",
        )
    return note("redis", "the embedded one is not running; `outage up` starts it")


def _sending(settings: Settings) -> Iterator[Check]:
    what = {
        SendMode.OFF: "off: nobody is told anything",
        SendMode.SHADOW: "shadow: everything but the call to the provider",
        SendMode.ALLOWLIST: f"allowlist: only to {len(settings.allowlist)} named endpoints",
        SendMode.LIVE: "live: to everybody",
    }[settings.send]
    yield Check(
        name="send",
        state=State.OK if settings.send is SendMode.LIVE else State.NOTE,
        says=f"{what} (OUTAGE_SEND)",
    )
    if (settings.home / DEMO_MARK).exists() and not settings.twilio_base_url:
        yield note(
            "demo", "this home is the demo's: its own processes send to the carrier simulator"
        )
    yield _provider(
        "texts",
        {
            "Twilio": (settings.twilio_account_sid, settings.twilio_base_url),
            "a second Twilio account": (settings.twilio_2_account_sid, settings.twilio_2_base_url),
        },
        "OUTAGE_TWILIO_*",
    )
    yield _provider(
        "e-mail",
        {
            "SendGrid": (settings.sendgrid_api_key, settings.sendgrid_base_url),
            "a second SendGrid account": (
                settings.sendgrid_2_api_key,
                settings.sendgrid_2_base_url,
            ),
            settings.smtp_host: (settings.smtp_host, ""),
        },
        "OUTAGE_SENDGRID_* or OUTAGE_SMTP_*",
    )


def _provider(name: str, named: Mapping[str, tuple[str, str]], variables: str) -> Check:
    """What carries a channel: each provider with what tells that it is set, and its stand-in."""
    found = {
        company: f"the carrier simulator at {simulator} in place of {company}"
        if simulator
        else company
        for company, (credential, simulator) in named.items()
        if credential
    }
    if not found:
        return note(name, f"no provider; {variables} name one")
    says = " and ".join(found.values())
    return ok(name, says) if says == " and ".join(found) else note(name, says)


def _on_call(settings: Settings) -> Iterator[Check]:
    """Whether somebody can be paged when a customer texts of danger; silent on a bad site file."""
    try:
        contacts = load_site(settings.home).on_call
    except SiteError:
        return
    if not contacts:
        yield note("on call", f"nobody: a text of danger pages no one; see on_call in {FILE}")
        return
    carried = configured(settings)
    reached = {
        address
        for contact in contacts
        for channel, address in ((Channel.SMS, contact.phone), (Channel.EMAIL, contact.email))
        if address and channel in carried
    }
    listed = reached & settings.allowlist
    if settings.send in (SendMode.OFF, SendMode.SHADOW):
        yield note("on call", f"nobody is paged while OUTAGE_SEND is {settings.send}")
    elif not reached:
        yield failed("on call", "the contacts cannot be reached: there is no provider for them")
    elif settings.send is SendMode.ALLOWLIST and not listed:
        yield failed(
            "on call", "no contact is on OUTAGE_ALLOWLIST, so a text of danger pages no one"
        )
    else:
        yield ok("on call", f"{len(contacts)} contacts are paged when a customer texts of danger")


def _hooks(settings: Settings) -> Iterator[Check]:
    """Whether receipts can find their way back."""
    real_texts = (settings.twilio_account_sid and not settings.twilio_base_url) or (
        settings.twilio_2_account_sid and not settings.twilio_2_base_url
    )
    real_mail = settings.sendgrid_api_key and not settings.sendgrid_base_url
    second_mail = settings.sendgrid_2_api_key and not settings.sendgrid_2_base_url
    address = urlsplit(settings.hooks)
    here = is_loopback(address.hostname or "")
    if not (real_texts or real_mail or second_mail):
        yield ok("hooks", f"{settings.hooks}; no real provider calls it")
    elif here:
        yield failed(
            "hooks",
            f"providers cannot reach {settings.hooks}, so no receipt and no STOP arrives; "
            "set OUTAGE_HOOKS_URL to the public address of the counter",
        )
    elif address.scheme != "https":
        yield failed("hooks", "OUTAGE_HOOKS_URL must begin with https://; it carries phone numbers")
    else:
        yield ok("hooks", settings.hooks)
    for real, key, name in (
        (real_mail, settings.sendgrid_webhook_public_key, "SENDGRID"),
        (second_mail, settings.sendgrid_2_webhook_public_key, "SENDGRID_2"),
    ):
        if real and not key:
            yield failed(
                "hooks",
                f"OUTAGE_{name}_WEBHOOK_PUBLIC_KEY is not set, so e-mail receipts are refused",
            )
