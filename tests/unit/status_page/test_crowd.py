import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from status_page.crowd import Client, Crowd, Refusal, origin_of
from status_page.frames import EVERYTHING, LARGEST, Wanted
from status_page.history import History
from status_page.replay import Replays
from tests.unit.status_page.storm import Publication, outage, status


class Connection(asyncio.Transport):
    """Takes what it is told to leave waiting."""

    waiting = 0

    def get_write_buffer_size(self) -> int:
        return self.waiting


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def client(loop: asyncio.AbstractEventLoop, origin: str = "203.0.113.9") -> Client:
    return Client(transport=Connection(), origin=origin, over=loop.create_future())


def test_there_is_room_for_so_many_in_all_and_from_one_address(
    loop: asyncio.AbstractEventLoop,
) -> None:
    crowd = Crowd(most=3, most_from_one=2)
    here = [client(loop) for _ in range(2)]
    for each in here:
        assert crowd.refusal(each.origin) is None
        crowd.join(each)
    assert crowd.refusal("203.0.113.9") is Refusal.ADDRESS
    crowd.join(client(loop, "203.0.113.10"))
    assert crowd.refusal("203.0.113.11") is Refusal.FULL
    for _ in range(2):
        crowd.leave(here[0])
    assert len(crowd) == 2
    assert crowd.refusal("203.0.113.9") is None


def test_a_group_is_of_those_who_want_the_same_and_goes_with_the_last_of_them(
    loop: asyncio.AbstractEventLoop,
) -> None:
    crowd = Crowd(most=9, most_from_one=9)
    clients = [client(loop) for _ in range(3)]
    wishes = [("en", EVERYTHING), ("en", EVERYTHING), ("en", Wanted(area="roseglen"))]
    for each, (language, wanted) in zip(clients, wishes, strict=True):
        crowd.join(each)
        crowd.stand(each, language, wanted)
    assert sorted(len(group.clients) for group in crowd.groups()) == [1, 2]
    for each in clients:
        crowd.leave(each)
    assert crowd.groups() == []


def test_who_has_taken_nothing_between_two_heartbeats_is_stuck(
    loop: asyncio.AbstractEventLoop,
) -> None:
    crowd = Crowd(most=9, most_from_one=9)
    quick, slow, gone = (client(loop) for _ in range(3))
    for each in (quick, slow, gone):
        crowd.join(each)
        crowd.stand(each, "en", EVERYTHING)
    (group,) = crowd.groups()

    def beat(given: int, *waiting: int) -> list[Client]:
        group.given += given
        for each, left in zip((quick, slow, gone), waiting, strict=True):
            each.transport.waiting = left  # type: ignore[attr-defined]  # made above
        return crowd.stuck()

    assert beat(1_000, 0, 900, 1_000) == []
    # More waits for the slow one than before; but it has taken something.
    assert beat(1_000, 0, 1_500, 2_000) == [gone]
    assert beat(0, 0, 0, 0) == []


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_an_address_counts_for_who_has_it(address: str, origin: str) -> None:
    assert origin_of(address) == origin


def test_what_many_have_missed_is_made_once(tmp_path: Path) -> None:
    publication = Publication(tmp_path)
    for matched in (7, 8, 9):
        publication.publish(status(outage(1), outage(2, matched=matched)))

    async def all_at_once() -> None:
        replays = Replays(History(tmp_path))
        asked = [replays.since("e1-1", "e1-3", "en", EVERYTHING) for _ in range(100)]
        first, *others = await asyncio.gather(*asked)
        assert first is not None
        assert first.count(b"event: generation") == 2
        assert all(each is first for each in others)
        assert await replays.since("e1-2", "e1-3", "en", Wanted(outage="O-7K3M1")) == b""
        assert await replays.since("e9-1", "e1-3", "en", EVERYTHING) is None
        last = await replays.since("e1-1", "e1-2", "en", EVERYTHING)
        assert last is not None
        assert last.count(b"event: generation") == 1

    asyncio.run(all_at_once())


def test_whoever_has_missed_too_much_had_better_load_the_page(tmp_path: Path) -> None:
    publication = Publication(tmp_path)
    long = "x" * (LARGEST // 3)
    for number in range(3):
        publication.publish(status(outage(1, area=f"{number}{long}")))
    replays = Replays(History(tmp_path))
    assert asyncio.run(replays.since("e1-1", "e1-3", "en", EVERYTHING)) is None
