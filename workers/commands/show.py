"""`outage show`: an outage, a premise or an account, by any of its ids."""

from __future__ import annotations

import click
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import aliases
from outage import tables as t
from outage.cis import record
from outage.cis.contents import AccountOutage, AccountRecord, Message, Version, as_json
from outage.errors import UnknownOutageError
from outage.model import PremiseKey
from outage.summary import Facts, history, overlaps
from workers.commands import options
from workers.errors import NoSuchThing
from workers.session import Session, in_words, say, say_json, session


@click.command()
@click.argument("name", metavar="ID")
@options.as_json
def show(*, name: str, as_json: bool) -> None:
    """Show what is on record for ID: an outage, an account or a premise."""
    with session() as desk_:
        with desk_.db.read() as conn:
            found = _outage(conn, name)
            accounts = [] if found else _accounts(conn, name)
        if found:
            say_json(found) if as_json else _tell_outage(desk_, found)
        elif as_json:
            shown = [_json(account) for account in accounts]
            say_json(shown[0] if len(shown) == 1 else shown)
        else:
            for account in accounts:
                _tell_account(desk_, account)
            if not accounts:
                say(f"Premise {name} is known; no account holds it now.")


def _outage(conn: Connection, name: str) -> Facts | None:
    try:
        facts = history(conn, name)
    except UnknownOutageError:
        return None
    messages, outages = t.messages.c, t.outages.c
    states = conn.execute(
        sa.select(messages.kind, messages.state, sa.func.count())
        .join_from(t.messages, t.outages, outages.key == messages.outage_key)
        .where(outages.id == facts["id"])
        .group_by(messages.kind, messages.state)
        .order_by(messages.kind, messages.state)
    )
    counts = [{"kind": kind, "state": state, "count": count} for kind, state, count in states]
    return facts | {
        "messages": counts,
        "messages_decided": _decided(conn, facts["id"]),
        "overlaps": overlaps(conn, facts["id"]),
    }


def _decided(conn: Connection, outage_id: str) -> int:
    """How many messages were decided on: what is on record has to come to the same sum."""
    from notifier import audience

    key = conn.execute(sa.select(t.outages.c.key).where(t.outages.c.id == outage_id)).scalar_one()
    return audience.sums(conn, [key])[0].planned


def _accounts(conn: Connection, name: str) -> list[AccountRecord]:
    account = aliases.find_account(conn, name)
    if account is not None:
        return [record.read(conn, account)]
    premise = aliases.find_premise(conn, name)
    if premise is None:
        raise NoSuchThing(name)
    return [record.read(conn, key) for key in aliases.holders(conn, PremiseKey(premise))]


def _json(account: AccountRecord) -> Facts:
    facts: Facts = as_json(account)
    return facts


def _tell_outage(desk_: Session, facts: Facts) -> None:
    say(f"{facts['id']}: {facts['kind']} {facts['service']} outage, {facts['status']}")
    lines = {
        "Where": facts["place"],
        "Cause": facts["cause"],
        "Since": desk_.when(facts["started_at"]),
        "Back by": desk_.when(facts["etr"]["latest"]) if facts["etr"] else "no time yet",
        "Crew": facts["crew_status"],
        "Out": _count(facts, "premises_out"),
        "Restored": _count(facts, "premises_restored"),
        "Closed": facts["close_reason"],
        "Goes on": facts["merged_into"] and f"under {facts['merged_into']}",
        "Part of": facts["split_from"] and f"{facts['split_from']}, until it was split",
    }
    for head, text in lines.items():
        if text:
            say(f"  {head + ':':<10}{text}")
    for other in facts["overlaps"]:
        say(f"  {other['premises']:,} of its premises are in {other['id']} too")
    for step in facts["restorations"]:
        part = "whole" if step["whole"] else "part"
        back = ", taken back" if step["taken_back_at"] else ""
        say(f"  {desk_.when(step['at'])}  restored ({part}, {step['premises'] or 0:,}{back})")
    for note in facts["notes"]:
        label = "note" if note["kind"] == "note" else "public"
        said = f"{label}, {note['actor']}: {note['text']}{_waits(note)}"
        say(f"  {desk_.when(note['at'])}  {said}")
    for late in facts["recorded"]:
        said = f"{late['actor']}: {in_words(desk_, late['said'])}"
        seen = desk_.when(late["observed_at"])
        say(f"  {desk_.when(late['at'])}  recorded, not applied, {said} (observed {seen})")
    for row in facts["messages"]:
        say(f"  {row['count']:,} × {row['kind']}: {row['state']}")
    _tell_sums(facts)


