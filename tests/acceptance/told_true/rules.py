"""What must hold of every message, rule by rule; each breach is a fault with its rule's name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from zoneinfo import ZoneInfo

from tests.acceptance.told_true import words
from tests.acceptance.told_true.people import People
from tests.acceptance.told_true.record import Record, Row
from tests.acceptance.told_true.truth import GONE_WITHOUT, Standing, Truth

HEARD = frozenset({"claimed", "unknown", "accepted", "delivered", "shadowed"})
"""States of a message that its endpoint has to be taken to have read."""
TAKEN = frozenset({"accepted", "delivered", "undelivered"})
"""States of a message that a provider had."""
OPEN = frozenset({"pending", "claimed"})
OUT = frozenset({"out", "intermittent"})
"""States that say that service is out."""
ANSWERS = frozenset({"reported", "still_out_received"})
"""Kinds that answer somebody's own words."""
SAYS_OUT = frozenset(
    {
        "detected", "no_etr_yet", "etr", "etr_later", "etr_passed", "crew", "partly_restored",
        "correction_out", "correction_intermittent", "planned_started", "still_out_received",
    }
)  # fmt: skip
SAYS_BACK = frozenset({"restored", "planned_done"})
SAYS_AHEAD = frozenset({"planned_notice", "planned_reminder", "planned_changed"})
TELLS = frozenset(
    {
        "reported", "detected", "no_etr_yet", "etr", "etr_later", "etr_passed", "crew",
        "partly_restored", "restored", "still_out_received", "correction", "cancelled",
        "planned_notice", "planned_reminder", "planned_started", "planned_changed",
        "planned_cancelled", "planned_done", "advisory", "advisory_lifted", "storm_watch",
    }
)  # fmt: skip
"""Decisions to tell something; every other one is a reason for telling nothing."""
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that must not be: by which rule, and a sentence for a person."""

    rule: str
    sentence: str
    message: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A storm before the checker."""

    record: Record
    truth: Truth
    people: People
    zone: ZoneInfo

    def claimed(self) -> Iterator[Row]:
        """Messages that state something; one that its provider did not take waits anew."""
        return (row for row in self.record.messages if row["text_key"] is not None)

    def heard(self) -> list[Row]:
        """What people have to be taken to have read, in the order in which it was claimed."""
        found = [row for row in self.claimed() if row["state"] in HEARD]
        return sorted(found, key=lambda row: (row["claimed_at"], row["tried_at"] or 0, row["key"]))

    def family(self, outage: int) -> int:
        """The outage that an outage goes on under in the end."""
        seen = {outage}
        while (heir := self.record.outages[outage]["merged_into"]) is not None:
            if heir in seen:
                break
            outage = heir
            seen.add(heir)
        return outage

    def name(self, row: Row) -> str:
        kind = "_".join(filter(None, (row["kind"], row["variant"])))
        return f"{row['channel']} {row['key']} ({kind} of {self.record.outages[row['outage_key']]['id']})"


    def lines(self) -> Iterator[tuple[int, int, list[Row]]]:
        """Endpoint, outage, and what it heard of that or of those it came of, in order.

        Of an outage that this one was split off or merged with only what was said before.
        """
        of: dict[int, list[tuple[int, float]]] = defaultdict(list)
        for key in self.record.outages:
            of[key].append((self.family(key), float("inf")))
        for origin in self.record.origins:
            if origin["origin_key"] != origin["outage_key"]:
                heir = self.family(origin["outage_key"])
                of[origin["origin_key"]].append((heir, origin["number"]))
        found: dict[tuple[int, int], dict[int, Row]] = defaultdict(dict)
        for row in self.heard():
            for outage, before in of[row["outage_key"]]:
                if row["number"] < before:
                    found[row["endpoint_key"], outage][row["key"]] = row
        for (endpoint, outage), line in found.items():
            yield endpoint, outage, list(line.values())


Rule = Callable[[Case], Iterator[Fault]]


def _fault(rule: str, case: Case, row: Row, what: str) -> Fault:
    return Fault(rule=rule, message=row["key"], sentence=f"{case.name(row)} {what}")


