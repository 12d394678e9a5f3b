"""Requests to runs that belong to a machine which is gone, or has another name now; the runner of such a machine is one
whose store has that name."""

import contextlib
import os
import threading
import time
from dataclasses import replace

import pytest

from core.exceptions import NotAllowed, RunStateError
from core.jobs import control, queue, removal
from core.jobs.refusals import refusal
from core.jobs.runner import Runner
from core.jobs.warm import Forked
from core.runs import files, history
from core.runs.state import read_state, write_state
from core.runs.store import Store

OLD = "old-name"


class Starts:
    """Stands where the runner's warm process does: notes what is started, and starts nothing."""

    def __init__(self):
        self.started = []

    def fork(self, start):
        self.started.append(start.layout.id)
        return Forked(os.getpid())

    def ensure(self):
        """There is nothing to make ready."""


@pytest.fixture
def store(occupied_store):
    return occupied_store


@pytest.fixture
def waiting(store, finished_run, spec_of):
    """A run that waits on a machine that is not this one, with its entry."""
    run = store.create(spec_of(finished_run), epochs=3)
    write_state(run.layout, replace(run.state, host=OLD))
    queue.enqueue(store.layout, run.id, 1, "ada", OLD, "cpu", "")
    return store.run(run.id)


@pytest.fixture
def lost(store, finished_run, spec_of):
    """A run that was under way there."""
    run = store.create(spec_of(finished_run), epochs=3)
    write_state(run.layout, replace(run.state, state="running", epoch=2, host=OLD, slot="cpu-0"))
    files.create_json(run.layout.attempt(1), {"attempt": 1, "from_epoch": 1})
    os.utime(run.layout.state_json, (0, 0))
    run = store.run(run.id)
    assert run.state.state == "lost"
    return run


@pytest.fixture
def old_runner(store):
    """The runner of that machine, which is alive after all."""
    there = Store(store.root)
    there.observer = replace(there.observer, host=OLD)
    runner = Runner(there, lambda: 2**36, Starts())
    runner.cpu_slots, runner.gpu_slots = ["cpu-0"], []
    return runner


def events(run):
    return files.parse_rows(run.layout.events.read_bytes())[0]


# A run that waits there.


@pytest.mark.parametrize(
    ("verb", "state"), [("stop", "stopped"), ("kill", "stopped"), ("pause", "paused")]
)
def test_a_run_that_waits_on_a_machine_that_is_gone_ends_at_once_and_goes_on_here(
    store, recorder, waiting, verb, state
):
    given = [waiting] if verb == "kill" else waiting
    getattr(control, verb)(store, given, "ada")
    now = store.run(waiting.id).state
    assert (now.state, now.reason, now.attempt) == (state, "request", 1)
    assert now.message == (
        f"{state.capitalize()} before it started on the machine 'old-name', where it waited."
    )
    assert not queue.is_queued(store.layout, waiting.id)
    assert [one["event"] for one in events(waiting)][-1] == state
    control.resume(store, recorder, waiting, by="ada")
    assert recorder.submitted == [(waiting.id, "queued", 2)]
    assert read_state(waiting.layout).host == store.observer.host
    assert not waiting.layout.stop_request.exists()


def test_once_stopped_it_can_be_deleted(store, waiting):
    with pytest.raises(RunStateError, match="is queued; stop it before you delete it"):
        removal.delete(store, waiting, by="ada")
    control.stop(store, waiting, by="ada")
    removal.delete(store, waiting, by="ada")
    assert store.runs() == []


def test_resume_says_where_it_waits_and_what_to_do(store, recorder, waiting):
    with pytest.raises(RunStateError) as raised:
        control.resume(store, recorder, waiting, by="ada")
    assert str(raised.value) == (
        f"Run {waiting.id} waits on the machine 'old-name'. Stop it there; it can then be resumed on this one."
    )


def test_one_that_was_asked_before_the_name_changed_can_be_asked_again(store, waiting):
    files.make_folder(waiting.layout.control_dir)
    for request in (waiting.layout.stop_request, waiting.layout.kill_request):
        files.create_json(request, {"by": "ada", "time": time.time()})
    assert refusal("stop", waiting, "ada") is None
    assert refusal("kill", waiting, "ada") is None
    control.stop(store, waiting, by="ada")
    assert store.run(waiting.id).state.state == "stopped"


