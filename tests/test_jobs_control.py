import os
from dataclasses import replace

import pytest
from filelock import FileLock

from core.exceptions import RunStateError
from core.jobs import control, queue
from core.runs import files, history, locks
from core.runs.host import process_start
from core.runs.state import RESUMABLE, read_state, write_state
from core.runs.store import Store
from core.runs.waits import Waits


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
def test_a_run_that_has_ended_is_queued_for_its_next_attempt(store, recorder, new_run, state):
    run = new_run(state, epoch=2, best_epoch=1, reason="old", message="old", pid=1, slot="cpu-7")
    assert run.state.state in RESUMABLE
    control.resume(store, recorder, run, by="ada")
    assert recorder.submitted == [(run.id, "queued", 2)]
    now = read_state(run.layout)
    assert (now.state, now.attempt, now.by, now.epoch, now.best_epoch) == ("queued", 2, "ada", 2, 1)
    assert (now.reason, now.message, now.pid, now.slot) == (None, None, None, None)
    assert last_event(run)["event"] == "resume"
    assert last_event(run)["by"] == "ada"


@pytest.mark.parametrize("state", ["paused", "running"])
def test_an_entry_for_which_a_run_does_not_wait_keeps_nobody_from_resuming_it(
    store, recorder, new_run, state
):
    # "running" with nobody who lives is shown as crashed.
    run = new_run(state)
    queue.enqueue(store.layout, run.id, 1, "ada", store.observer.host, "cpu", "")
    (store.layout.queue_dir / f"{1:020d}-{run.id}.json").write_bytes(b"{")
    control.resume(store, recorder, run, by="ada")
    assert recorder.submitted == [(run.id, "queued", 2)]
    assert not queue.is_queued(store.layout, run.id)


def test_resume_takes_the_requests_to_stop_away(store, recorder, new_run):
    run = new_run("stopped")
    for request in ("stop", "pause", "kill"):
        files.create_json(run.layout.control_dir / f"{request}.json", {"by": "ada"})
    control.resume(store, recorder, run, by="ada")
    assert list(run.layout.control_dir.iterdir()) == []


def test_the_next_attempt_is_higher_than_any_that_has_a_file(store, recorder, new_run):
    run = new_run("stopped", attempt=2)
    files.create_json(run.layout.attempt(5), {"attempt": 5})
    control.resume(store, recorder, run, by="ada")
    assert recorder.submitted == [(run.id, "queued", 6)]
    assert history.attempts(run.layout).keys() == {5}


@pytest.mark.parametrize("state", ["queued", "finished"])
def test_a_run_that_waits_or_is_finished_is_not_resumed(store, recorder, new_run, state):
    run = new_run(state)
    with pytest.raises(RunStateError) as raised:
        control.resume(store, recorder, run, by="ada")
    assert str(raised.value) == (
        f"Run {run.id} is {state}; only a run that is paused, stopped, failed, crashed, "
        "interrupted or lost can be resumed."
    )
    assert recorder.submitted == []
    assert read_state(run.layout) == run.state


def test_a_living_run_is_not_resumed(store, recorder, new_run):
    run = new_run("running")
    lock = locks.take(run.layout.alive_lock)
    try:
        with pytest.raises(RunStateError, match=f"Run {run.id} is running; only"):
            control.resume(store, recorder, run, by="ada")
    finally:
        lock.release()


def test_a_damaged_run_is_not_resumed(store, recorder, new_run):
    run = new_run("stopped")
    run.layout.run_json.unlink()
    with pytest.raises(RunStateError) as raised:
        control.resume(store, recorder, run, by="ada")
    assert str(raised.value) == (
        f"Run {run.id} is damaged and cannot be resumed: run.json is missing."
    )


def test_an_old_view_of_a_run_does_not_count(store, recorder, new_run):
    old = new_run("stopped")
    write_state(old.layout, replace(old.state, state="finished"))
    with pytest.raises(RunStateError, match="is finished"):
        control.resume(store, recorder, old, by="ada")
    running = new_run("queued")
    write_state(running.layout, replace(running.state, state="finished"))
    with pytest.raises(RunStateError, match="is finished; only a run under way can be stopped"):
        control.stop(store, running, by="ada")
    assert not running.layout.stop_request.exists()