# Nobody is told the same thing twice.


def told_twice(case: Case) -> Iterator[Fault]:
    """Two in a row, of one outage or of one that it goes on under, that state the same."""
    for _, outage, line in case.lines():
        for before, after in pairwise(line):
            if after["kind"] in ANSWERS or case.family(after["outage_key"]) != outage:
                continue
            same_text = _text(case, before) == _text(case, after) and after["text_key"] is not None
            if same_text or _facts(before) == _facts(after):
                yield _fault(
                    "told_twice", case, after, f"says again what {case.name(before)} said"
                )


def _facts(row: Row) -> tuple[object, ...]:
    names = ("told_state", "told_time", "told_update", "told_crew", "told_places")
    minute = None if row["told_time"] is None else row["told_time"] // MINUTE_MS
    return (*(row[name] for name in names if name != "told_time"), minute)


def _text(case: Case, row: Row) -> str | None:
    text = case.record.texts.get(row["text_key"])
    return None if text is None else words.undated(text["body"])


def accepted_twice(case: Case) -> Iterator[Fault]:
    """A text that the simulator took more than once."""
    times: dict[str, int] = defaultdict(int)
    for taken in case.record.acceptances or ():
        if taken["channel"] == "sms" and taken["our_id"] is not None:
            times[taken["our_id"]] += 1
    for our_id, count in times.items():
        if count > 1:
            yield Fault(
                rule="accepted_twice",
                message=_number(our_id),
                sentence=f"text {our_id} was accepted {count} times",
            )


def _number(our_id: str) -> int | None:
    return int(our_id) if our_id.isdigit() else None


# Nothing is said that is not so at the moment of the claim.


def untrue(case: Case) -> Iterator[Fault]:
    """What a message states is held against every state it may have been claimed in."""
    for row in case.claimed():
        found: list[str] | None = None
        for place in case.record.positions(row):
            wrong = list(_wrong(case, row, place))
            found = wrong if found is None else [one for one in found if one in wrong]
            if not found:
                break
        yield from (_fault("untrue", case, row, one) for one in found or ())


def _wrong(case: Case, row: Row, place: int) -> Iterator[str]:
    """What is wrong with a message if it was claimed with so many entries on record."""
    standing = case.truth.standing(row["outage_key"], place)
    if standing is None:
        yield "was claimed before its outage was declared"
        return
    if standing.counting and row["kind"] not in ANSWERS:
        yield "was claimed while gis was counting"
        return
    kind = "_".join(filter(None, (row["kind"], row["variant"])))
    yield from _of_service(case, row, kind, standing, place)
    yield from _of_stage(case, row, kind, standing)
    yield from _of_times(case, row, kind, standing)
    yield from _of_words(case, row, kind, standing)


def _of_service(
    case: Case, row: Row, kind: str, standing: Standing, place: int
) -> Iterator[str]:
    """Whether service is out, back or never was."""
    outage = case.record.outages[row["outage_key"]]
    ever = case.truth.ever_members(row["outage_key"], place)
    theirs = case.people.concerned(row["endpoint_key"], ever, row["claimed_at"])
    here = theirs & standing.live if case.truth.interrupts(row["outage_key"], standing) else set()
    mine = {
        premise
        for premise in here
        if row["outage_key"] == _holder(case, premise, outage["service"], place)
    }
    dark = {p for p in theirs if case.truth.without(p, outage["service"], place)}
    if kind in SAYS_OUT and not mine:
        yield "says that service is out, and they have it"
    if kind in SAYS_BACK and dark:
        yield "says that service is back, and an interruption is open"
    if kind in SAYS_BACK and theirs and not (theirs - standing.live):
        yield "says that service is back, and nothing of theirs was restored"
    if kind == "partly_restored" and not (theirs & standing.members) - standing.live:
        yield "says that service is back at some of their places, and it is at none"
    if kind in {"correction_unaffected", "cancelled"} and here:
        yield "says that they are not affected, and they are"
    if kind == "advisory" and not theirs & standing.members:
        yield "warns somebody who is not inside"
    if kind in SAYS_OUT and row["told_places"] and row["told_places"] not in (
        min(len(mine), 15),
        min(len(here), 15),
    ):
        yield f"says {row['told_places']} places are out, and {len(mine)} are"


