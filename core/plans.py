"""Plans: which runs a choice of variants or a suite comes to, with changes for all and several values of some settings.

Apart from submitting, so that a page can say how many runs there will be, and of what, before anything is checked
against the data or written. Also the batch size that a recipe gets on few images. Seeds multiply what is planned here.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from core.config import RunConfig
from core.differences import Difference, differences, setting_words, value_words
from core.exceptions import InvalidParameter
from core.variants import Suite, run_config

MOST_RUNS = 500
"""Runs that may be started together: a typing error must not fill the queue for weeks."""

_STEPS_PER_EPOCH = 4
"""Optimizer steps that an epoch on few images has at least: fewer, and the default number of epochs trains next to nothing."""

_SMALLEST_BATCH = 4
"""Fitted batches hold no fewer images, if there are as many: of one or two, a gradient is mostly chance."""


@dataclass(frozen=True)
class Planned:
    """What to train with each seed.

    Attributes:
        config: all settings.
        values: dotted path -> value, of the settings that take several values in the plan; what sets it apart.
    """

    config: RunConfig
    values: Mapping[str, Any]

    @property
    def words(self) -> str:
        """What sets it apart, in words: "learning rate 0.003, batch size 64"; "" where nothing does."""
        parts = (
            f"{setting_words(path.rpartition('.')[2])} {value_words(value)}"
            for path, value in self.values.items()
        )
        return ", ".join(parts)


def grid(
    configs: Sequence[RunConfig], values: Mapping[str, Sequence[Any]], num_seeds: int = 1
) -> list[Planned]:
    """Return each config with each combination of values.

    Args:
        configs: what to start from.
        values: dotted path -> at least one value; one value is a change for all.
        num_seeds: that each will be run with, for the limit.

    Raises:
        UnknownName: no setting of a config is called that.
        InvalidParameter: a value breaks its rule, a setting has none, or there would be more than `MOST_RUNS` runs.
    """
    each = {path: _once(some) for path, some in values.items()}
    for path, some in each.items():
        if not some:
            raise InvalidParameter(f"{path} needs at least one value, such as 0.001, 0.003.")
    number = len(configs) * num_seeds
    for some in each.values():
        number *= len(some)
    if number > MOST_RUNS:
        raise InvalidParameter(
            f"At most {MOST_RUNS} runs can be started together; these would be {number:,}. "
            "Take fewer variants, values or seeds."
        )
    several = [path for path, some in each.items() if len(some) > 1]
    planned: list[Planned] = []
    for config in configs:
        for combination in itertools.product(*each.values()):
            changes = dict(zip(each, combination, strict=True))
            shown = {path: changes[path] for path in several}
            planned.append(Planned(config.changed(changes) if changes else config, shown))
    return planned


def common_differences(before: RunConfig, planned: Sequence[Planned]) -> list[Difference] | None:
    """Return what all plans of one config change of it; what sets them apart is left out.

    None where nothing is left: several plans do not have all settings of the config.
    """
    found = differences(before.to_json(), planned[0].config.to_json())
    common = [one for one in found if one.path not in planned[0].values]
    return common if common or len(planned) == 1 else None


def parsed_values(text: str, *, is_list: bool = False) -> list[Any]:
    """Return the values that a text such as "0.001, 0.003" names; what is not JSON stays text.

    Args:
        text: values with commas between them.
        is_list: each value is a list of its own; these stand between semicolons: "128, 64; 256".
    """
    if is_list:
        return [parsed_values(part) for part in text.split(";") if part.strip()]
    values: list[Any] = []
    for part in text.split(","):
        if part.strip():
            try:
                values.append(orjson.loads(part.strip()))
            except orjson.JSONDecodeError:
                values.append(part.strip())
    return values


def suite_on(
    suite: Suite, dataset: Mapping[str, Any], overrides: Mapping[str, Any] | None = None
) -> list[RunConfig]:
    """Return the runs of a suite on one data set: its own entries for it, or where it has none all of them.

    Args:
        suite: the suite.
        dataset: "name", and the settings of the data set that go before the suite's own.
        overrides: settings that differ from the suite's, by dotted path.

    Raises:
        InvalidParameter: a setting is unknown or breaks its rule.
    """
    own = [entry for entry in suite.entries if entry.dataset["name"] == dataset["name"]]
    return [
        run_config(
            {**(entry.dataset if own else {}), **dataset},
            entry.variant,
            {**entry.overrides, **(overrides or {})},
        )
        for entry in own or suite.entries
    ]


def fitted_batch_size(batch_size: int, num_samples: int) -> int:
    """Return a recipe's batch size, or on few images the largest power of two that is at most a quarter of them.

    On fewer than 16 images it is 4, if there are as many.

    Args:
        batch_size: of the recipe, which was made for thousands of images.
        num_samples: of the training split.
    """
    most = max(num_samples // _STEPS_PER_EPOCH, min(_SMALLEST_BATCH, num_samples), 1)
    return batch_size if batch_size <= most else 1 << (most.bit_length() - 1)


def fitted(config: RunConfig, num_samples: int) -> RunConfig:
    """Return a config with its batch size fitted to a training split; the same one where nothing has to change.

    For recipes only: a batch size that somebody chose stays, and `core.jobs.checks` says whether it can be trained.
    """
    size = fitted_batch_size(config.training.batch_size, num_samples)
    if size == config.training.batch_size:
        return config
    return config.changed({"training.batch_size": size})


def _once(values: Sequence[Any]) -> list[Any]:
    kept: list[Any] = []
    for value in values:
        if value not in kept:
            kept.append(value)
    return kept
