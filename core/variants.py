"""VARIANTS and SUITES: the named recipes, and the lists of runs that belong together.

A variant is a recipe for any data set that its network fits; a suite puts variants on data sets, with what differs
there. Seeds belong to neither. What the settings mean stands in core.config and core.models.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.augmentations.intensity import Brightness, GaussianNoise
from core.augmentations.occlusion import RandomErasing
from core.augmentations.pipeline import AugmentationPipeline
from core.augmentations.presets import PRESETS
from core.augmentations.symmetries import HorizontalFlip, QuarterTurn, VerticalFlip
from core.config import RunConfig, Stage, TrainingConfig, Variant
from core.exceptions import InvalidParameter
from core.models.convolutional import Convolutional
from core.models.dense import Dense
from core.models.fashion_final import FashionFinal
from core.models.fashion_net import FashionNet
from core.models.shapes_net import ShapesNet
from core.models.shapes_reference import ShapesReference
from core.registry import Registry


@dataclass(frozen=True)
class SuiteEntry:
    """One run of a suite.

    Attributes:
        dataset: settings of the data set, "name" among them; what is left out has its default.
        variant: name of the variant.
        overrides: settings that differ from the variant's, by dotted path, such as "training.batch_size"; "augmentation"
            and "stages" as a whole.
    """

    dataset: Mapping[str, Any]
    variant: str
    overrides: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Suite:
    """Runs that are started together.

    Attributes:
        name: as the registry and the command line call it.
        description: what it shows, in one sentence.
        entries: its runs, in the order in which they are queued.
    """

    name: str
    description: str
    entries: tuple[SuiteEntry, ...]


_FINAL = TrainingConfig(weight_decay=1e-3, max_epochs=200, patience=4)
"""The first of the staged final model's three stages; the others say what they change."""

_SHAPES_STUDY = TrainingConfig(batch_size=64, max_epochs=100, patience=8, count_loss_weight=6)
"""The shapes study's combined regime. It names no patience."""

_BOTH_HEADS = ShapesReference()

# The study fed pixels of 0 to 255, which made the first layer's steps 65,025 times as large. Five epochs of dense-sgd on
# Fashion reached 42 % at 0.01 and 67 % at 0.1 on validation (torch 2.13, one run each).
_SGD = (
    "Plain stochastic gradient descent instead of Adam, at the study's learning rate, which is far too small for pixels "
    "from 0 to 1: try 0.1."
)

_LAMBDAS = (0.5, 1.5, 6, 24)
"""Weights of the count loss in the sweep, around the study's 6."""

_ALONE = {
    "horizontal-flip": HorizontalFlip,
    "vertical-flip": VerticalFlip,
    "quarter-turn": QuarterTurn,
    "noise": GaussianNoise,
    "brightness": Brightness,
    "erasing": RandomErasing,
}
"""The shapes study's six steps by the names of their variants; each hits half of the images when alone."""


def _dense(name: str, description: str, model: Dense | None = None, **training: Any) -> Variant:
    return Variant(
        name=f"dense-{name}",
        description=description,
        model=model or Dense(),
        training=TrainingConfig(**training),
    )


def _conv(
    name: str, description: str, model: Convolutional | None = None, **training: Any
) -> Variant:
    return Variant(
        name=f"conv-{name}",
        description=description,
        model=model or Convolutional(),
        training=TrainingConfig(**training),
    )


def _shapes(name: str, description: str, **changes: Any) -> Variant:
    """Return the shapes study's combined regime with changes of its model, training or augmentation."""
    values: dict[str, Any] = {"model": _BOTH_HEADS, "training": _SHAPES_STUDY, **changes}
    return Variant(name=f"shapes-{name}", description=description, **values)


_DENSE = (
    _dense("base", "Four dense layers: the baseline of the dense family."),
    _dense("wide", "Wider layers.", Dense(hidden_layers=(512, 512, 512, 256))),
    _dense("deep", "Eight layers instead of four.", Dense(hidden_layers=(512, *[128] * 7))),
    _dense("sgd", _SGD, optimizer="sgd"),
    _dense("l2", "Weight decay of 0.01.", weight_decay=1e-2),
    _dense("batch-norm", "Batch norm before each ReLU.", Dense(has_batch_norm=True)),
    _dense(
        "dropout",
        "Dropout after each ReLU, from half of the features down to a fifth.",
        Dense(dropout=(0.5, 0.4, 0.3, 0.2)),
    ),
)

