"""Takes the pictures of the README: `python tests/browser/pictures.py [RUNS_FOLDER]`.

No test, and run by hand: with the demo trained in a folder of its own it takes minutes. With a runs folder that has the
demo's finished runs it takes those. Each page is opened where the guided tour opens it, at 1280x720.
"""

import argparse
import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import sync_playwright

from core.datasets.base import default_data_dir
from core.evaluation.confusion_matrix import confusion_matrix
from core.evaluation.samples import samples
from core.runs.store import Store
from dashboard.widgets.overview_demo import CONV, demo_of
from dashboard.widgets.overview_tour import STEPS

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "dashboard" / "screenshots"
IDLE = """() => { const app = document.querySelector('[data-testid=stApp]');
  return app?.dataset.testScriptState === 'notRunning' && !document.querySelector('[data-testid=stMain] [data-stale=true]') }"""
# Long enough for what is drawn after the script has ended, such as figures and contact sheets, on a busy machine.
SETTLE_MILLISECONDS = 6_000
COLOURS = 256


def main() -> None:
    """Train the demo if need be, open each page, write `dashboard/screenshots/<page>.png`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="?", type=Path, help="folder with the demo's finished runs")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        if runs is None:
            runs = Path(folder) / "runs"
            demo = [sys.executable, "-m", "core", "demo", "--until-done", "--runs", str(runs)]
            subprocess.run([*demo, "--data", str(default_data_dir())], check=True, cwd=ROOT)
        store = Store(runs.resolve())
        addresses = pages(store)
        with served(store.root) as url, sync_playwright() as playwright:
            chromium = shutil.which("chromium")
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
            )
            tab = browser.new_page(viewport={"width": 1280, "height": 720})
            tab.set_default_timeout(180_000)
            for name, address in addresses.items():
                tab.goto(url + address)
                tab.locator("h1").first.wait_for()
                tab.wait_for_function(IDLE)
                tab.wait_for_timeout(SETTLE_MILLISECONDS)
                size = write(tab.screenshot(), FOLDER / f"{name}.png")
                print(f"{name}.png: {size:,} bytes, {address}")
            browser.close()
    total = sum(path.stat().st_size for path in FOLDER.glob("*.png"))
    print(f"All pictures together: {total:,} bytes.")


def pages(store: Store) -> dict[str, str]:
    """Return page -> address: those of the tour, and of Evaluate the cell with the most mistakes.

    Raises:
        SystemExit: the demo has not finished there.
    """
    demo = demo_of(store.runs())
    if not demo.is_complete:
        raise SystemExit(f"The demo has not finished in {store.root}.")
    found = {"overview": "/"}
    for step in STEPS:
        found[step.page] = f"/{step.page}?{urlencode(step.query(demo))}"
    run = store.run(demo.finished[CONV])
    matrix = confusion_matrix(run.predictions("test"))
    wrong = matrix[matrix["true"] != matrix["predicted"]]
    if wrong["count"].max():
        worst = wrong.loc[wrong["count"].idxmax()]
        true, predicted = int(worst["true"]), int(worst["predicted"])
        image = int(samples(run.predictions("test"), true, predicted)["sample_id"].iloc[0])
        found["evaluate"] += f"&cell={true}-{predicted}&image={image}"
    return found


@contextmanager
def served(runs: Path) -> Iterator[str]:
    """Serve the pages on a runs folder and yield their address."""
    server = subprocess.Popen(
        [sys.executable, "-m", "dashboard.serve", "--runs", str(runs)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PETRIDISH_WAITS": '{"runner_idle": 5}'},
    )
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip().removeprefix("Petridish is at ")
    finally:
        server.terminate()
        server.communicate(timeout=60)


def write(picture: bytes, path: Path) -> int:
    """Write a picture with few colours, which suffices for pages, and return its size in bytes."""
    shown = Image.open(io.BytesIO(picture)).convert("RGB")
    shown.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    return path.stat().st_size


if __name__ == "__main__":
    main()
