"""Faults of queue and runner: deaths between any two of their steps, restarts of the machine, crowds at one slot."""

import os
import signal
import threading
from dataclasses import replace
from itertools import pairwise

import orjson
import psutil
import pytest

from core.exceptions import RunStateError
from core.jobs import control, queue, removal
from core.jobs.executor import EXIT_FENCED
from core.jobs.local import ensure_runner, ensure_runner_if_queued
from core.runs import files, history, locks
from core.runs.state import read_beat, read_state, write_state

BEFORE = "the boot before"


@pytest.fixture
def warm_starts(monkeypatch):
    """Workers are forked: many of them cost little."""
    monkeypatch.setenv("PETRIDISH_WARM_START", "1")


@pytest.fixture
def made(processes, finished_run, spec_of):
    """Make a run without queueing it."""

    def make(**changes):
        return processes.store.create(spec_of(finished_run, executor="local", **changes), epochs=3)

    return make


def is_finished(processes, runs):
    return all(processes.store.run(run.id).state.state == "finished" for run in runs)


def assert_trained_once(run):
    """One attempt, and each epoch written once."""
    assert list(history.attempts(run.layout)) == [1]
    rows, bad = files.parse_rows(run.layout.history.read_bytes())
    assert [(row["epoch"], row["attempt"]) for row in rows] == [(1, 1), (2, 1), (3, 1)]
    assert bad == 0


def kill_runner(processes):
    runner = processes.runner()
    if runner is not None:
        os.kill(runner, signal.SIGKILL)
        processes.until(lambda: processes.runner() != runner)


# The runner dies.


@pytest.mark.slow  # a runner killed once, with a queue, is in test_processes.py
def test_runners_killed_again_and_again_lose_no_run_and_start_none_twice(processes, made):
    runs = [made(seed=seed) for seed in range(3)]
    for run in runs:
        processes.executor.submit(run, 1)

    def num_ended():
        return sum(run.layout.test_json.exists() for run in runs)

    for number in (1, 2):
        # Whatever it is about to do when this many have ended; a page looks, and there is another.
        processes.until(lambda number=number: num_ended() >= number)
        kill_runner(processes)
        ensure_runner_if_queued(processes.store)
    processes.until(
        lambda: ensure_runner_if_queued(processes.store) or is_finished(processes, runs)
    )
    for run in runs:
        assert_trained_once(run)
    assert queue.entries(processes.store.layout, processes.store.observer.host) == []


def test_a_runner_that_died_between_two_steps_of_a_start_has_lost_nothing(
    processes, warm_starts, made
):
    store, host = processes.store, processes.store.observer.host
    at_each_step = [made(seed=seed) for seed in range(4)]
    no_entry, entry_only, state_written, entry_gone = at_each_step
    for run in (entry_only, state_written):
        queue.enqueue(store.layout, run.id, 1, "ada", host, "cpu", str(processes.data_dir))
    for run in (state_written, entry_gone):
        here = {"host": host, "boot": store.observer.boot, "slot": "cpu-0"}
        write_state(run.layout, replace(run.state, state="starting", **here))
    assert not queue.is_queued(store.layout, no_entry.id)
    assert ensure_runner(store)
    for run in at_each_step:
        processes.until_state(run, "finished")
        assert_trained_once(run)


@pytest.fixture
def left_behind(processes, made):
    """Leave the one run as a runner does that dies with a state written and the entry still there."""

    def leave(state, attempt=1, **changes):
        store, host = processes.store, processes.store.observer.host
        run = made()
        queue.enqueue(store.layout, run.id, attempt, "ada", host, "cpu", str(processes.data_dir))
        here = {"host": host, "boot": store.observer.boot, "t": 0.0, **changes}
        write_state(run.layout, replace(run.state, state=state, attempt=attempt, **here))
        return store.run(run.id)

    return leave


def test_after_such_a_death_a_page_that_is_loaded_gets_a_lone_run_started(
    processes, warm_starts, left_behind
):
    run = left_behind("starting", slot="cpu-0")
    assert run.state.state == "crashed"
    ensure_runner_if_queued(processes.store, [run])
    processes.until(lambda: is_finished(processes, [run]))
    assert_trained_once(run)


def test_after_such_a_death_a_page_that_is_loaded_gets_the_entry_of_a_lone_paused_run_removed(
    processes, left_behind
):
    run = left_behind("paused", reason="request")
    ensure_runner_if_queued(processes.store)
    processes.until(lambda: not queue.is_queued(processes.store.layout, run.id))
    assert processes.store.run(run.id).state.state == "paused"


