"""The summary of a data set."""

import numpy as np

from core.datasets.base import Dataset, Split
from core.datasets.shapes import Shapes
from core.datasets.statistics import summary
from core.labels import LabelSpace


def split(labels: list[int]) -> Split:
    images = np.zeros((len(labels), 3, 4, 5), dtype=np.uint8)
    return Split(images, np.array(labels, dtype=np.int64))


def test_a_summary_counts_images_by_split_and_class():
    space = LabelSpace(("ant", "bee", "cow", "dog"))
    splits = {"train": split([0, 0, 2]), "validation": split([0]), "test": split([2, 2])}
    assert summary(Dataset("farm", space, splits), kind="imported") == {
        "name": "farm",
        "kind": "imported",
        "images": 6,
        "height": 4,
        "width": 5,
        "channels": 3,
        "classes": 4,
        "class_names": ["ant", "bee", "cow", "dog"],
        "missing_classes": ["bee", "dog"],
        "splits": {"train": 3, "validation": 1, "test": 2},
        "counts": [3, 0, 3, 0],
    }


def test_thirty_classes_of_shapes_are_missing_and_named(tmp_path):
    told = summary(Shapes().load(tmp_path), Shapes.kind)
    assert len(told["missing_classes"]) == 30
    assert told["missing_classes"][:2] == ["1 square + 9 circles", "9 squares + 1 circle"]
    assert sum(told["counts"]) == told["images"] == 10_000
    assert (told["classes"], told["kind"]) == (135, "generated")
