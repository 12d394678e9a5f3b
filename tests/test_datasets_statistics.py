"""Statistics of a data set."""

import numpy as np

from core.datasets.base import Dataset, Split
from core.datasets.shapes import Shapes
from core.datasets.statistics import count_distribution, first_rows, split_sizes, summary
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


def test_the_first_rows_show_what_the_table_holds():
    images = np.array([[0, 10, 20, 30], [5, 5, 5, 5], [1, 2, 3, 4]], np.uint8).reshape(3, 1, 2, 2)
    counts = np.array([[1, 2], [3, 4], [5, 6]], np.uint8)
    space = LabelSpace(("ant", "bee"), count_names=("legs", "wings"))
    splits = {"train": Split(images, np.array([1, 0, 1]), counts)}
    assert first_rows(Dataset("farm", space, splits), "train", 2).to_dict("records") == [
        {
            "split": "train",
            "sample_id": 0,
            "label": 1,
            "class_name": "bee",
            "legs": 1,
            "wings": 2,
            "least_grey": 0,
            "mean_grey": 15.0,
            "most_grey": 30,
        },
        {
            "split": "train",
            "sample_id": 1,
            "label": 0,
            "class_name": "ant",
            "legs": 3,
            "wings": 4,
            "least_grey": 5,
            "mean_grey": 5.0,
            "most_grey": 5,
        },
    ]


def test_the_first_rows_of_an_empty_split_have_their_columns():
    dataset = Dataset("farm", LabelSpace(("ant",)), {"train": split([0]), "test": split([])})
    table = first_rows(dataset, "test")
    assert table.empty
    assert list(table.columns) == list(first_rows(dataset, "train").columns)


def test_splits_have_their_sizes_and_shares():
    dataset = Dataset("farm", LabelSpace(("ant",)), {"train": split([0] * 3), "test": split([0])})
    assert split_sizes(dataset).to_dict("records") == [
        {"split": "train", "count": 3, "share": 0.75},
        {"split": "test", "count": 1, "share": 0.25},
    ]
    empty = Dataset("farm", LabelSpace(("ant",)), {"train": split([])})
    assert split_sizes(empty)["share"].isna().all()


def test_figures_are_counted_by_type(data_dir):
    dataset = Shapes().load(data_dir)
    table = count_distribution(dataset, "test")
    counts = dataset.split("test").counts
    assert len(table) == 6 * 9
    for row in table.to_dict("records"):
        position = dataset.space.count_names.index(row["type"])
        expected = int((counts[:, position] == row["figures"]).sum())
        assert row["count"] == expected
        assert row["share"] == expected / len(counts)
    assert count_distribution(dataset)["count"].sum() == 6 * 10_000


def test_without_counts_their_distribution_is_empty():
    assert count_distribution(Dataset("farm", LabelSpace(("ant",)), {"train": split([0])})).empty
