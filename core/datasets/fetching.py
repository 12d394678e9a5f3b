"""FETCHED: the data sets that are brought from elsewhere before they can be used, and how.

Apart from `core.datasets.importing`, which takes what the user has: here the content is known and checked.
"""

from collections.abc import Callable
from pathlib import Path

from core.datasets import DATASETS, fashion
from core.datasets.raw import Progress, silent
from core.exceptions import InvalidInput
from core.registry import Registry

FETCHED: Registry[Callable[[Path, Path | str | None, Progress], Path]] = Registry(
    "data set to fetch", {"fashion": fashion.fetch, "fashion-official": fashion.fetch}
)
"""Both presets of Fashion-MNIST share their files, so either name fetches both."""


def fetch_dataset(
    name: str, data_dir: Path, from_: Path | str | None = None, progress: Progress = silent
) -> Path:
    """Bring a data set's files into the data folder.

    Args:
        name: of the data set.
        data_dir: folder of the data sets.
        from_: a folder or an address to fetch from, instead of the known sources.
        progress: told how far it is.

    Returns:
        The folder with the files.

    Raises:
        UnknownName: no data set to fetch is called that.
        InvalidInput: the data set needs no fetching, or `from_` cannot be used.
        CoreError: no source gave the files; the message has the reason of each.
    """
    if name in DATASETS and name not in FETCHED:
        raise InvalidInput(f"The data set {name!r} needs no fetching: it is made here when needed.")
    return FETCHED[name](data_dir, from_, progress)
