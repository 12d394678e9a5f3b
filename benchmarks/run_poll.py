"""What a poll of the page Runs costs the server when nothing is new, with 1,000 runs of which one waits elsewhere.

Run as `python benchmarks/run_poll.py`; needs Chromium. A dashboard of its own is started on a temporary folder, and the
CPU seconds of its process are counted while a browser shows the page and nothing changes; what the process takes while
nobody looks is subtracted.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# The checkout's own modules, wherever the script is started.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psutil
from playwright.sync_api import Page, sync_playwright

from benchmarks.run_list import make_runs
from core.runs.state import RunState, write_state
from core.runs.store import Store

NUM_RUNS = 1_000
SECONDS = 60.0
PATIENCE = 120_000


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(process: psutil.Process, page: Page) -> float:
    """Return the CPU seconds that a process takes in `SECONDS`."""
    before = process.cpu_times()
    page.wait_for_timeout(1000 * SECONDS)
    after = process.cpu_times()
    return after.user + after.system - before.user - before.system


def until_answers(port: int) -> None:
    """Wait until a server listens."""
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)


def main() -> None:
    """Print CPU milliseconds of the process and of a poll."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        store = Store(Path(folder) / "runs")
        make_runs(store, NUM_RUNS)
        # It waits for a machine that does not exist: the page polls, and nothing ever changes.
        write_state(store.runs()[0].layout, RunState("queued", epochs=30, host="elsewhere"))
        port = free_port()
        variables = os.environ | {"PETRIDISH_RUNS": str(store.root), "PETRIDISH_DATA": folder}
        command = [sys.executable, "-m", "dashboard.serve", "--port", str(port)]
        server = subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL)
        try:
            until_answers(port)
            path = shutil.which("chromium")
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
            page = browser.new_page()
            sent: list[object] = []
            page.on("websocket", lambda line: line.on("framesent", lambda one: sent.append(one)))
            page.goto(f"http://127.0.0.1:{port}/runs")
            page.get_by_test_id("stDataFrame").first.wait_for(timeout=PATIENCE)
            page.wait_for_timeout(10_000)  # what it does on the first look: warming up, imports
            process = psutil.Process(server.pid)
            sent.clear()
            looking = cpu_seconds(process, page)
            # Counted, since the timer of a browser is late on a busy machine.
            polls = len(sent)
            page.goto("about:blank")
            page.wait_for_timeout(5_000)
            alone = cpu_seconds(process, page)
            browser.close()
        finally:
            server.terminate()
            server.wait()
    if not polls:
        raise SystemExit("The page never polled.")
    print(f"{NUM_RUNS:,} runs, {polls} polls in {SECONDS:.0f} s, {os.cpu_count()} cores")
    print(f"server while the page is open   {looking:6.2f} CPU s")
    print(f"server while nobody looks       {alone:6.2f} CPU s")
    print(f"one poll with nothing new       {1000 * (looking - alone) / polls:6.1f} CPU ms")


if __name__ == "__main__":
    main()
