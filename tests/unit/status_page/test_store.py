import dataclasses
import errno
import gzip
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import brotli
import pytest
import zstandard

from outage import privacy
from outage.model import Status
from status_page import rendering
from status_page.errors import UnreadablePublication
from status_page.pointer import Pointer
from status_page.printed import digest
from status_page.rendering import Renderer
from status_page.store import KEEP_GENERATIONS_S, KEEP_PARTS_S, POINTER, FolderStore
from tests.unit.status_page.storm import NOW, SITE, Publication, outage, sample, status


class Killed(BaseException):
    """The process ends here."""


class Doomed(FolderStore):
    """Is killed in front of the n-th file it would put in place."""

    def __init__(self, folder: Path, left: int) -> None:
        super().__init__(folder)
        self.left = left

    def _rename(self, old: Path, new: Path) -> None:
        if self.left == 0:
            raise Killed
        self.left -= 1
        super()._rename(old, new)


def check_complete(folder: Path) -> Pointer:
    """What the pointer names is there, whole, and names only what is there."""
    pointer = Pointer.from_bytes((folder / POINTER).read_bytes())
    manifest = json.loads((folder / pointer.manifest).read_bytes())
    for name in (*manifest["outages"].values(), *manifest["summary"].values()):
        assert (folder / "generations/parts" / name).is_file()
    for language in pointer.languages:
        assert json.loads((folder / pointer.delta(language)).read_bytes())["id"] == pointer.id
        prefix = "" if language == "en" else f"{language}/"
        for key in manifest["outages"]:
            assert (folder / f"{prefix}outages/{key}.html").is_file()
    return pointer


def test_killed_in_front_of_any_file_the_pointer_names_a_complete_generation(
    tmp_path: Path,
) -> None:
    first = status(*(outage(each) for each in range(3)))
    second = status(outage(0, matched=7), outage(1), outage(3), outage(4))
    kills = 0
    # A file and its three twins are put in place one after the other: every third is enough.
    for left in range(0, 600, 3):
        folder = tmp_path / str(left)
        Publication(folder).publish(first)
        try:
            Publication(folder, store=Doomed(folder, left)).publish(second)
        except Killed:
            kills += 1
        else:
            break
        check_complete(folder)
        again = Publication(folder)
        again.number = 9
        again.publish(second)
        assert check_complete(folder).number == 10
        assert (folder / "index.html").read_text().count("<li id=") == 4
        assert again.press.has_changed(second) is False
    assert kills > 15


def test_pages_that_a_killed_publisher_left_ahead_are_made_anew(tmp_path: Path) -> None:
    state = status(outage(1))
    publication = Publication(tmp_path)
    publication.publish(state)
    ahead = publication.press.edition(
        status(outage(1, matched=9)),
        epoch="e1",
        number=2,
        journal_number=2,
        checked_at=state.as_of,
    )
    publication.store.write(ahead.files)
    again = Publication(tmp_path)
    assert again.press.has_changed(state)
    again.number = 2
    # Whoever has the generation in force needs to load nothing else.
    assert again.publish(state).pointer.base == "e1-1"
    assert "101 homes" in (tmp_path / "outages/O-7K3M1.html").read_text()


def test_a_page_of_an_outage_that_was_never_published_does_not_stay(tmp_path: Path) -> None:
    publication = Publication(tmp_path)
    publication.publish(status(outage(1)))
    ahead = publication.press.edition(
        status(outage(1), outage(2)),
        epoch="e1",
        number=2,
        journal_number=2,
        checked_at=NOW,
    )
    publication.store.write(ahead.files)
    again = Publication(tmp_path)
    again.number = 2
    again.publish(status(outage(1)))
    assert not (tmp_path / "outages/O-7K3M2.html").exists()


def test_only_what_changed_is_written(tmp_path: Path) -> None:
    publication = Publication(tmp_path)
    publication.publish(status(*sample()))
    changed = [dataclasses.replace(each) for each in sample()]
    changed[3] = dataclasses.replace(changed[3], matched=44)
    names = [name for name, _ in publication.publish(status(*changed)).files]
    assert [name for name in names if name.startswith("outages/")] == ["outages/O-7K3M4.html"]
    assert len([name for name in names if name.endswith(".json") and "/parts/" in name]) == 1


def test_after_a_restart_only_what_changed_is_written(tmp_path: Path) -> None:
    Publication(tmp_path).publish(status(*sample()))
    again = Publication(tmp_path)
    assert not again.press.has_changed(status(*sample()))
    names = [name for name, _ in again.publish(status(*sample()[1:])).files]
    assert not [name for name in names if name.startswith("outages/")]


def test_an_outage_that_is_taken_off_loses_its_pages(tmp_path: Path) -> None:
    publication = Publication(tmp_path)
    publication.publish(status(outage(1), outage(2)))
    publication.publish(status(outage(1)))
    assert not (tmp_path / "outages/O-7K3M2.html").exists()
    assert not (tmp_path / "es/outages/O-7K3M2.html.gz").exists()
    assert (tmp_path / "outages/O-7K3M1.html").exists()


