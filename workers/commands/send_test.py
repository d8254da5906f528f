"""`outage send-test`: one message to one address, now, past the queue."""

from __future__ import annotations

import click

from notifier import trying
from notifier.channels.base import Result
from notifier.channels.codes import action
from notifier.errors import NothingIsSent, UnusableAddress
from notifier.kinds import Channel
from notifier.trying import Tested
from outage.database import wall_now
from outage.endpoints import normalise_email, normalise_phone
from outage.settings import SendMode
from outage.site import REGION
from workers.commands import options
from workers.errors import NotDelivered
from workers.session import Session, say, say_json, session

_DOES = {
    "": "",
    "invalid": "the address is bad",
    "opted_out": "the person stopped this sender at the provider",
    "refuse": "it refuses this message; look the code up with the provider",
    "retry": "it would take it later",
    "stop_sender": "our sender is blocked or is none: look at it in the provider's console",
    "stop_provider": "our account does not work: check its keys in the settings",
}


@click.command(name="send-test")
@click.option("--phone", help="Number to text.")
@click.option("--email", help="Mailbox to write to.")
@click.option("--provider", help="Which provider, like twilio-2; the preferred one if not given.")
@click.option(
    "--wait",
    "wait_s",
    type=click.IntRange(0, 600),
    default=20,
    show_default=True,
    help="Seconds to ask how far the text has got; of e-mails no provider keeps a list.",
)
@options.as_json
def send_test(
    *, phone: str | None, email: str | None, provider: str | None, wait_s: int, as_json: bool
) -> None:
    """Send one message to see that a provider works.

    It goes at once whatever OUTAGE_SEND says, but `off`; who has opted out is sent nothing.
    """
    if (phone is None) == (email is None):
        raise click.UsageError("Say --phone or --email.")
    channel = Channel.EMAIL if phone is None else Channel.SMS
    with session() as desk_:
        if desk_.settings.send is SendMode.OFF:
            raise NothingIsSent
        name = trying.provider_of(desk_.settings, channel, provider)
        address = _address(desk_, phone, email)
        with desk_.deed() as deed:
            trying.refuse_if_stopped(deed.conn, "email" if phone is None else "phone", address)
            text = trying.text_of(desk_.site, channel, wall_now(deed.conn))
            deed.about = f"provider:{name}"
        tested = trying.send(
            desk_.settings,
            desk_.site,
            provider=name,
            address=address,
            text=text,
            wait_s=wait_s,
            waits=lambda event: None if as_json else say(f"{name}: {event}"),
        )
    _say(tested, as_json=as_json)


def _address(desk_: Session, phone: str | None, email: str | None) -> str:
    if email is not None:
        mailbox = normalise_email(email)
        if mailbox is None:
            raise UnusableAddress(what="that mailbox")
        return mailbox
    number = normalise_phone(phone or "", region=REGION, test_numbers=desk_.settings.test_numbers)
    if number is None:
        raise UnusableAddress(what="that number")
    return number


def _say(tested: Tested, *, as_json: bool) -> None:
    outcome = tested.outcome
    if as_json:
        say_json(
            {
                "provider": tested.provider,
                "result": str(outcome.result),
                "id": outcome.provider_id,
                "event": tested.event,
                "code": tested.code,
            }
        )
    what = _DOES.get(str(action(tested.provider, tested.code)), "")
    reason = "; ".join(filter(None, (tested.code and f"code {tested.code}", what)))
    if outcome.result is not Result.ACCEPTED:
        raise NotDelivered(tested.provider, reason)
    if tested.event in {"undelivered", "failed"}:
        raise NotDelivered(tested.provider, f"it took it, but could not deliver it ({reason})")
    if not as_json:
        end = tested.event or "it has not said more yet"
        say(f"{tested.provider} took it ({outcome.provider_id or 'without an id'}): {end}.")
