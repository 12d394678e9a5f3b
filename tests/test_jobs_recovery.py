"""What a runner puts right when it takes stock; what it has always put right is in test_jobs_runner.py."""

import subprocess
import sys
from dataclasses import replace

import pytest

from core.jobs import queue
from core.jobs.local import ensure_runner_if_queued
from core.jobs.recovery import take_stock
from core.jobs.retries import RUNNER, has_retries_left
from core.runs import files, history, locks
from core.runs.state import TERMINATED, read_state, write_state

BEFORE = "the boot before"


@pytest.fixture
def store(store):
    store.require_writable()
    return store


@pytest.fixture
def broken_off(store, finished_run, spec_of):
    """Make a run that trained in its second attempt when the machine restarted."""

    def make(retries=1, **changes):
        run = store.create(spec_of(finished_run, retries=retries), epochs=3)
        for attempt in (1, 2):
            files.create_json(run.layout.attempt(attempt), {"from_epoch": 1})
        at = {"host": store.observer.host, "boot": BEFORE, "pid": 1, "slot": "cpu-0"}
        under_way = {"state": "running", "attempt": 2, "epoch": 1}
        write_state(run.layout, replace(run.state, **under_way | at | changes))
        return store.run(run.id)

    return make


def waiting(store):
    entries = queue.entries(store.layout, store.observer.host)
    return [(entry.run_id, entry.attempt) for entry in entries]


def test_an_interrupted_run_with_a_retry_left_goes_on_without_anybody_asking(store, broken_off):
    run = broken_off()
    assert run.state.state == "interrupted"
    take_stock(store)
    now = store.run(run.id).state
    assert (now.state, now.attempt, now.epoch, now.by) == ("queued", 3, 1, RUNNER)
    assert (now.pid, now.slot, now.boot) == (None, None, None)
    assert waiting(store) == [(run.id, 3)]
    events, _ = files.parse_rows(run.layout.events.read_bytes())
    assert [(one["event"], one["by"], one["attempt"]) for one in events] == [("retry", RUNNER, 3)]
    take_stock(store)
    assert waiting(store) == [(run.id, 3)]


def test_a_retry_takes_the_data_folder_that_the_run_had_and_else_that_of_the_server(
    store, broken_off, tmp_path, monkeypatch
):
    monkeypatch.setenv("PETRIDISH_DATA", "the server's")
    (tmp_path / "its own").mkdir()
    own, host = str(tmp_path / "its own"), store.observer.host
    named = {
        own: {"host": host, "data_dir": own},
        "the server's": {"host": host, "data_dir": str(tmp_path / "gone")},
        "the server's ": {"host": "elsewhere", "data_dir": own},
        "the server's  ": {"host": host},
    }
    runs = {folder: broken_off() for folder in named}
    for folder, run in runs.items():
        files.write_json(run.layout.attempt(2), {"from_epoch": 1, **named[folder]})
    take_stock(store)
    entries = queue.entries(store.layout, host)
    assert {entry.run_id: entry.data_dir for entry in entries} == {
        run.id: folder.rstrip() for folder, run in runs.items()
    }


def test_a_worker_that_a_shutdown_told_to_end_is_interrupted_by_the_restart_and_retried(
    store, broken_off
):
    told = {"state": "stopped", "reason": TERMINATED}
    now = broken_off(**told, boot=store.observer.boot)
    assert now.state.state == "stopped"  # nothing has restarted: somebody meant this one
    take_stock(store)
    assert store.run(now.id).state.state == "stopped"
    run = broken_off(**told)
    assert (run.state.state, run.state.reason) == ("interrupted", "restart")
    assert "The machine shut down" in run.state.message
    take_stock(store)
    assert (store.run(run.id).state.state, store.run(run.id).state.attempt) == ("queued", 3)
    elsewhere = broken_off(**told, host="another")
    asked = broken_off(state="stopped", reason="request")
    take_stock(store)
    assert [store.run(one.id).state.state for one in (elsewhere, asked)] == ["stopped", "stopped"]
    assert waiting(store) == [(run.id, 3)]


