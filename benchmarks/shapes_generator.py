"""How fast shapes are generated, and how soon they are there: `python benchmarks/shapes_generator.py`.

Prints the images generated in a second of CPU, in one process of one thread, and the seconds of `Shapes().load` on an empty
folder and on one that keeps the data set. Medians, with the least and the most. There is no reference way to compare with.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# The checkout's own modules, wherever the script is started.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from core.datasets import shapes

NUM_IMAGES = 100_000
NUM_REPEATS = 5


def measured(act: Callable[[], object], clock: Callable[[], float]) -> float:
    start = clock()
    act()
    return clock() - start


def generate() -> None:
    _, figures = shapes._drawn_figures(NUM_IMAGES, seed=0)
    shapes._images(figures)


def shown(name: str, values: list[float], form: str) -> None:
    low, middle, high = min(values), statistics.median(values), max(values)
    print(f"{name:<42} {middle:{form}}   ({low:{form}} to {high:{form}})")


def main() -> None:
    generate()  # Imports and the table of figures are not part of the rate.
    seconds = [measured(generate, time.process_time) for _ in range(NUM_REPEATS)]
    first, again = [], []
    for _ in range(NUM_REPEATS):
        with tempfile.TemporaryDirectory() as folder:

            def load(data_dir: Path = Path(folder)) -> None:
                shapes.Shapes().load(data_dir)

            shapes._sprites.cache_clear()
            first.append(measured(load, time.perf_counter))
            again.append(measured(load, time.perf_counter))
    shown("generated images per CPU second", [NUM_IMAGES / value for value in seconds], "12,.0f")
    shown("first load of 10,000 images, seconds", first, "12.4f")
    shown("load of 10,000 kept images, seconds", again, "12.4f")


if __name__ == "__main__":
    main()