def test_the_page_of_an_outage_that_moved_leads_on_while_the_other_is_listed(
    tmp_path: Path,
) -> None:
    publication = Publication(tmp_path)
    old, page = tmp_path / "outages/O-7K3M2.html", "outages/O-7K3M1"
    publication.publish(status(outage(1), outage(2), outage(3)))
    state = status(outage(1), outage(3), moved={"O-7K3M2": "O-7K3M1"})
    publication.publish(state)
    assert f'href="/{page}"' in old.read_text()
    assert "now part of another" in old.read_text()
    spanish = (tmp_path / "es/outages/O-7K3M2.html").read_text()
    assert f'href="/es/{page}"' in spanish
    assert "ahora es parte de otra" in spanish
    assert not publication.press.has_changed(state)
    assert not Publication(tmp_path).press.has_changed(state)
    further = status(outage(3), moved={"O-7K3M1": "O-7K3M3", "O-7K3M2": "O-7K3M3"})
    Publication(tmp_path, epoch="e2").publish(further)
    assert '/outages/O-7K3M3"' in old.read_text()
    Publication(tmp_path, epoch="e2").publish(status(outage(3)))
    assert not old.exists()
    assert (tmp_path / "outages/O-7K3M3.html").exists()


def test_an_outage_that_moved_and_comes_back_has_its_own_page_again(tmp_path: Path) -> None:
    publication = Publication(tmp_path)
    publication.publish(status(outage(1), moved={"O-7K3M2": "O-7K3M1"}))
    publication.publish(status(outage(1), outage(2)))
    page = (tmp_path / "outages/O-7K3M2.html").read_text()
    assert "2 blocks north" in page
    assert "part of another" not in page


def test_another_look_prints_everything_anew_and_can_be_applied_to_nothing(tmp_path: Path) -> None:
    Publication(tmp_path).publish(status(outage(1), outage(2)))
    renamed = Publication(tmp_path, dataclasses.replace(SITE, name="Another Utility"))
    assert renamed.press.has_changed(status(outage(1)))
    edition = renamed.publish(status(outage(1)))
    assert edition.pointer.base is None
    assert not (tmp_path / "outages/O-7K3M2.html").exists()
    assert "Another Utility" in (tmp_path / "outages/O-7K3M1.html").read_text()


def test_a_language_that_is_published_no_more_leaves_no_page_behind(tmp_path: Path) -> None:
    own = tmp_path / "es" / "notes.txt"
    Publication(tmp_path).publish(status(outage(1)))
    own.write_text("the operator's")
    assert (tmp_path / "es/outages/O-7K3M1.html").exists()
    Publication(tmp_path, dataclasses.replace(SITE, languages=("en",))).publish(status(outage(1)))
    assert [path.name for path in (tmp_path / "es").rglob("*") if path.is_file()] == ["notes.txt"]
    Publication(tmp_path, dataclasses.replace(SITE, languages=("es", "en"))).publish(
        status(outage(1))
    )
    assert "Interrupciones" in (tmp_path / "index.html").read_text()
    assert not (tmp_path / "es/index.html").exists()
    assert (tmp_path / "en/index.html").exists()


def test_a_part_that_another_release_wrote_is_printed_anew(tmp_path: Path) -> None:
    publication = Publication(tmp_path)
    publication.publish(status(outage(1)))
    folder = tmp_path / "generations"
    manifest = json.loads((folder / "e1-1/manifest.json").read_bytes())
    content = b'{"of": "another release"}'
    manifest["outages"]["O-7K3M1"] = f"{digest(content)}.json"
    (folder / "parts" / f"{digest(content)}.json").write_bytes(content)
    (folder / "e1-1/manifest.json").write_text(json.dumps(manifest))
    again = Publication(tmp_path)
    again.number = 1
    again.publish(status(outage(1)))
    check_complete(tmp_path)


