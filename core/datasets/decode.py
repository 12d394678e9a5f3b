"""Decoding: the bytes of one image file as uint8 pixels, whoever made them.

Apart from the readers of folders, because uploads and predictions decode too. Size comes from the header before any
pixel is decoded, and only the formats in `FORMATS` are tried. It knows no labels and chooses no size.
"""

import io
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from core.exceptions import InvalidInput

FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF")
ENDINGS = (".png", ".jpg", ".jpeg", ".jpe", ".bmp", ".webp", ".tif", ".tiff")
LARGEST_IMAGE = 50_000_000
"""Pixels of one image file."""

LARGEST_FILE = 256 * 2**20
"""Bytes of one image file: the largest image without compression, and room for what else stands in a file."""

_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_LYING = (5, 6, 7, 8)

# Pillow only warns of images between its two limits; here nothing is decoded that it warns of.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


class UnreadableImage(InvalidInput):
    """The bytes are no image that is read; the text says why and goes on after a file's name."""


@dataclass(frozen=True)
class Decoded:
    """An image and what was done to it.

    Attributes:
        pixels: (C, H, W) uint8; C is 1 where red, green and blue are equal in every pixel, else 3.
        remarks: what was decided, in words that go on after "12 images: ".
    """

    pixels: NDArray[np.uint8]
    remarks: tuple[str, ...]


def header_size(data: bytes) -> tuple[int, int]:
    """Return height and width of an upright image from its header.

    Raises:
        UnreadableImage: it is none of `FORMATS`, or has too many pixels.
    """
    picture = _opened(data)
    width, height = picture.size
    try:
        # Asked for EXIF data that do not stand before the pixels, Pillow would decode a PNG whole.
        lies = "exif" in picture.info and _orientation(picture) in _LYING
    except Exception as error:
        raise _undecodable(error) from None
    return (width, height) if lies else (height, width)


def decoded(data: bytes) -> Decoded:
    """Return the pixels of an image, upright; of several frames or pages the first.

    Sixteen bits a value are scaled to eight, transparent pixels are laid on white, and CMYK becomes RGB; the remarks
    say so.

    Raises:
        UnreadableImage: it is none of `FORMATS`, has too many pixels, or is damaged or cut off.
    """
    remarks: list[str] = []
    try:
        _opened(data).verify()
        picture = _opened(data)  # after verify() it must be opened again
        if getattr(picture, "is_animated", False):
            remarks.append("several frames or pages, of which the first was taken")
        if ";16" in _raw_mode(picture):
            remarks.append("16 bits a value, scaled to 8")
        picture.load()
        orientation = _orientation(picture)
        picture = _plain(picture, remarks)
        if orientation in _UPRIGHT:
            picture = picture.transpose(_UPRIGHT[orientation])
            remarks.append("turned upright as EXIF data say")
        pixels = np.asarray(picture)  # (H, W) or (H, W, C)
    except UnreadableImage:
        raise
    except Exception as error:
        # Decoders meet damaged data with whatever error it leads to; all mean that there is no image.
        raise _undecodable(error) from None
    if pixels.ndim == 3:
        red, green, blue = pixels.transpose(2, 0, 1)
        is_grey = np.array_equal(red, green) and np.array_equal(red, blue)
        pixels = red[None] if is_grey else pixels.transpose(2, 0, 1)  # (C, H, W)
    else:
        pixels = pixels[None]
    return Decoded(np.ascontiguousarray(pixels), tuple(remarks))


def resized(pixels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Return an image (C, height, width): whole multiples by repeating pixels, all else bilinear with every pixel counted.

    Args:
        pixels: (C, H, W) uint8, C 1 or 3.
        height: rows of the result.
        width: columns of the result.
    """
    if pixels.shape[1:] == (height, width):
        return pixels
    is_multiple = height % pixels.shape[1] == 0 and width % pixels.shape[2] == 0
    method = Image.Resampling.NEAREST if is_multiple else Image.Resampling.BILINEAR
    channels = [
        np.asarray(Image.fromarray(channel).resize((width, height), method)) for channel in pixels
    ]
    return np.stack(channels)


def grey(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image (1, H, W): the luma of red, green and blue after ITU-R BT.601.

    Args:
        pixels: (C, H, W) uint8, C 1 or 3.
    """
    if pixels.shape[0] == 1:
        return pixels
    picture = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    return np.asarray(picture.convert("L"))[None]


def _opened(data: bytes) -> Image.Image:
    if not data:
        raise UnreadableImage("is empty")
    try:
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise UnreadableImage("is damaged or none of PNG, JPEG, BMP, WebP and TIFF") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UnreadableImage(f"has more than {LARGEST_IMAGE:,} pixels") from None
    except Exception as error:
        raise _undecodable(error) from None
    width, height = picture.size
    if width * height > LARGEST_IMAGE:
        raise UnreadableImage(
            f"has {width:,}x{height:,} pixels, more than {LARGEST_IMAGE:,} together"
        )
    return picture


def _undecodable(error: Exception) -> UnreadableImage:
    reason = str(error).strip().rstrip(".") or type(error).__name__
    return UnreadableImage(f"is damaged or cut off: {reason[:120]}")


def _raw_mode(picture: Image.Image) -> str:
    """Return how the file stores a pixel; Pillow's own mode of the image is 8 bits for 16-bit colour."""
    tiles = getattr(picture, "tile", [])
    args = tiles[0].args if tiles else ""
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def _orientation(picture: Image.Image) -> int:
    return picture.getexif().get(_ORIENTATION, 1)


def _plain(picture: Image.Image, remarks: list[str]) -> Image.Image:
    """Return a loaded picture in mode L or RGB."""
    mode = picture.mode
    if mode.startswith("I;16"):
        wide = np.asarray(picture).astype(np.uint32)
        return Image.fromarray(((wide * 255 + 32_767) // 65_535).astype(np.uint8))
    if mode in ("I", "F"):
        raise UnreadableImage("has 32 bits a value, more than the 8 or 16 that are read")
    if mode in ("LA", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        layered = picture.convert("RGBA")
        if layered.getchannel("A").getextrema() != (255, 255):
            white = Image.new("RGBA", layered.size, "white")
            layered = Image.alpha_composite(white, layered)
            remarks.append("transparent pixels, laid on white")
        return layered.convert("RGB")
    if mode == "CMYK":
        remarks.append("CMYK, converted to RGB")
    if mode in ("L", "RGB"):
        return picture
    return picture.convert("L" if mode == "1" else "RGB")
