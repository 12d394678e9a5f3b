"""Requests to runs that train in processes of their own: pause and kill."""

import os
import signal

from core.jobs import control
from core.runs import checkpoints, files, history
from core.runs.state import RESUMABLE
from core.runs.store import Store
from core.runs.waits import Waits


def test_a_paused_run_goes_on_where_it_was(
    processes, long_config, uninterrupted, assert_same_training
):
    run = processes.submit(long_config)
    processes.until_within_epoch(run, 2)
    control.pause(processes.store, run, by="grace")
    paused = processes.until_state(run, "paused")
    epoch = paused.state.epoch
    assert (paused.state.reason, paused.state.by) == ("request", "grace")
    assert paused.state.message == f"Paused on request after epoch {epoch}."
    assert 1 <= epoch < 6
    assert not run.layout.test_json.exists()

    processes.until(lambda: processes.worker(run) is None)
    processes.resume(paused)
    processes.until(run.layout.attempt(2).exists)
    assert history.attempts(run.layout)[2]["from_epoch"] == epoch + 1
    # Who answers is not killed, and stops with results: the old request to pause is gone.
    processes.until(lambda: processes.store.run(run.id).state.pid is not None)
    control.kill(Store(processes.store.root), [run], by="ada")
    stopped = processes.until_state(run, "stopped")
    assert stopped.state.reason == "request"
    assert stopped.predictions("test").logits.shape == (60, 135)

    processes.until(lambda: processes.worker(run) is None)
    processes.resume(stopped)
    assert_same_training(processes.until_state(run, "finished"), uninterrupted)


def test_a_worker_that_does_not_answer_is_killed_and_its_run_can_be_resumed(
    processes, long_config, uninterrupted, assert_same_training
):
    run = processes.submit(long_config)
    worker = processes.until_within_epoch(run, 2)
    os.kill(worker, signal.SIGSTOP)
    store = Store(processes.store.root, Waits(kill_after=0.2))
    control.kill(store, [run], by="ada")
    killed = store.run(run.id)
    assert processes.worker(run) is None
    assert (killed.state.state, killed.state.reason, killed.state.by) == (
        "stopped",
        "killed",
        "ada",
    )
    epoch = killed.state.epoch
    assert killed.state.message == (
        f"Killed on request after epoch {epoch}. Resume goes on from its last checkpoint."
    )
    processes.until(lambda: run.layout.exit(1).exists())
    assert files.read_json(run.layout.exit(1))["signal"] == 9
    assert killed.state.state in RESUMABLE
    assert checkpoints.usable(run.layout)[0].epoch == epoch
    processes.resume(killed)
    assert_same_training(processes.until_state(run, "finished"), uninterrupted)