@pytest.mark.parametrize("state", ["paused", "starting"])
def test_after_such_a_death_a_lone_run_is_resumed_or_deleted_without_any_page(
    processes, warm_starts, left_behind, state
):
    store = processes.store
    gone, kept = left_behind(state), left_behind(state)
    removal.delete(store, gone, by="ada")
    assert [run.id for run in store.runs()] == [kept.id]
    assert processes.runner() is None
    processes.resume(kept)
    processes.until_state(kept, "finished")
    assert list(history.attempts(kept.layout)) == [2]
    assert queue.entries(store.layout, store.observer.host) == []


def test_a_worker_that_outlives_its_runner_ends_well_and_one_killed_then_says_that_nobody_saw_it(
    processes, warm_starts, long_config
):
    store = processes.store
    run = processes.submit(long_config)
    worker = processes.until_within_epoch(run, 1)
    kill_runner(processes)
    os.kill(worker, signal.SIGKILL)
    crashed = processes.until_state(run, "crashed")
    assert crashed.state.reason == "died"
    expected = "The worker died; nobody saw how. Resume goes on from its last checkpoint."
    assert crashed.state.message == expected
    # Another runner does not make up what it has not seen.
    assert ensure_runner(store)
    processes.until(processes.runner)
    assert store.run(run.id).state.message == expected
    assert not run.layout.exit(1).exists()


# The machine restarts.


def restart(processes, run):
    """Kill everything at once, as a power cut does, and make what was written look as of another boot."""
    runner, worker = processes.runner(), processes.worker(run)
    for pid in (runner, worker):
        os.kill(pid, signal.SIGKILL)
    processes.until(lambda: processes.runner() is None and processes.worker(run) is None)
    write_state(run.layout, replace(read_state(run.layout), boot=BEFORE))
    for number, values in history.attempts(run.layout).items():
        files.write_json(run.layout.attempt(number), values | {"boot": BEFORE})


@pytest.mark.slow  # the short one is in test_faults_server.py
@pytest.mark.parametrize("retries", [0, 1])
def test_a_restart_of_the_machine_interrupts_and_the_resumed_run_is_as_if_nothing_was(
    processes, long_config, short_config, uninterrupted, assert_same_training, retries
):
    run = processes.submit(long_config, retries=retries)
    waiting = processes.submit(short_config)
    processes.until_within_epoch(run, 3)
    restart(processes, run)
    state = processes.store.run(run.id).state
    assert (state.state, state.reason) == ("interrupted", "restart")
    assert state.message == (
        "The machine restarted while the run was under way. Resume goes on from its last checkpoint."
    )
    assert len(processes.store.run(run.id).history()) >= 2
    # The first page: what waited starts, and what may go on by itself does.
    ensure_runner_if_queued(processes.store)
    processes.until_state(waiting, "finished")
    now = processes.store.run(run.id)
    if retries == 0:
        assert now.state.state == "interrupted"
        processes.resume(now)
    else:
        assert (now.state.attempt, read_state(run.layout).by) == (2, "runner")
    finished = processes.until_state(run, "finished")
    assert finished.state.attempt == 2
    assert_same_training(finished, uninterrupted)


# The machine gets another name, or never comes back.


def go_elsewhere(run):
    """Make a run look as another machine's of which nothing has been heard since 1970."""
    write_state(run.layout, replace(read_state(run.layout), host="old-name"))
    for path in (run.layout.state_json, run.layout.beat):
        if path.exists():
            os.utime(path, (0, 0))


def test_a_lost_run_goes_on_here(processes, warm_starts, made):
    run = made()
    write_state(run.layout, replace(run.state, state="running", slot="cpu-0"))
    files.create_json(run.layout.attempt(1), {"attempt": 1, "from_epoch": 1, "host": "old-name"})
    go_elsewhere(run)
    assert processes.store.run(run.id).state.state == "lost"
    processes.resume(run)
    finished = processes.until_state(run, "finished")
    assert (finished.state.attempt, finished.state.host) == (2, processes.store.observer.host)
    assert [row["epoch"] for row in finished.history()] == [1, 2, 3]


class Nobody:
    """An executor that does not execute: the next attempt exists, and waits."""

    name = "nobody"

    def submit(self, run, attempt):
        return f"{run.id}-{attempt}"


def halted_in_mid_epoch(processes, run):
    """Halt a worker as a machine that sleeps does; return its process id, or None where it may be about to write."""
    worker = processes.worker(run)
    os.kill(worker, signal.SIGSTOP)
    processes.until(lambda: psutil.Process(worker).status() == psutil.STATUS_STOPPED)
    beat = read_beat(run.layout)
    if beat["epoch"] == read_state(run.layout).epoch + 1 and 2 * beat["step"] < beat["steps"]:
        return worker
    os.kill(worker, signal.SIGCONT)
    return None


