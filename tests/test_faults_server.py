"""Faults of the dashboard's own process: whatever ends it, what it started trains on, and another takes its place."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from core.jobs import queue
from core.runs import history
from core.runs.state import read_state, write_state

BENCHMARK = Path(__file__).parent.parent / "benchmarks" / "random_control.py"


@pytest.fixture
def serve(processes):
    """Start a dashboard on the folder, as a shell does: the leader of a process group; return it once it answers."""
    started = []

    def start():
        command = [sys.executable, "-m", "dashboard.serve", "--runs", str(processes.store.root)]
        command += ["--data", str(processes.data_dir)]
        server = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_heed_signals,
        )
        started.append(server)
        assert server.stdout.readline().startswith("Petridish is at http://127.0.0.1:")
        return server

    yield start
    for server in started:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        server.stdout.close()


def _heed_signals():
    # Whoever started the tests in the background, or by nohup, made them deaf to these, and a child is as its parent.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def queued(processes, config, reference, spec_of):
    """Queue a run by hand, without a runner."""
    store = processes.store
    run = store.create(spec_of(reference), epochs=config.training.max_epochs)
    owner, host = run.spec["owner"], store.observer.host
    queue.enqueue(store.layout, run.id, 1, owner, host, "cpu", str(processes.data_dir))
    return run


def test_a_run_outlives_ctrl_c_and_the_closed_terminal_of_the_servers_that_show_it(
    processes, serve, long_config, uninterrupted, spec_of, assert_same_training
):
    run = queued(processes, long_config, uninterrupted, spec_of)
    first = serve()
    worker = processes.until_within_epoch(run, 1)
    runner = processes.runner()
    # Halted, so that it is under way when the signals come, however slow the servers are.
    os.kill(worker, signal.SIGSTOP)
    second = serve()
    # To the whole group, as the terminal does.
    os.killpg(first.pid, signal.SIGINT)
    os.killpg(second.pid, signal.SIGHUP)
    assert first.wait(120) in (0, 130, -signal.SIGINT)
    assert second.wait(120) == -signal.SIGHUP
    assert (processes.worker(run), processes.runner()) == (worker, runner)
    os.kill(worker, signal.SIGCONT)
    finished = processes.until_state(run, "finished")
    assert (finished.state.attempt, finished.state.pid) == (1, worker)
    assert_same_training(finished, uninterrupted)


def test_a_machine_that_restarts_under_server_runner_and_worker_leaves_a_run_that_can_be_resumed(
    processes, serve, long_config, uninterrupted, spec_of, assert_same_training
):
    run = queued(processes, long_config, uninterrupted, spec_of)
    server = serve()
    worker = processes.until_within_epoch(run, 2)
    for pid in (server.pid, processes.runner(), worker):
        os.kill(pid, signal.SIGKILL)
    processes.until(lambda: processes.runner() is None and processes.worker(run) is None)
    # As it would read in the next boot: this one was another.
    write_state(run.layout, replace(read_state(run.layout), boot="the boot before"))
    interrupted = processes.store.run(run.id)
    assert (interrupted.state.state, interrupted.state.reason) == ("interrupted", "restart")
    assert interrupted.state.message == (
        "The machine restarted while the run was under way. Resume goes on from its last checkpoint."
    )
    # Nothing that was shown is gone.
    assert [row["epoch"] for row in interrupted.history()][:1] == [1]
    processes.resume(interrupted)
    finished = processes.until_state(run, "finished")
    assert list(history.attempts(run.layout)) == [1, 2]
    assert_same_training(finished, uninterrupted)


def random_control(*arguments):
    """Run the benchmark, which says what it did and what must not have been."""
    command = [sys.executable, BENCHMARK, *map(str, arguments)]
    # Forked workers: many starts cost little.
    variables = os.environ | {"PETRIDISH_WARM_START": "1"}
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(1200)
def test_two_users_and_faults_at_random_for_a_moment_lose_nothing():
    said = random_control(
        "--runs", 3, "--minutes", 0.1, "--epochs", 4, "--kinds", 1, "--no-dashboards"
    )
    assert "No violation." in said


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_two_dashboards_two_users_and_faults_at_random_for_a_minute_lose_nothing():
    has_browser = shutil.which("chromium") and importlib.util.find_spec("playwright")
    tabs = () if has_browser else ("--no-browser",)
    said = random_control("--runs", 6, "--minutes", 1, "--epochs", 15, *tabs)
    assert "No violation." in said
    if has_browser:
        assert re.search(r"button \w+ +[1-9]", said), said
