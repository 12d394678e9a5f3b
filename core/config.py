"""What a run is asked to do: TrainingConfig, Variant and RunConfig, with their bounds and their JSON.

A variant leaves out the data set and the seed: the same variant is compared over both. Seed, resources and owner are
not settings of the experiment and stand beside the config in `run.json`.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Self, Union

import orjson
from pydantic import Field

from core.datasets import DATASETS
from core.exceptions import InvalidParameter
from core.models import MODELS
from core.settings import Settings

# Unions over the registries, told apart by `name`: an entry in a registry is all it takes to be configurable.
DatasetConfig = Annotated[Union[tuple(DATASETS.values())], Field(discriminator="name")]
ModelConfig = Annotated[Union[tuple(MODELS.values())], Field(discriminator="name")]


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
            InvalidParameter: no such setting, or its value breaks the rule.
        """
        values = self.to_json()
        for path, value in overrides.items():
            *groups, name = path.split(".")
            here: Any = values
            for group in groups:
                here = here.get(group) if isinstance(here, dict) else None
            if not isinstance(here, dict) or not groups:
                raise InvalidParameter(
                    f"No setting is called {path!r}. Write GROUP.NAME=VALUE with the group dataset, model or training."
                )
            here[name] = value
        return type(self).checked(values)


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
        InvalidParameter: it is of another form, or names more than 1,000.
    """
    seeds: set[int] = set()
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d{1,10})(?:\s*-\s*(\d{1,10}))?\s*", part)
        if not found:
            raise InvalidParameter(f"seeds must look like 3, 0-4 or 0,2,5; got {text!r}.")
        first = int(found[1])
        last = int(found[2] or first)
        if last < first or last - first >= 1000:
            raise InvalidParameter(
                f"seeds must name 1 to 1,000 seeds, the smaller first; got {text!r}."
            )
        seeds.update(range(first, last + 1))
    return sorted(seeds)
