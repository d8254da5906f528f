"""An operator's own folder of texts: read, and each file that has a fault left out.

Ours stand in for what is left out: a text with a fault in it must not be what stops a storm's
messages, and is never sent either.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path

from notifier import linting
from notifier.linting import Fault
from notifier.rendering import Voice
from notifier.texts import OURS, WORDS, Texts

MOST_BYTES = 64 * 1024


def load(folder: Path | None, voice: Voice) -> tuple[Texts, list[Fault]]:
    """Return the texts in use, and what is wrong with those that are not."""
    if folder is None:
        return OURS, []
    if not folder.is_dir():
        return OURS, [Fault(name="", sentence=f"{folder} is no folder of texts.")]
    own, faults = _read(folder)
    while True:
        texts, found = _checked(own, voice)
        if not found:
            return texts, faults
        faults += found
        for name in {fault.name for fault in found}:
            del own[name]


def _read(folder: Path) -> tuple[dict[str, str], list[Fault]]:
    own: dict[str, str] = {}
    faults = []
    for path in _found(folder):
        name = path.relative_to(folder).as_posix()
        try:
            if not path.is_file():
                continue
            if path.stat().st_size > MOST_BYTES:
                raise ValueError(f"is larger than {MOST_BYTES // 1024} KiB")  # noqa: TRY301
            own[name] = path.read_text("utf-8")
        except UnicodeDecodeError:
            faults.append(Fault(name=name, sentence=f"{name}: is not UTF-8 text."))
        except (OSError, ValueError) as problem:
            said = getattr(problem, "strerror", None) or problem
            faults.append(Fault(name=name, sentence=f"{name}: {said}."))
    return own, faults


def _found(folder: Path) -> Iterator[Path]:
    """Whatever is in it but hidden things, and what lies beside the languages."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        if len(inside) > 1 and not any(part.startswith(".") for part in inside):
            yield path


def _checked(own: dict[str, str], voice: Voice) -> tuple[Texts, list[Fault]]:
    """The texts that these files make, and their faults: those first that hide others."""
    found = list(linting.named(own))
    tables = {}
    for name, text in own.items():
        if name.endswith(f"/{WORDS}") and not any(fault.name == name for fault in found):
            try:
                tables[name] = tomllib.loads(text)
            except tomllib.TOMLDecodeError as problem:
                found.append(Fault(name=name, sentence=f"{name}: is not TOML: {problem}."))
                continue
            found += linting.read_words(name, tables[name])
    if found:
        return OURS, found
    texts = Texts(own, {name.partition("/")[0]: table for name, table in tables.items()})
    return texts, list(linting.written(texts)) or list(linting.rendered(texts, voice))
