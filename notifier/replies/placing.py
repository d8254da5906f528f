"""Replies about a place: OUT, OFF, ON, OUT CANCEL, STATUS. First, which place is meant."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from sqlalchemy.engine import Connection

from notifier.replies import guessing, lookup, reporting, telling
from notifier.replies.acting import Done, Writer, again, who
from notifier.replies.area import area_is_out
from notifier.replies.conversation import NAMED_FOR
from notifier.replies.intents import Asked, Intent, Reason
from notifier.replies.lookup import Found
from notifier.replies.standing import (
    Place,
    advisories,
    counting,
    places,
    places_of,
    stays,
)
from outage import reports
from outage.model import Service

MOST_CHOICES = 9
"""Digits there are to choose by."""

OnPlace = Callable[[Connection, Writer, Place, bool], Done]
"""What is done about one place; the last says whether the writer may be told of it."""
_ON_PLACE: dict[Intent, OnPlace] = {
    Intent.OUT: reporting.out,
    Intent.OFF: reporting.off,
    Intent.ON: reporting.on,
}


def out(conn: Connection, writer: Writer) -> Done:
    """Report that service is out at the writer's place."""
    return _at_place(conn, writer, Intent.OUT)


def off(conn: Connection, writer: Writer) -> Done:
    """Say that it is still out, at the place that was restored if one was."""
    return _at_place(conn, writer, Intent.OFF)


def on(conn: Connection, writer: Writer) -> Done:
    """Say that it is back."""
    return _at_place(conn, writer, Intent.ON)


def status(conn: Connection, writer: Writer) -> Done:
    """Tell what is known of all the writer's places."""
    mine, proved = _places(conn, writer)
    if not mine:
        return _named_or_asked(conn, writer, Intent.STATUS)
    return _status(conn, writer, mine, proved=proved)


def cancel(conn: Connection, writer: Writer) -> Done:
    """Take back what this number has reported lately."""
    mine, _ = _places(conn, writer)
    since = writer.now - NAMED_FOR
    found = reports.open_reports(
        conn,
        premises=[place.key for place in mine],
        since=since,
        endpoint_key=writer.endpoint_key,
    )
    if not found:
        return Done(say="nothing_to_cancel", outcome="nothing_to_cancel")
    for one in mine:
        reporting.end_reports(conn, writer, one)
    return Done(say="cancelled", outcome="report_taken_back")


def choice(conn: Connection, writer: Writer) -> Done:
    """Go on with the place that was chosen."""
    conversation, picked = writer.conversation, writer.understood.choice
    if conversation.asked is not Asked.WHICH or conversation.about is None:
        return Done(say="help", outcome="nothing_was_asked")
    if picked is None:
        return again(_which_again(conn, writer), conversation)
    found = places(conn, [conversation.options[picked - 1]])
    if not found:
        return Done(say="other", outcome="place_is_gone", for_staff=True)
    at = found[0]
    return _do(conn, writer, conversation.about, at, proved=_may_know(conn, writer, at))


def place(conn: Connection, writer: Writer) -> Done:
    """Go on with the place that was named."""
    named, conversation = writer.understood.place, writer.conversation
    assert named is not None  # noqa: S101 an intent's own fact
    about = conversation.about or Intent.STATUS
    if conversation.asked is Asked.WHICH:
        mine = [one for one in places(conn, conversation.options) if one.number]
        fitting = [one for one in mine if one.number == named.house_number]
        if len(fitting) != 1:
            return again(_which_again(conn, writer), conversation)
        at = fitting[0]
        return _do(conn, writer, about, at, proved=_may_know(conn, writer, at))
    found = _find(conn, writer)
    if found.unheard:
        return _house_only(writer, about)
    if not found.places:
        return again(Done(say="not_found", outcome="place_not_found"), conversation)
    return _at_found(conn, writer, found, about)


def other(conn: Connection, writer: Writer) -> Done:
    """Pass on to staff what was not understood; ask a number that nobody knows who it is."""
    mine, _ = _places(conn, writer)
    if not mine and writer.understood.reason is not Reason.NO_WORDS:
        if writer.conversation.asked is Asked.WHO:
            return Done(
                say="not_found",
                outcome="place_not_found",
                for_staff=True,
                conversation=writer.conversation,
            )
        return who(writer, Intent.STATUS, for_staff=True)
    return Done(say="other", outcome="for_staff", for_staff=True)


def _places(conn: Connection, writer: Writer) -> tuple[list[Place], bool]:
    """The writer's places, and whether they may be told of them: on record, or named and proved."""
    mine = places_of(conn, writer.endpoint_key)
    if mine:
        return mine, True
    conversation, named = writer.conversation, writer.understood.place
    if named is not None and conversation.premises:
        found = _find(conn, writer)
        keys = {one.key for one in found.places}
        if keys and (found.proved or not keys <= {*conversation.premises}):
            # They name another place, or prove this one: what they named before is over.
            return [], False
    return places(conn, conversation.premises), conversation.proved


def _may_know(conn: Connection, writer: Writer, at: Place) -> bool:
    """Whether they may be told of a place that they chose: choosing among streets is no proof."""
    known = writer.conversation
    mine = {one.key for one in places_of(conn, writer.endpoint_key)}
    return at.key in mine or (known.proved and at.key in known.premises)


