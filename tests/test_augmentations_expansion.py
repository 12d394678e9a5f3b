import numpy as np
import pytest
import torch
from scipy import ndimage

from core.augmentations.expansion import FixedExpansion
from core.augmentations.pictures import EpochPictures
from core.augmentations.pipeline import AugmentationPipeline
from core.augmentations.symmetries import VerticalFlip
from core.datasets.shapes import label_space
from core.exceptions import InvalidParameter
from core.labels import LabelSpace

torch.set_num_threads(1)

SPACE = LabelSpace(tuple("abc"))


def split(num=50, side=32):
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (num, 1, side, side), dtype=np.uint8)
    return images, generator.integers(0, 3, num)


def reference(images, k):
    """Expand image by image as the Fashion study did."""
    rows = []
    for (image,) in images:
        part = image[k:-k, k:-k]
        zoom = ndimage.zoom(part, image.shape[0] / part.shape[0], order=0)
        rows += [image, np.fliplr(image), zoom, np.fliplr(zoom)]
    return np.stack(rows)[:, None]


@pytest.mark.parametrize("k", [1, 2, 5])
def test_the_four_copies_equal_the_studys_byte_for_byte(k):
    images, _ = split()
    got = FixedExpansion(k=k).expanded(torch.from_numpy(images))
    np.testing.assert_array_equal(got.numpy(), reference(images, k))


def test_an_epoch_shows_the_same_copies_beside_each_other_with_their_labels():
    images, labels = split()
    pipeline = AugmentationPipeline(expansion=FixedExpansion())
    pictures = EpochPictures(pipeline, images, labels, None, SPACE, 0, 1)
    assert pictures.num_rows == 200
    batch = pictures.batch(torch.arange(200))
    np.testing.assert_array_equal(batch.images.numpy(), reference(images, 2))
    np.testing.assert_array_equal(batch.labels.numpy(), np.repeat(labels, 4))
    assert batch.decisions[0].step == "expansion"
    assert batch.decisions[0].numbers(4) is None
    assert batch.decisions[0].numbers(7) == {"copy": 3}


def test_copies_may_be_fewer_and_in_another_order():
    images, labels = split()
    expansion = FixedExpansion(copies=("zoom", "original"))
    wanted = reference(images, 2).reshape(50, 4, 1, 32, 32)[:, [2, 0]].reshape(100, 1, 32, 32)
    np.testing.assert_array_equal(expansion.expanded(torch.from_numpy(images)).numpy(), wanted)
    pipeline = AugmentationPipeline(expansion=expansion)
    batch = EpochPictures(pipeline, images, labels, None, SPACE, 0, 1).batch(torch.arange(100))
    np.testing.assert_array_equal(batch.images.numpy(), wanted)


def test_steps_draw_for_each_copy_on_its_own():
    images, labels = split()
    pipeline = AugmentationPipeline(
        expansion=FixedExpansion(copies=("original", "flip")),
        steps=(VerticalFlip(probability=0.5),),
    )
    hit = EpochPictures(pipeline, images, labels, None, SPACE, 0, 1).batch(torch.arange(100))
    hit = hit.decisions[1].hit.view(50, 2)
    assert (hit[:, 0] != hit[:, 1]).any()


def test_labels_and_counts_of_flipped_copies_follow_the_rules():
    space = label_space()
    label = space.class_names.index("3 right + 7 left")
    counts = np.array([space.class_counts[label]], dtype=np.uint8)
    pipeline = AugmentationPipeline(expansion=FixedExpansion(copies=("original", "flip")))
    images = np.zeros((1, 1, 28, 28), dtype=np.uint8)
    batch = EpochPictures(pipeline, images, np.array([label]), counts, space, 0, 1).batch(
        torch.arange(2)
    )
    assert [space.class_names[one] for one in batch.labels] == [
        "3 right + 7 left",
        "7 right + 3 left",
    ]
    assert batch.counts.tolist() == [[0, 0, 0, 3, 0, 7], [0, 0, 0, 7, 0, 3]]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"copies": ["flip", "flip"]}, "copies: each kind of copy may be named once; got flip, flip."),
        ({"copies": []}, "copies must have at least 1 entries; got []."),
        ({"k": 0}, "k must lie in [1, 16]; got 0."),
    ],
)  # fmt: skip
def test_a_bad_expansion_is_refused(values, message):
    with pytest.raises(InvalidParameter) as raised:
        FixedExpansion.checked(values)
    assert str(raised.value) == message
