import time

import pytest

from core.jobs.heartbeat import BEAT_BYTES, Heartbeat
from core.runs.layout import RunLayout
from core.runs.state import read_beat


@pytest.fixture
def layout(tmp_path):
    return RunLayout(tmp_path)


def until(condition):
    give_up = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def test_the_file_appears_at_once_and_follows_the_numbers(layout):
    with Heartbeat(layout, seconds=0.01) as beat:
        until(lambda: "changed" in read_beat(layout))
        beat.moved(epoch=2, step=7, steps=10)
        until(lambda: read_beat(layout).get("step") == 7)
        first = read_beat(layout)
        beat.moved(step=8)
        until(lambda: read_beat(layout).get("step") == 8)
        assert read_beat(layout)["epoch"] == 2
        assert read_beat(layout)["changed"] > first["changed"]
        assert layout.beat.stat().st_size == BEAT_BYTES


def test_without_progress_the_file_is_touched_but_says_the_same(layout):
    with Heartbeat(layout, seconds=0.01):
        until(lambda: layout.beat.exists() and read_beat(layout))
        said, touched = layout.beat.read_bytes(), layout.beat.stat().st_mtime_ns
        until(lambda: layout.beat.stat().st_mtime_ns > touched)
        assert layout.beat.read_bytes() == said


def test_after_the_block_nothing_touches_the_file(layout):
    with Heartbeat(layout, seconds=0.001):
        until(layout.beat.exists)
    touched = layout.beat.stat().st_mtime_ns
    time.sleep(0.05)
    assert layout.beat.stat().st_mtime_ns == touched


def test_a_folder_that_cannot_be_written_does_not_end_the_heartbeat(layout):
    # A folder where the file should be: opening it for writing fails.
    layout.beat.mkdir()
    with Heartbeat(layout, seconds=0.001) as beat:
        beat.moved(step=1)
        time.sleep(0.02)
        layout.beat.rmdir()
        beat.moved(step=2)
        until(lambda: read_beat(layout).get("step") == 2)
