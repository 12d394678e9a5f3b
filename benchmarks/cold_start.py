"""From nothing to the first heading: `python benchmarks/cold_start.py [--starts 5] [--runs DIR]`.

Each start is a new server process, with an empty runs folder unless one is named, and a new Chromium window that is opened
as soon as the server says where it is. Told are the seconds from the start of the process to the first visible heading, and
when the server was ready. Exit status 1 where the median is above 8 s.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

# The checkout's own modules, wherever the script is started.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Browser, sync_playwright

from benchmarks.served import served
from core.runs.store import Store

LARGEST_MEDIAN = 8.0
"""Seconds."""
PATIENCE = 120_000
"""Milliseconds."""


def cold_start(browser: Browser, store: Store) -> tuple[float, float]:
    """Return the seconds from the start of a server to its being ready, and to the first visible heading."""
    started = time.perf_counter()
    with served(store) as (url, _):
        ready = time.perf_counter() - started
        context = browser.new_context(viewport={"width": 1280, "height": 720})
        page = context.new_page()
        page.goto(url, wait_until="commit", timeout=PATIENCE)
        page.locator("h1").first.wait_for(timeout=PATIENCE)
        seen = time.perf_counter() - started
        context.close()
    return ready, seen


def main() -> int:
    """Measure some starts; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--runs", type=Path, help="runs folder to copy; else an empty one")
    options = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        print("Chromium is not installed (Debian: package chromium).")
        return 1
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        store = Store(Path(folder) / "runs")
        if options.runs:
            shutil.copytree(options.runs, store.root, ignore=shutil.ignore_patterns(".*"))
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        starts = [cold_start(browser, store) for _ in range(options.starts)]
        browser.close()
    for ready, seen in starts:
        print(f"server ready after {ready:.1f} s, first heading after {seen:.1f} s")
    median = statistics.median(seen for _, seen in starts)
    print(f"median {median:.1f} s; at most {LARGEST_MEDIAN:.0f} s")
    return 1 if median > LARGEST_MEDIAN else 0


if __name__ == "__main__":
    sys.exit(main())
