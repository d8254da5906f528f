"""Replies about a place: OUT, OFF, ON, OUT CANCEL, STATUS, and which place is meant."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy.engine import Connection

from notifier.replies import telling
from notifier.replies.acting import Done, Writer, again, who
from notifier.replies.conversation import NAMED_FOR
from notifier.replies.intents import Asked, Intent, Reason
from notifier.replies.lookup import Found, find
from notifier.replies.standing import (
    Place,
    Stay,
    advisories,
    area_is_out,
    places,
    places_of,
    stays,
)
from outage import reports, still_out
from outage.errors import NotAllowedNowError
from outage.model import Service
from outage.reports import CustomerReport, ReportKind

MOST_CHOICES = 9
"""Digits there are to choose by."""
STILL_OUT_WITHIN = timedelta(hours=2)
"""OUT so soon after "restored" means that it never came back; later it is a new outage."""

OnPlace = Callable[[Connection, Writer, Place, bool], Done]


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
        _end_reports(conn, writer, one)
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
    return _do(conn, writer, conversation.about, found[0], proved=True)


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
        return _do(conn, writer, about, fitting[0], proved=True)
    found = find(conn, named)
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
    conversation = writer.conversation
    return places(conn, conversation.premises), conversation.proved


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
    named = writer.understood.place
    found = find(conn, named) if named is not None else Found()
    return _at_found(conn, writer, found, about) if found.places else who(writer, about)


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
    act: dict[Intent, OnPlace] = {Intent.OUT: _out, Intent.OFF: _off, Intent.ON: _on}
    if about not in act:
        return _status(conn, writer, [at], proved=proved)
    return act[about](conn, writer, at, proved)


def _out(conn: Connection, writer: Writer, at: Place, proved: bool) -> Done:  # noqa: FBT001  # one of OnPlace
    service = _service(writer, at)
    here = _here(conn, writer, at, service)
    if here is not None and not here.back:
        return _known(conn, writer, at, here, proved=proved)
    back_at = None if here is None else here.back_at
    if proved and back_at is not None and writer.now - back_at <= STILL_OUT_WITHIN:
        return _off(conn, writer, at, proved)
    _write_down(conn, writer, at, service, ReportKind.OUT, None)
    return Done(
        say="out_received",
        outcome="reported",
        facts=_about(writer, at, service),
        for_staff=True,
    )


def _off(conn: Connection, writer: Writer, at: Place, proved: bool) -> Done:  # noqa: FBT001  # one of OnPlace
    service = _service(writer, at, conn)
    here = _here(conn, writer, at, service)
    if here is not None and not here.back:
        return _known(conn, writer, at, here, proved=proved)
    outcome = "still_out_reported"
    if here is not None and proved and _reopens(conn, writer, at, here):
        outcome = "premise_reopened"
    else:
        known = None if here is None else here
        _write_down(conn, writer, at, service, ReportKind.STILL_OUT, known)
    return Done(
        say="off_received", outcome=outcome, facts=_about(writer, at, service), for_staff=True
    )


def _on(conn: Connection, writer: Writer, at: Place, proved: bool) -> Done:  # noqa: FBT001  # one of OnPlace
    del proved
    if not _end_reports(conn, writer, at):
        service = _service(writer, at, conn)
        here = _here(conn, writer, at, service)
        _write_down(conn, writer, at, service, ReportKind.ON, here)
    return Done(say="on_received", outcome="back_on", facts={"at": _at(writer, at)})


def _end_reports(conn: Connection, writer: Writer, at: Place) -> bool:
    """End what this number has reported of a place; return whether a premise is restored by it.

    Whoever has let an interruption go on by "still out" ends it again.
    """
    mine = reports.open_reports(
        conn,
        premises=[at.key],
        since=writer.now - NAMED_FOR,
        endpoint_key=writer.endpoint_key,
    )
    known = {stay.outage_key for stay in stays(conn, [at.key], writer.now) if not stay.back}
    reopened = [
        one
        for one in mine
        if one.kind is ReportKind.STILL_OUT and one.outage_key in known
    ]
    reports.end(conn, [one.key for one in mine if one not in reopened])
    if reopened:
        report = _report(writer, at, reopened[-1].service, ReportKind.ON, reopened[-1].outage_key)
        ended = [one.key for one in reopened]
        still_out.take_back(conn, report, ended, actor=writer.actor)
    return bool(reopened)


def _known(
    conn: Connection, writer: Writer, at: Place, here: Stay, *, proved: bool
) -> Done:
    """It is out, and we know it: the report goes with the outage, and who may know hears of it."""
    _write_down(conn, writer, at, here.service, ReportKind.OUT, here)
    if not proved:
        return Done(
            say="out_received",
            outcome="reported_known",
            facts=_about(writer, at, here.service),
        )
    return Done(
        say="out_known",
        outcome="reported_known",
        facts={"facts": telling.news(conn, writer, [at], [here])},
    )


def _reopens(conn: Connection, writer: Writer, at: Place, here: Stay) -> bool:
    """Let the interruption of this premise go on, if its outage can still be reopened."""
    if here.restoration_key is None:
        return False
    report = _report(writer, at, here.service, ReportKind.STILL_OUT, here.outage_key)
    try:
        still_out.take(conn, report, here.restoration_key, actor=writer.actor)
    except NotAllowedNowError:
        return False
    return True


def _status(
    conn: Connection, writer: Writer, mine: Sequence[Place], *, proved: bool
) -> Done:
    if not proved:
        here = any(area_is_out(conn, one.key) for one in mine)
        say = "area_out" if here else "area_none"
        return Done(say=say, outcome="told_area", facts={"as_of": telling.as_of(writer)})
    keys = [one.key for one in mine]
    known = [stay for stay in stays(conn, keys, writer.now) if not stay.back]
    where = telling.at(mine, writer.language)
    told = [telling.news(conn, writer, mine, known)] if known else []
    if advisories(conn, keys):
        told.append(telling.advisory(mine, writer.language))
    if told:
        return Done(say="status_out", outcome="told_out", facts={"facts": " ".join(told)})
    return Done(
        say="status_none",
        outcome="told_none",
        facts={"at": where, "as_of": telling.as_of(writer)},
    )


def _service(writer: Writer, at: Place, conn: Connection | None = None) -> Service:
    """The service that is meant: named, else the one that went lately, else the utility's first."""
    named = writer.understood.service
    if named is not None and Service(named) in at.services:
        return Service(named)
    if conn is not None:
        here = stays(conn, [at.key], writer.now)
        if here:
            return here[0].service
    ours = [service for service in writer.site.services if service in at.services]
    return (ours or sorted(at.services) or list(writer.site.services))[0]


def _here(conn: Connection, writer: Writer, at: Place, service: Service) -> Stay | None:
    found = stays(conn, [at.key], writer.now)
    return next((stay for stay in found if stay.service is service), None)


def _report(
    writer: Writer, at: Place, service: Service, kind: ReportKind, outage_key: int | None
) -> CustomerReport:
    return CustomerReport(
        kind=kind,
        source=writer.source,
        premise_key=at.key,
        service=service,
        endpoint_key=writer.endpoint_key,
        outage_key=outage_key,
    )


def _write_down(
    conn: Connection,
    writer: Writer,
    at: Place,
    service: Service,
    kind: ReportKind,
    here: Stay | None,
) -> None:
    outage_key = None if here is None else here.outage_key
    report = _report(writer, at, service, kind, outage_key)
    key = reports.write_down(conn, report)
    reports.tell(conn, key, report, actor=writer.actor)


def _about(writer: Writer, at: Place, service: Service) -> dict[str, object]:
    return {"at": _at(writer, at), "service": telling.service_name(writer, service)}


def _at(writer: Writer, at: Place) -> str:
    return telling.at([at], writer.language)