def _holder(case: Case, premise: int, service: str, place: int) -> int | None:
    """Whose the interruption of a premise is: unplanned before planned, older first."""
    found = [case.record.outages[key] for key in case.truth.without(premise, service, place)]
    order = sorted(found, key=lambda o: (o["kind"] != "unplanned", o["started_at"], o["key"]))
    return None if not order else int(order[0]["key"])


def _of_stage(case: Case, row: Row, kind: str, standing: Standing) -> Iterator[str]:
    outage = case.record.outages[row["outage_key"]]
    if outage["silent"]:
        yield "tells of an outage that nobody is told of"
    if kind in SAYS_OUT and standing.status in GONE_WITHOUT and not standing.listed:
        yield "says that service is out, and its feed lists the outage no longer"
    if kind in {"cancelled", "planned_cancelled"} and standing.status != "cancelled":
        yield f"takes back an outage that is {standing.status}"
    if kind in SAYS_AHEAD | {"storm_watch"} and standing.status != "predicted":
        yield f"says that it lies ahead, and it is {standing.status}"
    if kind == "advisory" and standing.status not in GONE_WITHOUT:
        yield f"warns of what is {standing.status}"
    if kind == "advisory_lifted" and standing.status != "closed":
        yield f"lifts an advisory that is {standing.status}"
    if kind == "crew" and standing.crew != "arrived":
        yield f"says that a crew is on site, and it is {standing.crew}"


def _of_times(case: Case, row: Row, kind: str, standing: Standing) -> Iterator[str]:
    """The times that the row keeps as told."""
    if kind in ANSWERS:
        return
    told, version, now = row["told_time"], row["told_etr_version"], row["claimed_at"]
    known = case.record.etrs.get((row["outage_key"], standing.etr or 0))
    current = known["latest"] if known is not None and known["latest"] > now else None
    again = row["sends"] > 1  # in the words of the first time, while they are not too far off
    if kind in SAYS_AHEAD:
        if told != standing.starts:
            yield "states a start of the work that is not the one planned"
        elif told is not None and told <= now:
            yield "says that work lies ahead whose time has come"
        return
    if kind not in SAYS_OUT or again:
        return
    if version is not None and (version != standing.etr or told != current):
        yield f"states ETR version {version}, and the one that holds is {standing.etr}"
    if version is None and current is not None:
        yield f"states no ETR, and version {standing.etr} holds"
    if version is None and told is not None and told != standing.next_update:
        yield "promises more at a time that nobody has promised"
    if kind in {"etr", "etr_later"} and version is None:
        yield "is about an ETR and states none"
    if row["told_crew"] and standing.crew != "arrived" and kind == "crew":
        yield "keeps as told that a crew is on site, and none is"


def _of_words(case: Case, row: Row, kind: str, standing: Standing) -> Iterator[str]:
    """What the text itself says, held against what is so and against its own row."""
    text = case.record.texts.get(row["text_key"])
    if text is None or text["language"] != "en" or row["sends"] > 1 or kind in ANSWERS:
        return
    says, now = words.stated(text["body"]), row["claimed_at"]
    known = case.record.etrs.get((row["outage_key"], standing.etr or 0))
    current = known["latest"] if known is not None and known["latest"] > now else None
    clock = None if current is None else words.on_the_clock(current, case.zone)
    if says.etr is not None and says.etr != clock:
        yield f"reads as an ETR of {says.etr}, and the one that holds is {clock}"
    if says.no_etr and current is not None:
        yield f"reads as if there were no ETR, and it is {clock}"
    if row["told_etr_version"] is not None and says.etr is None:
        yield "keeps an ETR as told that its text does not state"
    if says.more_by is not None and (
        standing.next_update is None
        or says.more_by != words.on_the_clock(standing.next_update, case.zone)
    ):
        yield f"reads as if more would come at {says.more_by}, and nobody has promised that"
    if says.as_of is None or says.as_of != words.on_the_clock(now, case.zone):
        yield f"reads as of {says.as_of}, and it was claimed at another time"
    if says.on_site and standing.crew != "arrived":
        yield f"reads as if a crew were on site, and it is {standing.crew}"
    if says.back != (kind in SAYS_BACK | {"partly_restored"}):
        yield "reads as something else than its kind: back, or not back"
    if kind not in SAYS_OUT and says.out:
        yield "reads as something else than its kind: out"


