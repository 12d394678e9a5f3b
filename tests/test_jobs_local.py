import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import psutil
import pytest

from core.jobs import queue
from core.jobs.executor import LONGEST_LOG, Gone
from core.jobs.local import (
    LocalExecutor,
    ensure_runner,
    ensure_runner_if_queued,
    kill_worker,
    python_environment,
    terminate,
    wait,
)
from core.runs import files, locks
from core.runs.host import process_start
from core.runs.state import write_state


@pytest.fixture
def store(occupied_store):
    return occupied_store


@pytest.fixture
def run(store, finished_run, spec_of):
    return store.create(spec_of(finished_run), epochs=3)


@pytest.fixture
def sleeper():
    """A process that stands for a worker."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def said_of(store, sleeper):
    """What a run says of a worker that is `sleeper`."""

    def state(run, **changes):
        facts = {
            "state": "running",
            "pid": sleeper.pid,
            "pid_start": process_start(sleeper.pid),
            "host": store.observer.host,
            "boot": store.observer.boot,
            "slot": "cpu-0",
        }
        return replace(run.state, **(facts | changes))

    return state


# SIGTERM.


def test_a_worker_that_is_surely_ours_gets_sigterm(store, run, sleeper, said_of):
    assert terminate(store, said_of(run), holder=sleeper.pid)
    assert sleeper.wait(timeout=60) == -signal.SIGTERM


@pytest.mark.parametrize(
    "change",
    [
        {"pid_start": 1e9},
        {"pid_start": None},
        {"boot": "another boot"},
        {"boot": None},
        {"host": "elsewhere"},
        {"pid": 1},
        {"pid": None},
        {"slot": None},  # a program of somebody's in which the run trains
    ],
)
def test_a_process_that_may_be_a_strangers_gets_no_signal(store, run, sleeper, said_of, change):
    assert not terminate(store, said_of(run, **change), holder=sleeper.pid)
    assert sleeper.poll() is None


def test_a_process_that_does_not_hold_the_lock_gets_no_signal(store, run, sleeper, said_of):
    assert not terminate(store, said_of(run), holder=None)
    assert not terminate(store, said_of(run), holder=os.getpid())
    assert sleeper.poll() is None


def test_a_worker_is_killed_with_what_it_started(store, run, said_of):
    program = "import subprocess; subprocess.Popen(['sleep', '1000']); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as leader:
        leader.stdout.readline()
        (child,) = psutil.Process(leader.pid).children()
        state = said_of(run, pid=leader.pid, pid_start=process_start(leader.pid))
        assert kill_worker(store, state, holder=leader.pid)
        assert leader.wait(timeout=60) == -signal.SIGKILL
        gone, alive = psutil.wait_procs([child], timeout=60)
        assert (gone, alive) == ([child], [])


def test_a_process_that_leads_no_group_is_not_killed(store, run, sleeper, said_of):
    assert not kill_worker(store, said_of(run), holder=sleeper.pid)
    assert not kill_worker(store, said_of(run, pid_start=1e9), holder=sleeper.pid)
    assert sleeper.poll() is None


@pytest.mark.parametrize("force", [False, True])
def test_cancelling_ends_the_worker_of_that_attempt_alone(store, run, said_of, tmp_path, force):
    executor = LocalExecutor(store, tmp_path)
    # The state of a worker that holds the lock and, unless told to end by force, sees to SIGTERM itself.
    program = (
        "import signal, sys; from pathlib import Path; from core.runs import locks\n"
        "lock = locks.take(Path(sys.argv[1])); print(flush=True); signal.pause()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, run.layout.alive_lock],
        stdout=subprocess.PIPE,
        start_new_session=True,
        env=python_environment(),
    ) as worker:
        worker.stdout.readline()
        facts = {"pid": worker.pid, "pid_start": process_start(worker.pid), "attempt": 2}
        write_state(run.layout, said_of(run, **facts))
        executor.cancel(f"{run.id}-1", force)
        executor.cancel(f"{run.id}-3", force)
        assert worker.poll() is None
        executor.cancel(f"{run.id}-2", force)
        assert worker.wait(timeout=60) == -(signal.SIGKILL if force else signal.SIGTERM)


def test_the_logs_of_an_attempt_are_the_end_of_its_runs_log(store, run, tmp_path):
    executor = LocalExecutor(store, tmp_path)
    assert executor.logs(f"{run.id}-1") == ""
    run.layout.log.write_text("first" + "x" * LONGEST_LOG + " last\n")
    logs = executor.logs(f"{run.id}-1")
    assert logs.endswith("x last") and "first" not in logs


# Polling.


def test_poll_follows_an_attempt_from_the_queue_to_its_end(processes, store, run):
    executor = processes.executor
    handle = f"{run.id}-1"
    assert executor.submit(run, 1) == handle
    assert executor.poll(handle) == "pending"
    starting = replace(run.state, state="starting", t=time.time(), boot=store.observer.boot)
    write_state(run.layout, starting)
    assert executor.poll(handle) == "pending"
    lock = locks.take(run.layout.alive_lock)
    files.create_json(run.layout.attempt(1), {"attempt": 1})
    assert executor.poll(handle) == "alive"
    lock.release()
    write_state(run.layout, replace(run.state, state="finished"))
    assert executor.poll(handle) == Gone(None)
    files.create_json(run.layout.exit(1), {"code": 0, "signal": None})
    assert executor.poll(handle) == Gone(0)
    assert executor.poll(f"{run.id}-2") == "unknown"


def test_a_killed_attempt_is_gone_with_its_signal_while_the_next_one_lives(processes, store, run):
    files.create_json(run.layout.attempt(1), {"attempt": 1})
    files.create_json(run.layout.exit(1), {"code": None, "signal": 9})
    write_state(run.layout, replace(run.state, state="running", attempt=2))
    lock = locks.take(run.layout.alive_lock)
    try:
        assert processes.executor.poll(f"{run.id}-1") == Gone(-9)
        assert processes.executor.poll(f"{run.id}-2") == "alive"
    finally:
        lock.release()


# The runner.


def test_submitting_starts_one_runner_and_records_where_the_data_are(processes, store, run):
    processes.executor.submit(run, 1)
    runner = processes.until(processes.runner)
    (entry,) = queue.entries(store.layout, store.observer.host)
    assert entry.data_dir == str(processes.data_dir.resolve())
    assert entry.device == "cpu"
    assert not ensure_runner(store)
    processes.executor.submit(run, 1)
    assert processes.runner() == runner


def test_another_attempt_takes_the_data_folder_of_the_one_before_unless_one_is_asked_for(
    processes, store, run, tmp_path
):
    host = store.observer.host
    said = {"host": host, "data_dir": str(tmp_path), "from_epoch": 1}
    files.create_json(run.layout.attempt(1), said)
    processes.executor.submit(run, 2)
    LocalExecutor(store, processes.data_dir, is_data_dir_asked=True).submit(run, 2)
    entries = queue.entries(store.layout, host)
    asked = str(processes.data_dir.resolve())
    assert [entry.data_dir for entry in entries] == [str(tmp_path), asked]


def test_a_run_queued_without_an_entry_starts_a_runner_that_makes_one(processes, store, run):
    ensure_runner_if_queued(store)
    processes.until(processes.runner)
    processes.until(lambda: queue.entries(store.layout, store.observer.host))


def test_without_a_waiting_run_of_this_machine_no_runner_starts(processes, store, run):
    write_state(run.layout, replace(run.state, host="elsewhere"))
    ensure_runner_if_queued(store)
    write_state(run.layout, replace(run.state, state="stopped"))
    ensure_runner_if_queued(store)
    assert processes.of_folder() == []


def test_waiting_yields_each_change_and_ends_with_the_runs(processes, store, run):
    changes = wait(store, [run.id])
    assert next(changes).state.state == "queued"
    write_state(run.layout, replace(run.state, epoch=2))
    assert next(changes).state.epoch == 2
    # Whoever waits sees to a runner.
    processes.until(processes.runner)
    write_state(run.layout, replace(run.state, state="finished", epoch=3))
    assert [one.state.state for one in changes] == ["finished"]


def test_processes_find_our_core_from_any_folder(tmp_path):
    program = "import core.jobs.runner; print(core.__file__)"
    command = [sys.executable, "-P", "-c", program]
    done = subprocess.run(
        command, cwd=tmp_path, env=python_environment(), capture_output=True, text=True
    )
    import core

    assert done.stdout.strip() == core.__file__


def test_what_lies_in_the_runs_folder_is_never_imported(processes, store, run, tmp_path):
    (store.root / "core").mkdir()
    (store.root / "core" / "__init__.py").write_text("raise SystemExit('imported')")
    (store.root / "orjson.py").write_text("raise SystemExit('imported')")
    ensure_runner(store)
    processes.until(processes.runner)
    log = store.layout.runner_log(store.observer.host)
    assert "imported" not in log.read_text()
