"""What a feed may rely on: it is told what changed, and what it makes is part of the generation."""

from collections.abc import Iterable
from pathlib import Path

from starlette.testclient import TestClient

from status_page.app import create_app
from status_page.draft import Draft, Pieces
from status_page.press import Press
from status_page.rendering import Renderer
from tests.unit.status_page.storm import SITE, Publication, outage, status


class Names:
    """Lists ids in one file and gives each outage one of its own."""

    def __init__(self, _renderer: Renderer) -> None:
        self.drafts: list[Draft] = []

    def files(self, draft: Draft) -> Iterable[tuple[str, bytes | None]]:
        self.drafts.append(draft)
        yield "feeds/names.csv", "\n".join(each.id for each in draft.status.outages).encode()
        for each in draft.changed:
            yield f"feeds/one/{each.id}.xml", each.area.encode()
        for key in draft.removed:
            yield f"feeds/one/{key}.xml", None


def publication(folder: Path) -> tuple[Publication, list[Names]]:
    made: list[Names] = []

    def make(renderer: Renderer) -> Names:
        made.append(Names(renderer))
        return made[-1]

    found = Publication(folder)
    found.press = Press(Renderer(SITE), found.store, feeds=(make,))
    found.press.recover()
    return found, made


def test_a_feed_is_told_what_changed_and_what_left(tmp_path: Path) -> None:
    press, made = publication(tmp_path)
    press.publish(status(outage(1), outage(2), outage(3)))
    press.publish(status(outage(1), outage(2, matched=9)))
    first, second = made[-1].drafts
    assert (first.anew, [each.id for each in first.changed]) == (
        True,
        ["O-7K3M1", "O-7K3M2", "O-7K3M3"],
    )
    assert (second.anew, [each.id for each in second.changed]) == (False, ["O-7K3M2"])
    assert second.removed == ("O-7K3M3",)
    assert (tmp_path / "feeds/names.csv").read_text() == "O-7K3M1\nO-7K3M2"
    assert (tmp_path / "feeds/one/O-7K3M2.xml").exists()
    assert not (tmp_path / "feeds/one/O-7K3M3.xml").exists()


def test_what_no_feed_makes_any_more_goes_when_all_is_made_anew(tmp_path: Path) -> None:
    press, _ = publication(tmp_path)
    press.publish(status(outage(1)))
    (tmp_path / "status.json").unlink()
    left = tmp_path / "feeds/one/O-OLD.xml"
    left.write_text("another release's")
    again, _ = publication(tmp_path)
    again.publish(status(outage(1)))
    assert not left.exists()
    assert (tmp_path / "feeds/one/O-7K3M1.xml").exists()


def test_after_a_failure_a_feed_starts_without_what_it_kept(tmp_path: Path) -> None:
    press, made = publication(tmp_path)
    press.publish(status(outage(1)))
    press.press.recover()
    assert len(made) == 3
    press.publish(status(outage(1), outage(2)))
    assert [each.id for each in made[-1].drafts[0].changed] == ["O-7K3M2"]


def test_a_feed_is_served_by_its_name_and_type(tmp_path: Path) -> None:
    press, _ = publication(tmp_path)
    press.publish(status(outage(1)))
    with TestClient(create_app(tmp_path)) as client:
        found = client.get("/feeds/one/O-7K3M1.xml")
        assert found.headers["content-type"] == "application/xml; charset=utf-8"
        assert found.headers["cache-control"] == "no-cache"
        assert client.get("/feeds/names.csv").headers["content-type"] == "text/csv; charset=utf-8"
        for name in ("one", "one/", ".hidden", "a/b/c/d/e.xml"):
            assert client.get(f"/feeds/{name}").status_code == 404


def test_pieces_are_made_once_as_long_as_the_outage_is_the_same() -> None:
    made: list[str] = []

    def make(outage_: object) -> int:
        made.append(repr(outage_))
        return len(made)

    pieces = Pieces(make)
    one, two = outage(1), outage(2)
    assert pieces.of([one, two]) == [1, 2]
    assert pieces.of([two, outage(1)]) == [2, 1]
    assert pieces.of([outage(1, matched=7), two]) == [3, 2]
    assert pieces.of([two]) == [2]
    assert pieces.of([one, two]) == [4, 2]
