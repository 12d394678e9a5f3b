"""Samples: the images to look at."""

import numpy as np
import pytest

from core.datasets.base import Dataset, Split
from core.datasets.samples import of_class, of_count, per_class, sample_grid, stratified
from core.exceptions import InvalidParameter, UnknownName
from core.labels import LabelSpace


def dataset_of(num_classes=3, counts=None, **labels):
    splits = {
        name: Split(
            np.zeros((len(values), 1, 2, 2), np.uint8),
            np.array(values, dtype=np.int64),
            None if counts is None else np.array(counts[name], dtype=np.uint8).reshape(-1, 2),
        )
        for name, values in labels.items()
    }
    space = LabelSpace(
        tuple(f"class {label}" for label in range(num_classes)),
        count_names=() if counts is None else ("dots", "bars"),
    )
    return Dataset("tiny", space, splits)


def test_a_grid_holds_distinct_images_of_the_split_with_their_classes():
    labels = np.arange(40) % 3
    table = sample_grid(dataset_of(train=labels), "train", 32, seed=0)
    assert list(table.columns) == ["split", "sample_id", "label", "class_name"]
    assert table["sample_id"].nunique() == len(table) == 32
    assert (table["label"] == labels[table["sample_id"]]).all()
    assert (table["class_name"] == [f"class {label}" for label in table["label"]]).all()


def test_equal_seeds_draw_equal_grids_and_others_do_not():
    dataset = dataset_of(train=np.zeros(1000))
    first, again, other = (sample_grid(dataset, "train", 10, seed) for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)


def test_a_grid_of_one_class_holds_no_other_and_all_there_are():
    table = sample_grid(dataset_of(train=[0, 1, 1, 2]), "train", 9, seed=0, label=1)
    assert sorted(table["sample_id"]) == [1, 2]


def test_a_grid_of_an_empty_split_is_empty():
    assert sample_grid(dataset_of(train=[0], test=[]), "test", 9, seed=0).empty


def test_each_class_gives_its_number_or_what_it_has():
    table = per_class(dataset_of(4, train=[2, 0, 0, 2, 0, 0, 1]), "train", 2, seed=3)
    assert table["label"].tolist() == [0, 0, 1, 2, 2]
    assert table["sample_id"].is_unique
    assert set(table["sample_id"][:2]) < {1, 2, 4, 5}


def test_each_image_of_a_class_may_be_drawn():
    dataset = dataset_of(train=[0] * 5 + [1] * 5)
    drawn = {int(per_class(dataset, "train", 1, seed)["sample_id"].iloc[1]) for seed in range(60)}
    assert drawn == {5, 6, 7, 8, 9}


def test_a_thousand_classes_give_one_each():
    labels = np.random.default_rng(0).permutation(np.arange(3000) % 1000)
    table = per_class(dataset_of(1000, train=labels), "train", 1, seed=0)
    assert table["label"].tolist() == list(range(1000))


def test_a_stratified_sample_keeps_the_shares_of_the_classes():
    labels = np.repeat([0, 1, 2], [600, 300, 100])
    table = stratified(dataset_of(train=labels), "train", 100, seed=0)
    assert np.bincount(table["label"]).tolist() == [60, 30, 10]
    assert table["sample_id"].is_unique
    assert table["sample_id"].is_monotonic_increasing


def test_a_stratified_sample_of_all_splits_names_the_split_of_each():
    dataset = dataset_of(train=[0] * 50, validation=[], test=[1] * 50)
    table = stratified(dataset, None, 20, seed=0)
    assert table.groupby("split")["label"].unique().map(list).to_dict() == {
        "train": [0],
        "test": [1],
    }
    assert len(table) == 20
    assert table["sample_id"].max() < 50


def test_a_stratified_sample_of_nothing_is_empty():
    assert stratified(dataset_of(train=[]), "train", 20, seed=0).empty


def test_a_larger_stratified_sample_than_there_are_images_is_all_of_them():
    table = stratified(dataset_of(train=[2, 0, 1]), None, 20, seed=0)
    assert table["sample_id"].tolist() == [0, 1, 2]


def test_all_images_of_a_class_are_found_in_one_split_or_all():
    dataset = dataset_of(train=[0, 1, 1], test=[1, 0])
    assert of_class(dataset, 1)[["split", "sample_id"]].to_numpy().tolist() == [
        ["train", 1],
        ["train", 2],
        ["test", 0],
    ]
    assert of_class(dataset, 1, "test")["sample_id"].tolist() == [0]
    assert of_class(dataset, 2).empty


def test_images_with_a_number_of_figures_are_found():
    counts = {"train": [[1, 9], [2, 8]], "test": [[2, 2]]}
    dataset = dataset_of(counts=counts, train=[0, 0], test=[1])
    assert of_count(dataset, "dots", 2)[["split", "sample_id"]].to_numpy().tolist() == [
        ["train", 1],
        ["test", 0],
    ]
    assert of_count(dataset, "bars", 7).empty
    with pytest.raises(UnknownName, match=r"No count is called 'dot'\. Did you mean 'dots'\?"):
        of_count(dataset, "dot", 2)


def test_numbers_out_of_range_are_refused():
    dataset = dataset_of(train=[0])
    with pytest.raises(InvalidParameter, match=r"num_samples must be at least 1; got 0\."):
        sample_grid(dataset, "train", 0, seed=0)
    with pytest.raises(InvalidParameter, match=r"label must lie in \[0, 3\); got 3\."):
        of_class(dataset, 3)
