import pytest

from core.jobs import queue
from core.runs import files
from core.runs.layout import RunsLayout

FIRST, SECOND = "20260131-142501-9f3a1c", "20260131-142502-000000"


@pytest.fixture
def layout(tmp_path):
    return RunsLayout(tmp_path)


def enqueue(layout, run_id, attempt=1, host="here"):
    queue.enqueue(layout, run_id, attempt, "ada", host, "cpu", "/data")


def test_entries_come_back_oldest_first_with_all_that_was_said(layout):
    enqueue(layout, SECOND, attempt=3)
    enqueue(layout, FIRST)
    entries = queue.entries(layout, "here")
    assert [(entry.run_id, entry.attempt) for entry in entries] == [(SECOND, 3), (FIRST, 1)]
    assert (entries[0].owner, entries[0].host, entries[0].device) == ("ada", "here", "cpu")
    assert entries[0].data_dir == "/data"
    assert entries[0].path.parent == layout.queue_dir


def test_entries_of_another_machine_are_not_ours_but_their_runs_wait(layout):
    enqueue(layout, FIRST, host="elsewhere")
    assert queue.entries(layout, "here") == []
    assert queue.is_queued(layout, FIRST)
    assert not queue.is_queued(layout, SECOND)


def test_an_empty_folder_has_no_entries(layout):
    assert queue.entries(layout, "here") == []
    assert not queue.is_queued(layout, FIRST)
    queue.remove_unreadable(layout)
    assert not layout.queue_dir.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"run": "20260131-142501-9f3a1c"}',
        b'{"run": "../outside", "attempt": 1, "owner": "a", "host": "here", "device": "cpu", "data_dir": ""}',
        b'{"run": 5, "attempt": 1, "owner": "a", "host": "here", "device": "cpu", "data_dir": ""}',
        b'{"run": "20260131-142501-9f3a1c", "attempt": "x", "owner": "a", "host": "here", "device": "cpu", "data_dir": ""}',
    ],
)
def test_an_entry_that_cannot_be_read_is_left_out_and_can_be_removed(layout, content):
    enqueue(layout, FIRST)
    bad = layout.queue_dir / f"00000000000000000001-{SECOND}.json"
    bad.write_bytes(content)
    assert [entry.run_id for entry in queue.entries(layout, "here")] == [FIRST]
    queue.remove_unreadable(layout)
    assert not bad.exists()
    assert [entry.run_id for entry in queue.entries(layout, "here")] == [FIRST]


def test_a_file_still_being_written_is_no_entry(layout):
    files.make_folder(layout.queue_dir)
    aside = layout.queue_dir / f"00000000000000000001-{FIRST}.json.123.tmp"
    aside.write_bytes(b"{")
    assert queue.entries(layout, "here") == []
    queue.remove_unreadable(layout)
    assert aside.exists()
