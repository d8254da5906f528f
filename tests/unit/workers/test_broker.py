import os
from pathlib import Path

import pytest

from workers import broker
from workers.errors import UnsafeSocketFolder


def test_the_socket_is_in_the_home_when_the_kernel_takes_its_path() -> None:
    home = Path("/srv/outage")

    assert broker.socket_path(home) == home / "run" / "valkey.sock"


def test_a_long_home_gets_a_short_socket_path_of_its_own() -> None:
    first, second = (Path("/srv") / ("long-" * 30) / name for name in ("first", "second"))

    paths = {broker.socket_path(first), broker.socket_path(second)}

    assert len(paths) == 2
    assert all(len(os.fsencode(path)) <= broker.LONGEST_SOCKET_PATH for path in paths)
    assert broker.socket_path(first) in paths


@pytest.mark.parametrize("name", ["two words", "tab\tbed", "a=b"])
def test_a_home_whose_path_clients_cannot_read_gets_a_socket_elsewhere(name: str) -> None:
    home = Path("/srv") / name

    assert home not in broker.socket_path(home).parents
    assert name not in broker.url(home)


def test_the_url_survives_what_else_stands_in_the_path() -> None:
    assert broker.url(Path("/srv/ñ%?")) == "unix:///srv/%C3%B1%25%3F/run/valkey.sock"


def test_the_server_comes_with_the_wheel() -> None:
    assert os.access(broker.find_binary(), os.X_OK)


def test_a_socket_folder_that_others_can_open_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    home = tmp_path / ("long-" * 30)
    broker.socket_path(home).parent.mkdir(mode=0o755)

    with pytest.raises(UnsafeSocketFolder, match="only this user can open"):
        broker.serve(home)
