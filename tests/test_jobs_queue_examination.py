"""What fsck says of a queue that was broken by hand, and what it mends."""

import os
import time
from dataclasses import replace

import pytest

from core.exceptions import UnknownName
from core.jobs import queue
from core.jobs.queue_examination import SETTLED_SECONDS, fsck_queue
from core.runs.examination import Finding
from core.runs.state import read_state, write_state
from core.runs.store import Store


@pytest.fixture
def store(occupied_store):
    """A folder whose runner starts nothing, but lives once it is asked for."""
    return occupied_store


@pytest.fixture
def waiting(store, finished_run, spec_of):
    """A run that has waited for a while; its entry is missing."""
    run = store.create(spec_of(finished_run), epochs=3)
    write_state(run.layout, replace(read_state(run.layout), t=time.time() - SETTLED_SECONDS - 1))
    return store.run(run.id)


def enqueue(store, run, attempt=1, age=SETTLED_SECONDS + 1):
    queue.enqueue(store.layout, run.id, attempt, "ada", store.observer.host, "cpu", "/data")
    entry = queue.entries(store.layout, store.observer.host)[-1].path
    os.utime(entry, (time.time() - age, time.time() - age))
    return entry


def findings(store, processes, fix=False):
    return [(one.finding, one.is_repaired) for one in fsck_queue(store, processes.data_dir, fix)]


def test_a_sound_queue_has_no_findings(store, processes, waiting):
    enqueue(store, waiting)
    assert findings(store, processes, fix=True) == []
    assert queue.is_queued(store.layout, waiting.id)


def test_a_run_that_waits_unseen_is_queued_again_on_request(store, processes, waiting):
    lost = Finding(
        waiting.id, "state.json", "damage", "it waits, but stands in no queue", "queue it again"
    )
    assert findings(store, processes) == [(lost, False)]
    assert not queue.is_queued(store.layout, waiting.id)
    assert findings(store, processes, fix=True) == [(lost, True)]
    (entry,) = queue.entries(store.layout, store.observer.host)
    assert (entry.run_id, entry.attempt) == (waiting.id, 1)
    assert entry.data_dir == str(processes.data_dir)
    assert findings(store, processes) == []
    assert processes.until(processes.runner)


def test_a_run_that_waits_on_another_machine_is_left_to_its_runner(store, processes, waiting):
    write_state(waiting.layout, replace(read_state(waiting.layout), host="elsewhere"))
    problem = "it waits on the machine 'elsewhere' but stands in no queue; a runner there mends it"
    there = Finding(waiting.id, None, "notice", problem)
    assert findings(store, processes, fix=True) == [(there, False)]
    assert not queue.is_queued(store.layout, waiting.id)


def test_entries_that_mean_nothing_are_removed_on_request(store, processes, waiting):
    second = enqueue(store, waiting, attempt=2)
    kept = enqueue(store, waiting)
    garbage, gone = (store.layout.queue_dir / f"{number:020d}-x.json" for number in (1, 2))
    garbage.write_bytes(b"{")
    gone.write_bytes(kept.read_bytes().replace(waiting.id.encode(), b"20260101-000000-000000"))
    for path in (garbage, gone):
        os.utime(path, (1, 1))
    wanted = {
        garbage.name: "it cannot be read; a run that waits gets another one",
        gone.name: "run 20260101-000000-000000 is not here",
        second.name: f"run {waiting.id} is queued in attempt 1; this is of attempt 2",
    }
    listed = [
        Finding(".queue", name, "leftover", problem, "remove the file")
        for name, problem in wanted.items()
    ]
    assert findings(store, processes) == [(one, False) for one in listed]
    assert findings(store, processes, fix=True) == [(one, True) for one in listed]
    assert os.listdir(store.layout.queue_dir) == [kept.name]


def test_what_is_a_moment_old_is_left_alone(store, processes, waiting, finished_run, spec_of):
    young = store.create(spec_of(finished_run), epochs=3)
    enqueue(store, waiting)
    fresh = enqueue(store, waiting, attempt=2, age=0)
    assert findings(store, processes, fix=True) == []
    assert fresh.exists()
    assert not queue.is_queued(store.layout, young.id)


def test_the_entry_of_a_run_that_is_hidden_from_who_asks_is_left_alone(store, processes, waiting):
    entry = enqueue(store, waiting)

    class Hiding(Store):
        def run(self, run_id):
            raise UnknownName("run", run_id, ())

        def runs(self):
            return []

    assert fsck_queue(Hiding(store.root), processes.data_dir, fix=True) == []
    assert entry.exists()
