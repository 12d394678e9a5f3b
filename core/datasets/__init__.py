"""DATASETS: the data sets that there are, by the name under which runs and the command line know them."""

from core.datasets.base import DatasetSource
from core.datasets.digits import Digits
from core.datasets.shapes import Shapes
from core.registry import Registry

DATASETS: Registry[type[DatasetSource]] = Registry("data set", {"shapes": Shapes, "digits": Digits})