def _at_place(conn: Connection, writer: Writer, about: Intent) -> Done:
    mine, proved = _places(conn, writer)
    if not mine:
        return _named_or_asked(conn, writer, about)
    fitting = _fitting(conn, writer, about, mine)
    if len(fitting) == 1:
        return _do(conn, writer, about, fitting[0], proved=proved)
    return _which(writer, about, fitting)


def _fitting(
    conn: Connection, writer: Writer, about: Intent, mine: Sequence[Place]
) -> Sequence[Place]:
    """The places that a text can be about: those it names, else those where it makes sense."""
    named = writer.understood.place
    if named is not None and named.house_number is not None:
        said = [one for one in mine if one.number == named.house_number]
        if len(said) == 1:
            return said
    if about is Intent.OUT:
        return mine
    known = stays(conn, [one.key for one in mine], writer.now)
    wanted = {stay.premise_key for stay in known if stay.back is (about is Intent.OFF)}
    return [one for one in mine if one.key in wanted] or mine


def _named_or_asked(conn: Connection, writer: Writer, about: Intent) -> Done:
    """An unknown number: the place it names, or the question which one it is."""
    found = _find(conn, writer)
    if found.unheard:
        return _house_only(writer, about)
    return _at_found(conn, writer, found, about) if found.places else who(writer, about)


def _find(conn: Connection, writer: Writer) -> Found:
    """The place that is named; what was tried in vain is on record."""
    named = writer.understood.place
    if named is None:
        return Found()
    may_try = partial(guessing.may_try, conn, writer.endpoint_key, writer.wall)
    found = lookup.find(conn, named, may_try)
    if found.guessed:
        guessing.note(conn, writer.reply_key, writer.wall)
    return found


def _house_only(writer: Writer, about: Intent) -> Done:
    """Too many account numbers were tried: the house will do."""
    asking = writer.asking(Asked.WHO, about)
    return Done(say="house_only", outcome="account_not_looked_up", conversation=asking)


def _at_found(conn: Connection, writer: Writer, found: Found, about: Intent) -> Done:
    """Go on with the place that somebody has named; whose unit of a house it is, staff find out."""
    keys = [one.key for one in found.places]
    named = writer.conversation.name(keys, writer.wall, proved=found.proved)
    writer = replace(writer, conversation=named)
    if about is Intent.STATUS:
        done = _status(conn, writer, list(found.places), proved=found.proved)
    elif len({one.street for one in found.places}) > 1:
        done = _which(writer, about, found.places)
    else:
        done = _do(conn, writer, about, found.places[0], proved=found.proved)
    several = len(found.places) > 1
    return replace(
        done,
        conversation=done.conversation or named.answered(),
        for_staff=done.for_staff or several,
    )


def _which(writer: Writer, about: Intent, mine: Sequence[Place]) -> Done:
    keys = tuple(one.key for one in mine)
    return Done(
        say="which",
        outcome="asked",
        facts={"choices": telling.choices(mine, writer.language)},
        conversation=writer.asking(Asked.WHICH, about, keys),
    )


def _which_again(conn: Connection, writer: Writer) -> Done:
    mine = places(conn, writer.conversation.options)
    return Done(
        say="choose_again",
        outcome="asked_again",
        facts={
            "choices": telling.choices(mine, writer.language),
            "most": min(MOST_CHOICES, len(mine)),
        },
    )


def _do(conn: Connection, writer: Writer, about: Intent, at: Place, *, proved: bool) -> Done:
    if about not in _ON_PLACE:
        return _status(conn, writer, [at], proved=proved)
    done = _ON_PLACE[about](conn, writer, at, proved)
    return replace(done, about=(at.key,), proved=proved)


def _status(conn: Connection, writer: Writer, mine: Sequence[Place], *, proved: bool) -> Done:
    done = _told(conn, writer, mine, proved=proved)
    # Which of several places is meant is not known before they have chosen.
    one = proved or len({(at.street, at.postal_code) for at in mine}) == 1
    return replace(done, about=tuple(at.key for at in mine) if one else (), proved=proved)


def _told(conn: Connection, writer: Writer, mine: Sequence[Place], *, proved: bool) -> Done:
    counted = not counting(conn, frozenset[Service]().union(*(one.services for one in mine)))
    if not proved:
        here = any(area_is_out(conn, one.key) for one in mine)
        if not here and not counted:
            return _counting(writer, mine, telling.somewhere(writer.language))
        say = "area_out" if here else "area_none"
        return Done(say=say, outcome="told_area", facts={"as_of": telling.as_of(writer, mine)})
    keys = [one.key for one in mine]
    known = [stay for stay in stays(conn, keys, writer.now) if not stay.back]
    where = telling.at(mine, writer.language)
    told = [telling.news(conn, writer, mine, known)] if known else []
    if advisories(conn, keys):
        told.append(telling.advisory(mine, writer.language))
    if told:
        return Done(say="status_out", outcome="told_out", facts={"facts": " ".join(told)})
    if not counted:
        return _counting(writer, mine, where)
    return Done(
        say="status_none",
        outcome="told_none",
        facts={"at": where, "as_of": telling.as_of(writer, mine)},
    )


def _counting(writer: Writer, mine: Sequence[Place], where: str) -> Done:
    """There is an outage, and nobody knows yet whether they are in it: that is not none."""
    return Done(
        say="status_counting",
        outcome="told_counting",
        facts={"at": where, "as_of": telling.as_of(writer, mine)},
    )
