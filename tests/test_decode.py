"""Decoding: every format as pixels, upright; what is damaged or too large is refused."""

import io
import random
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from core.datasets.decode import UnreadableImage, decoded, grey, header_size, resized

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (5, 7), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (5, 7, 3), dtype=np.uint8)
PIXELS = COLOUR.transpose(2, 0, 1)


def encoded(picture, format="PNG", **options):
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture)
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def refusal(data):
    with pytest.raises(UnreadableImage) as caught:
        decoded(data)
    return str(caught.value)


def png_header(width, height):
    """A PNG that says its size and has no pixels."""

    def chunk(kind, content):
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    size = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "WEBP"])
def test_grey_and_colour_come_back_exactly(format):
    options = {"lossless": True} if format == "WEBP" else {}
    for picture, pixels in ((GREY, GREY[None]), (COLOUR, PIXELS)):
        data = encoded(picture, format, **options)
        image = decoded(data)
        np.testing.assert_array_equal(image.pixels, pixels)
        assert image.pixels.dtype == np.uint8 and image.remarks == ()
        assert header_size(data) == (5, 7)


def test_jpeg_comes_back_as_pillow_decodes_it():
    data = encoded(COLOUR, "JPEG")
    expected = np.asarray(Image.open(io.BytesIO(data))).transpose(2, 0, 1)
    np.testing.assert_array_equal(decoded(data).pixels, expected)


def test_grey_stored_as_colour_is_grey():
    data = encoded(np.repeat(GREY[:, :, None], 3, axis=2))
    np.testing.assert_array_equal(decoded(data).pixels, GREY[None])


def test_black_and_white_is_grey():
    picture = Image.fromarray(GREY).convert("1")
    np.testing.assert_array_equal(decoded(encoded(picture)).pixels[0], np.asarray(picture) * 255)


def test_a_palette_is_looked_up():
    picture = Image.fromarray(COLOUR // 64 * 64).quantize(64)
    expected = np.asarray(picture.convert("RGB")).transpose(2, 0, 1)
    np.testing.assert_array_equal(decoded(encoded(picture)).pixels, expected)


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_to_eight(format):
    wide = np.array([[0, 128, 129, 257, 32768, 65535]], np.uint16)
    image = decoded(encoded(wide, format))
    assert image.pixels.tolist() == [[[0, 0, 1, 1, 128, 255]]]
    assert image.remarks == ("16 bits a value, scaled to 8",)


def test_sixteen_bit_colour_is_noted():
    # Pillow writes none, so: the header of a colour PNG of 2x1 pixels with 16 bits a value.
    def chunk(kind, content):
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    row = b"\0" + struct.pack(">6H", 0, 65535, 257, 512, 1024, 2048)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">2I5B", 2, 1, 16, 2, 0, 0, 0))
    data += chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b"")
    image = decoded(data)
    assert image.pixels.transpose(1, 2, 0).tolist() == [[[0, 255, 1], [2, 4, 8]]]
    assert image.remarks == ("16 bits a value, scaled to 8",)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_thirty_two_bits_are_refused(mode):
    picture = Image.new(mode, (4, 4))
    assert (
        refusal(encoded(picture, "TIFF"))
        == "has 32 bits a value, more than the 8 or 16 that are read"
    )


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk_becomes_rgb(format):
    picture = Image.fromarray(np.full((4, 4, 3), (200, 30, 60), np.uint8)).convert("CMYK")
    image = decoded(encoded(picture, format))
    assert np.abs(image.pixels[:, 0, 0].astype(int) - (200, 30, 60)).max() <= 3
    assert image.remarks == ("CMYK, converted to RGB",)


def test_transparent_pixels_are_laid_on_white():
    layered = np.zeros((2, 2, 4), np.uint8)
    layered[0, 0] = (10, 20, 30, 255)
    image = decoded(encoded(layered))
    assert image.pixels[:, 0, 0].tolist() == [10, 20, 30] and (image.pixels[:, 1] == 255).all()
    assert image.remarks == ("transparent pixels, laid on white",)


