"""Texts on record: each distinct one once, by what it says."""

import hashlib
from collections.abc import Collection
from dataclasses import astuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier.rendering import Text
from notifier.situations import CHANNEL_OF, CHANNELS
from outage import tables as t


def store(conn: Connection, texts: Collection[Text]) -> dict[Text, int]:
    """Put these texts on record, and give the key of each."""
    digests = {_digest(text): text for text in set(texts)}
    conn.execute(
        sa.text(
            "INSERT INTO texts (digest, channel, language, template, subject, body, html) VALUES "
            "(:digest, :channel, :language, :template, :subject, :body, :html) "
            "ON CONFLICT (digest) DO NOTHING"
        ),
        [
            {
                "digest": digest,
                "channel": CHANNELS[text.channel],
                "language": text.language,
                "template": text.template,
                "subject": text.subject,
                "body": text.body,
                "html": text.html,
            }
            for digest, text in sorted(digests.items())
        ],
    )
    found = conn.execute(
        sa.select(t.texts.c.digest, t.texts.c.key).where(t.texts.c.digest.in_(list(digests)))
    )
    return {digests[row.digest]: row.key for row in found}


def stored(conn: Connection, keys: Collection[int]) -> dict[int, Text]:
    """The texts on record under these keys."""
    return {
        row.key: Text(
            channel=CHANNEL_OF[row.channel],
            language=row.language,
            template=row.template,
            subject=row.subject,
            body=row.body,
            html=row.html,
        )
        for row in conn.execute(t.texts.select().where(t.texts.c.key.in_(list(keys))))
    }


def _digest(text: Text) -> str:
    return hashlib.sha256("\0".join(map(str, astuple(text))).encode()).hexdigest()
