"""Published files as they are handed out: bytes with an ETag, compressed where asked for.

A page process reads a file once and looks only at its stat afterwards.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from status_page.media import encoding, has_twins, media_type

CAPACITY_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One published file, ready to be sent; ``signature`` is its stat: mtime, inode, size."""

    path: str
    signature: tuple[int, int, int]
    content: bytes
    etag: str
    media_type: str
    encoding: str | None


class Shelf:
    """The files of one published folder, by name. Keeps up to 64 MiB of them in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: OrderedDict[str, tuple[tuple[int, int, int], Item]] = OrderedDict()
        self._bytes = 0

    def take(self, name: str, twins: tuple[str, ...] = ()) -> Item | None:
        """Return a file, or the first of its compressed twins that is there; None: no such file.

        Callers pass only names they have put together from checked pieces.

        Args:
            name: Of the file itself.
            twins: Ends of the twins that would do, the most welcome first.
        """
        for end in twins if has_twins(name) else ():
            found = self._take(name + end)
            if found is not None:
                return found
        return self._take(name)

    def _take(self, name: str) -> Item | None:
        path = self.folder / name
        try:
            stat = path.stat()
            signature = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            kept = self._kept.get(name)
            if kept is not None and kept[0] == signature:
                self._kept.move_to_end(name)
                return kept[1]
            # The stat comes first: if the file is replaced in between, the next look sees it.
            item = _item(name, path, signature)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        self._keep(name, signature, item)
        return item

    def _keep(self, name: str, signature: tuple[int, int, int], item: Item) -> None:
        old = self._kept.pop(name, None)
        self._bytes += len(item.content) - (len(old[1].content) if old else 0)
        self._kept[name] = (signature, item)
        while self._bytes > CAPACITY_BYTES and len(self._kept) > 1:
            _, (_, gone) = self._kept.popitem(last=False)
            self._bytes -= len(gone.content)


def _item(name: str, path: Path, signature: tuple[int, int, int]) -> Item:
    content = path.read_bytes()
    return Item(
        path=str(path),
        signature=signature,
        content=content,
        # Weak, and of the bytes sent: a cache in between may compress them again.
        etag=f'W/"{hashlib.sha256(content).hexdigest()[:24]}"',
        media_type=media_type(name),
        encoding=encoding(name),
    )
