"""The dashboard's own process killed while a run trains that it had started."""

import subprocess
import sys

from core.jobs import queue


def test_a_run_outlives_the_server_whose_runner_started_it(
    processes, long_config, uninterrupted, spec_of, assert_same_training
):
    store = processes.store
    # Queued by hand and without a runner: the server must start one.
    run = store.create(spec_of(uninterrupted), epochs=long_config.training.max_epochs)
    owner, device = run.spec["owner"], run.spec["resources"]["device"]
    host, data_dir = store.observer.host, str(processes.data_dir)
    queue.enqueue(store.layout, run.id, 1, owner, host, device, data_dir)
    command = [
        sys.executable,
        "-m",
        "dashboard.serve",
        "--runs",
        str(store.root),
        "--data",
        data_dir,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout.readline().startswith("Petridish is at http://127.0.0.1:")
        worker = processes.until_within_epoch(run, 1)
        server.kill()
    finished = processes.until_state(run, "finished")
    assert (finished.state.attempt, finished.state.pid) == (1, worker)
    assert_same_training(finished, uninterrupted)
