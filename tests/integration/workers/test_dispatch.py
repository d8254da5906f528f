from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from workers import queues
from workers.dispatch import Dispatch


@dataclass(frozen=True, kw_only=True)
class Waiting:
    key: int
    lane: str


class Shelf:
    """Batches on a shelf: what a claim takes away is gone."""

    def __init__(self, *batches: Waiting) -> None:
        self.open = {batch.key: batch for batch in batches}
        self.noted: set[int] = set()
        self.sent: list[int] = []

    def waiting(
        self, *, queued_too: bool, lanes: Sequence[str] = queues.LANES
    ) -> Sequence[Waiting]:
        free = (b for b in self.open.values() if queued_too or b.key not in self.noted)
        return [batch for batch in free if batch.lane in lanes]

    def queued(self, keys: Iterable[int]) -> None:
        self.noted |= set(keys)

    def send(self, key: int, stopping: Callable[[], bool]) -> None:
        assert not stopping()
        del self.open[key]
        self.sent.append(key)


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def client(valkey: str) -> Iterator[redis.Redis]:
    with queues.connect(valkey) as opened:
        yield opened


@pytest.fixture
def nobody(tmp_path: Path) -> Iterator[redis.Redis]:
    with queues.connect(f"unix://{tmp_path}/nobody.sock") as opened:
        yield opened


def _queued(client: redis.Redis, lane: str) -> list[tuple[str | None, tuple[int, ...]]]:
    jobs = Queue(lane, connection=client, serializer=JSONSerializer).jobs
    return [(job.func_name, tuple(job.args)) for job in jobs]


def test_what_waits_is_queued_once_on_its_own_lane(client: redis.Redis) -> None:
    shelf = Shelf(Waiting(key=1, lane="sms"), Waiting(key=2, lane="email"))
    dispatch = Dispatch(shelf, client)

    dispatch.turn()
    dispatch.turn()

    assert _queued(client, "sms") == [("workers.jobs.send_batch", (1,))]
    assert _queued(client, "email") == [("workers.jobs.send_batch", (2,))]
    assert shelf.sent == []


def test_what_is_urgent_is_queued_before_anything_else_is_looked_at(client: redis.Redis) -> None:
    before: list[tuple[str | None, tuple[int, ...]]] = []

    class Watched(Shelf):
        def waiting(
            self, *, queued_too: bool, lanes: Sequence[str] = queues.LANES
        ) -> Sequence[Waiting]:
            if "sms" in lanes:
                before.extend(_queued(client, "sms-urgent"))
            return super().waiting(queued_too=queued_too, lanes=lanes)

    shelf = Watched(Waiting(key=1, lane="sms"), Waiting(key=2, lane="sms-urgent"))
    assert Dispatch(shelf, client).turn()
    assert before == [("workers.jobs.send_batch", (2,))]


def test_only_the_key_of_a_batch_is_in_redis(client: redis.Redis) -> None:
    Dispatch(Shelf(Waiting(key=7, lane="sms")), client).turn()

    (job,) = Queue("sms", connection=client, serializer=JSONSerializer).jobs
    stored = client.hgetall(f"rq:job:{job.id}")

    assert stored[b"description"] == b"batch 7"
    assert job.args == [7]
    assert job.kwargs == {}


def test_a_redis_away_for_five_seconds_is_done_without(nobody: redis.Redis) -> None:
    shelf, time = Shelf(Waiting(key=1, lane="sms"), Waiting(key=2, lane="sms")), Time()
    dispatch = Dispatch(shelf, nobody, now=time)

    assert not dispatch.turn()
    time.now += 4.9
    assert not dispatch.turn()
    assert shelf.sent == []

    time.now += 0.2
    assert dispatch.turn()
    assert dispatch.turn()
    assert not dispatch.turn()
    assert shelf.sent == [1, 2]


def test_what_redis_lost_is_sent_without_it_too(nobody: redis.Redis) -> None:
    shelf, time = Shelf(Waiting(key=1, lane="sms")), Time()
    shelf.queued([1])
    dispatch = Dispatch(shelf, nobody, now=time)

    dispatch.turn()
    time.now += 6
    dispatch.turn()

    assert shelf.sent == [1]


def test_when_redis_is_back_the_workers_get_what_is_left(
    nobody: redis.Redis, client: redis.Redis
) -> None:
    shelf = Shelf(Waiting(key=1, lane="sms"))
    shelf.queued([1])
    dispatch = Dispatch(shelf, nobody)
    dispatch.turn()

    dispatch._client = client  # noqa: SLF001 the same address, and somebody is there now
    dispatch.turn()
    dispatch.turn()

    assert _queued(client, "sms") == [("workers.jobs.send_batch", (1,))]
    assert shelf.sent == []
