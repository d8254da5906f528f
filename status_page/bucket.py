"""A bucket that is the public page, for a CDN in front of it or for its own address.

Everything is written to a folder beside it first: the publisher reads that again after a restart,
and a `page` process on the same host streams from it. Where another host has published since, or
the disk is new, feeds are read from the bucket until the folder has caught up: CAP goes on from
what was told. The bucket's pointer decides: it is replaced
only where it is still the one that was read, so that two publishers on two hosts never take turns.

Outages' pages stand in it under the address that people see, ``outages/O-7K3M9`` and not
``….html``, since a bucket knows no rules for names.
"""

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, NotFoundError, PreconditionError
from obstore.store import S3Store

from status_page.compressing import with_twins
from status_page.errors import NewerPublication
from status_page.media import ENCODINGS, caching, encoding, has_twins, media_type, plain
from status_page.store import (
    FEEDS_FOLDER,
    KEEP_GENERATIONS_S,
    KEEP_PARTS_S,
    PARTS,
    POINTER,
    FolderStore,
)

LEDGER = "retired.json"
_AT_ONCE = 32
"""Files under way at a time: one takes some 30 ms, and a change is public within two seconds."""
_FIRST = ("generations/", "static/")
_PATIENCE = timedelta(seconds=10)
"""With a bucket that does not answer; the next turn tries again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Where it is and who may write there; without a key the host's own role is asked for."""

    url: str
    key_id: str = ""
    secret: str = ""

    def open(self) -> S3Store:
        """Return the bucket, below the prefix that the URL gives."""
        parts = urlsplit(self.url)
        asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        endpoint = asked.get("endpoint", "")
        return S3Store(
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            config={
                "region": asked.get("region", "us-east-1"),
                **({"endpoint": endpoint} if endpoint else {}),
                **({"access_key_id": self.key_id} if self.key_id else {}),
                **({"secret_access_key": self.secret} if self.secret else {}),
            },
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "timeout": "10s",
                "connect_timeout": "3s",
            },
            retry_config={"max_retries": 3, "retry_timeout": _PATIENCE},
        )