def test_a_change_of_the_code_is_another_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Renderer(SITE).look
    here = Path(rendering.__file__).parent
    shutil.copytree(here, tmp_path / "room", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(rendering, "_HERE", tmp_path / "room")
    assert Renderer(SITE).look == look
    with (tmp_path / "room/rendering.py").open("a") as code:
        code.write("# says something else now")
    assert Renderer(SITE).look != look


def test_so_is_another_least_number_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Renderer(SITE).look
    copied = tmp_path / "privacy.py"
    shutil.copy(privacy.__file__, copied)
    monkeypatch.setattr(privacy, "__file__", str(copied))
    assert Renderer(SITE).look == look
    copied.write_text(copied.read_text().replace("MIN_PREMISES = 5", "MIN_PREMISES = 10"))
    assert Renderer(SITE).look != look


def test_a_full_disk_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publication = Publication(tmp_path)
    publication.publish(status(outage(1)))
    left = iter(range(5))

    def full(path: Path, content: bytes) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content[: len(content) // 2])
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        path.write_bytes(content)

    with monkeypatch.context() as patch:
        patch.setattr("status_page.store._put", full)
        with pytest.raises(OSError, match="No space"):
            publication.publish(status(outage(1, matched=7)))
    assert not list(tmp_path.rglob("*.new"))
    assert check_complete(tmp_path).number == 1


def test_a_generation_that_was_in_force_for_long_stays_two_hours_after_the_next(
    tmp_path: Path,
) -> None:
    publication = Publication(tmp_path)
    publication.publish(status(outage(1)))
    first = tmp_path / "generations/e1-1"
    os.utime(first, (-1e6, -1e6))
    issued = publication.publish(status(outage(1, matched=7))).issued
    assert issued.pointer is not None
    publication.store.sweep(issued.pointer.id, set(issued.named), KEEP_GENERATIONS_S - 1)
    assert (first / "manifest.json").exists()
    publication.store.sweep(issued.pointer.id, set(issued.named), KEEP_GENERATIONS_S + 1)
    assert not first.exists()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / POINTER).write_text("{"),
        lambda folder: (folder / POINTER).write_text('{"format": 99}'),
        lambda folder: (folder / "generations/e1-1/manifest.json").unlink(),
        lambda folder: (folder / "generations/e1-1/manifest.json").write_text('{"format": 1}'),
        lambda folder: next((folder / "generations/parts").glob("*.json")).write_text("x"),
    ],
)
def test_a_spoilt_publication_is_published_anew(
    tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    Publication(tmp_path).publish(status(*sample()))
    spoil(tmp_path)
    again = Publication(tmp_path)
    assert again.press.has_changed(status(*sample()))
    again.number = 5
    again.publish(status(*sample()))
    check_complete(tmp_path)


def test_compressed_twins_hold_the_same(tmp_path: Path) -> None:
    Publication(tmp_path).publish(status(*sample()))
    pages = [path for path in tmp_path.rglob("*.html") if path.parent.name != "parts"]
    assert len(pages) > 30
    for page in pages:
        whole = page.read_bytes()
        assert gzip.decompress(Path(f"{page}.gz").read_bytes()) == whole
        assert brotli.decompress(Path(f"{page}.br").read_bytes()) == whole
        assert zstandard.decompress(Path(f"{page}.zst").read_bytes()) == whole
    assert not list(tmp_path.rglob("parts/*.gz"))


def test_a_file_that_becomes_short_leaves_no_twin_of_what_it_was(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.write([("feeds/outages.csv", b"many " * 1000)])
    store.write([("feeds/outages.csv", b"none")])
    assert gzip.decompress((tmp_path / "feeds/outages.csv.gz").read_bytes()) == b"none"
    assert store.names("feeds") == ["feeds/outages.csv"]
    store.remove(["feeds/outages.csv"])
    assert not list((tmp_path / "feeds").iterdir())


def test_of_a_generation_that_cannot_be_read_it_is_known_which_one_it_was(tmp_path: Path) -> None:
    publication = Publication(tmp_path)
    publication.publish(status(outage(1)))
    (tmp_path / "generations/e1-1/manifest.json").unlink()
    again = Publication(tmp_path)
    assert again.number == 1
    assert again.press.has_changed(status(outage(1)))
    assert again.publish(status(outage(1))).pointer.base is None


def test_nothing_half_written_is_left(tmp_path: Path) -> None:
    Publication(tmp_path).publish(status(*sample()))
    assert not list(tmp_path.rglob("*.new"))


def test_sweeping_keeps_what_is_named_and_what_was_named_a_day_ago(tmp_path: Path) -> None:
    publication = Publication(tmp_path)
    publication.publish(status(outage(1)))
    first = publication.press.issued
    assert first.pointer is not None
    publication.publish(status(outage(1, status=Status.RESTORED)))
    issued = publication.press.issued
    assert issued.pointer is not None
    dropped = first.named - issued.named
    assert dropped
    parts = tmp_path / "generations/parts"
    now_s = 10_000_000.0
    for path in (*parts.iterdir(), tmp_path / "generations" / first.pointer.id):
        os.utime(path, (now_s, now_s))
    current, named = issued.pointer.id, set(issued.named)
    assert publication.store.sweep(current, named, now_s + KEEP_GENERATIONS_S - 1) == 0
    assert publication.store.sweep(current, named, now_s + KEEP_PARTS_S + 1) == len(dropped) + 1
    assert {path.name for path in parts.iterdir()} == named
    check_complete(tmp_path)


def test_a_part_that_comes_back_is_not_swept(tmp_path: Path) -> None:
    publication = Publication(tmp_path)
    for matched in (1, 2, 1):
        publication.publish(status(outage(1, matched=matched)))
    issued = publication.press.issued
    assert issued.pointer is not None
    publication.store.sweep(issued.pointer.id, set(issued.named), 1e12)
    check_complete(tmp_path)


def test_the_pointer_survives_writing_and_reading(tmp_path: Path) -> None:
    pointer = Publication(tmp_path).publish(status(*sample())).pointer
    again = Pointer.from_bytes(pointer.to_bytes())
    assert dataclasses.replace(again, checked_at=pointer.checked_at) == pointer


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b'{"format": 1}', b"\xff"])
def test_what_is_no_pointer_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadablePublication):
        Pointer.from_bytes(content)
