"""What a run is asked to do: TrainingConfig, Variant and RunConfig, with their bounds and their JSON.

A variant leaves out the data set and the seed: the same variant is compared over both. Seed, resources and owner are
not settings of the experiment and stand beside the config in `run.json`.
"""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, Union

import orjson
from pydantic import Discriminator, Field, Tag

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
    weight_decay: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Pull of the weights towards zero, as the optimizer defines it.",
    )
    schedule: Literal["constant", "linear"] = Field(
        "constant",
        description="Course of the learning rate after the warm-up: constant, or linear to zero.",
    )
    warmup_share: float = Field(
        0.0,
        ge=0,
        le=0.9,
        description="Share of all steps in which the learning rate rises from zero.",
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
    patience: int = Field(
        3,
        ge=0,
        le=1000,
        description="Epochs without a better validation accuracy before training stops; 0 never stops early.",
        json_schema_extra={"unit": "epochs"},
    )
    count_loss_weight: float = Field(
        1.0,
        ge=0,
        le=1000,
        description="Weight of the count loss beside the class loss, where there are counts; 0 leaves it out.",
    )


class Variant(Settings):
    """Model and training settings under comparison, with a name; seed and data set excluded."""

    name: str = Field(pattern=r"^[a-z0-9-]{1,40}$", description="Name of the variant.")
    description: str = Field(
        "", max_length=200, description="What sets the variant apart, in one sentence."
    )
    model: ModelConfig
    training: TrainingConfig = TrainingConfig()


class RunConfig(Settings):
    """Everything that decides a run's result but the seed: data set, variant, model and training, resolved."""

    dataset: DatasetConfig
    variant: str = Field(
        pattern=r"^[a-z0-9-]{1,40}$", description="Name of the variant it started from."
    )
    model: ModelConfig
    training: TrainingConfig

    def to_json(self) -> dict[str, Any]:
        """Return plain values, every setting included."""
        return self.model_dump(mode="json")

    def changed(self, overrides: Mapping[str, Any]) -> Self:
        """Return a copy with settings replaced, by dotted path: {"training.learning_rate": 0.01}.

        Raises:
            UnknownName: no setting is called that; the message suggests the nearest.
            InvalidParameter: a value breaks its rule, or would make it another data set's or model's settings.
        """
        values = self.to_json()
        groups = {name: group for name, group in values.items() if isinstance(group, dict)}
        known = {f"{group}.{name}" for group, settings in groups.items() for name in settings}
        for path, value in overrides.items():
            if path not in known:
                raise UnknownName("setting", path, known)
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
