"""The mapping files: those that ship with the program, and an operator's own."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

from pydantic import ValidationError

from intake.document import misfit
from intake.errors import MappingRefused, MappingUndecided, MappingUnknown
from intake.mapping import FeedMapping


def parse(text: str, where: str) -> FeedMapping:
    """The mapping in a TOML text; ``where`` names the file in a refusal.

    Raises MappingRefused with every problem at once, each naming its key.
    """
    try:
        return FeedMapping.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise MappingRefused(f"{where} is not TOML: {error}.") from None
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(step) for step in problem['loc']) or 'the file'}: "
            f"{problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors()
        )
        raise MappingRefused(f"{where} is not a usable mapping: {problems}.") from None


def shipped() -> tuple[FeedMapping, ...]:
    """The mappings that come with the program, by name."""
    files = (resources.files("intake") / "mappings").iterdir()
    named = sorted((file for file in files if file.name.endswith(".toml")), key=lambda f: f.name)
    return tuple(parse(f.read_text("utf-8"), f"The shipped mapping {f.name}") for f in named)


def load(name_or_path: str) -> FeedMapping:
    """The shipped mapping by that name, else the mapping file at that path.

    Raises MappingUnknown when it is neither, MappingRefused when the file says nothing usable.
    """
    ours = {mapping.name: mapping for mapping in shipped()}
    if name_or_path in ours:
        return ours[name_or_path]
    path = Path(name_or_path)
    if not path.is_file():
        raise MappingUnknown(
            f"There is no mapping named {name_or_path!r} and no such file; "
            f"shipped are: {', '.join(ours)}."
        )
    try:
        return parse(path.read_text("utf-8"), path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise MappingRefused(f"{path.name} cannot be read as text: {error}.") from None


def choose(document: object) -> FeedMapping:
    """The one shipped mapping whose required fields the document has.

    Raises MappingUndecided when none fits or more than one does.
    """
    misfits = {mapping.name: (mapping, misfit(mapping, document)) for mapping in shipped()}
    fitting = [mapping for mapping, reason in misfits.values() if reason is None]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = ", ".join(mapping.name for mapping in fitting)
        raise MappingUndecided(f"More than one mapping fits ({names}); say which with --mapping.")
    why = "; ".join(f"for {name} it {reason}" for name, (_, reason) in misfits.items())
    raise MappingUndecided(
        f"No shipped mapping fits the first readable snapshot ({why}); "
        "give one with --mapping FILE."
    )
