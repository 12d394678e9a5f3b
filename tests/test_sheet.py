"""Contact sheets: each pixel where it belongs, in whole multiples."""

import io

import numpy as np
import pytest
from PIL import Image

from core.datasets.sheet import png, reduced, sheet
from core.exceptions import InvalidParameter


def pixels(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.format == "PNG"
        return np.array(picture)


def random_images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(1, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("scale", [1, 3])
def test_tiles_lie_row_by_row_and_left_over_places_are_black(channels, scale):
    images = random_images(5, channels, 4, 6)
    whole = pixels(sheet(images, columns=3, scale=scale))
    assert whole.shape[:2] == (2 * 4 * scale, 3 * 6 * scale)
    for position in range(6):
        row, column = divmod(position, 3)
        tile = whole[
            row * 4 * scale : (row + 1) * 4 * scale, column * 6 * scale : (column + 1) * 6 * scale
        ]
        if position == 5:
            assert not tile.any()
            continue
        expected = images[position].transpose(1, 2, 0)
        expected = expected.repeat(scale, axis=0).repeat(scale, axis=1)
        np.testing.assert_array_equal(tile, expected[:, :, 0] if channels == 1 else expected)


def test_a_wider_sheet_than_there_are_images_keeps_its_width():
    assert pixels(sheet(random_images(2, 1, 4, 4), columns=5)).shape == (4, 20)


def test_one_image_fills_its_png():
    image = random_images(3, 5, 7)
    np.testing.assert_array_equal(pixels(png(image)), image.transpose(1, 2, 0))
    assert pixels(png(image[:1], scale=4)).shape == (20, 28)


def test_read_only_and_strided_images_are_drawn():
    images = random_images(8, 1, 4, 4)[::2]
    images.flags.writeable = False
    np.testing.assert_array_equal(pixels(sheet(images, columns=1)), images.reshape(16, 4))


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(InvalidParameter, match=r"^columns must be at least 1; got 0\.$"):
        sheet(random_images(1, 1, 2, 2), columns=0)
    with pytest.raises(InvalidParameter, match=r"^scale must be at least 1; got -1\.$"):
        png(random_images(1, 2, 2), scale=-1)
    with pytest.raises(
        InvalidParameter, match=r"C 1 or 3, and none of them zero; got \(1, 2, 4, 4\)"
    ):
        sheet(random_images(1, 2, 4, 4), columns=1)
    with pytest.raises(InvalidParameter, match=r"got \(0, 1, 4, 4\)\.$"):
        sheet(random_images(0, 1, 4, 4), columns=1)
    with pytest.raises(InvalidParameter, match=r"^images must be uint8; got float32\.$"):
        sheet(np.zeros((1, 1, 2, 2), np.float32), columns=1)


def test_a_reduced_image_has_the_mean_of_each_block():
    images = random_images(2, 3, 7, 10)
    smaller = reduced(images, 3)
    assert smaller.shape == (2, 3, 2, 3) and smaller.dtype == np.uint8
    assert smaller[1, 2, 1, 0] == int(images[1, 2, 3:6, 0:3].mean())
    assert reduced(images, 1) is images
    white = np.full((1, 1, 200, 200), 255, np.uint8)
    assert reduced(white, 200).tolist() == [[[[255]]]]


@pytest.mark.parametrize("factor", [0, 8])
def test_a_factor_that_leaves_no_pixel_is_refused(factor):
    with pytest.raises(InvalidParameter, match="factor must be at"):
        reduced(random_images(1, 1, 7, 10), factor)
