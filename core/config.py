"""What a run is asked to do: TrainingConfig, Stage, Variant and RunConfig, with their bounds and their JSON.

A variant leaves out the data set and the seed: the same variant is compared over both. Seed, resources and owner are
not settings of the experiment and stand beside the config in `run.json`.
"""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, Union

import orjson
import pydantic
from pydantic import Discriminator, Field, Tag

from core.augmentations.pipeline import AugmentationPipeline
from core.datasets import DATASETS
from core.datasets.imported import Imported
from core.exceptions import InvalidParameter, UnknownName
from core.models import MODELS
from core.settings import Settings


def _source_of(values: Any) -> str | None:
    """Return which member of DatasetConfig a value is to be read as; None where it has no name."""
    name = values.get("name") if isinstance(values, Mapping) else getattr(values, "name", None)
    if name is None:
        return None
    return name if isinstance(name, str) and name in DATASETS else "imported"


if TYPE_CHECKING:
    from core.datasets.base import DatasetSource
    from core.models.base import Architecture

    DatasetConfig = DatasetSource
    ModelConfig = Architecture
else:
    # Unions over the registries, told apart by `name`: an entry in a registry is all it takes to be configurable.
    # The title is the word that errors use.
    _DATASET = Field(discriminator=Discriminator(_source_of), title=DATASETS.kind)
    _MODEL = Field(discriminator="name", title=MODELS.kind)
    # Any other name is that of an imported set; whether it is there is asked when it is loaded.
    _SOURCES = {**DATASETS, "imported": Imported}
    DatasetConfig = Annotated[
        Union[tuple(Annotated[source, Tag(name)] for name, source in _SOURCES.items())], _DATASET
    ]
    ModelConfig = Annotated[Union[tuple(MODELS.values())], _MODEL]

MOST_SEEDS = 1000
"""Seeds that one text may name: a typing error must not queue a million runs."""

MOST_STAGES = 16


class TrainingConfig(Settings):
    """How the weights are fitted. The defaults are those of the Fashion study."""

    optimizer: Literal["adam", "adamw", "sgd"] = Field(
        "adam", description="Rule that turns gradients into steps."
    )
    learning_rate: float = Field(
        1e-3,
        gt=0,
        le=10,
        description="Step size of the optimizer.",
        json_schema_extra={"log": True},
    )
    momentum: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Share of the step before that is kept, with SGD only.",
    )
    is_nesterov: bool = Field(
        False, description="Take the gradient where the momentum leads, with SGD and momentum only."
    )
    weight_decay: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Pull of the weights towards zero, as the optimizer defines it.",
    )
    schedule: Literal["constant", "linear", "cosine", "step"] = Field(
        "constant",
        description="Course of the learning rate after the warm-up: constant, to zero along a line or half a cosine, or in steps.",
    )
    warmup_share: float = Field(
        0.0,
        ge=0,
        le=0.9,
        description="Share of all steps in which the learning rate rises from zero.",
    )
    step_epochs: int = Field(
        10,
        ge=1,
        le=1000,
        description="Epochs after which the step schedule changes the learning rate, again and again.",
        json_schema_extra={"unit": "epochs"},
    )
    step_factor: float = Field(
        0.1, gt=0, le=1, description="Factor of each such change of the learning rate."
    )
    batch_size: int = Field(
        256,
        ge=1,
        le=65_536,
        description="Samples in one optimizer step.",
        json_schema_extra={"unit": "samples"},
    )
    max_epochs: int = Field(
        30,
        ge=1,
        le=1000,
        description="Most passes over the training split.",
        json_schema_extra={"unit": "epochs"},
    )
    early_stopping_metric: Literal["validation_accuracy", "validation_loss"] = Field(
        "validation_accuracy",
        description="What decides which epoch is best, and when to stop: the largest accuracy or the least loss.",
    )
    patience: int = Field(
        3,
        ge=0,
        le=1000,
        description="Epochs without a gain in that metric before training stops; 0 never stops early.",
        json_schema_extra={"unit": "epochs"},
    )
    min_gain: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Least change of that metric that counts as a gain and starts the patience anew.",
    )
    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Share of each label that is spread over all classes in the training loss.",
    )
    class_weights: Literal["none", "balanced"] = Field(
        "none",
        description="Weights of the classes in the training loss: balanced gives each class the same sum.",
    )
    gradient_clip: float = Field(
        0.0,
        ge=0,
        le=1e6,
        description="Largest norm of the gradient over all parameters, larger ones are scaled down; 0 never clips.",
    )
    ema_decay: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Share of the moving average of the weights kept at each step; it is what gets evaluated. 0 is off.",
    )
    class_loss_weight: float = Field(
        1.0,
        ge=0,
        le=1000,
        description="Weight of the class loss; 0 leaves it out, where counts are trained.",
    )
    count_loss_weight: float = Field(
        1.0,
        ge=0,
        le=1000,
        description="Weight of the count loss beside the class loss, where there are counts; 0 leaves it out.",
    )
    is_input_standardised: bool = Field(
        False,
        description="Subtract the training pixels' mean and divide by their standard deviation, channel by channel.",
    )
    test_time_averaging: Literal["none", "horizontal-flip", "symmetries"] = Field(
        "none",
        description="Views of each image whose answers are averaged on test: with its mirror image, or all the data set allows.",
    )
    precision: Literal["float32", "bfloat16", "auto"] = Field(
        "float32",
        description="Numbers that the network computes with while training; auto takes bfloat16 where the hardware has it.",
    )

    @pydantic.model_validator(mode="after")
    def _something_is_trained(self) -> Self:
        if self.class_loss_weight == 0 and self.count_loss_weight == 0:
            raise ValueError(
                "class_loss_weight and count_loss_weight must not both be 0: nothing would be trained."
            )
        if self.is_nesterov and (self.optimizer != "sgd" or self.momentum == 0):
            raise ValueError("is_nesterov needs optimizer sgd with a momentum above 0.")
        return self


