"""Links in messages: each person's own on the way out, nobody's on record."""

import hashlib
import json
import string
from contextlib import closing
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as some

from notifier.channels.base import Absent, Found, Outgoing, Sought
from notifier.channels.sms import SmsChannel
from notifier.kinds import Channel
from notifier.links import BLANK, LENGTH, Links, filled
from notifier.rendering import Text
from outage import tables as t
from tests.integration.notifier.sending import A, B, listed, outbox, said, tell
from tests.integration.notifier.world import World
from tests.unit.notifier.channels.provider import serving
from tests.unit.notifier.channels.test_sms import account

KEY = "made-up-key-of-some-length-0123456789"
BASE = "http://127.0.0.1:8000"
LINKS = Links(base=BASE, keys=(KEY,))


@given(
    contact=some.integers(0, 2**32 - 1),
    occupancy=some.integers(1, 2**63 - 1),
)
def test_a_token_is_short_and_plain_and_as_long_as_its_blank(contact: int, occupancy: int) -> None:
    link = LINKS.to(contact, occupancy)
    token = link.removeprefix(f"{BASE}/s/")
    assert len(token) == LENGTH
    assert token.isascii()
    assert token.isalnum()
    assert len(link) == len(LINKS.blank)
    assert filled(f"See {LINKS.blank}", link) == f"See {link}"
    assert LINKS.to(contact, occupancy + 1) != link


def test_a_key_that_a_token_has_no_room_for_gets_none() -> None:
    assert LINKS.to(2**32, 1) == ""
    assert filled("no link here", "") == "no link here"


def test_everybody_gets_their_own_link_and_none_is_on_record(world: World) -> None:
    world.account("one", ["P1"], A, "one@example.org")
    world.account("two", ["P2"], B, "two@example.org")
    with outbox(world, secret_key=KEY) as (box, provider):
        outage = world.declare("P1", "P2")
        tell(world, box)
        world.restore(outage)
        tell(world, box)
    found = [text.rpartition("/s/")[2] for _, text in said(provider) if "/s/" in text]
    assert len(set(found)) == 2
    mails = [json.loads(call.body) for call in provider.calls if "/mail/send" in call.path]
    people = [person for mail in mails for person in mail["personalizations"]]
    assert len(mails) == 2  # both people in one call, each time
    for person in people:
        link = person["headers"]["List-Unsubscribe"].strip("<>").removesuffix("/unsubscribe")
        assert person["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert person["substitutions"] == {BLANK: link.removeprefix(BASE)}
        with world.db.read() as conn:
            holder = LINKS.holder(conn, link.rpartition("/")[2])
        assert holder is not None
        assert holder.endpoint_key == world.ids[person["to"][0]["email"]]
    assert all(LINKS.blank in mail["content"][0]["value"] for mail in mails)
    with world.db.read() as conn:
        kept = "".join(conn.execute(sa.select(t.texts.c.body + t.texts.c.html)).scalars())
    assert not [token for token in found if token in kept]


def test_without_a_key_there_is_no_link(world: World) -> None:
    world.account("one", ["P1"], A, "one@example.org")
    with outbox(world) as (box, provider):
        world.declare("P1")
        tell(world, box)
    assert not [call for call in provider.calls if b"/s/" in call.body]
    assert not [call for call in provider.calls if b"List-Unsubscribe" in call.body]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (f"Back. {LINKS.to(1, 2)}", Found),
        (f"Back. {BASE}/s/of-another", Absent),
        (f"Out. {LINKS.to(1, 2)}", Absent),
    ],
)
def test_a_text_with_a_link_is_known_again_in_the_providers_list(body: str, kind: type) -> None:
    text = Text(channel=Channel.SMS, language="en", template="x/1", body=f"Back. {LINKS.blank}")
    at = datetime(2026, 1, 4, 22, tzinfo=UTC)
    sought = Sought(message_key=1, address=A, text=text, since=at)
    entry: dict[str, object] = {
        "sid": "SM" + "1" * 32,
        "to": A,
        "body": body,
        "status": "sent",
        "direction": "outbound-api",
        "error_code": None,
        "date_created": format_datetime(at),
    }
    with (
        serving(lambda _call: listed(entry)) as provider,
        closing(SmsChannel(account(provider))) as channel,
    ):
        (finding,) = channel.find([sought], lambda: True)
    assert isinstance(finding, kind)


def test_a_link_is_in_the_headers_of_a_mail_only() -> None:
    text = Text(channel=Channel.EMAIL, language="en", template="x/1", body=f"a {LINKS.blank} b")
    one = Outgoing(message_key=1, address="a@example.org", text=text, link=LINKS.to(1, 1))
    assert one.body == f"a {LINKS.to(1, 1)} b"
    assert one.mail_headers["List-Unsubscribe"] == f"<{LINKS.to(1, 1)}/unsubscribe>"
    bare = Outgoing(message_key=1, address="a@example.org", text=text)
    assert bare.mail_headers == {}


@pytest.mark.parametrize("key", ["short", "k" * 64, "é" * 40])
def test_a_token_is_a_keyed_hash_in_letters(key: str) -> None:
    short = hashlib.blake2b(key.encode(), person=b"outage token").digest()

    def signed(words: bytes, size: int) -> bytes:
        return hashlib.blake2b(words, digest_size=size, key=short).digest()

    for contact, occupancy in ((1, 1), (5, 9), (2**32 - 1, 10**12)):
        tag = signed(f"link {contact} {occupancy}".encode(), 8)
        hidden = contact ^ int.from_bytes(signed(b"link mask " + tag, 4), "big")
        number, letters = int.from_bytes(tag, "big") << 32 | hidden, ""
        while number:
            number, letter = divmod(number, 62)
            letters = (string.digits + string.ascii_letters)[letter] + letters
        made = Links(base="https://status.example.org", keys=(key,)).to(contact, occupancy)
        assert made == f"https://status.example.org/s/{letters.rjust(17, '0')}"
