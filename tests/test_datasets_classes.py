"""Classes of a data set: counts, missing ones, the verdict on balance."""

import numpy as np
import pytest
from scipy.stats import chisquare

from core.datasets.base import Dataset, Split
from core.datasets.classes import (
    balance,
    class_counts,
    group_counts,
    missing_in_splits,
)
from core.datasets.shapes import Shapes
from core.exceptions import UnknownName
from core.labels import LabelSpace


def dataset_of(names, groups=None, **labels):
    splits = {
        name: Split(np.zeros((len(values), 1, 2, 2), np.uint8), np.array(values, dtype=np.int64))
        for name, values in labels.items()
    }
    return Dataset("farm", LabelSpace(tuple(names), groups), splits)


def farm(*counts):
    names = ["ant", "bee", "cow", "dog", "eel", "fox"][: len(counts)]
    return dataset_of(names, train=np.repeat(np.arange(len(counts)), counts))


def test_classes_are_counted_over_all_splits_or_one():
    dataset = dataset_of(["ant", "bee", "cow"], train=[0, 0, 2], validation=[0], test=[])
    table = class_counts(dataset)
    assert table["label"].tolist() == [0, 1, 2]
    assert table["class_name"].tolist() == ["ant", "bee", "cow"]
    assert table["count"].tolist() == [3, 0, 1]
    assert table["share"].tolist() == [0.75, 0, 0.25]
    assert table["is_missing"].tolist() == [False, True, False]
    assert table["group"].isna().all()
    assert class_counts(dataset, "train")["count"].tolist() == [2, 0, 1]


def test_shares_of_an_empty_split_are_undefined():
    table = class_counts(dataset_of(["ant", "bee"], train=[0], test=[]), "test")
    assert table["count"].tolist() == [0, 0]
    assert table["share"].isna().all()
    assert table["is_missing"].all()


def test_a_thousand_classes_are_counted():
    names = [f"class {number}" for number in range(1000)]
    table = class_counts(dataset_of(names, train=[0, 999, 999]))
    assert len(table) == 1000
    assert table["count"].iloc[999] == 2
    assert table["is_missing"].sum() == 998


def test_an_unknown_split_is_refused():
    with pytest.raises(UnknownName, match=r"No split is called 'trian'\. Did you mean 'train'\?"):
        class_counts(farm(1), "trian")


def test_groups_count_their_classes_and_images():
    dataset = dataset_of(
        ["a", "b", "c", "d"], groups=("late", "late", "early", "early"), train=[0, 0, 1, 2]
    )
    assert group_counts(dataset).to_dict("records") == [
        {"group": "late", "num_classes": 2, "num_missing": 0, "count": 3, "share": 0.75},
        {"group": "early", "num_classes": 2, "num_missing": 1, "count": 1, "share": 0.25},
    ]


def test_without_groups_their_table_is_empty():
    assert group_counts(farm(1, 2)).empty


def test_a_class_missing_in_one_split_is_listed_and_empty_splits_are_not():
    dataset = dataset_of(["ant", "bee", "cow"], train=[0, 0], validation=[], test=[0, 2])
    assert missing_in_splits(dataset).to_dict("records") == [
        {"split": "train", "label": 2, "class_name": "cow", "count": 1}
    ]


@pytest.mark.parametrize(
    ("counts", "level"),
    [
        ((1000, 1000, 1000), "balanced"),
        ((1500, 1000), "balanced"),
        ((1501, 1000), "slightly unbalanced"),
        ((9000, 1000), "slightly unbalanced"),
        ((9001, 1000), "strongly unbalanced"),
        ((4, 1), "balanced"),  # chance: p = 0.18
        ((8, 1), "slightly unbalanced"),  # p = 0.02
    ],
)
def test_the_level_follows_the_rule(counts, level):
    assert balance(farm(*counts)).level == level


def test_the_test_is_the_chi_square_test_over_the_classes_that_occur():
    found = balance(farm(12, 0, 20, 31))
    assert found.p_value == pytest.approx(chisquare([12, 20, 31]).pvalue)
    assert found.ratio == pytest.approx(31 / 12)
    assert (found.num_classes, found.num_missing) == (4, 1)


def test_the_verdict_names_the_classes_it_compares():
    assert balance(farm(2000, 100, 1000)).verdict == (
        "Strongly unbalanced: the largest class (ant, 2,000 images) has 20.0 times as many as the smallest (bee, 100)."
    )


def test_equal_classes_need_no_comparison():
    assert balance(farm(1, 1)).verdict == "Balanced: every class has 1 image."


def test_the_verdict_says_when_chance_explains_the_differences():
    assert balance(farm(4, 1)).verdict == (
        "Balanced: the largest class (ant, 4 images) has 4.0 times as many as the smallest (bee, 1), no more than chance "
        "explains (chi-square test, p = 0.18)."
    )


def test_missing_classes_are_counted_and_named():
    assert balance(farm(3, 0, 3)).verdict == (
        "Balanced: every class that occurs has 3 images. 1 of 3 classes never occurs: bee."
    )
    assert balance(farm(0, 2, 0, 0, 0, 2)).verdict.endswith(
        " 4 of 6 classes never occur: ant, cow, dog and 1 more."
    )


def test_one_class_leaves_nothing_to_tell_apart():
    found = balance(farm(0, 7))
    assert found.level == "one class"
    assert found.verdict == (
        "All images belong to one class (bee): there is nothing to tell apart. 1 of 2 classes never occurs: ant."
    )


def test_without_images_there_is_no_verdict_on_balance():
    found = balance(farm(0, 0))
    assert (found.level, found.verdict) == ("empty", "There are no images.")
    assert np.isnan(found.ratio)


def test_thirty_of_the_135_classes_of_shapes_never_occur(data_dir):
    dataset = Shapes().load(data_dir)
    found = balance(dataset)
    assert found.level == "balanced"
    assert found.num_missing == 30
    assert "30 of 135 classes never occur: 1 square + 9 circles, " in found.verdict
    assert group_counts(dataset)["num_missing"].tolist() == [2] * 15
