"""Runs whose processes are killed, stopped and resumed. Nothing here depends on how long something takes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import orjson
import psutil
import pytest

from core.exceptions import RunStateError
from core.jobs import control
from core.jobs.local import ensure_runner
from core.jobs.waiting import reasons_to_wait
from core.runs import files, locks

SUBMIT_AND_IDLE = """
import json, sys, time
from pathlib import Path
from core.config import RunConfig
from core.jobs.local import LocalExecutor
from core.jobs.submit import submit_all
from core.runs.store import Store
store, data_dir = Store(Path(sys.argv[1])), Path(sys.argv[2])
configs = [RunConfig.checked(one) for one in json.loads(sys.argv[3])]
submitted = submit_all(store, LocalExecutor(store, data_dir), data_dir, configs, [0], device="cpu")
print(json.dumps([run.id for run in submitted.runs]), flush=True)
time.sleep(1000)
"""
"""What a dashboard does, as far as runs know."""


def test_a_run_killed_at_its_start_and_twice_in_mid_epoch_ends_as_if_never_interrupted(
    processes, long_config, uninterrupted, assert_same_training
):
    run = processes.submit(long_config)
    for epoch in (0, 2, 4):
        if epoch:
            pid = processes.until_within_epoch(run, epoch)
        else:
            pid = processes.until(lambda: processes.worker(run))
        os.kill(pid, signal.SIGKILL)
        crashed = processes.until_state(run, "crashed")
        # The rows of whole epochs are there; how the worker died is known as soon as the runner has reaped it.
        assert len(crashed.history()) >= epoch - 1
        processes.until(lambda: "signal 9" in processes.store.run(run.id).state.message)
        processes.resume(crashed)
    finished = processes.until_state(run, "finished")
    assert finished.state.attempt == 4
    assert_same_training(finished, uninterrupted)
    processes.until(lambda: run.layout.exit(4).exists())
    # Removed once the state stands, so it is gone when the worker is.
    assert not run.layout.prev_checkpoint.exists()
    exits = [files.read_json(run.layout.exit(number)) for number in (1, 2, 3, 4)]
    assert [one["signal"] for one in exits] == [9, 9, 9, None]
    assert exits[3]["code"] == 0
    assert exits[3]["peak_memory"] > 50 * 2**20


def test_runs_outlive_their_page_and_their_runner(
    processes, long_config, short_config, data_dir, uninterrupted, assert_same_training
):
    configs = orjson.dumps([long_config.to_json(), short_config.to_json()]).decode()
    with subprocess.Popen(
        [sys.executable, "-c", SUBMIT_AND_IDLE, processes.store.root, data_dir, configs],
        stdout=subprocess.PIPE,
        text=True,
    ) as page:
        first, second = [processes.store.run(one) for one in orjson.loads(page.stdout.readline())]
        worker = processes.until_within_epoch(first, 1)
        page.kill()
    os.kill(processes.runner(), signal.SIGKILL)
    processes.until(lambda: processes.runner() is None)

    finished = processes.until_state(first, "finished")
    assert finished.state.attempt == 1
    assert finished.state.pid == worker
    assert_same_training(finished, uninterrupted)
    # Nobody starts what waits until somebody looks.
    assert processes.store.run(second.id).state.state == "queued"
    reasons = reasons_to_wait(processes.store, processes.store.runs())
    assert reasons == {second.id: "waits for the runner to start"}
    assert ensure_runner(processes.store)
    assert processes.until_state(second, "finished").state.attempt == 1


def test_a_new_runner_counts_the_workers_of_a_killed_one(processes, long_config, short_config):
    first = processes.submit(long_config)
    worker = processes.until_within_epoch(first, 1)
    os.kill(processes.runner(), signal.SIGKILL)
    processes.until(lambda: processes.runner() is None)
    second = processes.submit(short_config)
    processes.until(processes.runner)
    processes.until_within_epoch(first, 2)
    assert processes.worker(first) == worker
    assert processes.store.run(second.id).state.state == "queued"
    control.stop(processes.store, second, by="ada")
    processes.until_state(second, "stopped")


def test_a_stopped_run_keeps_its_results_and_resumes_to_the_very_same_training(
    processes, long_config, uninterrupted, assert_same_training
):
    run = processes.submit(long_config)
    worker = psutil.Process(processes.until_within_epoch(run, 3))
    assert_is_a_modest_worker(worker, processes.store.run(run.id))
    control.stop(processes.store, run, by="grace")
    stopped = processes.until_state(run, "stopped")
    assert stopped.state.reason == "request"
    assert stopped.state.by == "grace"
    epoch = stopped.state.epoch
    assert 2 <= epoch < 6
    assert stopped.state.message == f"Stopped on request after epoch {epoch}."
    assert stopped.predictions("test").logits.shape == (60, 135)

    processes.until(lambda: processes.worker(run) is None)
    processes.resume(stopped)
    finished = processes.until_state(run, "finished")
    assert finished.state.message is None
    assert_same_training(finished, uninterrupted)
    with pytest.raises(RunStateError) as raised:
        control.stop(processes.store, stopped, by="ada")
    expected = f"Run {run.id} is finished; only a run under way can be stopped."
    assert str(raised.value) == expected
    assert not run.layout.stop_request.exists()


def test_a_waiting_run_stops_without_ever_starting(processes, short_config):
    with_slot_taken = locks.take(
        processes.store.layout.slot_lock(processes.store.observer.host, "cpu-0")
    )
    try:
        run = processes.submit(short_config)
        processes.until(processes.runner)
        control.stop(processes.store, run, by="ada")
        stopped = processes.until_state(run, "stopped")
    finally:
        with_slot_taken.release()
    assert stopped.state.message == "Stopped before it started."
    assert not run.layout.attempt(1).exists()
    processes.until(lambda: not list(processes.store.layout.queue_dir.iterdir()))


def assert_is_a_modest_worker(worker, run):
    """Session leader, polite, in its run's folder, one thread, and the first to go when memory runs out."""
    assert os.getsid(worker.pid) == worker.pid
    assert worker.nice() == os.nice(0) + 5
    assert worker.cwd() == str(run.layout.path)
    variables = worker.environ()
    assert variables["PYTHONHASHSEED"] == "0"
    assert variables["OMP_NUM_THREADS"] == "1"
    assert variables["CUDA_VISIBLE_DEVICES"] == ""
    assert worker.cmdline()[1:] == [
        *("-P", "-m", "core.jobs.worker"),
        *("--run", str(run.layout.path), "--attempt", "1", "--slot", "cpu-0"),
    ]
    if sys.platform == "linux":
        assert Path(f"/proc/{worker.pid}/oom_score_adj").read_text().strip() == "500"
    assert run.state.pid == worker.pid
    assert run.state.device == "cpu"
    for path in (run.layout.log, run.layout.history, run.layout.last_checkpoint):
        assert path.stat().st_mode & 0o777 == 0o640