class BucketStore:
    """Published files in a bucket, and beside it in a folder."""

    def __init__(self, bucket: Bucket, folder: Path) -> None:
        self.folder = FolderStore(folder)
        self._objects = bucket.open()
        self._pointer_tag: str | None = None
        self._is_behind = False

    def read(self, name: str) -> bytes | None:
        """Return the pointer from the bucket, anything else from the folder.

        Feeds come from the bucket too as long as the folder has another pointer than it.
        """
        if name == POINTER:
            content, self._pointer_tag = self._get(name)
            self._is_behind = content is not None and content != self.folder.read(name)
            return content
        if self._is_behind and name.startswith(f"{FEEDS_FOLDER}/"):
            return self._get(address(name))[0]
        return self.folder.read(name)

    def write(
        self, files: Iterable[tuple[str, bytes]], still_held: Callable[[], None] = lambda: None
    ) -> None:
        """Replace files in both places; the pointer in the bucket first."""
        whole = list(with_twins(files))
        if any(name == POINTER for name, _ in whole):
            ((_, content),) = whole
            self._point(content)
            self.folder.put(whole)
            self._is_behind = False
            return
        self.folder.put(whole, still_held)
        lasting = [each for each in whole if each[0].startswith(_FIRST)]
        replaced = [each for each in whole if not each[0].startswith(_FIRST)]
        # Nothing that is replaced in place may name what is not there yet.
        for wave in (lasting, replaced):
            self._all(wave, still_held)

    def remove(self, names: Iterable[str]) -> None:
        """Take files away from both places."""
        named = list(names)
        self.folder.remove(named)
        keys = [
            address(each)
            for name in named
            for each in (name, *(name + end for end in ENCODINGS if has_twins(name)))
        ]
        self._delete(keys)

    def generations(self) -> set[str]:
        """Ids that are in either place."""
        there = (key.split("/")[1] for key in self._list("generations/") if key.count("/") > 1)
        return self.folder.generations() | set(there) - {"parts"}

    def names(self, folder: str) -> list[str]:
        """Names of all files below a folder in either place, without their twins."""
        prefix = folder.rstrip("/") + "/"
        there = (_name(key) for key in self._list(prefix) if encoding(key) is None)
        return sorted({*self.folder.names(folder), *there})

    def retire(self, parts: Iterable[str], generation: str | None, now_s: float) -> None:
        """Note it in the folder; for the bucket `sweep` sees by itself what is not named."""
        self.folder.retire(parts, generation, now_s)

    def sweep(self, current: str, named: set[str], now_s: float) -> int:
        """Delete what nobody needs in either place.

        An object's age says when it was written, not since when nobody names it. So the first
        sweep that finds it unnamed notes that in a ledger, and a later one deletes it: never too
        early, wherever the process was killed.
        """
        gone = self.folder.sweep(current, named, now_s)
        content, _ = self._get(LEDGER)
        since = _ledger(content)
        kept: dict[str, float] = {}
        old: list[str] = []
        for key in self._list("generations/"):
            thing = _unnamed(key, current, named)
            if thing is None:
                continue
            kept[thing] = min(since.get(thing, now_s), now_s)
            longest = KEEP_PARTS_S if thing.startswith(PARTS) else KEEP_GENERATIONS_S
            if now_s - kept[thing] > longest:
                old.append(key)
        self._delete(old)
        for key in old:
            kept.pop(_unnamed(key, current, named) or "", None)
        if kept != since:
            self._put((LEDGER, json.dumps(kept).encode()))
        return gone + len(old)

    def _get(self, key: str) -> tuple[bytes | None, str | None]:
        try:
            found = obstore.get(self._objects, key)
        except (FileNotFoundError, NotFoundError):
            return None, None
        return bytes(found.bytes()), found.meta["e_tag"]

    def _put(self, file: tuple[str, bytes]) -> None:
        name, content = file
        obstore.put(
            self._objects, address(name), content, attributes=headers(name), use_multipart=False
        )

    def _point(self, content: bytes) -> None:
        tag = self._pointer_tag
        try:
            done = obstore.put(
                self._objects,
                POINTER,
                content,
                attributes=headers(POINTER),
                use_multipart=False,
                mode="create" if tag is None else {"e_tag": tag},
            )
        except (AlreadyExistsError, PreconditionError) as error:
            raise NewerPublication("The bucket's pointer is not the one that was read.") from error
        self._pointer_tag = done["e_tag"]

    def _list(self, prefix: str) -> list[str]:
        batches = obstore.list(self._objects, prefix.strip("/"), chunk_size=1000)
        return [each["path"] for batch in batches for each in batch]

    def _delete(self, keys: list[str]) -> None:
        if keys:
            obstore.delete(self._objects, keys)

    def _all(self, files: list[tuple[str, bytes]], still_held: Callable[[], None]) -> None:
        def put(file: tuple[str, bytes]) -> None:
            still_held()
            self._put(file)

        if files:
            with ThreadPoolExecutor(min(_AT_ONCE, len(files))) as pool:
                # Goes through the answers: the first failure is raised.
                list(pool.map(put, files))


def address(name: str) -> str:
    """Return the key of a published file: of an outage's page its address."""
    page = plain(name)
    if page.endswith(".html") and PurePosixPath(page).parent.name == "outages":
        return page.removesuffix(".html") + name[len(page) :]
    return name


def headers(name: str) -> dict[str, str]:
    """Return what whoever asks for a file is told of it."""
    coded = encoding(name)
    return {
        "Content-Type": media_type(name),
        "Cache-Control": caching(name),
        **({"Content-Encoding": coded} if coded else {}),
    }


def _name(key: str) -> str:
    return key if PurePosixPath(key).suffix else f"{key}.html"


def _unnamed(key: str, current: str, named: set[str]) -> str | None:
    """Return the part or the generation that a key belongs to, if no manifest in force needs it."""
    if key.startswith(PARTS):
        return None if key.removeprefix(f"{PARTS}/") in named else key
    generation = "/".join(key.split("/")[:2])
    return None if generation == f"generations/{current}" else generation


def _ledger(content: bytes | None) -> dict[str, float]:
    """Return since when things are not named; an unreadable ledger only begins anew."""
    try:
        found = json.loads(content or b"{}")
        return {str(thing): float(since) for thing, since in found.items()}
    except (ValueError, AttributeError, TypeError):
        return {}
