import os
from pathlib import Path

import pytest

from workers import roster
from workers.errors import AlreadyRunning


def test_whoever_asks_learns_the_process_ids_by_name(tmp_path: Path) -> None:
    with roster.hold(tmp_path) as held:
        held.write({"page": 4711})

        assert roster.pids(tmp_path) == {"supervisor": os.getpid(), "page": 4711}


def test_a_second_supervisor_of_a_home_is_told_which_process_holds_it(tmp_path: Path) -> None:
    with roster.hold(tmp_path) as held:
        held.write({})
        with pytest.raises(AlreadyRunning, match=f"already running .*process {os.getpid()}"):
            roster.hold(tmp_path).__enter__()


def test_what_a_killed_supervisor_left_behind_is_not_believed(tmp_path: Path) -> None:
    (roster.run_folder(tmp_path) / "processes.json").write_text('{"supervisor": 1}')
    (roster.run_folder(tmp_path) / "supervisor.lock").touch()

    assert roster.pids(tmp_path) == {}


def test_a_home_where_nothing_ever_ran_has_nobody(tmp_path: Path) -> None:
    assert roster.pids(tmp_path / "nowhere") == {}