def test_an_opaque_fourth_channel_is_dropped_without_a_word():
    layered = np.dstack([COLOUR, np.full((5, 7), 255, np.uint8)])
    image = decoded(encoded(layered))
    np.testing.assert_array_equal(image.pixels, PIXELS)
    assert image.remarks == ()


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_of_several_frames_the_first_is_taken(format):
    options = {"lossless": True} if format == "WEBP" else {}
    other = Image.fromarray(255 - COLOUR)
    data = encoded(COLOUR, format, save_all=True, append_images=[other, other], **options)
    image = decoded(data)
    np.testing.assert_array_equal(image.pixels, PIXELS)
    assert image.remarks == ("several frames or pages, of which the first was taken",)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_upright_as_exif_says(format, orientation):
    # Large blocks of colour, so that a lossy format cannot hide a wrong turn.
    upright = np.zeros((32, 48, 3), np.uint8)
    upright[:16, :16], upright[16:, 32:] = (255, 0, 0), (0, 0, 255)
    turned = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.transpose(1, 0, 2), 6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(upright, -1),
    }  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(np.ascontiguousarray(turned[orientation]), format, exif=exif)
    image = decoded(data)
    assert image.pixels.shape == (3, 32, 48) and header_size(data) == (32, 48)
    assert np.abs(image.pixels.transpose(1, 2, 0).astype(int) - upright).mean() < 12


def test_a_wrong_ending_does_not_matter_because_the_content_tells_the_format():
    assert decoded(encoded(COLOUR, "JPEG")).pixels.shape == (3, 5, 7)


def test_an_empty_file_is_refused():
    assert refusal(b"") == "is empty"


@pytest.mark.parametrize("data", [b"hello", bytes(100), bytes(range(256)) * 10, b"%PDF-1.7"])
def test_what_is_no_image_is_refused(data):
    assert refusal(data) == "is damaged or none of PNG, JPEG, BMP, WebP and TIFF"


@pytest.mark.parametrize("format", ["GIF", "ICO", "PPM", "TGA", "EPS"])
def test_other_formats_are_refused_though_pillow_reads_them(format):
    assert "none of PNG, JPEG, BMP, WebP and TIFF" in refusal(encoded(COLOUR, format))


@pytest.mark.parametrize("format", ["PNG", "JPEG", "BMP", "WEBP", "TIFF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_file_that_is_cut_off_is_refused(format, share):
    data = encoded(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8), format)
    assert refusal(data[: int(len(data) * share)]).startswith("is damaged or ")


@pytest.mark.parametrize("format", ["PNG", "JPEG", "BMP", "WEBP", "TIFF"])
def test_changed_bytes_give_an_image_or_a_message_and_nothing_else(format):
    data = encoded(RNG.integers(0, 256, (16, 16, 3), dtype=np.uint8), format)
    chance = random.Random(0)
    for _ in range(300):
        changed = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            changed[chance.randrange(min(len(changed), 200))] = chance.randrange(256)
        try:
            assert decoded(bytes(changed)).pixels.ndim == 3
        except UnreadableImage:
            continue


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (10_000, 9_000), (50_001, 1_000)])
def test_an_image_too_large_is_refused_from_its_header(width, height):
    data = png_header(width, height)
    tracemalloc.start()
    try:
        assert "more than 50,000,000 " in refusal(data)
        with pytest.raises(UnreadableImage, match="more than 50,000,000 "):
            header_size(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**20


def test_a_png_whose_text_unpacks_endlessly_is_refused():
    def chunk(kind, content):
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    text = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(200 * 2**20)))
    data = png_header(4, 4)
    at = data.index(b"IDAT") - 4
    assert refusal(data[:at] + text + data[at:]).startswith("is damaged or cut off: ")


def test_whole_multiples_are_enlarged_by_repeating_pixels():
    np.testing.assert_array_equal(resized(PIXELS, 10, 21), PIXELS.repeat(2, 1).repeat(3, 2))


def test_shrinking_counts_every_pixel():
    pixels = np.zeros((1, 8, 8), np.uint8)
    pixels[0, ::2] = 200  # taking every second row would give all or nothing
    assert np.abs(resized(pixels, 4, 4).astype(int) - 100).max() <= 30


def test_an_image_of_the_right_size_stays_as_it_is():
    assert resized(PIXELS, 5, 7) is PIXELS


def test_grey_is_the_luma():
    expected = COLOUR @ np.array([0.299, 0.587, 0.114])
    assert np.abs(grey(PIXELS)[0] - expected).max() <= 1
    assert grey(GREY[None]).tolist() == [GREY.tolist()]
