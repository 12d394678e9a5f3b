from dataclasses import replace

import pytest
from filelock import FileLock

from core.exceptions import RunStateError
from core.jobs import control, queue
from core.runs import files, history, locks
from core.runs.state import RESUMABLE, read_state, write_state


class Recorder:
    """An executor that only notes what it is given."""

    name = "recorder"

    def __init__(self):
        self.submitted = []

    def submit(self, run, attempt):
        self.submitted.append((run.id, run.state.state, attempt))
        return f"{run.id}-{attempt}"


@pytest.fixture
def executor():
    return Recorder()


@pytest.fixture
def store(occupied_store):
    return occupied_store


@pytest.fixture
def new_run(store, finished_run, spec_of):
    """Make a run in a state that its last worker wrote."""

    def make(state, **changes):
        run = store.create(spec_of(finished_run), epochs=3)
        changes = {"boot": store.observer.boot, **changes}
        write_state(run.layout, replace(run.state, state=state, **changes))
        return store.run(run.id)

    return make


def last_event(run):
    return files.parse_rows(run.layout.events.read_bytes())[0][-1]


@pytest.mark.parametrize("state", ["paused", "stopped", "failed", "running"])
def test_a_run_that_has_ended_is_queued_for_its_next_attempt(store, executor, new_run, state):
    run = new_run(state, epoch=2, best_epoch=1, reason="old", message="old", pid=1, slot="cpu-7")
    assert run.state.state in RESUMABLE
    control.resume(store, executor, run, by="ada")
    assert executor.submitted == [(run.id, "queued", 2)]
    now = read_state(run.layout)
    assert (now.state, now.attempt, now.by, now.epoch, now.best_epoch) == ("queued", 2, "ada", 2, 1)
    assert (now.reason, now.message, now.pid, now.slot) == (None, None, None, None)
    assert last_event(run)["event"] == "resume"
    assert last_event(run)["by"] == "ada"


def test_resume_takes_the_request_to_stop_away(store, executor, new_run):
    run = new_run("stopped")
    files.create_json(run.layout.stop_request, {"by": "ada"})
    control.resume(store, executor, run, by="ada")
    assert not run.layout.stop_request.exists()


def test_the_next_attempt_is_higher_than_any_that_has_a_file(store, executor, new_run):
    run = new_run("stopped", attempt=2)
    files.create_json(run.layout.attempt(5), {"attempt": 5})
    control.resume(store, executor, run, by="ada")
    assert executor.submitted == [(run.id, "queued", 6)]
    assert history.attempts(run.layout).keys() == {5}


@pytest.mark.parametrize("state", ["queued", "finished"])
def test_a_run_that_waits_or_is_finished_is_not_resumed(store, executor, new_run, state):
    run = new_run(state)
    with pytest.raises(RunStateError) as raised:
        control.resume(store, executor, run, by="ada")
    assert str(raised.value) == (
        f"Run {run.id} is {state}; only a run that is paused, stopped, failed, crashed or "
        "interrupted can be resumed."
    )
    assert executor.submitted == []
    assert read_state(run.layout) == run.state


def test_a_living_run_is_not_resumed(store, executor, new_run):
    run = new_run("running")
    lock = locks.take(run.layout.alive_lock)
    try:
        with pytest.raises(RunStateError, match=f"Run {run.id} is running; only"):
            control.resume(store, executor, run, by="ada")
    finally:
        lock.release()


def test_a_damaged_run_is_not_resumed(store, executor, new_run):
    run = new_run("stopped")
    run.layout.run_json.unlink()
    with pytest.raises(RunStateError) as raised:
        control.resume(store, executor, run, by="ada")
    assert str(raised.value) == (
        f"Run {run.id} is damaged and cannot be resumed: run.json is missing."
    )


def test_an_old_view_of_a_run_does_not_count(store, executor, new_run):
    old = new_run("stopped")
    write_state(old.layout, replace(old.state, state="finished"))
    with pytest.raises(RunStateError, match="is finished"):
        control.resume(store, executor, old, by="ada")
    running = new_run("queued")
    write_state(running.layout, replace(running.state, state="finished"))
    with pytest.raises(RunStateError, match="is finished; only a run under way can be stopped"):
        control.stop(store, running, by="ada")
    assert not running.layout.stop_request.exists()


def test_a_request_beside_another_says_so_when_it_takes_too_long(
    store, executor, new_run, monkeypatch
):
    monkeypatch.setattr(control, "LONGEST_REQUEST", 0.01)
    run = new_run("stopped")
    with (
        FileLock(run.layout.request_lock),
        pytest.raises(RunStateError) as raised,
    ):
        control.resume(store, executor, run, by="ada")
    assert str(raised.value) == f"Another request to run {run.id} is under way; try again."


def test_stop_leaves_a_request_with_a_name(store, new_run):
    run = new_run("queued")
    control.stop(store, run, by="ada")
    assert files.read_json(run.layout.stop_request)["by"] == "ada"
    assert (last_event(run)["event"], last_event(run)["by"]) == ("stop", "ada")


def test_stopping_twice_is_no_error_and_the_first_counts(store, new_run):
    run = new_run("running")
    lock = locks.take(run.layout.alive_lock)
    try:
        control.stop(store, run, by="ada")
        control.stop(store, run, by="grace")
    finally:
        lock.release()
    assert files.read_json(run.layout.stop_request)["by"] == "ada"


def test_a_waiting_run_whose_entry_is_lost_can_be_stopped(processes, store, new_run):
    run = new_run("queued")
    control.stop(store, run, by="ada")
    processes.until_state(run, "stopped")
    assert queue.entries(store.layout, store.observer.host) == []
    assert not run.layout.attempt(1).exists()


@pytest.mark.parametrize("state", ["paused", "stopped", "failed", "finished", "running"])
def test_what_has_ended_cannot_be_stopped(store, new_run, state):
    run = new_run(state)
    with pytest.raises(RunStateError) as raised:
        control.stop(store, run, by="ada")
    assert str(raised.value) == (
        f"Run {run.id} is {run.state.state}; only a run under way can be stopped."
    )
    assert not run.layout.stop_request.exists()
