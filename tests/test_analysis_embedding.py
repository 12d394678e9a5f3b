import numpy as np
import pytest

from core.analysis.embedding import MOST_POINTS, embedding, map_samples
from core.datasets.base import Dataset, Split
from core.exceptions import InvalidParameter, UnknownName
from core.labels import LabelSpace

VALUES = np.random.default_rng(0).normal(size=(60, 12)).astype(np.float32)
VALUES[:30] += 8


def test_pca_shows_the_two_groups_apart_and_says_how_much_it_shows():
    (found,) = embedding(VALUES, "pca")
    assert found.points.shape == (60, 2) and found.progress == 1
    assert found.explained[0] > 0.8 > found.explained[1] >= 0
    first = found.points[:, 0]
    assert (np.sign(first[:30]) == -np.sign(first[30:])).all()


def test_tsne_is_repeatable_and_comes_in_steps():
    maps = list(embedding(VALUES, "tsne"))
    assert [one.progress for one in maps] == [0.25, 0.5, 0.75, 1]
    assert maps[-1].explained is None and maps[-1].points.dtype == np.float32
    again = list(embedding(VALUES, "tsne"))
    np.testing.assert_array_equal(maps[-1].points, again[-1].points)


def test_values_that_are_not_finite_and_few_images_give_a_map_all_the_same():
    broken = VALUES.copy()
    broken[3, 4], broken[7, 0] = np.nan, np.inf
    for way in ("pca", "tsne"):
        assert np.isfinite(list(embedding(broken, way))[-1].points).all()
        assert list(embedding(VALUES[:1], way))[-1].points.shape == (1, 2)


def test_what_cannot_be_laid_out_is_refused():
    with pytest.raises(UnknownName, match="No way of laying out is called 'umap'"):
        embedding(VALUES, "umap")
    with pytest.raises(InvalidParameter, match="at most 2000 images; got 2001"):
        embedding(np.zeros((MOST_POINTS + 1, 2), np.float32), "pca")


def test_the_images_of_a_map_are_those_with_stored_outputs():
    labels = np.arange(5000) % 2
    split = Split(np.zeros((5000, 1, 1, 1), np.uint8), labels)
    dataset = Dataset("many", LabelSpace(("a", "b")), {"test": split})
    assert map_samples(dataset, "test", np.array([9, 3, 6000])).tolist() == [3, 9]
    ids = map_samples(dataset, "test", np.arange(5000))
    assert len(ids) == MOST_POINTS and np.bincount(labels[ids]).tolist() == [1000, 1000]
