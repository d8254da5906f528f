"""The simulator's tables, and how a connection to them is opened."""

from __future__ import annotations

import sqlite3
from pathlib import Path

STORE_FILE = "carrier.sqlite3"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    number INTEGER PRIMARY KEY,        -- order of acceptance
    sid TEXT NOT NULL UNIQUE,          -- Twilio's sid, or SendGrid's sg_message_id
    channel TEXT NOT NULL,             -- sms, email
    recipient TEXT NOT NULL,
    sender TEXT,
    service_sid TEXT,
    subject TEXT,
    body TEXT NOT NULL,
    html TEXT,
    segments INTEGER NOT NULL,
    our_id TEXT,                       -- m of the callback URL, or custom_args' m
    again INTEGER NOT NULL,            -- 1: this our_id had been accepted before
    status TEXT NOT NULL,
    failure TEXT,                      -- how it will end when it does not arrive
    error_code INTEGER,
    callback_url TEXT,
    validity_s INTEGER,
    details TEXT NOT NULL,             -- JSON: custom_args, categories
    accepted_ms INTEGER NOT NULL,
    sent_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    due_ms INTEGER                     -- when it moves on; NULL: it has arrived at its end
);
CREATE INDEX IF NOT EXISTS messages_recipient ON messages (recipient, number);
CREATE INDEX IF NOT EXISTS messages_our_id ON messages (our_id) WHERE our_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS messages_again ON messages (number) WHERE again = 1;
CREATE INDEX IF NOT EXISTS messages_channel ON messages (channel, number);
CREATE INDEX IF NOT EXISTS messages_due ON messages (due_ms) WHERE due_ms IS NOT NULL;

CREATE TABLE IF NOT EXISTS callbacks (
    number INTEGER PRIMARY KEY,
    message INTEGER NOT NULL REFERENCES messages (number),
    channel TEXT NOT NULL,
    event TEXT NOT NULL,
    error_code INTEGER,
    url TEXT NOT NULL,
    at_ms INTEGER NOT NULL,            -- when the event happened
    due_ms INTEGER NOT NULL,           -- when it is tried next
    attempts INTEGER NOT NULL DEFAULT 0,
    outcome TEXT,                      -- sent, failed, refused; NULL: pending
    ended_ms INTEGER
);
CREATE TABLE IF NOT EXISTS inbound (
    number INTEGER PRIMARY KEY,        -- order in which they were sent
    sid TEXT NOT NULL UNIQUE,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    body TEXT NOT NULL,
    media INTEGER NOT NULL,
    opt_out_type TEXT,                 -- STOP, START, HELP: acted on by the simulator itself
    at_ms INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,           -- when it is handed on, or tried next
    attempts INTEGER NOT NULL DEFAULT 0,
    outcome TEXT                       -- sent, failed, refused; NULL: pending
);
CREATE INDEX IF NOT EXISTS inbound_due ON inbound (due_ms) WHERE outcome IS NULL;
CREATE INDEX IF NOT EXISTS inbound_sender ON inbound (sender, number);

CREATE INDEX IF NOT EXISTS callbacks_due ON callbacks (channel, due_ms) WHERE outcome IS NULL;
CREATE INDEX IF NOT EXISTS callbacks_outcome ON callbacks (outcome);
"""


def create_store(folder: Path) -> None:
    """Make the folder and the tables where they are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    connection = connect(folder)
    try:
        connection.executescript(_SCHEMA)
    finally:
        connection.close()


def connect(folder: Path) -> sqlite3.Connection:
    """Open the store: write-ahead log, and every commit on disk before it returns."""
    connection = sqlite3.connect(
        folder / STORE_FILE, isolation_level=None, check_same_thread=False, timeout=10
    )
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    return connection