def test_every_restart_costs_one_retry_and_then_the_run_waits_for_a_click(store, broken_off):
    run = broken_off(retries=2)
    for _ in range(2):
        take_stock(store)
        queued = read_state(run.layout)
        assert queued.state == "queued"
        write_state(run.layout, replace(queued, state="running", boot=BEFORE))
        files.create_json(run.layout.attempt(queued.attempt), {"from_epoch": 1})
        for entry in queue.entries(store.layout, store.observer.host):
            entry.path.unlink()
    take_stock(store)
    assert store.run(run.id).state.state == "interrupted"
    assert (waiting(store), max(history.attempts(run.layout))) == ([], 4)


@pytest.mark.parametrize("retries", [0, None, "many", -1])
def test_without_a_retry_an_interrupted_run_waits_for_a_click(store, broken_off, retries):
    run = broken_off(retries=retries)
    take_stock(store)
    assert (store.run(run.id).state.state, waiting(store)) == ("interrupted", [])


def test_what_was_to_stop_when_the_machine_restarted_does_not_go_on(store, broken_off):
    run = broken_off()
    files.create_json(run.layout.stop_request, {"by": "ada"})
    take_stock(store)
    assert (store.run(run.id).state.state, waiting(store)) == ("interrupted", [])


def test_a_worker_that_died_by_itself_is_not_retried_not_even_after_a_restart(store, broken_off):
    run = broken_off()
    files.create_json(run.layout.exit(2), {"code": None, "signal": 9})
    assert store.run(run.id).state.state == "crashed"
    take_stock(store)
    assert (store.run(run.id).state.state, waiting(store)) == ("crashed", [])


def test_what_users_retry_costs_no_retry(store, broken_off):
    run = broken_off()
    files.append_event(run.layout.events, "retry", by="ada", attempt=2)
    assert has_retries_left(run)
    files.append_event(run.layout.events, "retry", by=RUNNER, attempt=3)
    assert not has_retries_left(run)


def test_a_start_of_the_callers_own_is_not_taken_for_a_lost_one(store, finished_run, spec_of):
    run = store.create(spec_of(finished_run), epochs=3)
    write_state(run.layout, replace(run.state, state="starting"))
    assert take_stock(store, known={run.id}) == {}
    assert (read_state(run.layout).state, waiting(store)) == ("starting", [])
    take_stock(store)
    assert waiting(store) == [(run.id, 1)]


def test_who_lives_is_told_with_its_owner(store, broken_off):
    run = broken_off()
    lock = locks.take(run.layout.alive_lock)
    try:
        assert take_stock(store) == {run.id: run.spec["owner"]}
    finally:
        lock.release()


def test_a_page_starts_the_runner_for_an_interrupted_run_that_may_be_retried(
    processes, finished_run, spec_of
):
    store = processes.store
    run = store.create(spec_of(finished_run, retries=1), epochs=3)
    at = {"host": store.observer.host, "boot": BEFORE}
    write_state(run.layout, replace(run.state, state="running", **at))
    ensure_runner_if_queued(store)
    processes.until(lambda: store.run(run.id).state.attempt == 2)
    assert processes.until_state(run, "finished").state.attempt == 2


def test_a_runner_that_stays_finds_a_run_whose_submitter_died_before_its_entry_was_written(
    processes, finished_run, spec_of, monkeypatch
):
    monkeypatch.setenv("PETRIDISH_WAITS", '{"runner_idle": 0.2, "runner_poll": 0.05}')
    store = processes.store
    command = [sys.executable, "-m", "core", "serve", "--runs", store.root]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as serving:
        assert processes.until(processes.runner) == serving.pid
        first = store.create(spec_of(finished_run), epochs=3)
        first.layout.alive_lock.mkdir()  # its worker ends at once, and the runner's first look is over
        processes.executor.submit(first, 1)
        processes.until_state(first, "crashed")
        lost = store.create(spec_of(finished_run, seed=1), epochs=3)
        finished = processes.until_state(lost, "finished")
        serving.terminate()
    assert finished.state.attempt == 1