WHOLE_RUN = (
    "early_stopping_metric",
    "class_loss_weight",
    "count_loss_weight",
    "is_input_standardised",
    "test_time_averaging",
)
"""Training settings that hold for all stages of a run: what is best, what is trained, and what the network sees."""


class Stage(Settings):
    """One of several courses of training in a row, each with a fresh optimizer."""

    starts_from: Literal["best", "last"] = Field(
        "best",
        description="Weights of the stage before to go on from: its best epoch's, or its last, as in the Fashion study.",
    )
    changes: dict[str, Any] = Field(
        default_factory=dict,
        description="Training settings that differ from the run's in this stage, by name.",
    )

    @pydantic.field_validator("changes")
    @classmethod
    def _are_settings(cls, changes: dict[str, Any]) -> dict[str, Any]:
        for name in WHOLE_RUN:
            if name in changes:
                raise ValueError(f"{name} holds for the whole run; set it in training instead.")
        try:
            checked = TrainingConfig.checked(changes).model_dump(mode="json")
        except InvalidParameter as error:
            raise ValueError(str(error)) from None
        return {name: checked[name] for name in changes}

    def applied(self, training: TrainingConfig) -> TrainingConfig:
        """Return the run's training settings with this stage's changes.

        Raises:
            InvalidParameter: a change and another setting exclude each other.
        """
        return TrainingConfig.checked(training.model_dump(mode="json") | self.changes)


class Variant(Settings):
    """Model and training settings under comparison, with a name; seed and data set excluded."""

    name: str = Field(pattern=r"^[a-z0-9-]{1,40}$", description="Name of the variant.")
    description: str = Field(
        "", max_length=200, description="What sets the variant apart, in one sentence."
    )
    model: ModelConfig
    training: TrainingConfig = TrainingConfig()
    stages: tuple[Stage, ...] = Field(
        (),
        max_length=MOST_STAGES,
        description="Courses of training in a row; none is a single one.",
    )
    augmentation: AugmentationPipeline = AugmentationPipeline()


