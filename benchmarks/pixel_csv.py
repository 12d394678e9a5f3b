"""Reading a pixel CSV of 52,500 rows and 1,025 columns: `python benchmarks/pixel_csv.py`.

The reference way is `pandas.read_csv`. Beside it, each in processes of its own and in turn: our reader, the whole import
(reading, checks, keeping), later reads of the kept `.npy` with every pixel touched, and the later load of the imported data
set as runs do it, checksums included. CPU seconds and peak memory of a whole process with its imports, one thread; medians of
the repeats, and of the ratios to the reference of the same round, with the least and the most.

The table is written in a temporary folder from Fashion-MNIST, padded to 32x32, where Debian's package has it; else from random
numbers of about the same distribution.
"""

import gzip
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the checkout's own modules, wherever the script is started

ROWS, SIDE, REPEATS = 52_500, 32, 5
WAYS = ("pandas.read_csv", "our reader", "whole import", "kept .npy", "load as runs do")


def fashion() -> tuple | None:
    """Return the first images and labels of Debian's Fashion-MNIST, or None where it is not installed."""
    import numpy as np

    try:
        listed = subprocess.run(
            ["dpkg", "-L", "dataset-fashion-mnist"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    files = {Path(line).name: line for line in listed.stdout.split("\n")}
    images = gzip.decompress(Path(files["train-images-idx3-ubyte.gz"]).read_bytes())
    labels = gzip.decompress(Path(files["train-labels-idx1-ubyte.gz"]).read_bytes())
    pixels = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28)[:ROWS]
    padded = np.pad(pixels, ((0, 0), (2, 2), (2, 2)))
    return padded.reshape(ROWS, -1), np.frombuffer(labels, np.uint8, offset=8)[:ROWS]


def random_rows() -> tuple:
    """Return rows in which 62 % of the pixels are black, as in Fashion-MNIST padded to 32x32."""
    import numpy as np

    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (ROWS, SIDE * SIDE), dtype=np.uint8)
    pixels[rng.random(pixels.shape, dtype=np.float32) < 0.62] = 0
    return pixels, rng.integers(0, 10, ROWS)


def write_table(folder: Path) -> str:
    """Write `train.csv` and return what it was made from."""
    made = fashion()
    pixels, labels = made or random_rows()
    texts = [str(value) for value in range(256)]
    with (folder / "train.csv").open("w") as file:
        file.write(",".join(f"pix{number + 1}" for number in range(SIDE * SIDE)) + ",label\n")
        for row, label in zip(pixels, labels, strict=True):
            file.write(",".join(map(texts.__getitem__, row.tolist())) + f",{label}\n")
    return "Fashion-MNIST" if made else "random numbers"


def prepared(way: str, folder: Path) -> Callable[[], object]:
    """Return what one process does; imports are done before, as they are no part of the time."""
    if way == "pandas.read_csv":
        import pandas

        return lambda: pandas.read_csv(folder / "train.csv")
    if way == "kept .npy":
        import numpy

        kept = folder / "imported" / "kept" / "images.npy"
        return lambda: int(numpy.load(kept, mmap_mode="r").sum(dtype=numpy.uint64))
    from core.datasets.raw import ImportOptions

    if way == "our reader":
        from core.datasets import pixel_csv

        return lambda: pixel_csv.read(folder / "train.csv", ImportOptions())
    if way == "whole import":
        from core.datasets.importing import import_dataset

        name = f"again-{time.monotonic_ns()}"
        return lambda: import_dataset(
            folder / "train.csv", name, "pixel-csv", ImportOptions(), folder
        )
    from core.datasets.imported import Imported

    return lambda: Imported(name="kept").load(folder)


def measure(way: str, folder: Path) -> None:
    act = prepared(way, folder)
    start = time.process_time()
    act()
    seconds = time.process_time() - start
    print(json.dumps({"seconds": seconds, "peak": peak_mebibytes()}))


def peak_mebibytes() -> float:
    """Return the most memory that this process has held, mapped files included."""
    try:
        # What getrusage says of a child begins with its parent's memory.
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(way: str, folder: Path) -> dict[str, float]:
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    done = subprocess.run(
        [sys.executable, __file__, way, str(folder)],
        env=os.environ | threads,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return json.loads(done.stdout)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = write_table(folder)
        size = (folder / "train.csv").stat().st_size
        print(f"{ROWS:,} rows, {SIDE * SIDE + 1:,} columns, {size / 1e6:.0f} MB, from {source}")
        from core.datasets.imported import Imported
        from core.datasets.importing import import_dataset
        from core.datasets.raw import ImportOptions

        import_dataset(folder / "train.csv", "kept", "pixel-csv", ImportOptions(), folder)
        Imported(name="kept").load(folder)  # draws the split, which later loads find
        rounds = [{way: measured(way, folder) for way in WAYS} for _ in range(REPEATS)]
    print(f"{'':<18} {'CPU seconds':>11} {'peak MiB':>9}   times as fast as {WAYS[0]}")
    for way in WAYS:
        seconds = statistics.median(each[way]["seconds"] for each in rounds)
        peak = max(each[way]["peak"] for each in rounds)
        ratios = [each[WAYS[0]]["seconds"] / each[way]["seconds"] for each in rounds]
        print(
            f"{way:<18} {seconds:11.4f} {peak:9.0f}   {statistics.median(ratios):.1f}"
            f" ({min(ratios):.1f} to {max(ratios):.1f})"
        )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        measure(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
