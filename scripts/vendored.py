"""Keep what browsers load of other people's work as `vendored.json` lists it.

Packages come from npm by its own client; `integrity` is the hash of the package as npm gives it,
`sha256` those of the files that are made of it. --check looks at the files only.
"""

import base64
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from basemap import small_states, small_world

ROOT = Path(__file__).parents[1]
LIST = ROOT / "scripts/vendored.json"
LICENCES = "status_page/static/licences.txt"
MADE: dict[str, Callable[[bytes], bytes]] = {
    "status_page/static/world.json": small_world,
    "status_page/static/states.json": small_states,
}
"""Files that are not shipped as they are."""

Package = dict[str, Any]


def main(words: list[str]) -> int:
    """Do what the words say; return what the program ends with."""
    listed: dict[str, Any] = json.loads(LIST.read_text(encoding="utf-8"))
    if words == ["--check"]:
        return check(listed["sha256"])
    for word in words:
        name, _, version = word.rpartition("@")
        known = {each["name"]: each for each in listed["packages"]}
        if name not in known:
            print(f"vendor: {word!r} is not NAME@VERSION of: {', '.join(known)}", file=sys.stderr)
            return 2
        if known[name]["version"] != version:
            known[name] |= {"version": version, "integrity": ""}
    files: dict[str, bytes] = {}
    licences = []
    with tempfile.TemporaryDirectory() as folder:
        for package in listed["packages"]:
            archive = fetch(package, Path(folder))
            files |= dict(files_of(package, archive))
            licences.append(licence(package, archive))
    files[LICENCES] = "\n\n".join(licences).encode()
    for name, content in files.items():
        (ROOT / name).write_bytes(content)
    listed["sha256"] = {name: hashed(content) for name, content in sorted(files.items())}
    LIST.write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")
    return 0


def check(listed: dict[str, str]) -> int:
    """Return 1 and say which, where a file is not what the list says, else 0."""
    wrong = [
        name
        for name, expected in listed.items()
        if not (ROOT / name).is_file() or hashed((ROOT / name).read_bytes()) != expected
    ]
    for name in wrong:
        print(f"{name} is not what scripts/vendored.json says; run scripts/vendor", file=sys.stderr)
    return int(bool(wrong) or not listed)


def fetch(package: Package, folder: Path) -> dict[str, bytes]:
    """Return a package's files by name, and note its integrity where none is known yet."""
    wanted = f"{package['name']}@{package['version']}"
    done = subprocess.run(
        ["npm", "pack", "--silent", "--pack-destination", str(folder), wanted],  # noqa: S607  whichever npm the person has
        check=True,
        capture_output=True,
        text=True,
    )
    archive = folder / done.stdout.strip().splitlines()[-1]
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    found = f"sha512-{digest}"
    if package["integrity"] not in {"", found}:
        raise SystemExit(f"vendor: {wanted} is not the package it was: its hash is {found}")
    package["integrity"] = found
    with tarfile.open(archive) as tar:
        return {
            member.name.partition("/")[2]: file.read()
            for member in tar
            if (file := tar.extractfile(member)) is not None
        }


def files_of(package: Package, archive: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield the files that are shipped of a package."""
    for source, name in package["files"].items():
        yield name, MADE.get(name, bytes)(archive[source])


def licence(package: Package, archive: dict[str, bytes]) -> str:
    """Return what has to be said of a package: its name, its licence, and the text of that."""
    given = json.loads(archive["package.json"])["license"]
    if given != package["licence"]:
        raise SystemExit(f"vendor: {package['name']} is under {given} now; see that this is fine")
    if "licence_file" in package:
        text = archive[package["licence_file"]].decode()
    else:
        standard = ROOT / f"scripts/licences/{package['licence']}.txt"
        text = f"{package['copyright']}\n\n{standard.read_text(encoding='utf-8')}"
    why = f" ({package['why']})" if "why" in package else ""
    heading = f"{package['name']} {package['version']}{why}: {package['licence']}"
    return f"{heading}\n{'-' * len(heading)}\n\n{text.strip()}\n"


def hashed(content: bytes) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