class RunConfig(Settings):
    """Everything that decides a run's result but the seed: data, augmentation, model and training, resolved."""

    dataset: DatasetConfig
    variant: str = Field(
        pattern=r"^[a-z0-9-]{1,40}$", description="Name of the variant it started from."
    )
    model: ModelConfig
    training: TrainingConfig
    stages: tuple[Stage, ...] = Field(
        (),
        max_length=MOST_STAGES,
        description="Courses of training in a row; none is a single one.",
    )
    # Runs of before there was augmentation have none.
    augmentation: AugmentationPipeline = AugmentationPipeline()

    @pydantic.model_validator(mode="after")
    def _stages_fit(self) -> Self:
        for number, stage in enumerate(self.stages, start=1):
            try:
                stage.applied(self.training)
            except InvalidParameter as error:
                raise ValueError(f"stage {number}: {error}") from None
        return self

    @property
    def stage_configs(self) -> tuple[TrainingConfig, ...]:
        """The training settings of each stage in order; without stages those of the run alone."""
        return tuple(stage.applied(self.training) for stage in self.stages) or (self.training,)

    @property
    def max_epochs(self) -> int:
        """Most passes over the training split, of all stages together."""
        return sum(stage.max_epochs for stage in self.stage_configs)

    def to_json(self) -> dict[str, Any]:
        """Return plain values, every setting included."""
        return self.model_dump(mode="json")

    def changed(self, overrides: Mapping[str, Any]) -> Self:
        """Return a copy with settings replaced, by dotted path: {"training.learning_rate": 0.01}.

        "stages" and "augmentation" are replaced as a whole.

        Raises:
            UnknownName: no setting is called that; the message suggests the nearest.
            InvalidParameter: a value breaks its rule, or would make it another data set's or model's settings.
        """
        values = self.to_json()
        groups = {name: group for name, group in values.items() if isinstance(group, dict)}
        known = {f"{group}.{name}" for group, settings in groups.items() for name in settings}
        for path, value in overrides.items():
            if path in ("stages", "augmentation"):
                values[path] = value
                continue
            if path not in known:
                raise UnknownName("setting", path, {*known, "stages", "augmentation"})
            group, _, name = path.partition(".")
            if name == "name":
                self._require_same_name(group, value)
            groups[group][name] = value
        return type(self).checked(values)

    def _require_same_name(self, group: str, value: Any) -> None:
        # The other settings of the group are this one's own, and the variant's name would no longer tell the truth.
        registry = {"dataset": DATASETS, "model": MODELS}[group]
        mine = getattr(self, group).name
        if value != mine:
            if mine in registry:
                registry[str(value)]  # an unknown name is answered with the nearest
            raise InvalidParameter(
                f"{group}.name must stay {mine!r}; got {value!r}. Choose another variant or data set instead."
            )


def parsed_overrides(texts: Iterable[str]) -> dict[str, Any]:
    """Return settings to change, from texts such as "training.learning_rate=0.01"; values are JSON or plain text.

    Raises:
        InvalidParameter: a text has no "=".
    """
    overrides: dict[str, Any] = {}
    for text in texts:
        path, equals, value = text.partition("=")
        if not equals:
            raise InvalidParameter(f"Write GROUP.NAME=VALUE; got {text!r}.")
        try:
            overrides[path.strip()] = orjson.loads(value)
        except orjson.JSONDecodeError:
            overrides[path.strip()] = value
    return overrides


def parsed_seeds(text: str) -> list[int]:
    """Return the seeds that a text such as "3", "0-4" or "0,2,5" names, ascending, each once.

    Raises:
        InvalidParameter: it is of another form, or names more than `MOST_SEEDS`.
    """
    seeds: set[int] = set()
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d{1,10})(?:\s*-\s*(\d{1,10}))?\s*", part)
        if not found:
            raise InvalidParameter(f"seeds must look like 3, 0-4 or 0,2,5; got {text!r}.")
        first = int(found[1])
        last = int(found[2] or first)
        if last < first:
            raise InvalidParameter(f"seeds must name the smaller seed first; got {text!r}.")
        # Cut before counting: a range may name ten thousand million.
        seeds.update(range(first, min(last, first + MOST_SEEDS) + 1))
        if len(seeds) > MOST_SEEDS:
            raise InvalidParameter(f"seeds must name at most {MOST_SEEDS:,} seeds; got {text!r}.")
    return sorted(seeds)
