"""Every setting of every process: one frozen value, read from the environment.

Each field of `Settings` is one `OUTAGE_*` variable; its metadata is the only table, and
reading, `docs/settings.md` and `outage doctor` all follow it.
"""

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, fields
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from outage import reading
from outage.errors import SettingsError
from outage.reading import setting
from outage.rights import PEOPLE

PREFIX = "OUTAGE_"
FROM_FILE = "_FILE"


class SendMode(StrEnum):
    """What becomes of a message that is due."""

    OFF = "off"
    SHADOW = "shadow"
    ALLOWLIST = "allowlist"
    LIVE = "live"


class MailSecurity(StrEnum):
    """How a connection to a mail server is kept from others' eyes."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an operator decides. Empty means the embedded default or "not in use"."""

    home: Path = setting(
        reading.folder, "~/.outage", "Folder of the site file and of all embedded data."
    )
    database_url: str = setting(
        reading.url("postgresql", "sqlite"),
        "",
        "Where the truth is kept. Empty: an SQLite file in `OUTAGE_HOME`.",
        secret=True,
    )
    database_pool: int = setting(
        reading.whole(1, 200), "5", "Connections a process keeps to PostgreSQL."
    )
    redis_url: str = setting(
        reading.url("redis", "rediss", "unix"),
        "",
        "Redis or Valkey. Empty: a Valkey of our own on a private socket.",
        secret=True,
    )
    publish_url: str = setting(
        reading.publication,
        "",
        "Where the public page is published: `file:///FOLDER`, or "
        "`s3://BUCKET/PREFIX?endpoint=URL&region=NAME` ([page.md](page.md)). "
        "Empty: `published` in `OUTAGE_HOME`.",
    )
    publish_key_id: str = setting(
        reading.text,
        "",
        "Id of the key that may write to the bucket. Empty: the role of the host is asked for.",
    )
    publish_secret: str = setting(reading.text, "", "The key itself.", secret=True)
    public_url: str = setting(
        reading.url("http", "https"),
        "http://127.0.0.1:8000",
        "Address of the public page, as customers see it.",
    )
    hooks_url: str = setting(
        reading.url("http", "https"),
        "",
        "Public base of `/hooks` and `/crew`; provider signatures are checked against it. "
        "Empty: the counter on this machine.",
    )
    console_url: str = setting(
        reading.url("http", "https"),
        "",
        "Address of the console, as staff see it: links to set a password begin with it. Browsers "
        "keep a session over https, and over http on their own machine only. Empty: `web` on this "
        "machine.",
    )
    oidc_issuer: str = setting(
        reading.url("http", "https"),
        "",
        "Identity provider by which staff sign in (OpenID Connect), as it names itself; http on "
        "this machine only ([access.md](access.md)).",
    )
    oidc_client_id: str = setting(reading.text, "", "Our name at the provider.")
    oidc_client_secret: str = setting(reading.secret(8), "", "Our secret there.", secret=True)
    oidc_groups_claim: str = setting(reading.text, "groups", "Claim that lists somebody's groups.")
    oidc_roles: tuple[tuple[str, str], ...] = setting(
        reading.pairs,
        "",
        "Which group is which role, like `desk=dispatcher,it=admin`; the first that fits counts, "
        "and who is in none does not come in.",
    )
    counter_url: str = setting(
        reading.url("http", "https"),
        "",
        "Where `counter` is reached: `page` forwards `/s/…` and the public's forms there. "
        "Empty: the counter on this machine.",
    )
    edge_key: str = setting(
        reading.secret(16),
        "",
        "Key by which `page` signs a visitor's address for `counter`, which bounds what comes from "
        "one; 16 characters or more. `outage up` makes one where none is set.",
        secret=True,
    )
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = setting(
        reading.networks,
        "",
        "Addresses or networks, with commas between, whose `X-Forwarded-For` is believed: of the "
        "proxies before `page`, `counter` and the console.",
    )
    secret_key: str = setting(
        reading.secret(32),
        "",
        "Key that signs personal links (`/s/…`) and marks mails; 32 characters or more. Never "
        "given to `page`. Empty: no message carries a link.",
        secret=True,
    )
    secret_key_before: str = setting(
        reading.secret(32),
        "",
        "The key that `OUTAGE_SECRET_KEY` has replaced: links made with it still open, until it is "
        "taken out.",
        secret=True,
    )
    send: SendMode = setting(
        reading.choice(SendMode),
        "shadow",
        "`off`: nothing is sent. `shadow`: everything but the call to the provider. "
        "`allowlist`: only to `OUTAGE_ALLOWLIST`. `live`: to everybody.",
    )
    allowlist: frozenset[str] = setting(
        reading.names,
        "",
        "Phone numbers (E.164) and e-mail addresses, with commas between.",
        secret=True,
    )
    test_numbers: bool = setting(
        reading.flag,
        "no",
        "Accept made-up +999 phone numbers; only with a provider on this machine.",
    )
    twilio_account_sid: str = setting(reading.text, "", "Twilio account (`AC…`).")
    twilio_auth_token: str = setting(
        reading.secret(8), "", "Twilio auth token; signs callbacks too.", secret=True
    )
    twilio_messaging_service_sid: str = setting(
        reading.text, "", "Messaging Service (`MG…`) that outage texts are sent from."
    )
    twilio_from: str = setting(
        reading.text, "", "Sender's number or short code, where there is no Messaging Service."
    )
    twilio_base_url: str = setting(
        reading.loopback, "", "Carrier simulator in place of Twilio; this machine only."
    )
    twilio_concurrency: int = setting(
        reading.whole(1, 500),
        "200",
        "Most calls to Twilio a process has under way; fewer while Twilio is too busy.",
    )
    twilio_segments_per_s: float = setting(
        reading.number(0, 1000),
        "0",
        "Segments a second that the sender at Twilio is allowed (toll-free 3, 10DLC up to 225, "
        "short code 100), so that little waits where it cannot be overtaken; 0: as fast as Twilio "
        "takes them.",
    )
    twilio_voice_from: str = setting(
        reading.text, "", "Number that calls come from, for landlines. This release plans no calls."
    )
    twilio_2_account_sid: str = setting(
        reading.text, "", "Second Twilio account, for when the first one is slow or away."
    )
    twilio_2_auth_token: str = setting(
        reading.secret(8), "", "Auth token of the second account.", secret=True
    )
    twilio_2_messaging_service_sid: str = setting(
        reading.text, "", "Messaging Service of the second account."
    )
    twilio_2_from: str = setting(reading.text, "", "Sender's number at the second account.")
    twilio_2_segments_per_s: float = setting(
        reading.number(0, 1000), "0", "Segments a second that the second account's sender may send."
    )
    twilio_2_base_url: str = setting(
        reading.loopback, "", "Carrier simulator in place of the second account; this machine only."
    )
    sendgrid_api_key: str = setting(reading.secret(8), "", "SendGrid API key.", secret=True)
    sendgrid_from: str = setting(reading.text, "", "Sender's address of outage e-mails.")
    sendgrid_base_url: str = setting(
        reading.loopback, "", "Carrier simulator in place of SendGrid; this machine only."
    )
    sendgrid_webhook_public_key: str = setting(
        reading.text, "", "Public key that verifies SendGrid's signed events (base64 DER)."
    )
    sendgrid_2_api_key: str = setting(
        reading.secret(8), "", "API key of a second SendGrid account.", secret=True
    )
    sendgrid_2_from: str = setting(reading.text, "", "Sender's address at the second account.")
    sendgrid_2_base_url: str = setting(
        reading.loopback, "", "Carrier simulator in place of the second account; this machine only."
    )
    sendgrid_2_webhook_public_key: str = setting(
        reading.text, "", "Public key of the second account's signed events (base64 DER)."
    )
    smtp_host: str = setting(
        reading.text, "", "Mail server of the utility's own, alone or beside one SendGrid account."
    )
    smtp_port: int = setting(reading.port, "587", "Port of the mail server.")
    smtp_security: MailSecurity = setting(
        reading.choice(MailSecurity),
        "starttls",
        "`starttls`, `tls` from the first byte (port 465), or `none` on a trusted network.",
    )
    smtp_username: str = setting(reading.text, "", "Name to sign in with, where one is needed.")
    smtp_password: str = setting(reading.text, "", "Its password.", secret=True)
    smtp_from: str = setting(reading.text, "", "Sender's address of mails over the mail server.")
    smtp_bounces: str = setting(
        reading.text,
        "",
        "Address that bounces come back to, with our mark after a plus sign; its mail is given to "
        "`outage bounces`. Empty: the sender's.",
    )
    second_share: int = setting(
        reading.whole(0, 50),
        "10",
        "Messages of a hundred that a channel's second provider carries while both are well.",
    )
    hold_after_h: float = setting(
        reading.number(0, 8760),
        "12",
        "Hours without any sender after which sending starts stopped, until somebody has looked; "
        "0 for never. A copied or restored database always does.",
    )
    webhook_secret: str = setting(
        reading.webhook_secret,
        "",
        "Secret that signs webhooks (`whsec_` and base64). This release plans none.",
        secret=True,
    )
    webhook_allow: tuple[IPv4Network | IPv6Network, ...] = setting(
        reading.networks,
        "",
        "Networks, with commas between, that webhooks may go to although they are not public, and "
        "over plain http; all others only by https.",
    )
    cis_url: str = setting(
        reading.url("http", "https"),
        "",
        "Base URL of the utility's own CIS, which is told of each account's outages ([cis.md]"
        "(cis.md)). Empty: it is not.",
    )
    cis_secret: str = setting(
        reading.webhook_secret,
        "",
        "Secret that signs what it is told (`whsec_` and base64).",
        secret=True,
    )
    cis_allow: tuple[IPv4Network | IPv6Network, ...] = setting(
        reading.networks,
        "",
        "Networks, with commas between, in which the CIS may be although they are not public, and "
        "be called over plain http.",
    )
    cis_batch: int = setting(
        reading.whole(1, 1000), "100", "Most accounts that one call to the CIS speaks of."
    )
    cis_per_s: float = setting(
        reading.number(0, 100_000),
        "200",
        "Most accounts a second that the CIS is told of; 0: as fast as it takes them.",
    )
    cis_quiet: tuple[int, int] | None = setting(
        reading.hours,
        "none",
        "Hours of the day, in the site's time, in which the CIS is told nothing, like 01:00-03:30 "
        "for its nightly work; what came meanwhile follows then.",
    )
    cis_timeout_s: float = setting(
        reading.number(0.1, 30), "20", "Seconds the CIS has to answer a call."
    )
    texts: Path | None = setting(
        reading.folder_or_none,
        "",
        "Folder of your own texts, which go before ours: `LANGUAGE/FILE`, any of them. `outage "
        "texts check` says what is wrong with them; a faulty one is not used.",
    )
    hold_s: int = setting(
        reading.whole(0, 3600),
        "60",
        "Seconds a `detected` message waits before it is sent, from when the outage was declared "
        "or last revised. 60 to 120 keep momentary losses, which reclosers end by themselves, from "
        "telling anybody.",
    )
    restored_hold_s: int = setting(
        reading.whole(0, 3600),
        "240",
        "Seconds a `restored` message waits before it is sent, from when it was said. 180 to 300 "
        'show that service stays: nothing is complained of louder than "restored" in the dark.',
    )
    flaps: int = setting(
        reading.whole(1, 3),
        "2",
        'Times within a day that somebody was told "restored" before the next loss is told as '
        "coming and going.",
    )
    steady_min: int = setting(
        reading.whole(1, 1440),
        "30",
        "Minutes that service which has come and gone must stay before it is told as restored.",
    )
    etr_step_min: int = setting(
        reading.whole(1, 1440),
        "30",
        "Minutes an ETR must move at least before people are told again. A smaller slip is told "
        "when the time they were given passes: changing times erode trust, and silence does too.",
    )
    etr_step_percent: float = setting(
        reading.number(0, 100),
        "20",
        "Per cent of the time left until the ETR that was told which a new one must move by: half "
        "an hour matters at the end of an outage and not ten hours before.",
    )
    etr_earlier_times: float = setting(
        reading.number(1, 10),
        "2",
        "How many times as far an ETR must move earlier as it must move later, so that one which "
        "goes to and fro is not told each time.",
    )
    most_a_day: int = setting(
        reading.whole(1, 7),
        "4",
        "Most messages a day to one number or address of one outage that people could do without "
        "(ETRs, crews, updates), and of all outages together to who watches an area; what they "
        "then do not know yet is told the day after.",
    )
    quiet_hours: tuple[int, int] | None = setting(
        reading.hours,
        "22:00-07:00",
        "Hours of the day, where the premise is, in which a text waits that can wait, for who has "
        "set none; `none` for no such hours. `docs/messages.md` says what cannot wait.",
    )
    area_least: int = setting(
        reading.whole(5, 1_000_000),
        "100",
        "Homes and businesses that must be out for who watches an area to be told. A transformer "
        "or a fuse takes dozens and concerns its street; a hundred is a part of a circuit, which a "
        "town speaks of. Never below five, which no public figure shows.",
    )
    reminder_h: int = setting(
        reading.whole(1, 336),
        "24",
        "Hours before planned work begins that people are reminded of it; nobody whose first "
        "notice came later than that.",
    )
    update_prompt_min: int = setting(
        reading.whole(0, 240),
        "15",
        "Minutes before a promised update falls due that the desk is reminded to give one.",
    )
    segment_price: float = setting(
        reading.number(0, 100),
        "0",
        "What a segment of a text costs, so that what is spent is counted; 0: it is not.",
    )
    currency: str = setting(reading.text, "USD", "What that is counted in, as people read it.")
    spending_cap: float = setting(
        reading.number(0, 1_000_000_000),
        "0",
        "Most that texts may cost in a calendar month; warned of at 80 per cent. What takes back "
        "or ends something told, safety and medical customers go on all the same. 0: no cap.",
    )
    approve_above: int = setting(
        reading.whole(0, 10_000_000),
        "0",
        "Messages of one command above which they wait for a second person (`outage approve`), and "
        "of a feed or a timer above which they wait a little; never those to medical customers. "
        "0: no send is large.",
    )
    automatic_wait_min: int = setting(
        reading.whole(0, 120),
        "5",
        "Minutes that a large send which nobody commanded waits, so that somebody can hold it.",
    )
    crew_link_h: int = setting(
        reading.whole(1, 336),
        "24",
        "Hours that a crew's link holds; it ends with the outage too.",
    )
    crew_restores: int = setting(
        reading.whole(0, 100_000),
        "25",
        "Most homes and businesses that a crew's word restores by itself; for more it waits for a "
        "dispatcher ([crew.md](crew.md)).",
    )
    crew_etr: int = setting(
        reading.whole(0, 10_000_000),
        "500",
        "Most homes and businesses out for which a crew's estimated time is published by itself; "
        "for more it waits for a dispatcher.",
    )
    batch_size: int = setting(
        reading.whole(1, 1000), "1000", "Messages a sender claims and sends at a time."
    )
    lease_s: int = setting(
        reading.whole(5, 600), "30", "Seconds a sender's claim on a batch of messages holds."
    )
    ask_after_s: int = setting(
        reading.whole(10, 3600),
        "30",
        "Seconds after a message became `unknown` that its provider is asked for it, if no "
        "callback has told before. By then a call that was cut off (they end after 10 s) must have "
        "come to its end: what a list does not have after that is taken for not sent.",
    )
    mail_events_s: int = setting(
        reading.whole(10, 86_400),
        "600",
        "Seconds in which an event of SendGrid's may still settle an `unknown` e-mail before it is "
        "sent again or given up, as its kind says: there is no list to ask.",
    )
    max_recipients: int = setting(
        reading.whole(1, 10_000_000),
        "100000",
        "Premises one outage may concern, whatever its source.",
    )
    list_max_ids: int = setting(
        reading.whole(1, 10_000_000), "250000", "Most ids one list of premises may name."
    )
    shape_max_bytes: int = setting(
        reading.whole(1000, 1_000_000_000), "5000000", "Largest shape file or body, in bytes."
    )
    shape_max_vertices: int = setting(
        reading.whole(4, 10_000_000), "100000", "Most vertices one shape may have."
    )
    shape_max_parts: int = setting(
        reading.whole(1, 100_000), "2000", "Most parts, and features, one shape may have."
    )
    shape_max_area_km2: float = setting(
        reading.number(0.001, 510_100_000), "100000", "Largest area of one shape, in km²."
    )
    import_max_bad_percent: float = setting(
        reading.number(0, 100),
        "1",
        "An import loads its good rows while fewer than this many per cent are bad.",
    )
    opt_ins_kept_days: int = setting(
        reading.whole(31, 3650),
        "60",
        "Days after which a wish for messages that nobody has said yes to is erased, with the "
        "number or mailbox where nothing else names it.",
    )
    words_kept_days: int = setting(
        reading.whole(7, 3650),
        "400",
        "Days after which reports by form are erased, and the words and numbers of texts, taps and "
        "answers to them.",
    )
    host: str = setting(reading.text, "127.0.0.1", "Address every listener binds.")
    page_port: int = setting(reading.port, "8000", "Port of the public page.")
    page_streams: int = setting(
        reading.whole(1, 1_000_000),
        "19000",
        "Live streams that one `page` process keeps open; beyond them browsers poll. Bounded by "
        "the files a process may open, less 256.",
    )
    page_streams_per_address: int = setting(
        reading.whole(1, 1_000_000),
        "1000",
        "Live streams from one address, or one IPv6 network of 64 bits. A mobile network may put "
        "hundreds of phones behind one.",
    )
    web_port: int = setting(reading.port, "8001", "Port of the API for staff and machines.")
    counter_port: int = setting(reading.port, "8002", "Port of the counter.")
    carrier_port: int = setting(
        reading.port, "8003", "Port of the carrier simulator; it binds loopback only."
    )

    @property
    def database(self) -> str:
        """URL of the database in use, the embedded one included."""
        return self.database_url or f"sqlite:///{self.home / 'outage.db'}"

    @property
    def indexes(self) -> Path:
        """Folder of the index of premises, for all processes of this host."""
        return self.home / "index"

    @property
    def published(self) -> Path:
        """Folder the public page is published into and served from; also beside a bucket."""
        parts = urlsplit(self.publish_url)
        return Path(parts.path) if parts.scheme == "file" else self.home / "published"

    @property
    def is_bucket(self) -> bool:
        """Whether the public page is published into a bucket as well."""
        return self.publish_url.startswith("s3:")

    @property
    def counter(self) -> str:
        """Base URL by which `page` reaches `counter`."""
        return self.counter_url or f"http://127.0.0.1:{self.counter_port}"

    @property
    def console(self) -> str:
        """Base URL by which staff reach the console."""
        return self.console_url or f"http://127.0.0.1:{self.web_port}"

    @property
    def hooks(self) -> str:
        """Base URL providers are told to call back."""
        return self.hooks_url or self.counter

    def describe(self) -> dict[str, str]:
        """Every setting by its variable name, fit to be shown: of a secret only "set" or ""."""
        return {variable(item): _shown(item, getattr(self, item.name)) for item in fields(self)}


