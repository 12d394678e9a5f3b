"""Pixels: grey levels and mean images."""

import numpy as np
import pytest
from PIL import Image

from core.datasets.base import Dataset, Split
from core.datasets.pixels import (
    dark_share,
    grey,
    grey_histogram,
    grey_levels,
    mean_images,
    pixel_table,
    samples_in_bin,
)
from core.exceptions import InvalidParameter
from core.labels import LabelSpace


def dataset_of(labels=None, num_classes=2, **images):
    splits = {}
    for name, values in images.items():
        array = np.asarray(values, dtype=np.uint8)
        chosen = np.zeros(len(array)) if labels is None else labels
        splits[name] = Split(array, np.asarray(chosen, dtype=np.int64))
    return Dataset("tiny", LabelSpace(tuple(map(str, range(num_classes)))), splits)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def empty():
    return np.zeros((0, 1, 3, 5), np.uint8)


def test_the_grey_of_colours_is_pillows():
    images = noise(20, 3, 17, 9)
    expected = [
        np.array(Image.fromarray(image.transpose(1, 2, 0)).convert("L")) for image in images
    ]
    np.testing.assert_array_equal(grey(images), expected)


def test_the_grey_of_one_channel_is_itself():
    images = noise(2, 1, 3, 4)
    np.testing.assert_array_equal(grey(images), images[:, 0])


def test_two_channels_have_no_grey():
    with pytest.raises(InvalidParameter, match=r"Images must have 1 or 3 channels; got 2\."):
        grey(noise(2, 2, 3, 4))


@pytest.mark.parametrize("shape", [(7, 1, 3, 5), (300, 1, 97, 101), (1, 1, 1, 1), (5, 3, 4, 4)])
def test_every_pixel_is_counted_at_its_level(shape):
    images = noise(*shape)
    table = grey_levels(dataset_of(train=images))
    expected = np.bincount(grey(images).reshape(-1), minlength=256)
    np.testing.assert_array_equal(table["count"], expected)
    assert table["level"].tolist() == list(range(256))


def test_the_pixel_table_has_each_split_and_all():
    train, test = noise(4, 1, 3, 5), noise(2, 1, 3, 5, seed=1)
    dataset = dataset_of(train=train, validation=empty(), test=test)
    table = pixel_table(dataset, grey_levels(dataset)).set_index("split")
    both = np.concatenate([train, test])
    assert table.index.tolist() == ["train", "validation", "test", "all"]
    assert table["images"].tolist() == [4, 0, 2, 6]
    assert table["pixels"].tolist() == [15] * 4
    assert table.loc["all", ["min", "max"]].tolist() == [both.min(), both.max()]
    assert table.loc["train", "mean"] == pytest.approx(train.mean())
    assert table.loc["all", "mean"] == pytest.approx(both.mean())
    assert table.loc["validation", ["min", "mean", "max"]].isna().all()


def test_a_pixel_at_the_threshold_is_dark():
    images = np.array([9, 10, 11, 255], np.uint8).reshape(1, 1, 2, 2)
    table = dark_share(grey_levels(dataset_of(train=images)), threshold=10)
    found = table[table["split"] == "all"].set_index("kind")
    assert found["count"].to_dict() == {"dark": 2, "bright": 2}
    assert found["share"].to_dict() == {"dark": 0.5, "bright": 0.5}


def test_the_shares_of_an_empty_split_are_undefined():
    table = dark_share(grey_levels(dataset_of(train=noise(1, 1, 3, 5), test=empty())))
    assert table[table["split"] == "test"]["share"].isna().all()


def test_the_histogram_holds_every_pixel_above_the_threshold():
    images = noise(50, 1, 9, 9)
    table = grey_histogram(grey_levels(dataset_of(train=images)), threshold=10, num_bins=20)
    assert len(table) == 20
    assert (table["bin_low"].iloc[0], table["bin_high"].iloc[-1]) == (11, 255)
    assert (table["bin_low"].iloc[1:].to_numpy() == table["bin_high"].iloc[:-1] + 1).all()
    assert set(table["num_levels"]) == {12, 13}
    for row in table.to_dict("records"):
        inside = (images >= row["bin_low"]) & (images <= row["bin_high"])
        assert row["count"] == inside.sum()
        assert row["count_per_level"] == pytest.approx(inside.sum() / row["num_levels"])
    assert table["share"].sum() == pytest.approx(1)


def test_every_level_may_have_its_own_bin():
    table = grey_histogram(
        grey_levels(dataset_of(train=noise(5, 1, 4, 4))), threshold=-1, num_bins=999
    )
    assert table["bin_low"].tolist() == table["bin_high"].tolist() == list(range(256))


