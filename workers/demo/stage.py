"""Where the demo plays: its home, its secrets, and the environment its processes get."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from notifier.carrier.signing import public_key
from workers.checkup import DEMO_MARK
from workers.demo import utility

KEPT = ("OUTAGE_DATABASE_URL", "OUTAGE_REDIS_URL", "OUTAGE_HOST")
"""Settings of the person's own that the demo goes by, beside the ports and the home."""
PORTS = {
    "OUTAGE_PAGE_PORT": 8000,
    "OUTAGE_WEB_PORT": 8001,
    "OUTAGE_COUNTER_PORT": 8002,
    "OUTAGE_CARRIER_PORT": 8003,
}
MARK = DEMO_MARK
"""The file that makes a folder a demo's home."""
CARRIER_FOLDER = "carrier"


def default_home() -> Path:
    """Return the demo's home: ``OUTAGE_HOME``, else a folder of its own."""
    return Path(os.environ.get("OUTAGE_HOME") or "~/.outage-demo").expanduser()


def environment(
    home: Path, given: Mapping[str, str], *, hold_s: int, ports: Mapping[str, int] | None = None
) -> dict[str, str]:
    """Return the environment of the demo's processes: live, but only to the simulator.

    Secrets are made once and kept in the home, so that the next start carries on.
    """
    made = _secrets(home)
    foreign = {name: value for name, value in given.items() if not name.startswith("OUTAGE_")}
    kept = {name: given[name] for name in KEPT if given.get(name)}
    # What is given may be no number; reading the settings says so.
    wanted = {
        name: str(ports[name]) if ports else given.get(name) or str(port)
        for name, port in PORTS.items()
    }
    carrier = f"http://127.0.0.1:{wanted['OUTAGE_CARRIER_PORT']}"
    return (
        foreign
        | kept
        | wanted
        | {
            "OUTAGE_HOME": str(home),
            "OUTAGE_SEND": "live",
            "OUTAGE_HOLD_S": str(hold_s),
            "OUTAGE_RESTORED_HOLD_S": str(hold_s),
            # Whoever looks at a demo again after days wants to see it go on.
            "OUTAGE_HOLD_AFTER_H": "0",
            "OUTAGE_QUIET_HOURS": "none",
            # The simulator is as near as a provider can be; a killed sender should not hold up a
            # whole storm.
            "OUTAGE_ASK_AFTER_S": "10",
            "OUTAGE_MAIL_EVENTS_S": "20",
            "OUTAGE_PUBLIC_URL": f"http://127.0.0.1:{wanted['OUTAGE_PAGE_PORT']}",
            "OUTAGE_TWILIO_ACCOUNT_SID": made["account_sid"],
            "OUTAGE_TWILIO_AUTH_TOKEN": made["auth_token"],
            "OUTAGE_TWILIO_MESSAGING_SERVICE_SID": made["service_sid"],
            "OUTAGE_TWILIO_BASE_URL": carrier,
            "OUTAGE_SENDGRID_API_KEY": made["api_key"],
            "OUTAGE_SENDGRID_FROM": "outages@example.org",
            "OUTAGE_SENDGRID_BASE_URL": carrier,
            "OUTAGE_SENDGRID_WEBHOOK_PUBLIC_KEY": public_key(home / CARRIER_FOLDER),
            "OUTAGE_SECRET_KEY": made["secret_key"],
        }
    )


def write_env(home: Path, told: Mapping[str, str]) -> Path:
    """Write what another shell has to read first, so that `outage` there means the demo."""
    lines = [f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"']
    lines += [
        f"export {name}={shlex.quote(value)}"
        for name, value in sorted(told.items())
        if name.startswith("OUTAGE_")
    ]
    path = home / "env"
    path.touch(mode=0o600)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _secrets(home: Path) -> dict[str, str]:
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    site = home / "site.toml"
    if not site.exists():
        site.write_text(utility.SITE, encoding="utf-8")
    path = home / MARK
    if not path.exists():
        made = {
            "account_sid": "AC" + secrets.token_hex(16),
            "auth_token": secrets.token_hex(16),
            "service_sid": "MG" + secrets.token_hex(16),
            "api_key": "SG." + secrets.token_urlsafe(24),
            "secret_key": secrets.token_hex(32),
        }
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(made), encoding="utf-8")
        fresh.chmod(0o600)
        fresh.replace(path)
    kept: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return kept
