"""AUGMENTATIONS: the kinds of steps that a pipeline can name, in the order in which they are offered."""

from core.augmentations.base import Augmentation
from core.augmentations.intensity import (
    Blur,
    Brightness,
    Contrast,
    Gamma,
    GaussianNoise,
    Invert,
)
from core.augmentations.mixing import CutMix, Mixup
from core.augmentations.occlusion import Cutout, GridMask, RandomErasing
from core.augmentations.shifts import RandomCrop, Shift
from core.augmentations.symmetries import HorizontalFlip, QuarterTurn, Symmetry, VerticalFlip
from core.augmentations.warp import Affine, Elastic, Rotation
from core.augmentations.zoom import Zoom, ZoomRange
from core.registry import Registry

AUGMENTATIONS: Registry[type[Augmentation]] = Registry(
    "augmentation",
    {
        "horizontal-flip": HorizontalFlip,
        "vertical-flip": VerticalFlip,
        "quarter-turn": QuarterTurn,
        "symmetry": Symmetry,
        "rotation": Rotation,
        "shift": Shift,
        "random-crop": RandomCrop,
        "zoom": Zoom,
        "zoom-range": ZoomRange,
        "affine": Affine,
        "elastic": Elastic,
        "gaussian-noise": GaussianNoise,
        "brightness": Brightness,
        "contrast": Contrast,
        "gamma": Gamma,
        "blur": Blur,
        "invert": Invert,
        "random-erasing": RandomErasing,
        "cutout": Cutout,
        "grid-mask": GridMask,
        "mixup": Mixup,
        "cutmix": CutMix,
    },
)
