"""How late a live curve is: `python benchmarks/live_curve.py [--epochs 30] [--runs DIR]`.

A run trains, the page Runs shows its curve in Chromium, and for each epoch the time is taken from when the worker had
written it to when its point stood in the figure. Goal: 2 s.
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

from playwright.sync_api import sync_playwright

from benchmarks.served import served
from core.datasets.base import default_data_dir
from core.jobs import control
from core.jobs.local import LocalExecutor
from core.jobs.submit import submit
from core.runs.store import Store
from core.variants import run_config

# An epoch of some seconds, so that each is drawn by itself.
TRAINED = run_config(
    {"name": "shapes", "images": 2000}, "shapes-net", {"training.max_epochs": 1000}
)

# Every 20 ms the longest line's length; a new one is noted with the time of the browser's clock, which is the machine's.
WATCH = """() => {
  window.noted = {};
  setInterval(() => {
    const points = Math.max(0, ...[...document.querySelectorAll('.js-plotly-plot')]
      .flatMap(plot => (plot._fullData || []).map(trace => trace._length || 0)));
    window.noted[points] ??= Date.now() / 1000;
  }, 20);
}"""


def main() -> None:
    """Watch the epochs of one run."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--runs", type=Path, help="runs folder to copy, which lies beside the run")
    options = parser.parse_args()
    data_dir = default_data_dir()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        store = Store(Path(folder) / "runs")
        if options.runs:
            shutil.copytree(options.runs, store.root, ignore=shutil.ignore_patterns(".*"))
        dataset = TRAINED.dataset.load(data_dir)
        run = submit(store, LocalExecutor(store, data_dir), dataset, TRAINED, seed=99)
        try:
            with served(store) as (url, _):
                browser = playwright.chromium.launch(
                    executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
                )
                page = browser.new_page(viewport={"width": 1280, "height": 720})
                page.goto(f"{url}/runs?runs={run.id}", timeout=120_000)
                page.locator(".js-plotly-plot").first.wait_for(timeout=120_000)
                page.evaluate(WATCH)
                first = store.run(run.id).state.epoch + 2
                while store.run(run.id).state.epoch < first + options.epochs:
                    time.sleep(0.5)
                time.sleep(5)
                noted = {int(epoch): at for epoch, at in page.evaluate("window.noted").items()}
                browser.close()
        finally:
            control.kill(store, [store.run(run.id)], by="benchmark")
        written = {row["epoch"]: row["time"] for row in store.run(run.id).history()}
    # A point that came together with the next one is as late as that.
    late = [
        min(at for epoch, at in noted.items() if epoch >= wanted) - written[wanted]
        for wanted in range(first, first + options.epochs)
    ]
    print(
        f"{len(late)} epochs: a point is on screen after {statistics.median(late):.2f} s (median), "
        f"{max(late):.2f} s at most; goal 2 s: {'met' if max(late) <= 2 else 'MISSED'}"
    )


if __name__ == "__main__":
    main()
