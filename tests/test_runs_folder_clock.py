"""The clock of a runs folder: it tells the time that files get, and leaves the folder as it was."""

import os

import pytest

from core.runs.folder_clock import KEPT_SECONDS, FolderClock
from core.runs.layout import RunsLayout


@pytest.fixture
def runners(tmp_path):
    """The folder of the runners, which another machine's has made."""
    folder = RunsLayout(tmp_path).runner_lock("grace").parent
    folder.mkdir()
    return folder


def stamped(path):
    path.touch()
    return path.stat().st_mtime


def test_it_tells_the_time_that_a_file_written_now_gets(tmp_path):
    before = stamped(tmp_path / "before")
    now = FolderClock().now(tmp_path, monotonic=5.0)
    assert before <= now <= stamped(tmp_path / "after")


def test_it_looks_beside_the_runners_where_there_are_any_and_leaves_nothing(tmp_path, runners):
    os.utime(tmp_path, (0, 0))
    assert FolderClock().now(tmp_path, monotonic=5.0) is not None
    assert tmp_path.stat().st_mtime == 0
    assert os.listdir(runners) == []


def test_where_no_runner_has_been_it_makes_no_folder_and_leaves_nothing(tmp_path):
    assert FolderClock().now(tmp_path, monotonic=5.0) is not None
    assert os.listdir(tmp_path) == []


def test_one_look_serves_a_whole_list(tmp_path, runners):
    clock = FolderClock()
    now = clock.now(tmp_path, monotonic=5.0)
    os.utime(runners, (0, 0))
    assert clock.now(tmp_path, monotonic=5.5) == now + 0.5
    assert runners.stat().st_mtime == 0
    clock.now(tmp_path, monotonic=5.0 + KEPT_SECONDS)
    assert runners.stat().st_mtime > 0


def test_two_folders_are_told_apart(tmp_path):
    clock = FolderClock()
    assert clock.now(tmp_path, monotonic=5.0) is not None
    assert clock.now(tmp_path / "another", monotonic=5.0) is None


def test_a_folder_that_takes_no_file_tells_nothing_and_is_asked_again(tmp_path):
    clock, folder = FolderClock(), tmp_path / "runs"
    assert clock.now(folder, monotonic=5.0) is None
    folder.mkdir()
    assert clock.now(folder, monotonic=5.0) is not None
