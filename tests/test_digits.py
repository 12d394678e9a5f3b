"""scikit-learn's digits: the real pixels, and a split that others can repeat."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from core.datasets.base import Dataset
from core.datasets.digits import Digits


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def digits(data_dir) -> Dataset:
    return Digits().load(data_dir)


def test_the_split_is_60_20_20(digits):
    sizes = {name: len(split) for name, split in digits.splits.items()}
    assert sizes == {"train": 1077, "validation": 360, "test": 360}
    assert digits.image_shape == (1, 8, 8)
    assert digits.space.class_names == tuple("0123456789")
    assert digits.split("train").counts is None


def test_each_split_has_the_classes_in_equal_shares(digits):
    """Stratification leaves less than two images between a class's share of a split and of the whole."""
    whole = np.bincount(load_digits().target)
    for split in digits.splits.values():
        expected = whole * len(split) / whole.sum()
        assert np.abs(np.bincount(split.labels) - expected).max() < 2


def test_the_rows_are_those_of_the_two_calls_with_seed_42_in_the_order_of_the_table(digits):
    table = load_digits()
    rest, test = train_test_split(
        np.arange(1797), test_size=0.2, random_state=42, stratify=table.target
    )
    train, validation = train_test_split(
        rest, test_size=0.25, random_state=42, stratify=table.target[rest]
    )
    for name, rows in {"train": train, "validation": validation, "test": test}.items():
        split, rows = digits.split(name), np.sort(rows)
        np.testing.assert_array_equal(split.labels, table.target[rows])
        np.testing.assert_allclose(split.images[:, 0], table.images[rows] * 255 / 16, atol=0.5)


def test_values_span_black_to_white(digits):
    values = np.unique(digits.split("train").images)
    assert values.min() == 0
    assert values.max() == 255
    assert len(values) == 17


def test_another_split_seed_shares_the_images_but_not_the_split(digits, data_dir):
    other = Digits(split_seed=1).load(data_dir)
    assert other.fingerprint != digits.fingerprint

    def everything(dataset: Dataset) -> list[bytes]:
        images = [image.tobytes() for s in dataset.splits.values() for image in s.images]
        return sorted(images)

    assert everything(other) == everything(digits)


def test_a_kept_split_needs_no_scikit_learn(digits, data_dir):
    program = (
        "import pathlib, sys; from core.datasets.digits import Digits;"
        "dataset = Digits().load(pathlib.Path(sys.argv[1]));"
        "print(dataset.fingerprint, 'sklearn' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, str(data_dir)], capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == [digits.fingerprint, "False"]
