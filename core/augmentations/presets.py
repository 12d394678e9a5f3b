"""PRESETS: pipelines worth starting from, those of the two studies and of the two recipes that went beyond them.

What a preset does is said in its pipeline alone; the recipes' networks and training settings are core.variants.
"""

from dataclasses import dataclass

from core.augmentations.expansion import FixedExpansion
from core.augmentations.intensity import Brightness, GaussianNoise
from core.augmentations.occlusion import Cutout, RandomErasing
from core.augmentations.pipeline import AugmentationPipeline
from core.augmentations.shifts import RandomCrop
from core.augmentations.symmetries import HorizontalFlip, QuarterTurn, Symmetry, VerticalFlip
from core.registry import Registry


@dataclass(frozen=True)
class Preset:
    """A pipeline with a name.

    Attributes:
        name: as the registry and the command line call it.
        description: where it comes from and what it does, in one sentence.
        pipeline: its settings.
    """

    name: str
    description: str
    pipeline: AugmentationPipeline


_SIX = (HorizontalFlip, VerticalFlip, QuarterTurn, GaussianNoise, Brightness, RandomErasing)

PRESETS: Registry[Preset] = Registry(
    "preset",
    {
        preset.name: preset
        for preset in (
            Preset(
                name="none",
                description="Images as they are.",
                pipeline=AugmentationPipeline(),
            ),
            Preset(
                name="shapes-study",
                description="The shapes study's six steps, each on a fifth of the images; the study's own default is none.",
                pipeline=AugmentationPipeline(steps=tuple(step(probability=0.2) for step in _SIX)),
            ),
            Preset(
                name="shapes-recipe",
                description="One of the eight symmetries for each image, with labels following: the best for shapes.",
                pipeline=AugmentationPipeline(steps=(Symmetry(probability=1),)),
            ),
            Preset(
                name="fashion-study",
                description="The Fashion study's four copies: original, flip, zoom by two pixels, flip of the zoom.",
                pipeline=AugmentationPipeline(expansion=FixedExpansion()),
            ),
            Preset(
                name="fashion-recipe",
                description="A crop shifted by up to two pixels, a flip of every other image, an 8x8 cutout: the best for Fashion.",
                pipeline=AugmentationPipeline(
                    steps=(
                        RandomCrop(probability=1, padding=2),
                        HorizontalFlip(probability=0.5),
                        Cutout(probability=1, side=8),
                    )
                ),
            ),
        )
    },
)
