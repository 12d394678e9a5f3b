"""Projection: maps of the images."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from core.datasets.base import Dataset, Split
from core.datasets.digits import Digits
from core.datasets.projection import pca_map, tsne_map
from core.exceptions import InvalidParameter
from core.labels import LabelSpace

COLUMNS = ["split", "sample_id", "label", "class_name", "x", "y"]


def dataset_of(images, labels=None):
    images = np.asarray(images, np.uint8)
    labels = np.zeros(len(images)) if labels is None else labels
    split = Split(images, np.asarray(labels, dtype=np.int64))
    return Dataset("tiny", LabelSpace(("a", "b")), {"train": split})


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_pca_is_scikit_learns(data_dir):
    dataset = Digits().load(data_dir)
    found = pca_map(dataset, "train", num_samples=2000)
    images = dataset.split("train").images
    whole = PCA(svd_solver="full").fit(images.reshape(len(images), -1) / 255)
    expected = whole.transform(images.reshape(len(images), -1) / 255)[:, :2]
    assert list(found.table.columns) == COLUMNS
    assert found.table["sample_id"].tolist() == list(range(len(images)))
    np.testing.assert_allclose(found.explained, whole.explained_variance_ratio_[:2], rtol=1e-3)
    for position, name in enumerate("xy"):
        # A component's sign is anyone's choice.
        agreement = np.corrcoef(found.table[name], expected[:, position])[0, 1]
        assert abs(agreement) > 0.999


def test_a_map_of_all_splits_is_a_stratified_sample(data_dir):
    table = pca_map(Digits().load(data_dir), num_samples=200).table
    assert len(table) == 200
    assert set(table["split"]) == {"train", "validation", "test"}
    assert table["label"].value_counts().between(19, 21).all()


def test_equal_seeds_make_equal_maps():
    dataset = dataset_of(noise(80, 3, 6, 6))
    assert pca_map(dataset, num_samples=50, seed=4).table.equals(
        pca_map(dataset, num_samples=50, seed=4).table
    )


@pytest.mark.parametrize(
    ("images", "shares"),
    [
        (np.zeros((0, 1, 3, 3)), (np.nan, np.nan)),
        (noise(1, 1, 3, 3), (np.nan, np.nan)),
        (np.full((9, 1, 3, 3), 7), (np.nan, np.nan)),
        (noise(9, 1, 1, 1), (1.0, 0.0)),
    ],
    ids=["none", "one", "constant", "one pixel"],
)
def test_what_cannot_be_spread_lies_at_zero(images, shares):
    found = pca_map(dataset_of(images))
    assert len(found.table) == len(images)
    assert list(found.table.columns) == COLUMNS
    np.testing.assert_allclose(found.explained, shares)
    assert (found.table["y"] == 0).all()
    (last,) = tsne_map(dataset_of(images[:3]))
    assert len(last.table) == min(3, len(images))
    assert last.progress == 1


def test_tsne_shows_its_progress_and_keeps_classes_together(data_dir):
    maps = list(tsne_map(Digits().load(data_dir), "train", num_samples=200))
    assert [part.progress for part in maps] == [0.25, 0.5, 0.75, 1.0]
    table, points = maps[-1].table, maps[-1].table[["x", "y"]].to_numpy()
    assert list(table.columns) == COLUMNS and maps[-1].explained is None
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    labels = table["label"].to_numpy()
    assert (labels[distances.argmin(axis=1)] == labels).mean() > 0.85


def test_tsne_of_few_images_and_of_many_copies_has_finite_places():
    images = noise(5, 1, 4, 4)[[0, 1, 2, 3, 4] * 3]
    last = list(tsne_map(dataset_of(images)))[-1]
    assert np.isfinite(last.table[["x", "y"]].to_numpy()).all()


def test_tsne_refuses_more_than_it_can_do():
    with pytest.raises(InvalidParameter, match=r"num_samples must lie in \[1, 2000\]; got 2001\."):
        tsne_map(dataset_of(noise(4, 1, 2, 2)), num_samples=2001)
