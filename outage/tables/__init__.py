"""Every table, by subject. Import the tables from here: ``from outage import tables as t``."""

from outage.tables.access import (
    audit,
    audit_actors,
    known_browsers,
    recovery_codes,
    sessions,
    sign_in_tries,
    staff,
    staff_links,
)
from outage.tables.account_records import cis_accounts, cis_versions
from outage.tables.accounts import (
    account_notes,
    account_words,
    accounts,
    contacts,
    endpoints,
    occupancies,
)
from outage.tables.base import metadata
from outage.tables.cis_line import cis_line, cis_upserts
from outage.tables.counter import kept_places, opt_ins, public_reports, watches
from outage.tables.crew import crew_links, crew_proposals, crew_sessions
from outage.tables.feeds import feed_outages, feeds
from outage.tables.journal import cursors, journal, work_items
from outage.tables.messages import batches, decisions, messages, receipts, texts
from outage.tables.outages import (
    etrs,
    handovers,
    interruptions,
    memberships,
    notes,
    origins,
    outage_areas,
    outages,
    restorations,
    shapes,
    spared,
)
from outage.tables.premises import (
    aliases,
    premise_cells,
    premises,
    premises_before,
    premises_versions,
)
from outage.tables.providers import providers
from outage.tables.replies import answers, conversations, replies, reports, temporary_links
from outage.tables.sending import approvals, sending_stops
from outage.tables.system import (
    barriers,
    clock,
    counters,
    facts,
    generations,
    idempotency,
    leases,
    processes,
    tokens,
)

__all__ = [
    "account_notes",
    "account_words",
    "accounts",
    "aliases",
    "answers",
    "approvals",
    "audit",
    "audit_actors",
    "barriers",
    "batches",
    "cis_accounts",
    "cis_line",
    "cis_upserts",
    "cis_versions",
    "clock",
    "contacts",
    "conversations",
    "counters",
    "crew_links",
    "crew_proposals",
    "crew_sessions",
    "cursors",
    "decisions",
    "endpoints",
    "etrs",
    "facts",
    "feed_outages",
    "feeds",
    "generations",
    "handovers",
    "idempotency",
    "interruptions",
    "journal",
    "kept_places",
    "known_browsers",
    "leases",
    "memberships",
    "messages",
    "metadata",
    "notes",
    "occupancies",
    "opt_ins",
    "origins",
    "outage_areas",
    "outages",
    "premise_cells",
    "premises",
    "premises_before",
    "premises_versions",
    "processes",
    "providers",
    "public_reports",
    "receipts",
    "recovery_codes",
    "replies",
    "reports",
    "restorations",
    "sending_stops",
    "sessions",
    "shapes",
    "sign_in_tries",
    "spared",
    "staff",
    "staff_links",
    "temporary_links",
    "texts",
    "tokens",
    "watches",
    "work_items",
]
