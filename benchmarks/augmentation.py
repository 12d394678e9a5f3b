"""What augmentation costs: `python benchmarks/augmentation.py`.

1. The Fashion study's four copies of 31,500 images of 32x32, image by image as the study did, against ours; the results
   must be equal byte for byte.
2. A flip and a zoom, each on half of the images, beside a training step of the dense and the convolutional base.
3. The shapes study's six steps on a batch of 256, beside kornia's where the interpreter has it (no dependency of ours).
4. What a moved slider of the Augment page asks for, 32 pictures of a whole training split with all its tables and a
   strip: the goal is 300 ms at the server.

CPU seconds of one thread, ways interleaved in one process; medians of the ratios with the least and the most.
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from torch.nn import functional

# The checkout's own modules, wherever the script is started.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from core.augmentations.base import Augmentation
from core.augmentations.expansion import FixedExpansion
from core.augmentations.mixing import Mixup
from core.augmentations.pictures import EpochPictures
from core.augmentations.pipeline import AugmentationPipeline
from core.augmentations.presets import PRESETS
from core.augmentations.preview import grey_change, hits, preview
from core.augmentations.shifts import RandomCrop
from core.augmentations.strength import strength_strip
from core.augmentations.symmetries import HorizontalFlip, QuarterTurn
from core.augmentations.zoom import Zoom
from core.config import TrainingConfig
from core.datasets.shapes import label_space
from core.labels import LabelSpace
from core.models.base import Architecture
from core.models.convolutional import Convolutional
from core.models.dense import Dense
from core.models.forward import build_network, to_input
from core.training.optimizers import optimizer

NUM_IMAGES, SIDE, BATCH = 31_500, 32, 256
SPACE = LabelSpace(tuple("0123456789"))
NUM_EXPANSIONS, NUM_ROUNDS = 5, 15
NUM_SHAPES, NUM_FASHION, NUM_SHOWN = 100_000, 60_000, 32


def seconds(act: Callable[[], object], times: int = 1) -> float:
    start = time.process_time()
    for _ in range(times):
        act()
    return (time.process_time() - start) / times


def shown(name: str, values: list[float], form: str = "8.3f") -> None:
    low, middle, high = min(values), statistics.median(values), max(values)
    print(f"{name:<58} {middle:{form}}   ({low:{form}} to {high:{form}})", flush=True)


def as_the_study_did(images: np.ndarray, k: int) -> np.ndarray:
    """Expand (N, 1, H, W) image by image: original, flip, zoom, flip of the zoom."""
    rows = []
    for (image,) in images:
        part = image[k:-k, k:-k]
        zoom = ndimage.zoom(part, image.shape[0] / part.shape[0], order=0)
        rows += [image, np.fliplr(image), zoom, np.fliplr(zoom)]
    return np.stack(rows)[:, None]


def expansions(images: torch.Tensor) -> None:
    array, expansion = images.numpy(), FixedExpansion(k=2)
    ours = expansion.expanded(images)
    if not np.array_equal(ours.numpy(), as_the_study_did(array, 2)):
        raise SystemExit("The copies are not equal to the study's.")
    del ours
    print(f"The {4 * NUM_IMAGES:,} copies are equal to the study's byte for byte.")
    reference, own = [], []
    for _ in range(NUM_EXPANSIONS):
        reference.append(seconds(lambda: as_the_study_did(array, 2)))
        own.append(seconds(lambda: expansion.expanded(images)))
    shown("four copies of 31,500 images as the study did, CPU s", reference)
    shown("the same, ours, CPU s", own)
    ratios = [one / other for one, other in zip(reference, own, strict=True)]
    shown("times faster (goal: at least 10)", ratios, "8.1f")


def beside_training(images: torch.Tensor, labels: torch.Tensor) -> None:
    steps = (HorizontalFlip(probability=0.5), Zoom(probability=0.5))
    pipelines = {
        "flip and zoom, each on half": AugmentationPipeline(steps=steps),
        "the four copies made on the fly": AugmentationPipeline(expansion=FixedExpansion()),
    }
    pictures = {
        name: EpochPictures(pipeline, images, labels, None, SPACE, 0, 1)
        for name, pipeline in pipelines.items()
    }
    rows = torch.from_numpy(np.random.default_rng(0).permutation(NUM_IMAGES)[:BATCH])
    for kind, goal in ((Dense(), 10), (Convolutional(), 3)):
        step = training_step(kind, images[rows], labels[rows])
        costs: dict[str, list[float]] = {name: [] for name in pictures}
        steps_seconds = []
        for _ in range(NUM_ROUNDS):
            steps_seconds.append(seconds(step, 5))
            plain = seconds(lambda: (images[rows], labels[rows]), 20)
            for name, source in pictures.items():
                extra = seconds(lambda source=source: source.batch(rows), 20) - plain
                costs[name].append(100 * extra / steps_seconds[-1])
        shown(f"{kind.name} base, a step of 256, CPU ms", [1000 * one for one in steps_seconds])
        for name, shares in costs.items():
            wanted = f" (goal: at most {goal})" if "half" in name else ""
            shown(f"  {name}, % of it{wanted}", shares, "8.1f")


def training_step(
    architecture: Architecture, images: torch.Tensor, labels: torch.Tensor
) -> Callable[[], None]:
    network = build_network(architecture, (1, SIDE, SIDE), SPACE, seed=0).train()
    rule = optimizer(network, TrainingConfig(), torch.device("cpu"))

    def step() -> None:
        loss = functional.cross_entropy(network(to_input(images)).logits, labels)
        rule.zero_grad(set_to_none=True)
        loss.backward()
        rule.step()

    step()
    return step


def beside_kornia(images: torch.Tensor, labels: torch.Tensor) -> None:
    """Compare the six steps, each on a fifth of 256 images of 28x28."""
    images = images[:, :, 2:30, 2:30].contiguous()
    source = EpochPictures(PRESETS["shapes-study"].pipeline, images, labels, None, SPACE, 0, 1)
    rows = torch.arange(BATCH)
    try:
        from kornia import augmentation
    except ImportError:
        shown(
            "the six shapes steps on 256 images, CPU ms",
            [1000 * seconds(lambda: source.batch(rows), 10) for _ in range(NUM_ROUNDS)],
        )
        print("kornia is not installed: nothing to compare with.")
        return
    theirs = torch.nn.Sequential(
        augmentation.RandomHorizontalFlip(p=0.2),
        augmentation.RandomVerticalFlip(p=0.2),
        augmentation.RandomRotation90(times=(-1, 1), p=0.2),
        augmentation.RandomGaussianNoise(std=0.1**0.5, p=0.2),
        augmentation.RandomBrightness((0.7, 1.3), p=0.2),
        augmentation.RandomErasing(p=0.2),
    )
    floats = to_input(images[rows])
    theirs(floats)
    own, others = [], []
    for _ in range(NUM_ROUNDS):
        own.append(1000 * seconds(lambda: source.batch(rows), 10))
        others.append(1000 * seconds(lambda: theirs(floats), 10))
    shown("the six shapes steps on 256 images, CPU ms", own)
    shown("kornia's six, CPU ms", others)
    ratios = [one / other for one, other in zip(others, own, strict=True)]
    shown("times faster than kornia (goal: above 1)", ratios, "8.1f")


def after_a_slider() -> None:
    six, recipe = (PRESETS[name].pipeline for name in ("shapes-study", "fashion-recipe"))
    mixed = AugmentationPipeline(steps=(*recipe.steps, Mixup(probability=0.5)))
    for name, num_images, space, pipeline, step in (
        ("100,000 shapes, the study's six steps", NUM_SHAPES, label_space(), six, QuarterTurn()),
        ("60,000 Fashion images, the recipe's three", NUM_FASHION, SPACE, recipe, RandomCrop()),
        ("60,000 Fashion images, the same with mixup", NUM_FASHION, SPACE, mixed, RandomCrop()),
    ):
        answer = page_answer(num_images, space, pipeline, step)
        answer()
        shown(f"{name}, CPU ms", [1000 * seconds(answer) for _ in range(NUM_ROUNDS)])


def page_answer(
    num_images: int, space: LabelSpace, pipeline: AugmentationPipeline, step: Augmentation
) -> Callable[[], None]:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (num_images, 1, 28, 28), dtype=np.uint8)
    labels = generator.integers(0, space.num_classes, num_images)
    counts = None
    if space.class_counts is not None:
        counts = np.array(space.class_counts, dtype=np.uint8)[labels]

    def answer() -> None:
        rows = generator.integers(0, num_images, NUM_SHOWN)
        view = preview(pipeline, images, labels, counts, space, 0, 1, rows)
        for place in range(NUM_SHOWN):
            view.texts(place)
            view.label_text(place, space, "after")
        grey_change(view)
        hits(pipeline, (1, 28, 28))
        strength_strip(step, images[0], int(labels[0]), None, space)

    return answer


def main() -> None:
    torch.set_num_threads(1)
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (NUM_IMAGES, 1, SIDE, SIDE), dtype=np.uint8)
    images = torch.from_numpy(pixels)
    labels = torch.from_numpy(generator.integers(0, 10, NUM_IMAGES))
    expansions(images)
    beside_training(images, labels)
    beside_kornia(images, labels)
    after_a_slider()


if __name__ == "__main__":
    main()