def test_the_runner_there_does_not_start_what_was_stopped_while_it_made_up_its_mind(
    store, old_runner, waiting
):
    (entry,) = queue.entries(store.layout, OLD)
    control.stop(store, waiting, by="ada")
    before = read_state(waiting.layout)
    old_runner.start(entry, "cpu-0")
    assert old_runner.warm.started == []
    assert read_state(waiting.layout) == before


def test_the_runner_there_neither_starts_nor_ends_what_went_on_here(
    store, recorder, old_runner, waiting
):
    (entry,) = queue.entries(store.layout, OLD)
    control.stop(store, waiting, by="ada")
    control.resume(store, recorder, waiting, by="ada")
    before = read_state(waiting.layout)
    files.create_json(waiting.layout.stop_request, {"by": "ada"})
    # What it found in its queue and in the run a moment ago.
    old_runner.start(entry, "cpu-0")
    assert not control.end_before_start(old_runner.store, waiting, entry.attempt)
    assert read_state(waiting.layout) == before


def test_what_the_runner_there_has_just_started_is_not_ended_but_finds_the_request(
    store, old_runner, waiting
):
    (entry,) = queue.entries(store.layout, OLD)
    files.make_folder(waiting.layout.control_dir)
    files.create_json(waiting.layout.stop_request, {"by": "ada"})
    old_runner.start(entry, "cpu-0")
    assert not control.end_before_start(store, waiting, 1)
    assert old_runner.warm.started == [waiting.id]
    assert read_state(waiting.layout).state == "starting"


def test_a_runner_and_a_request_at_the_same_moment_do_not_both_get_the_run(
    store, finished_run, spec_of, old_runner
):
    for _ in range(30):
        run = store.create(spec_of(finished_run), epochs=3)
        write_state(run.layout, replace(run.state, host=OLD))
        queue.enqueue(store.layout, run.id, 1, "ada", OLD, "cpu", "")
        (entry,) = queue.entries(store.layout, OLD)
        together = threading.Barrier(2)

        def start(entry=entry, together=together):
            together.wait()
            # Where the request has the lock, the runner comes again later.
            with contextlib.suppress(RunStateError):
                old_runner.start(entry, "cpu-0")

        thread = threading.Thread(target=start)
        thread.start()
        together.wait()
        control.stop(store, run, by="ada")
        thread.join()
        is_started = run.id in old_runner.warm.started
        assert read_state(run.layout).state == ("starting" if is_started else "stopped")
        assert run.layout.stop_request.exists()
        assert not queue.is_queued(store.layout, run.id)


# A run that was under way there.


def test_a_lost_run_is_taken_to_this_machine_for_its_next_attempt(store, recorder, lost):
    control.resume(store, recorder, lost, by="ada")
    assert recorder.submitted == [(lost.id, "queued", 2)]
    now = read_state(lost.layout)
    assert (now.state, now.attempt, now.host, now.epoch) == ("queued", 2, store.observer.host, 2)
    last = events(lost)[-1]
    assert (last["event"], last["by"]) == ("resume", "ada")
    assert last["message"] == (
        "Taken over from the machine 'old-name', which gave no sign of life."
    )


def test_a_lost_run_can_be_deleted_but_not_stopped_or_retried(store, recorder, lost):
    with pytest.raises(RunStateError, match="is lost; only a run under way can be stopped"):
        control.stop(store, lost, by="ada")
    with pytest.raises(RunStateError, match="is lost; only a run that is failed, crashed or int"):
        control.retry(store, recorder, lost, by="ada")
    assert refusal("resume", lost, "ada") is None
    removal.delete(store, lost, by="ada")
    assert store.runs() == []


def test_a_lost_run_is_resumed_by_those_who_may_resume_it_only(store, recorder, lost):
    (store.root / ".people.json").write_text('{"roles": {"eve@example.org": "viewer"}}')
    for by in ("eve@example.org", "bo@example.org"):
        with pytest.raises(NotAllowed, match=lost.id):
            control.resume(store, recorder, lost, by=by)
    assert read_state(lost.layout).host == OLD
    assert history.attempts(lost.layout).keys() == {1}
