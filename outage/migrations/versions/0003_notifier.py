"""What people text us and report, what a message told and what became of it, timers, zones.

Revision: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.BigInteger()
NO = sa.text("false")
UNFOLLOWED = sa.text("state IN ('failed', 'undelivered') AND followed IS NULL")
ELSEWHERE = sa.text("time_zone IS NOT NULL")
_M = sa.table("messages", *map(sa.column, ("kind", "variant", "state", "ended_at")))
_OPEN = sa.or_(
    _M.c.state.in_(["pending", "claimed"]),
    sa.and_(_M.c.state == "unknown", _M.c.ended_at.is_(None)),
)

_OLDER_INDEXES = {
    "uq_messages_entry_endpoint": ["number", "endpoint_key", "channel"],
    "ix_messages_endpoint_key": ["endpoint_key"],
    "ix_messages_account_key": ["account_key"],
    "ix_messages_state_send_after": ["state", "send_after"],
}


def upgrade() -> None:
    """Add what the release before does not look at."""
    _replies()
    _answers()
    _temporary_links()
    _conversations()
    _reports()
    _told()
    _unknown()
    _followed()
    _timers()
    _zones()
    _handovers()
    _shorter_indexes()
    _fewer_indexes()
    _sending()
    _occupancies()
    _refused()
    _choices()
    _unreferred()
    # The word that said it is a kind's name now, and kinds are what is summed up.
    op.execute("UPDATE decisions SET decision = 'etr_over' WHERE decision = 'etr_passed'")
    # Who writes from a number nobody knows names a house and a postal code.
    op.create_index("ix_premises_house_number", "premises", ["house_number", "postal_code"])


def downgrade() -> None:
    """Take it away again."""
    _in_older_words()
    _one_word_again()
    _referred()
    op.drop_index("ix_premises_house_number", "premises")
    op.create_index("ix_occupancies_account_key", "occupancies", ["account_key"])
    op.drop_index("ix_occupancies_account_key_open", "occupancies")
    op.drop_column("contacts", "chosen_at")
    op.drop_index("ix_premises_time_zone", "premises")
    for name in reversed(_TIMERS):
        op.drop_column("outages", name)
    for column in ("batch_key", "provider_id"):
        op.drop_index(f"ix_messages_{column}", "messages")
        op.create_index(f"ix_messages_{column}", "messages", [column])
    _indexes_again()
    op.drop_index("ix_messages_unfollowed", "messages")
    for name in ("followed", "instead_of"):
        op.drop_column("messages", name)
    op.drop_index("ix_messages_unknown", "messages")
    for name in ("blocked_code", "blocked"):
        op.drop_column("providers", name)
    op.drop_column("messages", "put_off")
    for name in ("asked", "ask_after", "unknown_since", "tried_at"):
        op.drop_column("messages", name)
    for name in ("told_places", "told_crew", "told_end", "told_update", "told_time"):
        op.drop_column("messages", name)
    op.drop_column("outages", "place_before")
    for name in _PACE:
        op.drop_column("providers", name)
    for name in ("approvals", "sending_stops", "handovers"):
        op.drop_table(name)
    for name in ("reports", "conversations", "temporary_links", "answers", "replies"):
        op.drop_table(name)


_REFERS = {"outage": "outages", "endpoint": "endpoints", "account": "accounts", "text": "texts"}
"""What a message refers to, and where that is."""


def _unreferred() -> None:
    """On PostgreSQL each message locked the four rows that it refers to."""
    if op.get_bind().dialect.name == "postgresql":
        for name in _REFERS:
            op.drop_constraint(f"fk_messages_{name}_key", "messages", type_="foreignkey")


def _referred() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for name, table in _REFERS.items():
            column = f"{name}_key"
            op.create_foreign_key(f"fk_messages_{column}", "messages", table, [column], ["key"])


def _one_word_again() -> None:
    """Count under the one word that the release before has what two of ours say."""
    same = (
        "SELECT {what} FROM decisions AS other WHERE other.number = decisions.number "
        "AND other.outage_key = decisions.outage_key AND other.decision = '{word}'"
    )
    too = same.format(what="count", word="etr_over")
    op.execute(
        f"UPDATE decisions SET count = count + ({too}) "  # noqa: S608 - our own words
        f"WHERE decision = 'etr_passed' AND EXISTS ({too})"
    )
    counted = same.format(what="1", word="etr_passed")
    op.execute(
        f"DELETE FROM decisions WHERE decision = 'etr_over' AND EXISTS ({counted})"  # noqa: S608
    )
    op.execute("UPDATE decisions SET decision = 'etr_passed' WHERE decision = 'etr_over'")


def _in_older_words() -> None:
    """What may yet be sent, and what is believed, in words that the release before has.

    It decides anew what a pending message says when it is claimed, but has to know its kind first;
    so it has of one that nobody knows the fate of, or that a sender held last.
    """
    for new, (kind, variant) in {**_NEAREST, "correction": ("correction", "out")}.items():
        found = _M.c.kind == new
        if new == "correction":
            found = sa.and_(found, _M.c.variant == "intermittent")
        op.execute(_M.update().where(found, _OPEN).values(kind=kind, variant=variant))
    op.execute("UPDATE messages SET told_state = 'out' WHERE told_state = 'intermittent'")


def _choices() -> None:
    op.add_column(
        "contacts",
        sa.Column(
            "chosen_at", INSTANT, comment="the person set topics and quiet hours; no import does"
        ),
    )


def _replies() -> None:
    op.create_table(
        "replies",
        sa.Column("key", KEY, nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column(
            "provider_id", sa.String(), nullable=False, comment="of the message at the provider"
        ),
        sa.Column("address", sa.String(), nullable=False, comment="as the provider wrote it"),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column(
            "media", sa.Integer(), nullable=False, server_default="0", comment="pictures with it"
        ),
        sa.Column(
            "opt_out_type",
            sa.String(),
            comment="what the provider itself took it for and answered",
        ),
        sa.Column("received_at", INSTANT, nullable=False, comment="wall time"),
        sa.Column(
            "urgency",
            sa.Integer(),
            nullable=False,
            server_default="1",
            comment="0: danger, or STOP",
        ),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("applied_at", INSTANT, comment="NULL until somebody has understood it"),
        sa.Column("endpoint_key", KEY),
        sa.Column("intent", sa.String()),
        sa.Column("reason", sa.String(), comment="why it was taken for that"),
        sa.Column("language", sa.String(), comment="it was written in"),
        sa.Column("outcome", sa.String(), comment="what was done about it"),
        sa.Column("for_staff", sa.Boolean(), nullable=False, server_default=NO),
        sa.Column(
            "guessed",
            sa.Boolean(),
            nullable=False,
            server_default=NO,
            comment="holds an account number that proved nothing",
        ),
        sa.Column("handled_at", INSTANT, comment="a person has looked at it"),
        sa.Column("handled_by", sa.String()),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_replies")),
        sa.ForeignKeyConstraint(
            ["endpoint_key"], ["endpoints.key"], name=op.f("fk_replies_endpoint_key")
        ),
    )
    op.create_index("uq_replies_provider", "replies", ["provider", "provider_id"], unique=True)
    op.create_index("ix_replies_endpoint_key", "replies", ["endpoint_key"])
    op.create_index("ix_replies_address", "replies", ["address", "key"])
    for name, columns, where in (
        ("ix_replies_waiting", ["urgency", "key"], "applied_at IS NULL"),
        ("ix_replies_guessed", ["applied_at"], "guessed"),
        ("ix_replies_for_staff", ["key"], "for_staff AND handled_at IS NULL"),
    ):
        op.create_index(
            name,
            "replies",
            columns,
            sqlite_where=sa.text(where),
            postgresql_where=sa.text(where),
        )


def _answers() -> None:
    op.create_table(
        "answers",
        sa.Column("key", KEY, nullable=False),
        sa.Column("reply_key", KEY, nullable=False),
        sa.Column(
            "role", sa.String(), nullable=False, comment="answer, or page: to the on-call contacts"
        ),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("template", sa.String(), nullable=False, comment="name and version"),
        sa.Column("subject", sa.Text(), nullable=False, server_default=""),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("urgency", sa.Integer(), nullable=False, comment="0 first"),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), comment="why it ended so"),
        sa.Column("created_at", INSTANT, nullable=False, comment="wall time"),
        sa.Column("send_after", INSTANT, nullable=False, comment="wall time"),
        sa.Column("fence", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("lease_until", INSTANT, comment="wall time"),
        sa.Column("provider_id", sa.String()),
        sa.Column("provider_code", sa.String()),
        sa.Column("ended_at", INSTANT, comment="wall time"),
        sa.Column("message_key", KEY, comment="what it tells of an outage"),
        sa.Column(
            "tries",
            sa.Integer(),
            nullable=False,
            server_default="0",
            comment="that a provider was at",
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_answers")),
        sa.ForeignKeyConstraint(["reply_key"], ["replies.key"], name=op.f("fk_answers_reply_key")),
        sa.ForeignKeyConstraint(
            ["message_key"], ["messages.key"], name=op.f("fk_answers_message_key")
        ),
    )
    op.create_index(
        "uq_answers_reply", "answers", ["reply_key", "role", "channel", "address"], unique=True
    )
    still_open = sa.text("state IN ('pending', 'claimed')")
    op.create_index(
        "ix_answers_open",
        "answers",
        ["urgency", "key"],
        sqlite_where=still_open,
        postgresql_where=still_open,
    )


def _temporary_links() -> None:
    op.create_table(
        "temporary_links",
        sa.Column("answer_key", KEY, autoincrement=False, nullable=False),
        sa.Column("endpoint_key", KEY, nullable=False),
        sa.Column(
            "premises", sa.Text(), nullable=False, comment="JSON: keys of the place that was named"
        ),
        sa.Column(
            "occupancies", sa.Text(), nullable=False, comment="JSON: keys; []: nothing was proved"
        ),
        sa.Column(
            "outages", sa.Text(), nullable=False, comment="JSON: keys of those known there then"
        ),
        sa.Column("made_at", INSTANT, nullable=False, comment="business time"),
        sa.PrimaryKeyConstraint("answer_key", name=op.f("pk_temporary_links")),
        sa.ForeignKeyConstraint(
            ["answer_key"], ["answers.key"], name=op.f("fk_temporary_links_answer_key")
        ),
        sa.ForeignKeyConstraint(
            ["endpoint_key"], ["endpoints.key"], name=op.f("fk_temporary_links_endpoint_key")
        ),
    )


def _conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("endpoint_key", KEY, autoincrement=False, nullable=False),
        sa.Column("asked", sa.String(), comment="which, who or stop; NULL: nothing"),
        sa.Column("about", sa.String(), comment="intent that the answer is for"),
        sa.Column(
            "options", sa.Text(), nullable=False, server_default="[]", comment="JSON: premise keys"
        ),
        sa.Column("asked_at", INSTANT, comment="wall time"),
        sa.Column(
            "premises",
            sa.Text(),
            nullable=False,
            server_default="[]",
            comment="JSON: keys it named",
        ),
        sa.Column("proved", sa.Boolean(), nullable=False, server_default=NO),
        sa.Column("named_at", INSTANT, comment="wall time"),
        sa.PrimaryKeyConstraint("endpoint_key", name=op.f("pk_conversations")),
        sa.ForeignKeyConstraint(
            ["endpoint_key"], ["endpoints.key"], name=op.f("fk_conversations_endpoint_key")
        ),
    )


def _reports() -> None:
    op.create_table(
        "reports",
        sa.Column("key", KEY, nullable=False),
        sa.Column("kind", sa.String(), nullable=False, comment="out, stillOut or on"),
        sa.Column("source", sa.String(), nullable=False, comment="reply:KEY"),
        sa.Column("premise_key", KEY, nullable=False),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("endpoint_key", KEY),
        sa.Column("outage_key", KEY, comment="that it was known under"),
        sa.Column("proposal_key", KEY, comment="nested outage it is part of"),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, comment="taken back, or back on"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_reports")),
        *(
            sa.ForeignKeyConstraint(
                [f"{name}_key"], [f"{table}.key"], name=op.f(f"fk_reports_{name}_key")
            )
            for name, table in (
                ("premise", "premises"),
                ("endpoint", "endpoints"),
                ("outage", "outages"),
                ("proposal", "outages"),
            )
        ),
    )
    op.create_index("uq_reports_source", "reports", ["source", "premise_key"], unique=True)
    op.create_index("ix_reports_premise_key", "reports", ["premise_key"])
    op.create_index("ix_reports_outage_key", "reports", ["outage_key"])


def _told() -> None:
    stated = "ETR, next update or planned start that it states"
    more = "told_time is when there will be more"
    op.add_column("messages", sa.Column("told_time", INSTANT, comment=stated))
    op.add_column("messages", sa.Column("told_update", sa.Boolean(), comment=more))
    end = "end of planned work that it states"
    op.add_column("messages", sa.Column("told_end", INSTANT, comment=end))
    crew, places = "known: a crew is on site", "places that it said are out"
    op.add_column("messages", sa.Column("told_crew", sa.Boolean(), comment=crew))
    op.add_column("messages", sa.Column("told_places", sa.Integer(), comment=places))


def _unknown() -> None:
    for name, comment in (
        ("tried_at", "the last attempt began"),
        ("unknown_since", "since when nobody knows whether it was taken"),
        ("ask_after", "its provider is asked then; NULL: it has been"),
    ):
        op.add_column("messages", sa.Column(name, INSTANT, comment=comment))
    times = "times without answer"
    op.add_column(
        "messages",
        sa.Column("asked", sa.Integer(), nullable=False, server_default="0", comment=times),
    )
    _partial("unknown", "ask_after", "state = 'unknown'")


def _partial(name: str, column: str, where: str) -> None:
    op.create_index(
        f"ix_messages_{name}",
        "messages",
        [column],
        sqlite_where=sa.text(where),
        postgresql_where=sa.text(where),
    )


def _fewer_indexes() -> None:
    """A planner pays for each index that a pending message is in."""
    for name in _OLDER_INDEXES:
        op.drop_index(name, "messages")
    columns = ["endpoint_key", "number", "channel"]
    op.create_index("uq_messages_endpoint_entry", "messages", columns, unique=True)
    # An account's messages are found by whoever has ever been reached for it.
    op.create_index("ix_contacts_account_key", "contacts", ["account_key"])
    _partial("claimed", "lease_until", "state = 'claimed'")
    _partial("accepted_at", "accepted_at", "accepted_at IS NOT NULL")


def _indexes_again() -> None:
    op.drop_index("ix_contacts_account_key", "contacts")
    for name in ("ix_messages_accepted_at", "ix_messages_claimed", "uq_messages_endpoint_entry"):
        op.drop_index(name, "messages")
    for name, columns in _OLDER_INDEXES.items():
        op.create_index(name, "messages", columns, unique=name.startswith("uq"))


def _occupancies() -> None:
    """Let who asks for an account's places find them in the index."""
    columns = ["account_key", "until", "premise_key"]
    op.create_index("ix_occupancies_account_key_open", "occupancies", columns)
    op.drop_index("ix_occupancies_account_key", "occupancies")


