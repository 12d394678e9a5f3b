"""Shifts, crops and warps against NumPy and scipy."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from core.augmentations.draws import StepDraws
from core.augmentations.shifts import RandomCrop, Shift
from core.augmentations.warp import Affine, Elastic, Rotation

torch.set_num_threads(1)

NUM = 12


def images_of(height=20, width=26, channels=2):
    noise = np.random.default_rng(0).random((NUM, channels, height, width))
    smooth = ndimage.gaussian_filter(noise, (0, 0, 1.5, 1.5))
    low, high = smooth.min(), smooth.max()
    return torch.from_numpy(((smooth - low) / (high - low) * 255).astype(np.uint8))


def drawn(step, images, seed=0):
    source = StepDraws(seed, 1, step.name, len(images))
    return step.draws(source, tuple(images.shape[1:])).values


def by_matrix(image, matrix, down=0.0, right=0.0):
    """Warp one (H, W) image with scipy: the matrix takes offsets (row, column) from the middle back to the source."""
    middle = (np.array(image.shape) - 1) / 2
    moved = middle + np.array([down, right])
    wide = image.astype(np.float64)
    return ndimage.affine_transform(
        wide, matrix, middle - matrix @ moved, order=1, mode="grid-constant"
    )


def clockwise(degrees):
    """Return the matrix, over (row, column), that takes a clockwise turn back."""
    angle = np.deg2rad(degrees)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def test_a_shift_moves_pixels_and_brings_in_black():
    images = images_of()
    values = {"down": torch.arange(NUM) % 7 - 3, "right": torch.arange(NUM) % 5 - 2}
    got = Shift(pixels=3).apply(images, values).numpy()
    for image in range(NUM):
        down, right = int(values["down"][image]), int(values["right"][image])
        wanted = ndimage.shift(images[image].numpy(), (0, down, right), order=0)
        np.testing.assert_array_equal(got[image], wanted)


def test_a_shift_reaches_its_bound_on_all_sides_and_never_passes_it():
    step = Shift(pixels=2)
    source = StepDraws(0, 1, "shift-0", 1000)
    for values in step.draws(source, (1, 8, 8)).values.values():
        assert set(values.tolist()) == {-2, -1, 0, 1, 2}


@pytest.mark.parametrize(
    ("border", "mode"), [("black", "constant"), ("edge", "edge"), ("mirror", "reflect")]
)
def test_a_crop_is_a_window_of_the_widened_image(border, mode):
    images = images_of()
    step = RandomCrop(padding=4, border=border)
    values = drawn(step, images)
    got = step.apply(images, values).numpy()
    wide = np.pad(images.numpy(), ((0, 0), (0, 0), (4, 4), (4, 4)), mode=mode)
    for image in range(NUM):
        top, left = (int(values[name][image]) + 4 for name in ("top", "left"))
        np.testing.assert_array_equal(got[image], wide[image, :, top : top + 20, left : left + 26])


def test_a_rotation_equals_scipys_to_a_grey_level():
    images = images_of()
    step = Rotation(degrees=35)
    values = drawn(step, images)
    got = step.apply(images, values).numpy().astype(np.float64)
    for image in range(NUM):
        matrix = clockwise(values["degrees"][image].item())
        for channel in range(2):
            wanted = by_matrix(images[image, channel].numpy(), matrix)
            assert np.abs(got[image, channel] - wanted).max() < 0.6


def test_a_rotation_by_a_right_angle_is_clockwise():
    images = images_of(16, 16)
    step = Rotation(degrees=90)
    values = drawn(step, images)
    values = {name: torch.zeros(NUM) for name in values} | {
        "xy": torch.ones(NUM),
        "yx": -torch.ones(NUM),
    }
    assert torch.equal(step.apply(images, values), images.rot90(-1, (2, 3)))


def test_an_affine_warp_equals_scipys_to_a_grey_level():
    images = images_of()
    step = Affine(degrees=20, stretch=0.4, shear_degrees=15, shift_share=0.2)
    values = drawn(step, images)
    got = step.apply(images, values).numpy().astype(np.float64)
    for image in range(NUM):
        one = {name: value[image].item() for name, value in values.items()}
        forth = np.linalg.inv(clockwise(one["degrees"])) * one["size"]
        lean = np.array([[1, 0], [np.tan(np.deg2rad(one["shear_degrees"])), 1]])
        matrix = np.linalg.inv(forth @ lean)
        for channel in range(2):
            plain = images[image, channel].numpy()
            wanted = by_matrix(plain, matrix, one["down"], one["right"])
            assert np.abs(got[image, channel] - wanted).max() < 0.6


def test_an_affine_warp_of_strength_zero_changes_nothing():
    images = images_of()
    step = Affine(degrees=0, stretch=0, shear_degrees=0, shift_share=0)
    assert torch.equal(step.apply(images, drawn(step, images)), images)


def moves_to_the_right(step):
    """Return (N, H, W) whole pixels by which the source of each pixel lies to the right, far from the border."""
    # A ramp shows where each pixel came from: its grey level is its column.
    ramp = torch.arange(50, 210, dtype=torch.uint8).expand(300, 1, 80, 160)
    values = drawn(step, ramp)
    moved = step.apply(ramp, values).to(torch.int64) - ramp.to(torch.int64)
    return moved[:, 0, 30:50, 30:130].numpy()


def test_an_elastic_warp_moves_as_far_as_it_says_and_smoothly():
    moved = moves_to_the_right(Elastic(pixels=2))
    # At a node the deviation is 2 pixels; between nodes the weights' squares add up to less.
    assert 1.2 < moved.std() < 2.1
    assert abs(moved.mean()) < 0.3
    assert np.abs(np.diff(moved, axis=1)).max() <= 1
    assert np.abs(np.diff(moved, axis=2)).max() <= 1


def test_an_elastic_warp_twice_as_strong_moves_twice_as_far():
    once, twice = (moves_to_the_right(Elastic(pixels=pixels)) for pixels in (1, 2))
    # Both are rounded to whole pixels.
    assert np.abs(twice - 2 * once).max() <= 2


def test_an_elastic_warp_that_hardly_moves_changes_nothing_much():
    images = images_of()
    step = Elastic(pixels=0.01)
    difference = step.apply(images, drawn(step, images)).to(torch.int64) - images.to(torch.int64)
    assert difference[:, :, 2:-2, 2:-2].abs().max() <= 2
