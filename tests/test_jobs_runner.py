"""The runner's decisions, taken in this process; what it starts are real workers."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from core.jobs import queue, slots
from core.jobs.queue import QueueEntry
from core.jobs.runner import LEAST_FREE_MEMORY, Runner, choose, serve
from core.runs import files, locks
from core.runs.state import read_state, write_state

PLENTY = 2**36


@pytest.fixture
def store(processes):
    return processes.store


@pytest.fixture
def new_run(store, finished_run, spec_of):
    """Make a queued run, without an entry."""

    def make(**changes):
        return store.create(spec_of(finished_run, **changes), epochs=3)

    return make


@pytest.fixture
def enqueue(store, data_dir):
    """Queue a run's attempt, behind all others."""

    def add(run, attempt=1):
        host, device = store.observer.host, run.spec["resources"]["device"]
        queue.enqueue(store.layout, run.id, attempt, run.spec["owner"], host, device, str(data_dir))
        return run

    return add


@pytest.fixture
def memory():
    """Bytes that the runner thinks are free; a list, to be changed."""
    return [PLENTY]


@pytest.fixture
def runner(store, memory):
    return Runner(store, available_memory=lambda: memory[0])


@pytest.fixture
def reap(processes, runner):
    """Let the runner reap until its workers have ended."""
    return lambda: processes.until(lambda: runner.reap() or not runner.children)


def waiting(store):
    return [
        (entry.run_id, entry.attempt) for entry in queue.entries(store.layout, store.observer.host)
    ]


def entry(name, owner, device="cpu"):
    return QueueEntry(Path(name), f"run of {name}", 1, owner, "here", device, "")


# Whom to start next.


def test_the_oldest_entry_goes_first():
    found = choose([entry("2", "ada"), entry("1", "ada")], {}, ["cpu-0"], [], {"cpu-0"})
    assert found[0].path.name == "1"
    assert found[1] == "cpu-0"


def test_the_owner_with_fewer_running_runs_goes_before_an_older_entry():
    entries = [entry("1", "ada"), entry("2", "ada"), entry("3", "grace")]
    found = choose(entries, {"ada": 1}, ["cpu-0", "cpu-1"], [], {"cpu-1"})
    assert found[0].path.name == "3"
    found = choose(entries, {"ada": 1, "grace": 1}, ["cpu-0", "cpu-1"], [], {"cpu-1"})
    assert found[0].path.name == "1"


def test_without_a_free_slot_nobody_goes():
    assert choose([entry("1", "ada")], {}, ["cpu-0"], ["gpu-0"], {"gpu-0"}) is None
    assert choose([], {}, ["cpu-0"], [], {"cpu-0"}) is None


def test_an_entry_that_waits_for_a_gpu_lets_the_next_one_go_ahead():
    entries = [entry("1", "ada", "cuda"), entry("2", "ada", "cpu")]
    found = choose(entries, {}, ["cpu-0"], ["gpu-0"], {"cpu-0"})
    assert found[0].path.name == "2"
    found = choose(entries, {}, ["cpu-0"], ["gpu-0"], {"cpu-0", "gpu-0"})
    assert (found[0].path.name, found[1]) == ("1", "gpu-0")


def test_two_owners_at_one_machine_are_served_in_turn(runner, store, new_run, enqueue, reap):
    runner.cpu_slots = ["cpu-0", "cpu-1"]
    older = [enqueue(new_run(owner="ada")) for _ in range(2)]
    other = enqueue(new_run(owner="grace"))
    # The workers wait for these locks and then give up: nothing is trained.
    held = [locks.take(run.layout.alive_lock) for run in (*older, other)]
    try:
        runner.step()
        assert [child.entry.run_id for child in runner.children] == [older[0].id, other.id]
        assert [child.slot for child in runner.children] == ["cpu-0", "cpu-1"]
        assert waiting(store) == [(older[1].id, 1)]
        reap()
    finally:
        for lock in held:
            lock.release()


def test_workers_of_an_earlier_runner_count_for_their_owner_and_their_slot(
    runner, store, new_run, enqueue, reap
):
    runner.cpu_slots = ["cpu-0", "cpu-1"]
    running = new_run(owner="ada")
    write_state(running.layout, replace(running.state, state="running"))
    held = [
        locks.take(running.layout.alive_lock),
        locks.take(store.layout.slot_lock(store.observer.host, "cpu-0")),
    ]
    try:
        runner.take_stock()
        older, other = enqueue(new_run(owner="ada")), enqueue(new_run(owner="grace"))
        held.append(locks.take(other.layout.alive_lock))
        runner.step()
        (child,) = runner.children
        assert (child.entry.run_id, child.slot) == (other.id, "cpu-1")
        assert waiting(store) == [(older.id, 1)]
        reap()
    finally:
        for lock in held:
            lock.release()


def test_nothing_starts_while_memory_is_short(runner, memory, store, new_run, enqueue, reap):
    memory[0] = LEAST_FREE_MEMORY - 1
    run = enqueue(new_run())
    lock = locks.take(run.layout.alive_lock)
    try:
        runner.step()
        assert runner.children == []
        assert waiting(store) == [(run.id, 1)]
        memory[0] = LEAST_FREE_MEMORY
        runner.step()
        assert [child.entry.run_id for child in runner.children] == [run.id]
        reap()
    finally:
        lock.release()