# Whoever was told "out" is told how it ended.


def left_in_the_dark(case: Case) -> Iterator[Fault]:
    """Who last heard "out" of an outage that is over for them, and why that is."""
    places = len(case.record.entries)
    for endpoint, outage, line in case.lines():
        row = line[-1]
        standing = case.truth.standing(outage, places)
        if standing is None or standing.counting:
            continue
        theirs = _ever_theirs(case, endpoint, outage, row)
        service = case.record.outages[outage]["service"]
        dark = {p for p in theirs if case.truth.without(p, service, places)}
        if row["told_state"] in OUT and theirs and not dark:
            if _reason(case, endpoint, outage, row) is None:
                yield _fault(
                    "never_told_the_end", case, row, "is the last word, and service is back"
                )
        elif row["told_state"] == "advised" and standing.status in {"closed", "cancelled"}:
            if _reason(case, endpoint, outage, row) is None:
                yield _fault("never_told_the_end", case, row, "is the last word, and it is over")
        elif row["told_state"] == "back" and theirs & standing.live & dark:
            if standing.listed and _reason(case, endpoint, outage, row) is None:
                yield _fault("never_told_the_end", case, row, "is the last word, and they are out")


def _ever_theirs(case: Case, endpoint: int, outage: int, row: Row) -> set[int]:
    places = len(case.record.entries)
    ever = case.truth.ever_members(outage, places) | case.truth.ever_members(
        row["outage_key"], places
    )
    return case.people.concerned(endpoint, ever, _end(case))


def _end(case: Case) -> int:
    return max((entry.at for entry in case.record.entries), default=0)


NAMED = frozenset(
    {
        "opted_out", "invalid_endpoint", "no_alerts_wanted", "send_mode", "no_provider",
        "not_approved", "spending_cap", "tried_enough", "no_word", "not_resent", "refused",
    }
)  # fmt: skip
"""Reasons on a message that ended untold which say why somebody was not told."""


def _reason(case: Case, endpoint: int, outage: int, last: Row) -> str | None:
    """Why somebody was not told how it ended: by what is on record of them, or of their message."""
    family = {key for key in case.record.outages if case.family(key) == outage}
    for row in case.record.messages:
        if row["endpoint_key"] != endpoint or row["key"] <= last["key"]:
            continue
        if row["outage_key"] in family and (row["state"] in OPEN or row["reason"] in NAMED):
            return row["reason"] or "pending"
        if row["outage_key"] in family and row["state"] in {"undelivered", "failed"}:
            return str(row["state"])
    end, known = _end(case), case.record.endpoints[endpoint]
    theirs = _ever_theirs(case, endpoint, outage, last)
    for so, reason in (
        (known["opted_out_at"] is not None, "opted_out"),
        (known["invalid_at"] is not None, "invalid_endpoint"),
        (not case.people.wants_any(endpoint, theirs, end), "no_alerts_wanted"),
        (_only_unlisted(case, family, theirs), "no_longer_listed"),
    ):
        if so and any(
            row["decision"] == reason and row["outage_key"] in family
            for row in case.record.decisions
        ):
            return reason
    return _told_by_another(case, endpoint, outage, theirs, last)