def _tell_sums(facts: Facts) -> None:
    decided, found = facts["messages_decided"], sum(row["count"] for row in facts["messages"])
    if decided or found:
        wrong = "" if decided == found else f" of {decided:,} decided on: see `outage doctor`"
        say(f"  {found:,} messages{wrong}")


def _waits(note: Facts) -> str:
    if note["kind"] == "note" or note["approved_at"]:
        return ""
    return f" [waits: --approve {note['key']}]"


def _count(facts: Facts, name: str) -> str:
    return f"{facts[name]:,} premises" if facts["counted"] else "counting is under way"


def _tell_account(desk_: Session, account: AccountRecord) -> None:
    say(f"Account {account.id}  {account.name}".rstrip())
    for held in account.premises:
        until = f" until {desk_.when(held.until)}" if held.until else ""
        say(f"  Premise {held.id}  {held.address}{until}".rstrip())
    if not account.outages:
        say("  No outage is on record.")
    for outage in account.outages:
        _tell_stay(desk_, outage)


_HAPPENED = {
    "progress": "update",
    "restoring": "service back",
    "unlisted": "no longer listed by its source",
    "listed": "listed again by its source",
}
_WENT_ON = {
    "merged": "went on under {}",
    "split": "went on as a part that was split off",
}


def _tell_stay(desk_: Session, outage: AccountOutage) -> None:
    say()
    differs = outage.outcome and outage.outcome != outage.status
    ended = f", {_ended(outage)}" if differs else ""
    say(f"  {outage.id}  {outage.kind} {outage.service} outage, {outage.status}{ended}")
    if outage.split_from:
        say(f"    A part of {outage.split_from} until it was split.")
    if outage.place:
        say(f"    {outage.place}")
    for off in outage.interruptions:
        back = f"back {desk_.when(off.ended_at)}" if off.ended_at else "still out"
        say(f"    {off.premise}: out since {desk_.when(off.started_at)}, {back}")
    for version in outage.versions:
        said = [
            _HAPPENED.get(version.kind, version.kind),
            f"crew {version.crew_status}" if version.crew_status else "",
            f"back by {desk_.when(version.etr_latest)}" if version.etr_latest else "",
            f"note: {version.note}" if version.note else "",
            _public(version),
        ]
        say(f"    {desk_.when(version.at)}  {', '.join(filter(None, said))}")
    for message in outage.messages:
        _tell_message(desk_, message)


def _ended(outage: AccountOutage) -> str:
    went_on = _WENT_ON.get(outage.outcome or "")
    return went_on.format(outage.merged_into) if went_on else f"{outage.outcome} for this account"


def _public(version: Version) -> str:
    if not version.public_message:
        return ""
    label = "public" if version.public_message_approved else "proposed for the public"
    return f"{label}: {version.public_message}"


def _tell_message(desk_: Session, message: Message) -> None:
    why = f" ({message.reason})" if message.reason else ""
    say(
        f"    {desk_.when(message.accepted_at or message.planned_at)}  {message.channel} to "
        f"{message.to}, {message.kind}: {message.state}{why}"
    )
    if message.text:
        say(f"      “{' '.join(message.text.split())}”")
    for receipt in message.receipts:
        code = f" {receipt.code}" if receipt.code else ""
        say(f"      {desk_.when(receipt.at)}  receipt: {receipt.event}{code}")