# Starting, and what comes of it.


def test_a_worker_that_finds_its_locks_taken_is_started_again_as_the_same_attempt(
    runner, store, new_run, enqueue, reap
):
    run = enqueue(new_run())
    lock = locks.take(run.layout.alive_lock)
    try:
        runner.step()
        assert read_state(run.layout).state == "starting"
        assert waiting(store) == []
        reap()
    finally:
        lock.release()
    assert waiting(store) == [(run.id, 1)]
    assert read_state(run.layout).state == "queued"
    assert not run.layout.exit(1).exists()


def test_a_second_worker_of_an_attempt_that_trains_leaves_no_trace(
    runner, store, new_run, enqueue, reap
):
    run = enqueue(new_run())
    lock = locks.take(run.layout.alive_lock)
    try:
        runner.step()
        # Another worker, of a runner that died, turns out to have this attempt.
        files.create_json(run.layout.attempt(1), {"attempt": 1, "pid": os.getpid()})
        write_state(run.layout, replace(read_state(run.layout), state="running", pid=os.getpid()))
        reap()
        assert waiting(store) == []
        assert store.run(run.id).state.state == "running"
        assert not run.layout.exit(1).exists()
    finally:
        lock.release()


def test_a_worker_that_a_later_attempt_keeps_out_is_not_started_again(
    runner, store, new_run, enqueue, reap
):
    run = enqueue(new_run())
    lock = locks.take(run.layout.alive_lock)
    try:
        runner.step()
        later = replace(read_state(run.layout), state="running", attempt=2, pid=os.getpid())
        write_state(run.layout, later)
        reap()
        assert waiting(store) == []
        assert read_state(run.layout) == later
    finally:
        lock.release()


def test_two_entries_of_one_run_start_one_worker(runner, store, new_run, enqueue, reap):
    runner.cpu_slots = ["cpu-0", "cpu-1"]
    run = enqueue(enqueue(new_run()))
    assert waiting(store) == [(run.id, 1), (run.id, 1)]
    lock = locks.take(run.layout.alive_lock)
    try:
        runner.step()
        assert len(runner.children) == 1
        runner.step()
        assert len(runner.children) == 1
        assert waiting(store) == []
        reap()
    finally:
        lock.release()


def test_a_slot_is_promised_to_its_worker_until_the_worker_has_ended(
    runner, store, new_run, enqueue, reap
):
    first, second = enqueue(new_run()), enqueue(new_run())
    held = [locks.take(run.layout.alive_lock) for run in (first, second)]
    try:
        runner.step()
        # Its worker is on the way and holds no lock yet.
        assert slots.is_free(store.layout, store.observer.host, "cpu-0")
        runner.step()
        assert [child.entry.run_id for child in runner.children] == [first.id]
        reap()
    finally:
        for lock in held:
            lock.release()


def test_a_run_whose_worker_cannot_be_started_waits_on(runner, store, new_run, enqueue, capsys):
    run = enqueue(new_run())
    # Nothing can be appended to a folder.
    run.layout.log.mkdir()
    runner.step()
    runner.step()
    assert runner.children == []
    assert waiting(store) == [(run.id, 1)]
    assert read_state(run.layout).state == "queued"
    assert capsys.readouterr().out.count("cannot be started") == 1


def test_a_worker_that_dies_before_it_begins_shows_as_crashed_with_its_code(
    runner, store, new_run, enqueue, reap
):
    run = enqueue(new_run())
    # A folder where the lock should be.
    run.layout.alive_lock.mkdir()
    runner.step()
    reap()
    assert files.read_json(run.layout.exit(1))["code"] == 1
    run.layout.alive_lock.rmdir()
    state = store.run(run.id).state
    assert (state.state, state.reason) == ("crashed", "exit")
    assert state.message == "The worker ended with code 1; log.txt may say why."


# Entries that mean nothing any more.


def test_entries_of_deleted_and_damaged_runs_are_removed_and_the_others_start(
    runner, store, new_run, enqueue, reap
):
    deleted, damaged, stateless, good = [enqueue(new_run()) for _ in range(4)]
    deleted.layout.path.rename(store.root / "elsewhere")
    damaged.layout.run_json.write_bytes(b"{")
    stateless.layout.state_json.unlink()
    lock = locks.take(good.layout.alive_lock)
    try:
        runner.step()
        assert [child.entry.run_id for child in runner.children] == [good.id]
        assert waiting(store) == []
        reap()
    finally:
        lock.release()
    assert "run.json" in store.run(damaged.id).damaged


def test_an_entry_of_an_earlier_attempt_is_removed(runner, store, new_run, enqueue):
    run = enqueue(new_run())
    write_state(run.layout, replace(run.state, attempt=2))
    runner.step()
    assert (waiting(store), runner.children) == ([], [])


