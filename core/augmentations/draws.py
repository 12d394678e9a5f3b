"""What chance decides: numbers that are functions of seed, epoch, step and sample, and noise per pixel.

Nothing here keeps a state, so a picture depends neither on its batch nor on the order or the device, and a resumed run
sees what an uninterrupted one would have seen. What the numbers mean is each augmentation's own business.
"""

import hashlib
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# The constants of splitmix64 (Steele, Lea and Flood 2014, "Fast Splittable Pseudorandom Number Generators", figure 16).
_GOLDEN = 0x9E37_79B9_7F4A_7C15
_FIRST, _SECOND = 0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB

# The constants of lowbias32 (Wellons 2018, "Prospecting for Hash Functions"), the second as a signed number.
_LOW_FIRST, _LOW_SECOND = 0x7FEB_352D, 0x846C_A68B - 2**32

_NORMAL_BITS = 16


class StepDraws:
    """The random numbers of one step of a pipeline in one epoch, for all samples of a split.

    Args:
        seed: of the run.
        epoch: 1 or more.
        step: names the step within the pipeline, such as "zoom-0".
        num_samples: N. The numbers of a sample do not depend on it.
    """

    def __init__(self, seed: int, epoch: int, step: str, num_samples: int) -> None:
        self.num_samples = num_samples
        self._place = f"{seed}/{epoch}/{step}"

    def uniform(self, purpose: str, low: float = 0.0, high: float = 1.0) -> NDArray[np.float64]:
        """Return (N,) numbers uniform over [low, high), independent between purposes."""
        share = (self._words(purpose) >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return low + (high - low) * share

    def integers(self, purpose: str, low: int, high: int) -> NDArray[np.int64]:
        """Return (N,) whole numbers uniform over [low, high], both included."""
        # A 32-bit number times n, its upper half: uniform but for n / 2**32 (Lemire 2019, without rejection).
        drawn = (self._words(purpose) >> np.uint64(32)) * np.uint64(high - low + 1)
        return low + (drawn >> np.uint64(32)).astype(np.int64)

    def keys(self, purpose: str = "pixels") -> NDArray[np.int32]:
        """Return (N,) keys for noise per pixel, see `pixel_hash`."""
        return (self._words(purpose) >> np.uint64(32)).astype(np.uint32).view(np.int32)

    def _words(self, purpose: str) -> NDArray[np.uint64]:
        digest = hashlib.blake2b(f"{self._place}/{purpose}".encode(), digest_size=8).digest()
        start = int.from_bytes(digest, "little")
        words = np.arange(1, self.num_samples + 1, dtype=np.uint64) * np.uint64(_GOLDEN)
        words += np.uint64(start)
        words = (words ^ (words >> np.uint64(30))) * np.uint64(_FIRST)
        words = (words ^ (words >> np.uint64(27))) * np.uint64(_SECOND)
        return words ^ (words >> np.uint64(31))


def pixel_hash(keys: Tensor, num_pixels: int) -> Tensor:
    """Return whole numbers uniform over [0, 2**32), as signed ones, the same on every device.

    Args:
        keys: (B,) int32, a key per image.
        num_pixels: P, counted over channels, rows and columns.

    Returns:
        (B, P) int32.
    """
    pixels = torch.arange(num_pixels, dtype=torch.int32, device=keys.device)
    # The pixels' numbers are hashed first: neighbouring keys would else give the same noise, shifted.
    return _mixed(_mixed(pixels)[None] ^ keys[:, None])


def pixel_bytes(keys: Tensor, num_pixels: int) -> Tensor:
    """Return (B, P) uint8 uniform over 0..255, as `pixel_hash` takes its arguments."""
    return (pixel_hash(keys, num_pixels) & 0xFF).to(torch.uint8)


def pixel_normal(keys: Tensor, num_pixels: int) -> Tensor:
    """Return (B, P) float32 of a standard normal distribution, as `pixel_hash` takes its arguments.

    One of 65,536 equally likely quantiles each, at most 4.3 from zero: looked up and not computed, because logarithms
    and cosines of different devices differ in their last bits.
    """
    words = pixel_hash(keys, num_pixels)
    numbers = (words >> (32 - _NORMAL_BITS)) & (2**_NORMAL_BITS - 1)
    return _normal_quantiles(keys.device)[numbers]


@cache
def _normal_quantiles(device: torch.device) -> Tensor:
    shares = (torch.arange(2**_NORMAL_BITS, dtype=torch.float64) + 0.5) / 2**_NORMAL_BITS
    return torch.special.ndtri(shares).to(torch.float32).to(device)


def _mixed(words: Tensor) -> Tensor:
    """Hash int32 words one by one. Torch shifts signed numbers with their sign, so that is masked away."""
    words = words ^ ((words >> 16) & 0xFFFF)
    words = words * _LOW_FIRST
    words ^= (words >> 15) & 0x1FFFF
    words *= _LOW_SECOND
    words ^= (words >> 16) & 0xFFFF
    return words
