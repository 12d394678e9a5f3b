import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from core.jobs import queue
from core.runs import locks
from core.runs.store import Store

PETRIDISH = Path(sys.executable).with_name("petridish")


def test_serving_is_being_the_runner_until_asked_to_end(tmp_path, monkeypatch):
    store = Store(tmp_path / "runs")
    lock = store.layout.runner_lock(store.observer.host)
    monkeypatch.setenv("PETRIDISH_WAITS", '{"runner_poll": 0.05, "runner_idle": 0.05}')
    with subprocess.Popen(
        [PETRIDISH, "serve", "--runs", store.root], stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr.readline() == f"Serving the runs in {store.root}; end with Ctrl-C.\n"
        while locks.holder(lock) != server.pid:
            assert server.poll() is None
        server.send_signal(signal.SIGINT)
        assert server.wait() == 0
        assert server.stderr.read() == ""
    assert locks.holder(lock) is None


@pytest.mark.parametrize("by", ["option", "variable"])
def test_a_run_that_has_lost_its_data_folder_gets_that_of_the_server(
    processes, occupied_store, finished_run, spec_of, tmp_path, monkeypatch, by
):
    run = occupied_store.create(spec_of(finished_run), epochs=3)
    # From here, though workers start in the folders of their runs.
    monkeypatch.setenv("PETRIDISH_DATA", "unused" if by == "option" else "sets")
    more = ["--data", "sets"] if by == "option" else []
    command = [PETRIDISH, "serve", "--runs", occupied_store.root, *more]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as server:
        host = occupied_store.observer.host
        (entry,) = processes.until(lambda: queue.entries(occupied_store.layout, host))
        server.send_signal(signal.SIGINT)
    assert (entry.run_id, entry.data_dir) == (run.id, str(tmp_path / "sets"))


def test_a_port_that_is_taken_is_an_error_when_asked_for(petridish_process):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = petridish_process("dashboard", "--no-browser", "--port", port)
    assert done.returncode == 2
    assert str(port) in done.stderr
    assert done.stderr.count("\n") == 1


def test_ending_the_command_ends_the_pages(tmp_path):
    command = [PETRIDISH, "dashboard", "--no-browser", "--runs", tmp_path / "runs"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as dashboard:
        address = dashboard.stdout.readline().split()[-1]
        host, port = address.removeprefix("http://").split(":")
        socket.create_connection((host, int(port)), timeout=10).close()
        dashboard.send_signal(signal.SIGTERM)
        dashboard.wait()
    with socket.socket() as free:
        assert free.connect_ex((host, int(port))) != 0
