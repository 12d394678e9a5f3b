"""DATASETS: the built-in data sets, by the name under which runs and the command line know them; imported ones beside."""

from pathlib import Path

from core.datasets.base import DatasetSource
from core.datasets.digits import Digits
from core.datasets.fashion import Fashion, FashionOfficial
from core.datasets.imported import Imported, imported_names
from core.datasets.shapes import Shapes
from core.exceptions import UnknownName
from core.registry import Registry

DATASETS: Registry[type[DatasetSource]] = Registry(
    "data set",
    {
        "shapes": Shapes,
        "digits": Digits,
        "fashion": Fashion,
        "fashion-official": FashionOfficial,
    },
)


def dataset_source(name: str, data_dir: Path) -> DatasetSource:
    """Return the source of a built-in or imported data set, with its default settings.

    Raises:
        UnknownName: no data set is called that; the message suggests the nearest.
    """
    if name in DATASETS:
        return DATASETS[name].checked({})
    names = imported_names(data_dir)
    if name not in names:
        raise UnknownName("data set", name, [*DATASETS, *names])
    return Imported(name=name)