def contents(run):
    """Everything in a run's folder that a worker writes and somebody reads, and when it was written."""
    told_by_others = ("beat", "log.txt", "0001.exit.json")
    return {
        path: (path.stat().st_mtime_ns, path.read_bytes())
        for path in run.layout.path.rglob("*")
        if path.is_file() and path.name not in told_by_others
    }


def test_the_old_worker_of_a_lost_run_that_comes_back_to_life_writes_nothing_more(
    processes, long_config
):
    store = processes.store
    run = processes.submit(long_config)
    processes.until_within_epoch(run, 2)
    worker = processes.until(lambda: halted_in_mid_epoch(processes, run))
    go_elsewhere(run)
    assert store.run(run.id).state.state == "lost"
    control.resume(store, Nobody(), run, by="ada")
    before = contents(run)
    os.kill(worker, signal.SIGCONT)
    ended = processes.until(lambda: run.layout.exit(1).exists() and run.layout.exit(1))
    assert files.read_json(ended)["code"] == EXIT_FENCED
    assert contents(run) == before
    assert (read_state(run.layout).state, read_state(run.layout).attempt) == ("queued", 2)


# Crowds.


def test_twenty_runs_at_one_slot_are_each_trained_once_and_never_two_at_once(
    processes, warm_starts, made
):
    store = processes.store
    runs = [made(seed=seed) for seed in range(20)]
    for run in runs:
        processes.executor.submit(run, 1)
    processes.until(lambda: is_finished(processes, runs), seconds=300)
    for run in runs:
        assert_trained_once(run)
    # The lock of the slot is taken before the attempt's file is made and given back after the last word.
    now = [store.run(run.id) for run in runs]
    times = sorted((history.attempts(run.layout)[1]["time"], run.state.ended) for run in now)
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(times))


def test_of_many_threads_that_resume_one_run_at_once_one_succeeds(processes, made):
    store = processes.store
    slot = locks.take(store.layout.slot_lock(store.observer.host, "cpu-0"))
    try:
        run = made()
        write_state(run.layout, replace(run.state, state="paused", host=store.observer.host))
        page = store.run(run.id)
        together, answers = threading.Barrier(12), []

        def click():
            together.wait()
            try:
                control.resume(store, processes.executor, page, by="ada")
                answers.append("resumed")
            except RunStateError as error:
                answers.append(str(error))

        clicks = [threading.Thread(target=click) for _ in range(12)]
        for one in clicks:
            one.start()
        for one in clicks:
            one.join()
        refused = (
            f"Run {run.id} is queued; only a run that is paused, stopped, failed, crashed, "
            "interrupted or lost can be resumed."
        )
        assert sorted(answers) == sorted(["resumed"] + 11 * [refused])
        (entry,) = queue.entries(store.layout, store.observer.host)
        assert (entry.run_id, entry.attempt) == (run.id, 2)
    finally:
        processes.close()
        slot.release()


# Slots.


def test_runs_on_gpu_slots_see_one_gpu_each_and_the_budget_that_they_record(
    processes, made, monkeypatch
):
    # Two GPUs, as far as the runner can know; the workers find that the second run's is none.
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    resources = [{"device": device, "slots": 1, "threads": 2} for device in ("auto", "cuda", "cpu")]
    runs = [made(seed=seed, resources=one) for seed, one in enumerate(resources)]
    held = [locks.take(run.layout.alive_lock) for run in runs]
    monkeypatch.setenv(
        "PETRIDISH_WAITS", orjson.dumps({"runner_poll": 0.05, "lock_wait": 600}).decode()
    )
    try:
        for run in runs:
            processes.executor.submit(run, 1)

        def workers():
            found = {}
            for process in processes.of_folder():
                command = process.cmdline()
                if "core.jobs.worker" in command:
                    found[command[-1]] = (command, process.environ())
            return found if len(found) == 3 else None

        started = processes.until(lambda: ignoring(psutil.Error, workers))
    finally:
        processes.close()
        for lock in held:
            lock.release()
    visible = {slot: environ["CUDA_VISIBLE_DEVICES"] for slot, (_, environ) in started.items()}
    assert visible == {"gpu-3": "3", "gpu-5": "5", "cpu-0": ""}
    assert {environ["OMP_NUM_THREADS"] for _, environ in started.values()} == {"2"}
    assert {run.spec["resources"]["threads"] for run in runs} == {2}


def ignoring(error, call):
    try:
        return call()
    except error:
        return None