_CONV = (
    _conv("base", "Two unpadded convolutions and a dense layer: the convolutional baseline."),
    _conv("wide", "A dense layer of twice the width.", Convolutional(dense_layers=(128,))),
    _conv(
        "deep",
        "Twice the channels and three dense layers.",
        Convolutional(channels=(64, 128), dense_layers=(64, 64, 32)),
    ),
    _conv("sgd", _SGD, optimizer="sgd"),
    _conv("l2", "Weight decay of 0.01.", weight_decay=1e-2),
    _conv("batch-norm", "Batch norm after each convolution.", Convolutional(has_batch_norm=True)),
    _conv(
        "dropout",
        "Half of the channels dropped after each ReLU.",
        Convolutional(channel_dropout=0.5),
    ),
)

_SWEEP = tuple(
    _shapes(
        f"lambda-{f'{weight:g}'.replace('.', '-')}",
        f"The count loss counts {weight:g} times.",
        training=_SHAPES_STUDY.model_copy(update={"count_loss_weight": weight}),
    )
    for weight in _LAMBDAS
)

_AUGMENTED = (
    *(
        _shapes(
            name,
            f"Both heads, with the step {step().name!r} on half of the images.",
            augmentation=AugmentationPipeline(steps=(step(probability=0.5),)),
        )
        for name, step in _ALONE.items()
    ),
    _shapes(
        "all-six",
        "Both heads, with all six steps of the study, each on a fifth of the images.",
        augmentation=PRESETS["shapes-study"].pipeline,
    ),
)

_SHAPES = (
    _shapes(
        "classes",
        "The study's body with its class head alone.",
        training=_SHAPES_STUDY.model_copy(update={"count_loss_weight": 0.0}),
    ),
    _shapes(
        "counts",
        "The study's body with its count head alone; the class is the one whose counts are nearest.",
        model=ShapesReference(class_head="from-counts"),
        training=_SHAPES_STUDY.model_copy(
            update={
                "class_loss_weight": 0.0,
                "count_loss_weight": 1.0,
                "early_stopping_metric": "validation_loss",
            }
        ),
    ),
    _shapes("combined", "The study's body with both heads, the count loss times six."),
    _shapes(
        "linear-heads",
        "Both heads without dropout, as the study tried first.",
        model=ShapesReference(head="linear"),
    ),
    *_AUGMENTED,
    *_SWEEP,
)

VARIANTS: Registry[Variant] = Registry(
    "variant",
    {
        variant.name: variant
        for variant in (
            *_DENSE,
            *_CONV,
            _conv(
                "base-padded",
                "As conv-base, with padding: for images under 10 pixels a side.",
                Convolutional(padding=1),
            ),
            Variant(
                name="fashion-final",
                description="The Fashion study's final model in three stages: Adam, SGD, SGD without weight decay.",
                model=FashionFinal(),
                training=_FINAL,
                stages=(
                    Stage(),
                    Stage(changes={"optimizer": "sgd"}),
                    Stage(changes={"optimizer": "sgd", "weight_decay": 0.0}),
                ),
            ),
            Variant(
                name="fashion-net",
                description="Small residual network for Fashion with crops, flips and cutout.",
                model=FashionNet(border=2),
                training=TrainingConfig(
                    optimizer="adamw",
                    learning_rate=5e-3,
                    weight_decay=0.05,
                    schedule="linear",
                    warmup_share=0.15,
                    label_smoothing=0.1,
                    max_epochs=13,
                    patience=0,
                    is_input_standardised=True,
                ),
                augmentation=PRESETS["fashion-recipe"].pipeline,
            ),
            Variant(
                name="shapes-net",
                description="Residual network that counts: classes and counts together, seen in all eight symmetries.",
                model=ShapesNet(),
                training=TrainingConfig(
                    optimizer="adamw",
                    learning_rate=4e-3,
                    weight_decay=1e-2,
                    schedule="linear",
                    warmup_share=0.1,
                    batch_size=64,
                    max_epochs=39,
                    patience=0,
                ),
                augmentation=PRESETS["shapes-recipe"].pipeline,
            ),
            *_SHAPES,
        )
    },
)