def variable(item: "Field[Any]") -> str:
    """The environment variable of a field of `Settings`."""
    return PREFIX + item.name.upper()


def _shown(item: "Field[Any]", value: object) -> str:
    if item.metadata["secret"]:
        return "set" if value else ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value)


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: With every problem at once.
    """
    items = {variable(item): item for item in fields(Settings)}
    problems = [*_unknown(environ, items)]
    values: dict[str, Any] = {}
    for name, item in items.items():
        try:
            given = _given(environ, name)
            if given is not None:
                values[item.name] = item.metadata["read"](given)
        except ValueError as problem:
            problems.append(f"{name} {problem}")
    if not problems:
        settings = Settings(**values)
        problems.extend(_contradictions(settings))
    if problems:
        raise SettingsError(problems)
    return settings


def _unknown(environ: Mapping[str, str], items: Mapping[str, object]) -> Iterator[str]:
    known = [*items, *(name + FROM_FILE for name in items)]
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
            hint = f"did you mean {near[0]}?" if near else "see docs/settings.md."
            yield f"{name} is not a setting; {hint}"


def _given(environ: Mapping[str, str], name: str) -> str | None:
    """The value as text, from the variable or the file its `_FILE` twin names; empty is none."""
    direct, path = environ.get(name), environ.get(name + FROM_FILE)
    if not path:
        return direct or None
    if direct:
        raise ValueError(f"and {name}{FROM_FILE} are both set; keep one of them.")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or "not UTF-8 text"
        raise ValueError(
            f"cannot be read from {path}, which {name}{FROM_FILE} names: {reason}."
        ) from problem


def _contradictions(settings: Settings) -> Iterator[str]:
    yield from _half_providers(settings)
    yield from _mail_server(settings)
    simulated = settings.twilio_base_url or settings.sendgrid_base_url
    if settings.test_numbers and not simulated:
        yield (
            "OUTAGE_TEST_NUMBERS needs the carrier simulator; set OUTAGE_TWILIO_BASE_URL "
            "or leave made-up numbers out."
        )
    if settings.send is SendMode.ALLOWLIST and not settings.allowlist:
        yield "OUTAGE_SEND is allowlist, but OUTAGE_ALLOWLIST names nobody."
    sends = settings.send in (SendMode.ALLOWLIST, SendMode.LIVE)
    if sends and not (
        settings.twilio_account_sid or settings.sendgrid_api_key or settings.smtp_host
    ):
        yield (
            f"OUTAGE_SEND is {settings.send}, but there is no provider; set OUTAGE_TWILIO_*, "
            "OUTAGE_SENDGRID_* or OUTAGE_SMTP_*, or use shadow."
        )
    if settings.spending_cap and not settings.segment_price:
        yield "OUTAGE_SPENDING_CAP needs OUTAGE_SEGMENT_PRICE: what a segment costs."
    if settings.cis_url and not settings.cis_secret:
        yield "OUTAGE_CIS_URL needs OUTAGE_CIS_SECRET: what the CIS is told is signed."
    yield from _identity(settings)
    ports = [settings.page_port, settings.web_port, settings.counter_port, settings.carrier_port]
    if len(set(ports)) < len(ports):
        yield "OUTAGE_PAGE_PORT, _WEB_PORT, _COUNTER_PORT and _CARRIER_PORT must all differ."


def _identity(settings: Settings) -> Iterator[str]:
    if not settings.oidc_issuer:
        return
    if not settings.oidc_client_id or not settings.oidc_client_secret:
        yield "OUTAGE_OIDC_ISSUER needs OUTAGE_OIDC_CLIENT_ID and OUTAGE_OIDC_CLIENT_SECRET."
    if not settings.oidc_roles:
        yield "OUTAGE_OIDC_ISSUER needs OUTAGE_OIDC_ROLES, or nobody comes in."
    for _, role in settings.oidc_roles:
        if role not in PEOPLE:
            yield f"OUTAGE_OIDC_ROLES names {role!r}; roles are {', '.join(PEOPLE)}."
    parts = urlsplit(settings.oidc_issuer)
    if parts.scheme != "https" and not reading.is_loopback(parts.hostname or ""):
        yield "OUTAGE_OIDC_ISSUER must begin with https://."


def _half_providers(settings: Settings) -> Iterator[str]:
    for which, sid, token, sender in (
        (
            "TWILIO",
            settings.twilio_account_sid,
            settings.twilio_auth_token,
            settings.twilio_messaging_service_sid or settings.twilio_from,
        ),
        (
            "TWILIO_2",
            settings.twilio_2_account_sid,
            settings.twilio_2_auth_token,
            settings.twilio_2_messaging_service_sid or settings.twilio_2_from,
        ),
    ):
        name = f"OUTAGE_{which}"
        if sid and not token:
            yield f"{name}_ACCOUNT_SID is set, but {name}_AUTH_TOKEN is not."
        if sid and not sender:
            yield (
                f"{'Twilio' if which == 'TWILIO' else 'The second Twilio account'} has no sender; "
                f"set {name}_MESSAGING_SERVICE_SID or {name}_FROM."
            )
    for which, key, sender in (
        ("SENDGRID", settings.sendgrid_api_key, settings.sendgrid_from),
        ("SENDGRID_2", settings.sendgrid_2_api_key, settings.sendgrid_2_from),
    ):
        if key and not sender:
            yield f"OUTAGE_{which}_API_KEY is set, but OUTAGE_{which}_FROM is not."


def _mail_server(settings: Settings) -> Iterator[str]:
    if not settings.smtp_host:
        return
    if not settings.smtp_from:
        yield "OUTAGE_SMTP_HOST is set, but OUTAGE_SMTP_FROM is not."
    if not settings.secret_key:
        yield "OUTAGE_SMTP_HOST needs OUTAGE_SECRET_KEY: it marks mails so that bounces are known."
    if settings.sendgrid_api_key and settings.sendgrid_2_api_key:
        yield (
            "E-mail has three providers and takes two; leave out OUTAGE_SMTP_* or "
            "OUTAGE_SENDGRID_2_*."
        )


def markdown() -> str:
    """The table of `docs/settings.md`."""
    lines = ["| setting | default | meaning |", "|---|---|---|"]
    for item in fields(Settings):
        default = item.metadata["default"]
        shown = f"`{default}`" if default else ""
        mark = " *Secret.*" if item.metadata["secret"] else ""
        lines.append(f"| `{variable(item)}` | {shown} | {item.metadata['about']}{mark} |")
    return "\n".join(lines)
