"""What the Data page computes of a data set: `python benchmarks/dataset_statistics.py [FOLDER]`.

Prints the CPU seconds of every table that reads the images, in one process of one thread, for 10,000 generated shapes and for
the 60,000 training images of Fashion-MNIST, read from FOLDER with the four original files (by default the folder of Debian's
package dataset-fashion-mnist; left out where it is not there). Medians of five, with the least and the most; the goal is 5 s
in all. The first repeat of the first data set includes the imports of pandas and SciPy. The reference way, pandas and
Matplotlib in a notebook, did no search for duplicates, so there is nothing to compare with.
"""

import gzip
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# Read by the numerical libraries when they are first imported.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"
# The checkout's own modules, wherever the script is started.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np  # noqa: E402

from core.datasets.base import Dataset, Split  # noqa: E402
from core.datasets.shapes import Shapes  # noqa: E402
from core.labels import LabelSpace  # noqa: E402

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
NUM_REPEATS = 5


def fashion(folder: Path) -> Dataset:
    def values(name: str, offset: int) -> np.ndarray:
        return np.frombuffer(gzip.decompress((folder / name).read_bytes()), np.uint8, offset=offset)

    images = values("train-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)
    labels = values("train-labels-idx1-ubyte.gz", 8).astype(np.int64)
    # Split in three, so that the search across splits has something to do.
    parts = zip(
        ("train", "validation", "test"),
        np.split(images, [36_000, 48_000]),
        np.split(labels, [36_000, 48_000]),
        strict=True,
    )
    splits = {name: Split(part, of_part) for name, part, of_part in parts}
    return Dataset("fashion", LabelSpace(tuple(map(str, range(10)))), splits)


def tasks(dataset: Dataset) -> dict[str, Callable[[], object]]:
    from core.datasets.classes import balance, class_counts
    from core.datasets.duplicates import exact_duplicates, near_duplicates
    from core.datasets.pixels import grey_levels, mean_images, pixel_table, samples_in_bin
    from core.datasets.samples import per_class, sample_grid

    return {
        "class table and balance": lambda: (class_counts(dataset), balance(dataset)),
        "grids of samples": lambda: (
            sample_grid(dataset, "train", 32, 0),
            per_class(dataset, "train", 10, 0),
        ),
        "grey levels and pixel table": lambda: pixel_table(dataset, grey_levels(dataset)),
        "images of a grey level": lambda: samples_in_bin(dataset, 100, 112),
        "mean image of each class": lambda: mean_images(dataset),
        "equal images": lambda: exact_duplicates(dataset),
        "nearly equal images": lambda: near_duplicates(dataset),
    }


def measure(dataset: Dataset) -> None:
    num_images = sum(len(split) for split in dataset.splits.values())
    print(f"{dataset.name}, {num_images:,} images, CPU seconds")
    seconds: dict[str, list[float]] = {}
    for _ in range(NUM_REPEATS):
        start = time.process_time()
        for name, task in tasks(dataset).items():
            begun = time.process_time()
            task()
            seconds.setdefault(name, []).append(time.process_time() - begun)
        seconds.setdefault("all, imports included", []).append(time.process_time() - start)
    for name, values in seconds.items():
        middle = statistics.median(values)
        print(
            f"  {name:<30} {middle:7.3f}   ({min(values):.3f} to {max(values):.3f}, first {values[0]:.3f})"
        )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        measure(Shapes().load(Path(folder)))
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DEBIAN
    if (folder / "train-images-idx3-ubyte.gz").is_file():
        measure(fashion(folder))
    else:
        print(f"Fashion-MNIST is not in {folder}; left out.")


if __name__ == "__main__":
    main()
