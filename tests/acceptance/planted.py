"""Faults to plant in the storm of `test_told_true`: statements of SQL, on the record or the log."""

from __future__ import annotations

from dataclasses import dataclass

MINUTE_MS = 60_000
LOG = "log:"
"""How a statement on the simulator's log begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """One fault: the rule that has to name it, words of what that says, and how it is planted."""

    rule: str
    says: str
    statements: tuple[str, ...]


def told(kind: str) -> str:
    """The message of a kind to the phone in house 5."""
    return f"(SELECT key FROM messages AS one WHERE one.kind = '{kind}' AND one.endpoint_key = 5)"


def moved(kind: str, minutes: int) -> str:
    """Let a message have been claimed at another time, by both clocks: late at that barrier."""
    at = f"(SELECT claimed_at + {minutes * MINUTE_MS} FROM messages WHERE key = {told(kind)})"
    number = f"(SELECT max(number) FROM barriers WHERE business_at <= {at})"
    return (
        "UPDATE messages SET "
        f"tried_at = (SELECT wall_at - 1 FROM barriers WHERE number = {number} + 1), "
        f"claimed_at = (SELECT business_at FROM barriers WHERE number = {number}) "
        f"WHERE key = {told(kind)}"
    )


CREW, DETECTED, ETR, RESTORED = (told(kind) for kind in ("crew", "detected", "etr", "restored"))

PLANTED = {
    "word of an area to who never asked for it": Planted(
        rule="by_area",
        says="goes to who never said yes to it",
        statements=(
            (
                "UPDATE messages SET kind = 'area_out', told_state = 'area_out' "
                f"WHERE key = {DETECTED}"
            ),
        ),
    ),
    "word of an area to who is out themselves": Planted(
        rule="by_area",
        says="tells of an area to who is out themselves",
        statements=(
            (
                "UPDATE messages SET kind = 'area_out', told_state = 'area_out' "
                f"WHERE key = {DETECTED}"
            ),
        ),
    ),
    "the same text a second time": Planted(
        rule="told_twice",
        says="says again what",
        statements=(
            (
                "UPDATE messages SET text_key = (SELECT text_key FROM messages WHERE key = "
                f"{DETECTED}) WHERE key = {ETR}"
            ),
        ),
    ),
    "the same facts a second time": Planted(
        rule="told_twice",
        says="says again what",
        statements=(
            (
                "UPDATE messages SET (told_time, told_crew) = (SELECT told_time, told_crew "
                f"FROM messages WHERE key = {ETR}) WHERE key = {CREW}"
            ),
        ),
    ),
    "out by one outage, as another one has said": Planted(
        rule="told_by_two",
        says="(detected of",
        statements=(
            (
                "UPDATE messages SET kind = 'detected', told_time = NULL, told_etr_version = NULL "
                "WHERE kind = 'etr' AND endpoint_key = 11 AND outage_key = 6"
            ),
        ),
    ),
    "back by one outage, as another one has said": Planted(
        rule="told_by_two",
        says="(restored of",
        statements=(
            (
                "UPDATE messages SET number = 0, outage_key = 6, kind = 'restored', "
                "endpoint_key = 11 WHERE kind = 'planned_done' AND endpoint_key = 9 "
                "AND outage_key = 5"
            ),
        ),
    ),
    "a text accepted twice": Planted(
        rule="accepted_twice",
        says="was accepted 2 times",
        statements=(
            (
                "log:INSERT INTO messages SELECT number + 9000, sid || 'x', channel, "
                "recipient, sender, service_sid, subject, body, html, segments, our_id, 1, "
                "status, failure, error_code, callback_url, validity_s, details, accepted_ms, "
                "sent_ms, updated_ms, due_ms FROM messages WHERE channel = 'sms' ORDER BY "
                "number LIMIT 1"
            ),
        ),
    ),
    "out, when service is back": Planted(
        rule="untrue",
        says="says that service is out",
        statements=(moved("etr_later", 60),),
    ),
    "restored, while it is out": Planted(
        rule="untrue",
        says="an interruption is open",
        statements=(moved("restored", -30),),
    ),
    "restored, where nothing was": Planted(
        rule="untrue",
        says="nothing of theirs was restored",
        statements=(
            (
                "UPDATE memberships SET until = NULL, outcome = NULL, restoration_key = NULL "
                "WHERE premise_key = 5 AND outage_key = 1"
            ),
        ),
    ),
    "partly restored, where nothing is": Planted(
        rule="untrue",
        says="at some of their places",
        statements=(f"UPDATE messages SET kind = 'partly_restored' WHERE key = {CREW}",),
    ),
    "a number of places that is none": Planted(
        rule="untrue",
        says="places are out",
        statements=(f"UPDATE messages SET told_places = 2 WHERE key = {DETECTED}",),
    ),
    "an ETR that has been replaced": Planted(
        rule="untrue",
        says="states ETR version 1",
        statements=(moved("etr", 40),),
    ),
    "no ETR, when there is one": Planted(
        rule="untrue",
        says="states no ETR, and version 1",
        statements=(moved("detected", 5),),
    ),
    "an ETR in words that is another one": Planted(
        rule="untrue",
        says="reads as an ETR of",
        statements=("UPDATE texts SET body = replace(body, 'back Sun 3:00PM', 'back Sun 4:00PM')",),
    ),
    "no ETR in words, when there is one": Planted(
        rule="untrue",
        says="reads as if there were no ETR",
        statements=(
            (
                "UPDATE texts SET body = replace(body, 'st. back Sun 3:00PM', 'o return time "
                "yet. No return time yet')"
            ),
        ),
    ),
    "more to come that nobody promised": Planted(
        rule="untrue",
        says="nobody has promised that",
        statements=(
            (
                "UPDATE texts SET body = replace(body, 'No return time yet.', 'No return time "
                "yet. More by Sun 2:00PM.')"
            ),
        ),
    ),
    "a promise that nobody made": Planted(
        rule="untrue",
        says="nobody has promised",
        statements=(
            (
                "UPDATE messages SET told_time = claimed_at + 999000, told_update = 1 WHERE "
                f"key = {DETECTED}"
            ),
        ),
    ),
    "a text as of another time": Planted(
        rule="untrue",
        says="reads as of",
        statements=("UPDATE texts SET body = replace(body, 'As of Sun 12', 'As of Sun 11')",),
    ),
    "back in words, when it is out": Planted(
        rule="untrue",
        says="back, or not back",
        statements=(
            "UPDATE texts SET body = replace(body, 'Power out at', 'Power should be back at')",
        ),
    ),
    "a crew that is not there": Planted(
        rule="untrue",
        says="says that a crew is on site",
        statements=("UPDATE journal SET state = replace(state, 'arrived', 'enroute')",),
    ),
    "a crew in words that is not there": Planted(
        rule="untrue",
        says="reads as if a crew were on site",
        statements=(
            (
                "UPDATE texts SET body = replace(body, 'No return time yet.', 'Crew on site. "
                "No return time yet.')"
            ),
        ),
    ),
    "a withdrawal of what stands": Planted(
        rule="untrue",
        says="takes back an outage that is",
        statements=(
            ("UPDATE messages SET kind = 'cancelled' WHERE kind = 'restored' AND outage_key = 1"),
        ),
    ),
    "no longer affected, and they are": Planted(
        rule="untrue",
        says="they are not affected, and they are",
        statements=(
            (f"UPDATE messages SET kind = 'correction', variant = 'unaffected' WHERE key = {ETR}"),
        ),
    ),
    "an advisory lifted that stands": Planted(
        rule="untrue",
        says="lifts an advisory",
        statements=(moved("advisory_lifted", -5),),
    ),
    "an advisory to somebody outside": Planted(
        rule="untrue",
        says="not inside",
        statements=(
            ("UPDATE messages SET endpoint_key = 11 WHERE kind = 'advisory' AND endpoint_key = 5"),
        ),
    ),
    "planned work at another time": Planted(
        rule="untrue",
        says="a start of the work",
        statements=(
            "UPDATE messages SET told_time = told_time + 600000 WHERE kind = 'planned_notice'",
        ),
    ),
    "planned work ahead that has begun": Planted(
        rule="untrue",
        says="lies ahead, and it is confirmed",
        statements=("UPDATE journal SET state = replace(state, 'predicted', 'confirmed')",),
    ),
    "an outage that nobody is told of": Planted(
        rule="untrue",
        says="nobody is told of",
        statements=("UPDATE outages SET silent = 1 WHERE key = 1",),
    ),
    "a claim while gis was counting": Planted(
        rule="untrue",
        says="while gis was counting",
        statements=(
            (
                "DELETE FROM journal WHERE kind = 'matched' AND number = (SELECT min(number) "
                "FROM journal WHERE kind = 'matched')"
            ),
        ),
    ),
    "nobody said that it was over": Planted(
        rule="never_told_the_end",
        says="and service is back",
        statements=(
            (
                "UPDATE messages SET state = 'withdrawn', reason = 'nothing_new' WHERE key = "
                f"{RESTORED}"
            ),
        ),
    ),
    "nobody said that an advisory was over": Planted(
        rule="never_told_the_end",
        says="and it is over",
        statements=(
            (
                "UPDATE messages SET state = 'withdrawn', reason = 'nothing_new' WHERE kind = "
                "'advisory_lifted' AND endpoint_key = 5"
            ),
        ),
    ),
    "a text claimed too late": Planted(
        rule="past_expiry",
        says="was claimed when it had expired",
        statements=(f"UPDATE messages SET expires_at = claimed_at - 1 WHERE key = {ETR}",),
    ),
    "a text accepted too late": Planted(
        rule="past_expiry",
        says="was accepted when it had expired",
        statements=(f"UPDATE messages SET accepted_at = expires_at + 1 WHERE key = {ETR}",),
    ),
    "a text that reached the provider too late": Planted(
        rule="past_expiry",
        says="reached the provider",
        statements=(
            ("log:UPDATE messages SET accepted_ms = accepted_ms + 86400000 WHERE channel = 'sms'"),
            (
                "INSERT INTO barriers SELECT number + 900, business_at + 86400000, wall_at + "
                "80000000, journal_number FROM barriers ORDER BY number DESC LIMIT 1"
            ),
        ),
    ),
    "a text that is valid for too long": Planted(
        rule="past_expiry",
        says="may be delivered after",
        statements=(
            ("log:UPDATE messages SET validity_s = validity_s + 60 WHERE validity_s IS NOT NULL"),
        ),
    ),
    "a claim after STOP": Planted(
        rule="stopped",
        says="after its endpoint had stopped",
        statements=(
            (
                "UPDATE endpoints SET opted_out_at = (SELECT claimed_at - 1 FROM messages "
                f"WHERE key = {ETR}) WHERE key = 5"
            ),
        ),
    ),
    "a claim for a number known to be bad": Planted(
        rule="stopped",
        says="had been found bad",
        statements=(
            (
                "UPDATE endpoints SET invalid_at = (SELECT claimed_at - 1 FROM messages WHERE "
                f"key = {ETR}) WHERE key = 5"
            ),
        ),
    ),
    "a claim between STOP and START": Planted(
        rule="stopped",
        says="between STOP and START",
        statements=(
            (
                "INSERT INTO replies (provider, provider_id, address, body, received_at, "
                "applied_at, endpoint_key, outcome) SELECT 'twilio', 'opted_out', '', '', "
                f"tried_at, tried_at + -1, 5, 'opted_out' FROM messages WHERE key = {ETR}"
            ),
            (
                "INSERT INTO replies (provider, provider_id, address, body, received_at, "
                "applied_at, endpoint_key, outcome) SELECT 'twilio', 'opted_in', '', '', "
                f"tried_at, tried_at + 1, 5, 'opted_in' FROM messages WHERE key = {ETR}"
            ),
        ),
    ),
    "a message that got lost": Planted(
        rule="sums",
        says="were decided on",
        statements=(f"DELETE FROM messages WHERE key = {ETR}",),
    ),
    "a message that never ended": Planted(
        rule="sums",
        says="at the end of the storm",
        statements=(f"UPDATE messages SET state = 'pending' WHERE key = {ETR}",),
    ),
    "somebody who was passed over": Planted(
        rule="audience",
        says="are behind its premises",
        statements=(
            (
                "UPDATE decisions SET count = count - 1 WHERE decision = 'opted_out' OR "
                "decision = 'never_told'"
            ),
        ),
    ),
    "an acceptance in other words": Planted(
        rule="provider_log",
        says="in other words",
        statements=("log:UPDATE messages SET body = body || '!' WHERE channel = 'sms'",),
    ),
    "an acceptance for another number": Planted(
        rule="provider_log",
        says="another address",
        statements=("log:UPDATE messages SET recipient = '+12025550199' WHERE channel = 'sms'",),
    ),
    "a message that was never accepted": Planted(
        rule="provider_log",
        says="was never accepted",
        statements=("log:DELETE FROM messages WHERE number = 1",),
    ),
    "an acceptance of what was withdrawn": Planted(
        rule="provider_log",
        says="was accepted and is withdrawn",
        statements=(f"UPDATE messages SET state = 'withdrawn' WHERE key = {ETR}",),
    ),
    "a business time of no barrier": Planted(
        rule="clocks",
        says="of no barrier",
        statements=(f"UPDATE messages SET claimed_at = claimed_at + 1 WHERE key = {ETR}",),
    ),
    "an interruption that is open": Planted(
        rule="reconstruction",
        says="is open on record",
        statements=(
            "UPDATE interruptions SET outcome = NULL, ended_at = NULL WHERE premise_key = 4",
        ),
    ),
    "a member that is live": Planted(
        rule="reconstruction",
        says="live members",
        statements=(
            "UPDATE memberships SET until = NULL WHERE premise_key = 4 AND outage_key = 1",
        ),
    ),
}
"""By what is wrong: the rule that names it, words of its sentence, and how it is planted."""
