"""The pulse of a runs folder: the same while nothing changes, another one after each change that a list shows."""

import json

import pytest

from core.runs import edits, files, locks, trash
from core.runs.pulse import pulse
from core.runs.state import RunState, write_state


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


def test_a_missing_folder_has_a_pulse_too(store):
    assert pulse(store, []) == pulse(store, [])
