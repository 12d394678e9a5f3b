from dataclasses import replace

import pytest

from core.jobs.runner import LEAST_FREE_MEMORY
from core.jobs.waiting import available_memory, reasons_to_wait
from core.runs import files, locks
from core.runs.state import write_state


@pytest.fixture
def queued(occupied_store, finished_run, spec_of):
    """Make a run that waits in a folder whose only CPU slot is taken, with a runner's lock held by this process."""
    store = occupied_store
    lock = locks.take(store.layout.runner_lock(store.observer.host))

    def make(**changes):
        return store.create(spec_of(finished_run, **changes), epochs=3)

    yield make
    lock.release()


def reason(store, run, memory=2**36):
    return reasons_to_wait(store, store.runs(), lambda: memory)[run.id]


def test_a_run_waits_for_a_slot_of_the_kind_that_it_needs(occupied_store, queued, monkeypatch):
    from core.jobs import machine

    run = queued()
    assert reason(occupied_store, run) == "waits for a free CPU slot"
    monkeypatch.setattr(machine, "gpu_slots", lambda: ("gpu-0",))
    on_gpu = queued(resources={"device": "auto"})
    assert reason(occupied_store, on_gpu) == "starts next"
    host = occupied_store.observer.host
    lock = locks.take(occupied_store.layout.slot_lock(host, "gpu-0"))
    try:
        assert reason(occupied_store, on_gpu) == "waits for a free GPU slot"
    finally:
        lock.release()


def test_short_memory_is_a_reason_where_there_is_a_slot(occupied_store, queued, monkeypatch):
    monkeypatch.setenv("PETRIDISH_CPU_SLOTS", "2")
    run = queued()
    assert reason(occupied_store, run, LEAST_FREE_MEMORY) == "starts next"
    expected = "waits for memory: less than 1,536 MiB are free"
    assert reason(occupied_store, run, LEAST_FREE_MEMORY - 1) == expected
    assert available_memory() > 0


def test_a_limit_of_its_owner_is_a_reason(occupied_store, queued, monkeypatch):
    monkeypatch.setenv("PETRIDISH_CPU_SLOTS", "2")
    people = {"schema": 1, "default": "student", "limits": {"running": 1}}
    files.write_json(occupied_store.layout.people, people)
    running, run, other = queued(owner="ada"), queued(owner="ada"), queued(owner="grace")
    lock = locks.take(running.layout.alive_lock)
    try:
        at = {"host": occupied_store.observer.host}
        write_state(running.layout, replace(running.state, state="running", **at))
        expected = "waits for other runs of its owner, who has as many as one may have"
        assert reason(occupied_store, run) == expected
        assert reason(occupied_store, other) == "starts next"
        assert running.id not in reasons_to_wait(occupied_store, occupied_store.runs())
    finally:
        lock.release()


def test_a_run_without_a_runner_or_of_another_machine_says_so(store, finished_run, spec_of):
    store.require_writable()
    run = store.create(spec_of(finished_run), epochs=3)
    assert reason(store, run) == "waits for the runner to start"
    write_state(run.layout, replace(run.state, host="elsewhere"))
    assert reason(store, run) == (
        "waits on another machine, elsewhere; to run it here, stop it and resume it"
    )
    assert reasons_to_wait(store, []) == {}
