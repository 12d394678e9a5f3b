"""Deleting and restoring runs; the tests' own processes hold the locks."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from filelock import FileLock

from core.exceptions import RunStateError, UnknownName
from core.jobs import control, queue, removal
from core.jobs.inline import InlineExecutor
from core.jobs.worker import Worker
from core.runs import files, locks, trash
from core.runs.state import RunState, write_state

HOLD = """
import sys
from pathlib import Path
from core.runs import locks
locks.take(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def store(finished_copy):
    return finished_copy


@pytest.fixture
def run(store):
    (run,) = store.runs()
    return run


def refusal(store, run):
    with pytest.raises(RunStateError) as raised:
        removal.delete(store, run, by="ada")
    assert store.run(run.id).layout.path.exists()
    return str(raised.value)


def kinds(run):
    return [one["event"] for one in files.parse_rows(run.layout.events.read_bytes())[0]]


def test_a_deleted_run_comes_back_and_tells_who_did_both(store, run):
    removal.delete(store, run, by="ada")
    assert store.runs() == []
    restored = removal.restore(store, run.id, by="grace")
    assert restored.row() == run.row()
    events, _ = files.parse_rows(restored.layout.events.read_bytes())
    assert [(one["event"], one["by"]) for one in events[-2:]] == [
        ("delete", "ada"),
        ("restore", "grace"),
    ]


def test_a_run_that_another_process_holds_is_not_deleted(store, run):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, run.layout.alive_lock],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        holder.stdout.readline()
        assert refusal(store, run) == (f"Run {run.id} is under way; stop it before you delete it.")
        holder.stdin.close()
    removal.delete(store, run, by="ada")


@pytest.mark.parametrize("state", ["queued", "starting", "running"])
def test_a_run_under_way_is_not_deleted(store, run, state):
    # The last beat is of when the tests began, minutes ago: by it the run would be stalled.
    run.layout.beat.unlink(missing_ok=True)
    now = {"t": time.time(), "host": store.observer.host, "boot": store.observer.boot}
    write_state(run.layout, RunState(state, attempt=2, **now))
    lock = locks.take(run.layout.alive_lock) if state == "running" else None
    assert refusal(store, run) == f"Run {run.id} is {state}; stop it before you delete it."
    if lock is not None:
        lock.release()


def test_an_entry_for_which_the_run_does_not_wait_keeps_nobody_from_deleting_it(store, run):
    queue.enqueue(store.layout, run.id, 2, "ada", "elsewhere", "cpu", "")
    (store.layout.queue_dir / f"{1:020d}-{run.id}.json").write_bytes(b"{")
    queue.enqueue(store.layout, "20260131-142501-9f3a1c", 1, "ada", "elsewhere", "cpu", "")
    removal.delete(store, run, by="ada")
    assert store.runs() == []
    assert not queue.is_queued(store.layout, run.id)
    assert queue.is_queued(store.layout, "20260131-142501-9f3a1c")


def test_a_crashed_run_can_be_deleted(store, run):
    write_state(run.layout, RunState("running", host=store.observer.host, boot=store.observer.boot))
    assert store.run(run.id).state.state == "crashed"
    removal.delete(store, run, by="ada")
    assert store.runs() == []


def test_a_damaged_run_can_be_deleted_and_restored(store, run):
    run.layout.run_json.write_bytes(b"")
    events = run.layout.events.read_bytes()
    removal.delete(store, store.run(run.id), by="ada")
    restored = removal.restore(store, run.id, by="ada")
    assert restored.damaged == "run.json is empty"
    assert run.layout.events.read_bytes() == events


def test_of_a_link_in_place_of_a_run_only_the_link_goes(store, run, tmp_path):
    os.rename(run.layout.path, tmp_path / run.id)
    run.layout.path.symlink_to(tmp_path / run.id)
    before = sorted(path.name for path in (tmp_path / run.id).iterdir())
    removal.delete(store, store.run(run.id), by="ada")
    assert not os.path.lexists(run.layout.path)
    assert sorted(path.name for path in (tmp_path / run.id).iterdir()) == before


def test_a_deletion_empties_the_trash_of_what_is_a_week_old(store, run):
    store.layout.trash_dir.mkdir()
    old = store.layout.trashed("20260131-142501-9f3a1c", 1)
    old.mkdir()
    removal.delete(store, run, by="ada")
    assert not old.exists()
    assert [one.run_id for one in trash.trashed(store.layout)] == [run.id]


def test_deleting_twice_says_that_there_is_no_such_run(store, run):
    removal.delete(store, run, by="ada")
    with pytest.raises(UnknownName):
        removal.delete(store, run, by="ada")
    assert not run.layout.path.exists()


def test_a_worker_whose_run_was_deleted_and_restored_does_not_lose_its_place(store, run):
    """The locks of a deletion are given up with it."""
    removal.delete(store, run, by="ada")
    removal.restore(store, run.id, by="ada")
    locks.take(run.layout.alive_lock).release()
    assert kinds(run)[-2:] == ["delete", "restore"]


def test_a_request_that_waits_while_its_run_is_deleted_does_not_make_the_folder_again(store, run):
    executor = InlineExecutor(store, store.root)
    with ThreadPoolExecutor() as threads, FileLock(run.layout.request_lock):
        asked = [
            threads.submit(control.resume, store, executor, run, "ada"),
            threads.submit(removal.delete, store, run, "ada"),
        ]
        time.sleep(0.3)  # so that they wait, or come later and find nothing: either must do no harm
        trash.discard(run.layout)
    for one in asked:
        assert isinstance(one.exception(), UnknownName)
    assert not run.layout.path.exists()
    assert removal.restore(store, run.id, by="ada").damaged is None


def test_no_lock_and_no_request_brings_a_deleted_run_back(store, run):
    trash.discard(run.layout)
    with pytest.raises(FileNotFoundError):
        locks.take(run.layout.alive_lock, makes_folder=False)
    with pytest.raises(UnknownName):
        control.stop(store, run, by="ada")
    worker = Worker(run.layout, 2, store.root)
    with pytest.raises(FileNotFoundError):
        worker.work()
    assert not run.layout.path.exists()
