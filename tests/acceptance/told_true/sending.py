"""Not too late, not to who has stopped, and as the simulator has it in its log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tests.acceptance.told_true.case import ANSWERS, TAKEN, Case, Fault, fault


def past_expiry(case: Case) -> Iterator[Fault]:
    """A text claimed, or taken by its provider, when it was stale."""
    by_id = {str(row["key"]): row for row in case.record.messages}
    for row in case.claimed():
        if row["expires_at"] is None:
            continue
        if row["claimed_at"] >= row["expires_at"]:
            yield fault("past_expiry", case, row, "was claimed when it had expired")
        if row["accepted_at"] is not None and row["accepted_at"] > row["expires_at"]:
            yield fault("past_expiry", case, row, "was accepted when it had expired")
    for taken in case.record.acceptances or ():
        row = by_id.get(taken["our_id"] or "", {})
        if not row or row["expires_at"] is None or taken["channel"] != "sms":
            continue
        at = case.record.business_at(taken["accepted_ms"])
        if at is not None and at > row["expires_at"]:
            yield fault("past_expiry", case, row, "reached the provider when it had expired")
        left_s = (row["expires_at"] - row["claimed_at"]) / 1000
        if taken["validity_s"] is None or taken["validity_s"] > left_s + 1:
            yield fault("past_expiry", case, row, "may be delivered after it has expired")


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
                yield fault("stopped", case, row, f"was claimed after its endpoint had {said}")
        if row["tried_at"] is None:
            continue
        before = [stop for at, stop in stops[row["endpoint_key"]] if at < row["tried_at"]]
        if before and before[-1] and endpoint["opted_out_at"] is None:
            yield fault("stopped", case, row, "was claimed between STOP and START")


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
            yield fault("provider_log", case, row, "went to another address than its endpoint's")
        if text is not None and taken["body"].strip() != text["body"].strip():
            yield fault("provider_log", case, row, "went out in other words than are on record")
        if row["state"] not in TAKEN | {"claimed", "unknown", "failed"}:
            yield fault("provider_log", case, row, f"was accepted and is {row['state']}")
    for row in case.record.messages:
        if (
            row["state"] in TAKEN
            and row["kind"] not in ANSWERS
            and str(row["key"]) not in taken_ids
        ):
            yield fault("provider_log", case, row, f"is {row['state']} and was never accepted")


def clocks(case: Case) -> Iterator[Fault]:
    """Business time of a claim is what the barriers make of its wall time."""
    for row in case.claimed():
        if row["tried_at"] is None:
            continue
        at = case.record.business_at(row["tried_at"])
        early = case.record.business_at(row["tried_at"] - case.record.slack_ms - 1)
        if at is not None and row["claimed_at"] not in {at, early}:
            yield fault("clocks", case, row, "was claimed at a business time of no barrier")
