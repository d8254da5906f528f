"""What is reported of one place: out, still out, on again, and what of it is taken back."""

from datetime import timedelta

from sqlalchemy.engine import Connection

from notifier.replies import telling
from notifier.replies.acting import Done, Writer
from notifier.replies.conversation import NAMED_FOR
from notifier.replies.standing import Place, Stay, stays
from outage import reports, still_out
from outage.errors import NotAllowedNowError
from outage.model import Service
from outage.reports import CustomerReport, ReportKind

STILL_OUT_WITHIN = timedelta(hours=2)
"""OUT so soon after "restored" means that it never came back; later it is a new outage."""


def out(conn: Connection, writer: Writer, at: Place, proved: bool) -> Done:  # noqa: FBT001  # one of several alike
    """Report that service is out there."""
    service = _service(writer, at)
    here = _here(conn, writer, at, service)
    if here is not None and not here.back:
        return _known(conn, writer, at, here, proved=proved)
    back_at = None if here is None else here.back_at
    if proved and back_at is not None and writer.now - back_at <= STILL_OUT_WITHIN:
        return off(conn, writer, at, proved)
    _write_down(conn, writer, _report(writer, at, service, ReportKind.OUT, None))
    return Done(
        say="out_received",
        outcome="reported",
        facts=_about(writer, at, service, proved=proved),
        for_staff=True,
    )


def off(conn: Connection, writer: Writer, at: Place, proved: bool) -> Done:  # noqa: FBT001  # one of several alike
    """Report that it is still out there; who may say so reopens the premise."""
    service = _service(writer, at, conn)
    here = _here(conn, writer, at, service)
    if here is not None and not here.back:
        return _known(conn, writer, at, here, proved=proved)
    outcome = "still_out_reported"
    still: tuple[int, int] | None = None
    if here is not None and proved and _reopens(conn, writer, at, here):
        outcome, still = "premise_reopened", (here.outage_key, at.key)
    else:
        # Who has proved nothing speaks for no household, also not when they say that it is back.
        known = here if proved else None
        _write_down(conn, writer, _report(writer, at, service, ReportKind.STILL_OUT, known))
    return Done(
        say="off_received",
        outcome=outcome,
        facts=_about(writer, at, service, proved=proved),
        for_staff=True,
        still_out=still,
    )


def on(conn: Connection, writer: Writer, at: Place, proved: bool) -> Done:  # noqa: FBT001  # one of several alike
    """Report that it is back there."""
    if not end_reports(conn, writer, at):
        service = _service(writer, at, conn)
        here = _here(conn, writer, at, service)
        _write_down(conn, writer, _report(writer, at, service, ReportKind.ON, here))
    return Done(say="on_received", outcome="back_on", facts={"at": _at(writer, at, proved=proved)})


def _known(conn: Connection, writer: Writer, at: Place, here: Stay, *, proved: bool) -> Done:
    """It is out, and we know it: the report goes with the outage, and who may know hears of it."""
    _write_down(conn, writer, _report(writer, at, here.service, ReportKind.OUT, here))
    if not proved:
        return Done(
            say="out_received",
            outcome="reported_known",
            facts=_about(writer, at, here.service, proved=False),
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
    report = _report(writer, at, here.service, ReportKind.STILL_OUT, here)
    try:
        still_out.take(conn, report, here.restoration_key, actor=writer.actor)
    except NotAllowedNowError:
        return False
    return True


def end_reports(conn: Connection, writer: Writer, at: Place) -> bool:
    """End what this number has reported of a place; return whether a premise is restored by it.

    Of the service that is named; of each where none is.
    Whoever has let an interruption go on by "still out" ends it again.
    """
    named = _named(writer, at)
    mine = [
        one
        for one in reports.open_reports(
            conn,
            premises=[at.key],
            since=writer.now - NAMED_FOR,
            endpoint_key=writer.endpoint_key,
        )
        if named in {None, one.service}
    ]
    out = {stay.outage_key: stay for stay in stays(conn, [at.key], writer.now) if not stay.back}
    reopened = [one for one in mine if one.kind is ReportKind.STILL_OUT and one.outage_key in out]
    reports.end(conn, [one.key for one in mine if one not in reopened])
    if reopened:
        here = next(stay for key, stay in out.items() if key == reopened[-1].outage_key)
        report = _report(writer, at, here.service, ReportKind.ON, here)
        ended = [one.key for one in reopened]
        still_out.take_back(conn, report, ended, actor=writer.actor)
    return bool(reopened)


def _service(writer: Writer, at: Place, conn: Connection | None = None) -> Service:
    """The service that is meant: named, else the one that went lately, else the utility's first."""
    named = _named(writer, at)
    if named is not None:
        return named
    if conn is not None:
        here = stays(conn, [at.key], writer.now)
        if here:
            return here[0].service
    ours = [service for service in writer.site.services if service in at.services]
    return (ours or sorted(at.services) or list(writer.site.services))[0]


def _named(writer: Writer, at: Place) -> Service | None:
    """The service that is named, if that place has it."""
    named = writer.understood.service
    return Service(named) if named is not None and Service(named) in at.services else None


def _here(conn: Connection, writer: Writer, at: Place, service: Service) -> Stay | None:
    found = stays(conn, [at.key], writer.now)
    return next((stay for stay in found if stay.service is service), None)


def _report(
    writer: Writer, at: Place, service: Service, kind: ReportKind, here: Stay | None
) -> CustomerReport:
    return CustomerReport(
        kind=kind,
        source=writer.source,
        premise_key=at.key,
        service=service,
        endpoint_key=writer.endpoint_key,
        outage_key=None if here is None else here.outage_key,
    )


def _write_down(conn: Connection, writer: Writer, report: CustomerReport) -> None:
    key = reports.write_down(conn, report)
    reports.tell(conn, key, report, actor=writer.actor)


def _about(writer: Writer, at: Place, service: Service, *, proved: bool) -> dict[str, object]:
    named = telling.service_name(writer, service)
    return {"at": _at(writer, at, proved=proved), "service": named}


def _at(writer: Writer, at: Place, *, proved: bool) -> str:
    """Where; to who has proved nothing without its street."""
    return telling.at([at], writer.language) if proved else telling.somewhere(writer.language)