# The digits are 1,077 training images: at batch 256 an epoch is five steps, too few for a curve worth reading, and a
# run can stop in a lucky lull. At batch 32 and patience 8 five seeds reached 0.961 to 0.983 on test with either variant.
_DIGITS_DEMO = {"training.batch_size": 32, "training.patience": 8, "training.max_epochs": 40}

# Every image as four copies, as the study trained its variants.
_FASHION_STUDY = {"augmentation": PRESETS["fashion-study"].pipeline.to_json()}


def _on_fashion(variants: Iterable[Variant]) -> tuple[SuiteEntry, ...]:
    return tuple(SuiteEntry({"name": "fashion"}, one.name, _FASHION_STUDY) for one in variants)


def _on_shapes(*names: str) -> tuple[SuiteEntry, ...]:
    return tuple(SuiteEntry({"name": "shapes"}, f"shapes-{name}") for name in names)


SUITES: Registry[Suite] = Registry(
    "suite",
    {
        suite.name: suite
        for suite in (
            Suite(
                "demo",
                "Three small runs on the built-in data, finished in minutes on a CPU.",
                (
                    SuiteEntry({"name": "digits"}, "conv-base-padded", _DIGITS_DEMO),
                    SuiteEntry({"name": "digits"}, "dense-base", _DIGITS_DEMO),
                    SuiteEntry(
                        {"name": "shapes", "images": 3000},
                        "shapes-net",
                        {"training.max_epochs": 12},
                    ),
                ),
            ),
            Suite(
                "fashion-dense",
                "The Fashion study's seven dense variants, each image as four copies.",
                _on_fashion(_DENSE),
            ),
            Suite(
                "fashion-conv",
                "The Fashion study's seven convolutional variants, each image as four copies.",
                _on_fashion(_CONV),
            ),
            Suite(
                "fashion-final",
                "The Fashion study's final model in three stages.",
                _on_fashion([VARIANTS["fashion-final"]]),
            ),
            Suite(
                "fashion-all",
                "All 14 variants of the Fashion study and its final model.",
                _on_fashion([*_DENSE, *_CONV, VARIANTS["fashion-final"]]),
            ),
            Suite(
                "shapes-regimes",
                "The shapes study's three regimes: classes alone, counts alone, both.",
                _on_shapes("classes", "counts", "combined"),
            ),
            Suite(
                "shapes-heads",
                "Plain linear heads, which overfitted in the shapes study, against dropout heads.",
                _on_shapes("linear-heads", "combined"),
            ),
            Suite(
                "shapes-augmentations",
                "The shapes study's steps of augmentation: none, each alone, all six.",
                _on_shapes("combined", *_ALONE, "all-six"),
            ),
            Suite(
                "shapes-lambda",
                "How much the count loss counts beside the class loss.",
                tuple(SuiteEntry({"name": "shapes"}, one.name) for one in _SWEEP),
            ),
        )
    },
)


def run_config(
    dataset: Mapping[str, Any], variant: str, overrides: Mapping[str, Any] | None = None
) -> RunConfig:
    """Return the complete config of a variant on a data set.

    Args:
        dataset: settings of the data set, "name" among them; whether one of that name is there shows when it loads.
        variant: name of the variant.
        overrides: settings that differ, by dotted path: {"training.learning_rate": 0.01, "dataset.images": 3000}.

    Raises:
        UnknownName: no variant is called that.
        InvalidParameter: a setting is unknown or breaks its rule.
    """
    if "name" not in dataset:
        raise InvalidParameter("dataset.name is missing.")
    recipe = VARIANTS[variant]
    config = RunConfig.checked(
        {
            "dataset": dict(dataset),
            "variant": variant,
            "model": recipe.model,
            "training": recipe.training,
            "stages": recipe.stages,
            "augmentation": recipe.augmentation,
        }
    )
    return config.changed(overrides or {})


def run_configs(
    suite: Suite,
    dataset: Mapping[str, Any] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> list[RunConfig]:
    """Return the complete config of each run of a suite, in its order.

    Args:
        suite: the suite.
        dataset: settings of another data set than the suite's own.
        overrides: settings that differ from the suite's, by dotted path.

    Raises:
        InvalidParameter: a setting is unknown or breaks its rule.
    """
    return [
        run_config(
            dataset or entry.dataset, entry.variant, {**entry.overrides, **(overrides or {})}
        )
        for entry in suite.entries
    ]