def test_nothing_lies_above_white():
    levels = grey_levels(dataset_of(train=noise(5, 1, 4, 4)))
    assert grey_histogram(levels, threshold=255).empty


def test_a_histogram_may_be_of_one_split():
    levels = grey_levels(
        dataset_of(train=np.full((2, 1, 2, 2), 200), test=np.full((1, 1, 2, 2), 20))
    )
    assert grey_histogram(levels, split="test", num_bins=1)["count"].tolist() == [4]
    assert grey_histogram(levels, num_bins=1)["count"].tolist() == [12]


def test_shares_without_bright_pixels_are_undefined():
    levels = grey_levels(dataset_of(train=np.zeros((2, 1, 2, 2))))
    assert grey_histogram(levels)["share"].isna().all()


@pytest.mark.parametrize("threshold", [-2, 256])
def test_a_threshold_out_of_range_is_refused(threshold):
    levels = grey_levels(dataset_of(train=noise(1, 1, 2, 2)))
    with pytest.raises(InvalidParameter, match=r"threshold must lie in \[-1, 255\]"):
        grey_histogram(levels, threshold)
    with pytest.raises(InvalidParameter, match=r"threshold must lie in \[0, 255\]"):
        dark_share(levels, threshold)


def test_no_bins_are_refused():
    levels = grey_levels(dataset_of(train=noise(1, 1, 2, 2)))
    with pytest.raises(InvalidParameter, match=r"num_bins must be at least 1; got 0\."):
        grey_histogram(levels, num_bins=0)


def test_a_bin_opens_the_images_with_most_of_its_pixels():
    train = np.array([[0, 0, 0, 50], [50, 60, 50, 0], [49, 61, 0, 0]]).reshape(3, 1, 2, 2)
    test = np.array([[50, 60, 0, 0]]).reshape(1, 1, 2, 2)
    dataset = dataset_of(train=train, test=test)
    table = samples_in_bin(dataset, 50, 60)
    assert table[["split", "sample_id", "count"]].to_numpy().tolist() == [
        ["train", 1, 3],
        ["test", 0, 2],
        ["train", 0, 1],
    ]
    assert table["share"].tolist() == [0.75, 0.5, 0.25]
    assert len(samples_in_bin(dataset, 50, 60, num_samples=2)) == 2
    assert samples_in_bin(dataset, 50, 60, split="test")["sample_id"].tolist() == [0]
    assert samples_in_bin(dataset, 70, 80).empty


@pytest.mark.parametrize("shape", [(40, 1, 5, 6), (40, 3, 4, 4)])
def test_means_and_spreads_are_numpys(shape):
    images, labels = noise(*shape), np.arange(40) % 3
    found = mean_images(dataset_of(labels, num_classes=4, train=images))
    assert found.counts.tolist() == [14, 13, 13, 0]
    for label in range(3):
        chosen = images[labels == label]
        np.testing.assert_allclose(found.mean[label], chosen.mean(axis=0), rtol=1e-6)
        np.testing.assert_allclose(found.spread[label], chosen.std(axis=0), rtol=1e-6)
    assert np.isnan(found.mean[3]).all() and np.isnan(found.spread[3]).all()
    assert found.mean_pictures[3].max() == found.spread_pictures[3].max() == 0


def test_means_go_over_blocks_and_splits(monkeypatch):
    monkeypatch.setattr("core.datasets.pixels._BLOCK_VALUES", 1)
    train, test = noise(9, 1, 2, 2), noise(4, 1, 2, 2, seed=1)
    found = mean_images(dataset_of(train=train, test=test))
    both = np.concatenate([train, test])
    np.testing.assert_allclose(found.mean[0], both.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(
        mean_images(dataset_of(train=train, test=test), "test").mean[0],
        test.mean(axis=0),
        rtol=1e-6,
    )


def test_constant_images_have_no_spread():
    found = mean_images(dataset_of(train=np.full((1001, 1, 2, 2), 77)))
    assert (found.mean[0] == 77).all() and (found.spread[0] == 0).all()
    assert (found.mean_pictures[0] == 77).all()


def test_the_largest_spread_is_white():
    found = mean_images(dataset_of(train=np.array([0, 255]).reshape(2, 1, 1, 1)))
    assert found.spread[0, 0, 0, 0] == 127.5
    assert found.spread_pictures[0, 0, 0, 0] == 255


def test_one_image_is_its_own_mean():
    image = noise(1, 3, 2, 2)
    np.testing.assert_array_equal(mean_images(dataset_of(train=image)).mean_pictures[0], image[0])