def _followed() -> None:
    place = "message that could not be delivered, whose place it takes"
    op.add_column("messages", sa.Column("instead_of", KEY, comment=place))
    done = "what was done when it could not be delivered"
    op.add_column("messages", sa.Column("followed", sa.String(), comment=done))
    op.create_index(
        "ix_messages_unfollowed",
        "messages",
        ["key"],
        sqlite_where=UNFOLLOWED,
        postgresql_where=UNFOLLOWED,
    )


def _timers() -> None:
    for name, comment in _TIMERS.items():
        op.add_column("outages", sa.Column(name, INSTANT, comment=comment))


def _zones() -> None:
    op.create_index(
        "ix_premises_time_zone",
        "premises",
        ["time_zone"],
        sqlite_where=ELSEWHERE,
        postgresql_where=ELSEWHERE,
    )


def _sending() -> None:
    op.create_table(
        "sending_stops",
        sa.Column("key", KEY, nullable=False),
        sa.Column("stopped_at", INSTANT, nullable=False, comment="wall time"),
        sa.Column("stopped_by", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("resumed_at", INSTANT, comment="wall time; NULL while nothing is sent"),
        sa.Column("resumed_by", sa.String()),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sending_stops")),
    )
    still_open = sa.text("resumed_at IS NULL")
    op.create_index(
        "ix_sending_stops_open",
        "sending_stops",
        ["key"],
        sqlite_where=still_open,
        postgresql_where=still_open,
    )
    of, who = "journal entry that the messages came of", "whose command it was, or a feed, a timer"
    states = "waiting, approved, broken_glass, withdrawn, lapsed"
    alone = "by itself, if nobody says otherwise; NULL: not by itself"
    op.create_table(
        "approvals",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False, comment=of),
        sa.Column("outage_key", KEY, nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False, comment="that wait"),
        sa.Column("asked_by", sa.String(), nullable=False, comment=who),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("state", sa.String(), nullable=False, comment=states),
        sa.Column("goes_at", INSTANT, comment=alone),
        sa.Column("decided_by", sa.String()),
        sa.Column("decided_at", INSTANT),
        sa.Column("why", sa.Text(), comment="of who broke the glass, held or withdrew"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_approvals")),
    )
    op.create_index("ix_approvals_state", "approvals", ["state"])
    for column in (
        sa.Column("paced_until", INSTANT, comment=_PACE["paced_until"]),
        sa.Column("flow", sa.Float(), comment=_PACE["flow"]),
        sa.Column("flow_at", INSTANT, comment=_PACE["flow_at"]),
    ):
        op.add_column("providers", column)
    place = "place before it was last changed"
    op.add_column("outages", sa.Column("place_before", sa.String(), comment=place))


def _handovers() -> None:
    op.create_table(
        "handovers",
        sa.Column("outage_key", KEY, nullable=False),
        sa.Column("other_key", KEY, nullable=False),
        sa.PrimaryKeyConstraint("outage_key", "other_key", name=op.f("pk_handovers")),
        sa.ForeignKeyConstraint(
            ["outage_key"], ["outages.key"], name=op.f("fk_handovers_outage_key")
        ),
        sa.ForeignKeyConstraint(
            ["other_key"], ["outages.key"], name=op.f("fk_handovers_other_key")
        ),
    )
    op.create_index("ix_handovers_other_key", "handovers", ["other_key"])


def _shorter_indexes() -> None:
    """What is planned has neither: a million rows need not be in them."""
    for column in ("batch_key", "provider_id"):
        name, there = f"ix_messages_{column}", sa.text(f"{column} IS NOT NULL")
        op.drop_index(name, "messages")
        op.create_index(name, "messages", [column], sqlite_where=there, postgresql_where=there)


def _refused() -> None:
    for table, name, comment in (
        ("messages", "put_off", "times, by its provider"),
        ("providers", "blocked", "receipts in a row say so"),
    ):
        count = sa.Column(name, sa.Integer(), nullable=False, server_default="0", comment=comment)
        op.add_column(table, count)
    last = "of the last of them"
    op.add_column("providers", sa.Column("blocked_code", sa.String(), comment=last))


_BACK, _OUT, _NEWS, _OFF = ("restored", ""), ("detected", ""), ("etr", ""), ("cancelled", "")
_NEAREST = {
    "reported": _OUT,
    "no_etr_yet": _NEWS,
    "etr_later": _NEWS,
    "etr_passed": _NEWS,
    "crew": _NEWS,
    "partly_restored": _BACK,
    "still_out_received": _OUT,
    "planned_notice": _NEWS,
    "planned_reminder": _NEWS,
    "planned_started": _OUT,
    "planned_changed": _NEWS,
    "planned_cancelled": _OFF,
    "planned_done": _BACK,
    "advisory": _OUT,
    "advisory_lifted": _BACK,
    "storm_watch": _OUT,
}
"""Of each kind that came with this the one that the release before has, and how long it lives."""

_PACE = {
    "paced_until": "wall time; until then it has work at its set speed",
    "flow": "segments a second, or mails, averaged over the last minutes",
    "flow_at": "wall time of that",
}

_TIMERS = {
    "next_update_prompted": "next update the desk was reminded of",
    "next_update_passed": "next update whose passing is on record",
    "start_reminded": "planned start that was reminded of",
    "end_passed": "planned end whose passing is on record",
}
