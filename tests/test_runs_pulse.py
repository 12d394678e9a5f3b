"""The pulse of a runs folder: the same while nothing changes, another one after each change that a list shows."""

import json
import os
from dataclasses import replace

import pytest

from core.runs import edits, files, locks, trash
from core.runs.pulse import pulse
from core.runs.state import RunState, write_state
from core.runs.store import Store


@pytest.fixture
def queued(finished_copy, finished_run, spec_of):
    """A store with a finished run and a waiting one."""
    finished_copy.create(spec_of(finished_run), epochs=3)
    return finished_copy


def test_nothing_new_gives_the_same(queued):
    runs = queued.runs()
    assert pulse(queued, runs) == pulse(queued, queued.runs())


@pytest.mark.parametrize(
    "change",
    [
        lambda store, run, ended: edits.rename(ended, "another name", "ada"),
        lambda store, run, ended: trash.discard(ended.layout),
        lambda store, run, ended: store.create(
            {key: run.spec[key] for key in run.spec if key not in ("id", "schema", "created")}, 3
        ),
        lambda store, run, ended: write_state(run.layout, RunState("running", epochs=3)),
        lambda store, run, ended: files.append_row(run.layout.history, {"attempt": 1, "epoch": 1}),
        lambda store, run, ended: run.layout.beat.write_text(json.dumps({"step": 1})),
        lambda store, run, ended: files.create_json(run.layout.stop_request, {"by": "ada"}),
    ],
    ids=["edited", "deleted", "submitted", "started", "epoch", "step", "asked to stop"],
)
def test_every_change_gives_another(queued, change):
    runs = queued.runs()
    run, ended = sorted(runs, key=lambda one: one.state.state, reverse=True)
    before = pulse(queued, runs)
    change(queued, run, ended)
    assert pulse(queued, runs) != before


def test_a_workers_death_changes_no_file_and_still_gives_another(queued):
    run = next(one for one in queued.runs() if one.state.state == "queued")
    observer = queued.observer
    state = RunState("running", epochs=3, host=observer.host, boot=observer.boot)
    write_state(run.layout, state)
    worker = locks.take(run.layout.alive_lock)
    runs = queued.runs()
    before = pulse(queued, runs)
    assert pulse(queued, runs) == before
    worker.release()
    assert pulse(queued, runs) != before


@pytest.mark.parametrize("state", ["starting", "running"])
@pytest.mark.parametrize(("host", "locks_work"), [("elsewhere", True), ("mine", False)])
def test_a_run_that_is_judged_by_its_heartbeat_gives_the_same_whoever_looks(
    queued, state, host, locks_work
):
    run = next(one for one in queued.runs() if one.state.state == "queued")
    write_state(run.layout, RunState(state, epochs=3, host=host, boot="b"))

    def reader():
        """Somebody who sees the folder for the first time: nothing is remembered from a look before."""
        store = Store(queued.root, host="mine", boot="b")
        store.observer = replace(store.observer, locks_work=lambda: locks_work)
        return store

    runs, beside = reader().runs(), os.listdir(queued.root)
    assert state in [one.state.state for one in runs]
    before = pulse(reader(), runs)
    assert pulse(reader(), reader().runs()) == before
    assert os.listdir(queued.root) == beside


def test_a_missing_folder_has_a_pulse_too(store):
    assert pulse(store, []) == pulse(store, [])