def test_a_stopped_waiting_run_is_settled_even_when_no_slot_is_free(
    runner, store, new_run, enqueue
):
    runner.cpu_slots = []
    run = enqueue(new_run())
    files.create_json(run.layout.stop_request, {"by": "ada"})
    runner.step()
    state = store.run(run.id).state
    assert (state.state, state.reason) == ("stopped", "request")
    assert state.message == "Stopped before it started."
    assert state.ended is not None
    assert waiting(store) == []
    rows, _ = files.parse_rows(run.layout.events.read_bytes())
    assert rows[-1]["event"] == "stopped"


# Taking stock at the start.


def test_a_queued_run_without_an_entry_gets_one(runner, store, new_run):
    run = new_run()
    runner.take_stock()
    assert waiting(store) == [(run.id, 1)]
    runner.take_stock()
    assert waiting(store) == [(run.id, 1)]


@pytest.mark.parametrize("has_entry", [True, False])
def test_a_start_that_was_lost_is_queued_again_as_the_same_attempt(
    runner, store, new_run, enqueue, has_entry
):
    run = new_run()
    write_state(run.layout, replace(run.state, state="starting", attempt=3, t=time.time()))
    if has_entry:
        enqueue(run, attempt=3)
    runner.take_stock()
    assert waiting(store) == [(run.id, 3)]
    assert read_state(run.layout).state == "queued"


@pytest.mark.parametrize("trace", ["attempt", "exit"])
def test_a_start_that_left_a_trace_is_not_repeated(runner, store, new_run, trace):
    run = new_run()
    starting = replace(run.state, state="starting", t=time.time(), boot=store.observer.boot)
    write_state(run.layout, starting)
    path = run.layout.attempt(1) if trace == "attempt" else run.layout.exit(1)
    files.create_json(path, {"code": 1})
    runner.take_stock()
    assert waiting(store) == []
    assert store.run(run.id).state.state == "crashed"


def test_a_run_that_lives_is_left_alone(runner, store, new_run):
    runs = [new_run() for _ in range(3)]
    for run, state in zip(runs, ("queued", "starting", "running"), strict=True):
        write_state(run.layout, replace(run.state, state=state))
    held = [locks.take(run.layout.alive_lock) for run in runs]
    try:
        runner.take_stock()
    finally:
        for lock in held:
            lock.release()
    assert waiting(store) == []
    assert [read_state(run.layout).state for run in runs] == ["queued", "starting", "running"]


def test_runs_of_another_machine_are_left_alone(runner, store, new_run):
    run = new_run()
    write_state(run.layout, replace(run.state, host="elsewhere"))
    runner.take_stock()
    assert list(store.layout.queue_dir.glob("*")) == []


def test_damaged_runs_and_entries_do_not_disturb_the_others(runner, store, new_run):
    damaged, stateless, good = new_run(), new_run(), new_run()
    damaged.layout.run_json.write_bytes(b"{")
    stateless.layout.state_json.write_bytes(b"")
    (store.root / "20260101-000000-abcdef").mkdir()
    (store.root / "20260101-000000-abcdee").write_text("no folder")
    files.make_folder(store.layout.queue_dir)
    torn = store.layout.queue_dir / f"00000000000000000001-{good.id}.json"
    torn.write_bytes(b'{"run": ')
    runner.take_stock()
    assert waiting(store) == [(good.id, 1)]
    assert not torn.exists()


# The process.


def test_a_runner_that_finds_another_one_ends_at_once(store):
    lock = locks.take(store.layout.runner_lock(store.observer.host))
    try:
        assert not serve(store, forever=False)
    finally:
        lock.release()


def test_a_runner_ends_when_its_folder_is_removed(processes, store, tmp_path):
    from core.jobs.local import ensure_runner

    assert ensure_runner(store)
    processes.until(processes.runner)
    (process,) = processes.of_folder()
    store.root.rename(tmp_path / "moved")
    processes.until(lambda: not process.is_running() or process.status() == "zombie")
    assert not store.root.exists()


def test_a_runner_sees_a_new_entry_long_before_its_next_look(
    processes, store, new_run, enqueue, monkeypatch
):
    from core.jobs.local import ensure_runner

    monkeypatch.setenv("PETRIDISH_WAITS", '{"runner_poll": 100000, "runner_glance": 0.01}')
    files.make_folder(store.layout.queue_dir)
    assert ensure_runner(store)
    processes.until(processes.runner)
    run = new_run()
    run.layout.alive_lock.mkdir()  # its worker ends at once
    enqueue(run)

    def is_started():
        # Once more, should the entry have come in the middle of the runner's first look.
        os.utime(store.layout.queue_dir)
        return read_state(run.layout).state == "starting"

    processes.until(is_started)


def test_a_runner_without_work_ends_by_itself(processes, store, monkeypatch):
    monkeypatch.setenv("PETRIDISH_WAITS", '{"runner_idle": 0.1, "runner_poll": 0.05}')
    done = subprocess.run(
        [sys.executable, "-m", "core.jobs.runner", "--root", store.root], timeout=120
    )
    assert done.returncode == 0
    assert processes.runner() is None
