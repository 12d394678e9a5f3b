import numpy as np
import pytest
import torch
from scipy import ndimage

from core.augmentations.zoom import MOST_PIXELS, ZoomRange, source_index, zoomed
from core.exceptions import InvalidParameter

# What is cut off by rounding in scipy, see `source_index`.
BLACK_IN_SCIPY = {
    (26, 9),
    (30, 7),
    (36, 3),
    (40, 7),
    (42, 9),
    (46, 8),
    (48, 10),
    (51, 11),
    (59, 14),
    (60, 14),
}
OFFERED = [
    (size, k) for size in (8, 26, 28, 30, 32, 33, 36, 64) for k in range(1, MOST_PIXELS + 1) if size - 2 * k > 1
]  # fmt: skip


def reference(image, k, **options):
    """Crop and enlarge one (H, W) image as the Fashion study did."""
    crop = image[k:-k, k:-k]
    factors = [whole / part for whole, part in zip(image.shape, crop.shape, strict=True)]
    return ndimage.zoom(crop, factors, order=0, **options)


def images_of(height, width, num=3, channels=1):
    pixels = np.random.default_rng(0).integers(1, 256, (num, channels, height, width))
    return torch.from_numpy(pixels.astype(np.uint8))


@pytest.mark.parametrize(("size", "k"), OFFERED)
def test_every_zoom_offered_equals_scipy_byte_for_byte(size, k):
    images = images_of(size, size)
    got = zoomed(images, k)
    options = {"mode": "nearest"} if (size, k) in BLACK_IN_SCIPY else {}
    for image, one in zip(images[:, 0].numpy(), got[:, 0].numpy(), strict=True):
        np.testing.assert_array_equal(one, reference(image, k, **options))


@pytest.mark.parametrize(("size", "k"), sorted(BLACK_IN_SCIPY))
def test_where_scipy_turns_the_last_row_black_the_crops_last_row_is_shown(size, k):
    image = images_of(size, size)[0, 0].numpy()
    by_scipy, ours = (
        reference(image, k),
        zoomed(torch.from_numpy(image)[None, None], k)[0, 0].numpy(),
    )
    assert not by_scipy[-1].any() and not by_scipy[:, -1].any()
    np.testing.assert_array_equal(ours[:-1, :-1], by_scipy[:-1, :-1])
    assert ours[-1].all() and ours[:, -1].all()


def test_images_that_are_not_square_and_have_colours_are_zoomed_alike():
    images = images_of(20, 33, channels=3)
    got = zoomed(images, 4).numpy()
    for image, channel in np.ndindex(3, 3):
        np.testing.assert_array_equal(
            got[image, channel], reference(images[image, channel].numpy(), 4)
        )


def test_the_source_of_32_rows_is_the_documented_formula():
    for k in range(1, 15):
        wanted = [round(row * (31 - 2 * k) / 31) + k for row in range(32)]
        assert source_index(32, k).tolist() == wanted


def test_a_zoom_range_gives_each_image_its_own_zoom():
    images = images_of(28, 28, num=7, channels=2)
    k = torch.tensor([0, 3, 1, 5, 2, 0, 4])
    got = ZoomRange(least_pixels=0, most_pixels=5).apply(images, {"k": k})
    for image, one, pixels in zip(images, got, k.tolist(), strict=True):
        assert torch.equal(one, zoomed(image[None], pixels)[0] if pixels else image)


def test_a_zoom_shows_no_new_grey_level():
    images = images_of(28, 28)
    assert set(zoomed(images, 3).flatten().tolist()) <= set(images.flatten().tolist())


@pytest.mark.parametrize(
    ("values", "got"), [({"least_pixels": 3, "most_pixels": 2}, 2), ({"least_pixels": 5}, 3)]
)
def test_a_range_must_name_the_smaller_zoom_first(values, got):
    with pytest.raises(InvalidParameter) as raised:
        ZoomRange.checked(values)
    least = values["least_pixels"]
    assert str(raised.value) == (
        f"most_pixels: must not be below least_pixels, {least}; got {got}."
    )
