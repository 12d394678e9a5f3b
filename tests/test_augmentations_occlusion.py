import numpy as np
import pytest
import torch

from core.augmentations.draws import StepDraws
from core.augmentations.occlusion import Cutout, GridMask, RandomErasing
from core.exceptions import InvalidParameter

torch.set_num_threads(1)

NUM = 500
HEIGHT, WIDTH = 20, 30


def images_of(channels=1):
    pixels = np.random.default_rng(0).integers(1, 256, (NUM, channels, HEIGHT, WIDTH))
    return torch.from_numpy(pixels.astype(np.uint8))


def drawn(step, images):
    source = StepDraws(0, 1, step.name, len(images))
    return step.draws(source, tuple(images.shape[1:])).values


def covered(values, image):
    """Return the (H, W) mask of a drawn box by slicing."""
    mask = np.zeros((HEIGHT, WIDTH), dtype=np.bool_)
    top, left, height, width = (int(values[n][image]) for n in ("top", "left", "height", "width"))
    assert top >= 0 and left >= 0 and top + height <= HEIGHT and left + width <= WIDTH
    mask[top : top + height, left : left + width] = True
    return mask


@pytest.mark.parametrize("fill", ["value", "noise", "mean"])
def test_erasing_covers_its_box_and_nothing_else(fill):
    images = images_of(channels=3)
    step = RandomErasing(fill=fill, value=9)
    values = drawn(step, images)
    got = step.apply(images, values).numpy()
    for image in range(NUM):
        mask = covered(values, image)
        plain = images[image].numpy()
        np.testing.assert_array_equal(got[image][:, ~mask], plain[:, ~mask])
        box = got[image][:, mask]
        if fill == "value":
            assert (box == 9).all()
        elif fill == "mean":
            assert (box == np.rint(plain.mean())).all()
    if fill == "noise":
        boxes = np.concatenate([got[i][:, covered(values, i)].ravel() for i in range(NUM)])
        assert abs(boxes.mean() - 127.5) < 1
        assert abs(boxes.std() - 256 / 12**0.5) < 1


def test_boxes_have_the_areas_and_the_shapes_asked_for():
    step = RandomErasing(least_area=0.1, most_area=0.3, most_stretch=2)
    values = drawn(step, images_of())
    height, width = values["height"].numpy(), values["width"].numpy()
    share = height * width / (HEIGHT * WIDTH)
    assert 0.085 < share.min() < 0.12 and 0.28 < share.max() < 0.32
    ratio = height / width
    assert 0.4 < ratio.min() < 0.6 and 1.7 < ratio.max() < 2.4
    assert 0.4 < (ratio > 1).mean() < 0.6


def test_a_box_of_the_whole_area_covers_the_whole_image():
    step = RandomErasing(least_area=1, most_area=1)
    images = images_of()
    assert not step.apply(images, drawn(step, images)).any()


def test_the_smallest_area_must_not_exceed_the_largest():
    with pytest.raises(InvalidParameter) as raised:
        RandomErasing.checked({"least_area": 0.5, "most_area": 0.4})
    assert str(raised.value) == "most_area: must not be below least_area, 0.5; got 0.4."


@pytest.mark.parametrize("side", [1, 7, 8, 20])
def test_a_cutout_is_a_black_square_cut_off_at_the_border(side):
    images = images_of()
    step = Cutout(side=side)
    values = drawn(step, images)
    got = step.apply(images, values).numpy()[:, 0]
    for image in range(NUM):
        top, left, height, width = (
            int(values[name][image]) for name in ("top", "left", "height", "width")
        )
        wanted = images[image, 0].numpy().copy()
        wanted[top : top + height, left : left + width] = 0
        np.testing.assert_array_equal(got[image], wanted)
        # What is said to be covered lies in the image, and is the whole square where no border is.
        for start, extent, size in ((top, height, HEIGHT), (left, width, WIDTH)):
            assert start >= 0 and 1 <= extent <= side and start + extent <= size
            assert extent == side or start == 0 or start + extent == size
    # The middle may be any pixel.
    assert ((got[:, 0, 0] == 0).any() and (got[:, -1, -1] == 0).any()) or side == 1


def test_a_grid_mask_blackens_the_same_share_of_every_cell():
    images = images_of()
    step = GridMask(cell=5, covered_share=0.4)
    values = drawn(step, images)
    got = step.apply(images, values).numpy()[:, 0]
    for image in range(NUM):
        down, right = int(values["down"][image]), int(values["right"][image])
        rows, columns = (np.arange(HEIGHT) - down) % 5 < 2, (np.arange(WIDTH) - right) % 5 < 2
        wanted = np.where(rows[:, None] & columns, 0, images[image, 0].numpy())
        np.testing.assert_array_equal(got[image], wanted)
        assert (got[image] == 0).mean() == pytest.approx(0.16)