def _only_unlisted(case: Case, family: set[int], theirs: set[int]) -> bool:
    """Whether nobody knows that service is back: a feed only no longer lists the outage."""
    ends = {
        row["outcome"]
        for row in case.record.interruptions
        if row["premise_key"] in theirs
        and (row["outage_key"] in family or row["first_outage_key"] in family)
        and (
            row["restoration_key"] is None
            or not case.record.restorations[row["restoration_key"]]["tell"]
        )
    }
    unlisted = any(case.record.outages[key]["unlisted_since"] is not None for key in family)
    return unlisted and "restored" not in ends


def _told_by_another(
    case: Case, endpoint: int, outage: int, theirs: set[int], last: Row
) -> str | None:
    """Whether another outage over the same ground told them later how it stands."""
    service = case.record.outages[outage]["service"]
    for row in case.heard():
        if row["endpoint_key"] != endpoint or row["key"] <= last["key"]:
            continue
        other = row["outage_key"]
        if case.record.outages[other]["service"] != service or row["told_state"] in OUT:
            continue
        if theirs & case.truth.ever_members(other, len(case.record.entries)):
            return "told_for_other_outage"
    return None


# Not too late, and not to who has stopped.


def past_expiry(case: Case) -> Iterator[Fault]:
    """A text claimed, or taken by its provider, when it was stale."""
    by_id = {str(row["key"]): row for row in case.record.messages}
    for row in case.claimed():
        if row["expires_at"] is None:
            continue
        if row["claimed_at"] >= row["expires_at"]:
            yield _fault("past_expiry", case, row, "was claimed when it had expired")
        if row["accepted_at"] is not None and row["accepted_at"] > row["expires_at"]:
            yield _fault("past_expiry", case, row, "was accepted when it had expired")
    for taken in case.record.acceptances or ():
        row = by_id.get(taken["our_id"] or "", {})
        if not row or row["expires_at"] is None or taken["channel"] != "sms":
            continue
        at = case.record.business_at(taken["accepted_ms"])
        if at is not None and at > row["expires_at"]:
            yield _fault("past_expiry", case, row, "reached the provider when it had expired")
        left_s = (row["expires_at"] - row["claimed_at"]) / 1000
        if taken["validity_s"] is None or taken["validity_s"] > left_s + 1:
            yield _fault("past_expiry", case, row, "may be delivered after it has expired")


def stopped(case: Case) -> Iterator[Fault]:
    """Nothing is claimed for an endpoint that has stopped, or that is known to be bad."""
    stops: dict[int, list[tuple[int, bool]]] = defaultdict(list)
    for reply in case.record.replies:
        if reply["outcome"] in {"opted_out", "opted_in"} and reply["applied_at"] is not None:
            stops[reply["endpoint_key"]].append(
                (reply["applied_at"], reply["outcome"] == "opted_out")
            )
    for row in case.claimed():
        endpoint = case.record.endpoints[row["endpoint_key"]]
        for column, said in (("opted_out_at", "stopped"), ("invalid_at", "been found bad")):
            since = endpoint[column]
            if since is not None and since < row["claimed_at"]:
                yield _fault("stopped", case, row, f"was claimed after its endpoint had {said}")
        if row["tried_at"] is None:
            continue
        before = [stop for at, stop in stops[row["endpoint_key"]] if at < row["tried_at"]]
        if before and before[-1] and endpoint["opted_out_at"] is None:
            yield _fault("stopped", case, row, "was claimed between STOP and START")


# Everybody comes to an end, and only they.


def sums(case: Case) -> Iterator[Fault]:
    """Decisions to tell, messages on record and their ends are as many as each other."""
    planned: dict[int, int] = defaultdict(int)
    written: dict[int, int] = defaultdict(int)
    for row in case.record.decisions:
        if row["decision"] in TELLS:
            planned[row["outage_key"]] += row["count"]
    for row in case.record.messages:
        written[row["outage_key"]] += 1
        if row["state"] in OPEN or (row["state"] == "unknown" and row["ended_at"] is None):
            yield _fault("sums", case, row, f"is {row['state']} at the end of the storm")
    for key in sorted(set(planned) | set(written)):
        if planned[key] != written[key]:
            yield Fault(
                rule="sums",
                sentence=f"of {case.record.outages[key]['id']} {planned[key]} were decided on "
                f"and {written[key]} are on record",
            )