def test_a_request_beside_another_says_so_when_it_takes_too_long(
    store, recorder, new_run, monkeypatch
):
    monkeypatch.setattr(control, "LONGEST_REQUEST", 0.01)
    run = new_run("stopped")
    with (
        FileLock(run.layout.request_lock),
        pytest.raises(RunStateError) as raised,
    ):
        control.resume(store, recorder, run, by="ada")
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
    processes.until(lambda: queue.entries(store.layout, store.observer.host) == [])
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


# Pause.


def test_a_waiting_run_pauses_without_ever_starting_and_can_be_resumed(
    processes, store, recorder, new_run
):
    run = new_run("queued")
    control.pause(store, run, by="ada")
    paused = processes.until_state(run, "paused")
    assert (paused.state.reason, paused.state.message) == ("request", "Paused before it started.")
    processes.until(lambda: not queue.is_queued(store.layout, run.id))
    control.resume(store, recorder, paused, by="ada")
    assert not run.layout.pause_request.exists()
    assert recorder.submitted == [(run.id, "queued", 2)]


def test_whoever_stops_a_run_about_to_pause_gets_its_results_and_not_the_reverse(store, new_run):
    run = new_run("running")
    lock = locks.take(run.layout.alive_lock)
    try:
        control.pause(store, run, by="ada")
        assert run.layout.pause_request.exists() and run.layout.stop_request.exists()
        control.pause(store, run, by="grace")
        assert files.read_json(run.layout.pause_request)["by"] == "ada"
        control.stop(store, run, by="grace")
        assert not run.layout.pause_request.exists()
        with pytest.raises(RunStateError) as raised:
            control.pause(store, run, by="ada")
    finally:
        lock.release()
    assert str(raised.value) == (f"Run {run.id} was asked to stop already; resume it once it has.")


# Retry.


@pytest.mark.parametrize(
    ("state", "changes"),
    [("failed", {}), ("running", {}), ("running", {"boot": "another boot"})],
)
def test_what_failed_crashed_or_broke_off_gets_another_attempt(
    store, recorder, new_run, state, changes
):
    run = new_run(state, **changes)
    control.retry(store, recorder, run, by="ada")
    assert recorder.submitted == [(run.id, "queued", 2)]
    assert last_event(run)["event"] == "retry"


@pytest.mark.parametrize("state", ["stopped", "paused", "finished", "queued"])
def test_what_did_not_fail_is_not_retried(store, recorder, new_run, state):
    run = new_run(state)
    with pytest.raises(RunStateError) as raised:
        control.retry(store, recorder, run, by="ada")
    assert str(raised.value) == (
        f"Run {run.id} is {state}; only a run that is failed, crashed or interrupted can be retried."
    )
    assert recorder.submitted == []


# Kill. A worker that is killed is in test_processes_requests.py.


@pytest.mark.parametrize("change", [{"pid_start": 1e9}, {"boot": "another boot"}, {"slot": None}])
def test_a_process_that_may_be_a_stranger_s_is_not_killed(store, new_run, change):
    store = Store(store.root, Waits(kill_after=0.01))
    me = {"pid": os.getpid(), "pid_start": process_start(os.getpid()), "slot": "cpu-0"}
    run = new_run("running", **{**me, "pid_start": 1e9, **change})
    lock = locks.take(run.layout.alive_lock)
    try:
        with pytest.raises(RunStateError) as raised:
            control.kill(store, [run], by="ada")
    finally:
        lock.release()
    assert str(raised.value).startswith(f"Run {run.id} cannot be killed: ")
    assert run.layout.stop_request.exists()
    assert files.read_json(run.layout.kill_request)["by"] == "ada"


@pytest.mark.parametrize("state", ["stopped", "finished", "running"])
def test_of_several_runs_none_is_asked_when_one_is_not_under_way(store, new_run, state):
    waiting, ended = new_run("queued"), new_run(state)
    with pytest.raises(RunStateError) as raised:
        control.kill(store, [waiting, ended], by="ada")
    assert str(raised.value) == (
        f"Run {ended.id} is {ended.state.state}; only a run under way can be killed."
    )
    assert not waiting.layout.stop_request.exists()


def test_killing_a_waiting_run_stops_it(processes, store, new_run):
    run = new_run("queued")
    control.kill(store, [run], by="ada")
    assert processes.until_state(run, "stopped").state.message == "Stopped before it started."