def audience(case: Case) -> Iterator[Fault]:
    """Each entry that may tell decides for everybody behind the outage's premises, once each."""
    decided: dict[tuple[int, int], int] = defaultdict(int)
    for row in case.record.decisions:
        decided[row["number"], row["outage_key"]] += row["count"]
    answers = {
        (row["number"], row["outage_key"])
        for row in case.record.messages
        if row["kind"] in ANSWERS
    }
    for place, entry in enumerate(case.record.entries, 1):
        key = entry.outage
        if key is None or (entry.number, key) in answers or not _may_tell(entry.kind, entry.data):
            continue
        found = decided.get((entry.number, key), 0)
        if not found and entry.kind == "progress":
            continue  # nothing in it that anybody is told of
        # Who is behind it is looked at when the entry is worked, maybe after later ones.
        counts = {
            len(case.people.endpoints(case.truth.ever_members(key, then), entry.at))
            for then in range(place, _worked_by(case, place) + 1)
        }
        if found not in counts:
            yield Fault(
                rule="audience",
                sentence=f"entry {entry.number} of {case.record.outages[key]['id']} decided for "
                f"{found} people, and {sorted(counts)} are behind its premises",
            )


def _may_tell(kind: str, data: Row) -> bool:
    if kind == "matched":
        return data.get("kind") != "premisesChanged"
    return kind in {"progress", "listed", "etrPassed", "updatePassed", "startNear"}


def _worked_by(case: Case, place: int) -> int:
    """How many entries there were when everybody had finished with one: at the next barrier."""
    later = [
        row["journal_number"] for row in case.record.barriers if row["journal_number"] >= place
    ]
    return min(later, default=len(case.record.entries))


# The simulator's log, the barriers and the record say the same.


def provider_log(case: Case) -> Iterator[Fault]:
    """Every acceptance is of a message that says so, in its words and to its address."""
    if case.record.acceptances is None:
        return
    by_id = {str(row["key"]): row for row in case.record.messages}
    taken_ids = {taken["our_id"] for taken in case.record.acceptances}
    for taken in case.record.acceptances:
        row = by_id.get(taken["our_id"] or "")
        if row is None:
            continue  # an answer to a reply, or mail of somebody else's
        address = case.record.endpoints[row["endpoint_key"]]["address"]
        text = case.record.texts.get(row["text_key"])
        if taken["recipient"] != address:
            yield _fault("provider_log", case, row, "went to another address than its endpoint's")
        if text is not None and taken["body"].strip() != text["body"].strip():
            yield _fault("provider_log", case, row, "went out in other words than are on record")
        if row["state"] not in TAKEN | {"claimed", "unknown", "failed"}:
            yield _fault("provider_log", case, row, f"was accepted and is {row['state']}")
    for row in case.record.messages:
        if row["state"] in TAKEN and row["kind"] not in ANSWERS and str(row["key"]) not in taken_ids:
            yield _fault("provider_log", case, row, f"is {row['state']} and was never accepted")


def clocks(case: Case) -> Iterator[Fault]:
    """Business time of a claim is what the barriers make of its wall time."""
    for row in case.claimed():
        if row["tried_at"] is None:
            continue
        at = case.record.business_at(row["tried_at"])
        early = case.record.business_at(row["tried_at"] - case.record.slack_ms - 1)
        if at is not None and row["claimed_at"] not in {at, early}:
            yield _fault("clocks", case, row, "was claimed at a business time of no barrier")


def reconstruction(case: Case) -> Iterator[Fault]:
    """What the checker has worked out ends as the record does."""
    yield from (
        Fault(rule="reconstruction", sentence=sentence)
        for sentence in case.truth.disagreements()
    )


RULES: Sequence[Rule] = (
    told_twice,
    accepted_twice,
    untrue,
    left_in_the_dark,
    past_expiry,
    stopped,
    sums,
    audience,
    provider_log,
    clocks,
    reconstruction,
)
