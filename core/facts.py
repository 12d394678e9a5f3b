"""Facts of runs, variants and suites as plain values: what the command line prints and what programs read as JSON.

Their shapes are an interface. How they are laid out as text is the command line's business.
"""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from core.config import Variant
from core.datasets.base import Dataset
from core.evaluation.accuracy import accuracy
from core.evaluation.course import Course, Rows
from core.evaluation.verdict import Verdict
from core.evaluation.verdicts import verdicts
from core.evaluation.verdicts_against import verdicts_against
from core.exceptions import CoreError, DamagedRun, IncompatibleModel
from core.labels import LabelSpace
from core.models.base import Architecture
from core.models.layers import layer_table, num_parameters
from core.run_groups import Group
from core.runs import files, history
from core.runs.run import Run
from core.variants import SUITES, VARIANTS, Suite


def run_facts(run: Run) -> dict[str, Any]:
    """Return all there is to say of a run: its row, config, attempts, path, weights_sha256, parameters and verdicts.

    verdicts is a list of {rule, epoch, is_warning, sentence}, as `run_verdicts` orders them.
    """
    attempts = [
        {
            "attempt": number,
            **{key: values.get(key) for key in ("host", "pid", "device", "from_epoch")},
            "exit": _read(run.layout.exit(number)),
        }
        for number, values in sorted(history.attempts(run.layout).items())
    ]
    best = _read(run.layout.best_json) or {}
    return {
        **run.row(),
        "config": run.config,
        "attempts": attempts,
        "path": str(run.layout.path),
        "weights_sha256": best.get("weights_sha256"),
        "parameters": best.get("parameters"),
        "verdicts": [_as_row(verdict) for verdict in run_verdicts(run, run.history())],
    }


def run_verdicts(run: Run, rows: Rows) -> list[Verdict]:
    """Return what a run's history says of it, the most important first; nothing before its first epoch.

    Args:
        run: the run.
        rows: its history.
    """
    state = run.state
    return verdicts(rows, run.config, _num_validation(run), state.state, state.reason)


@dataclass(frozen=True)
class SeenVerdict:
    """A verdict on a variant and in how many of its seeds its rule spoke.

    Attributes:
        verdict: of the first seed in which it did.
        num_seeds: in which it did.
    """

    verdict: Verdict
    num_seeds: int


def group_verdicts(
    group: Group, baseline: Group | None, read_history: Callable[[Run], Rows] = Run.history
) -> list[SeenVerdict]:
    """Return what the curves of a variant say, warnings first; then what they say beside those of a baseline.

    A seed stands beside the baseline's run of the same place, from the first again where the baseline has fewer: seeds of
    two variants have nothing in common. Which variant is the better one is left out: one seed beside another cannot say it,
    and what all seeds say together (`core.evaluation.comparison`) would be contradicted.

    Args:
        group: the variant.
        baseline: another one; itself or None: only what the curves say alone.
        read_history: rows of a run.
    """
    seen: dict[str, list[Verdict]] = {}
    for run in group.runs:
        for one in run_verdicts(run, read_history(run)):
            seen.setdefault(one.rule, []).append(one)
    if baseline is not None and baseline.key != group.key:
        others = itertools.cycle(baseline.runs)
        for run, other in zip(group.runs, others, strict=False):
            pair = (
                Course.of(
                    read_history(member),
                    member.config,
                    num_validation=_num_validation(member),
                    state=member.state.state,
                    label=of.label,
                )
                for member, of in ((run, group), (other, baseline))
            )
            for one in verdicts_against(*pair, are_ranked=False):
                seen.setdefault(one.rule, []).append(one)
    found = [SeenVerdict(some[0], len(some)) for some in seen.values()]
    return sorted(found, key=lambda one: not one.verdict.is_warning)


def _num_validation(run: Run) -> int | None:
    """Return how many images a run's validation split has, or None where its stored outputs do not say."""
    splits = (_read(run.layout.predictions_index) or {}).get("splits")
    stored = splits.get("validation") if isinstance(splits, dict) else None
    samples = stored.get("samples") if isinstance(stored, dict) else None
    return samples if isinstance(samples, int) else None


def _as_row(verdict: Verdict) -> dict[str, Any]:
    # The sentence last: in a table of text it is by far the longest.
    values = asdict(verdict)
    return {name: values[name] for name in ("rule", "epoch", "is_warning", "sentence")}


def final_accuracy(run: Run) -> float | None:
    """Return the best weights' accuracy on the test split in [0, 1], or None before there is one."""
    try:
        return float(accuracy(run.predictions("test")).iloc[0]["accuracy"])
    except CoreError:
        return None


def demo_row(run: Run) -> dict[str, Any]:
    """Return how a run of the demo ended: id, dataset, variant, state, test_accuracy in [0, 1], seconds."""
    state = run.state
    seconds = None if state.started is None or state.ended is None else state.ended - state.started
    return {
        "id": run.id,
        "dataset": run.dataset,
        "variant": run.variant,
        "state": state.state,
        "test_accuracy": final_accuracy(run),
        "seconds": None if seconds is None else round(seconds, 1),
    }


def variant_rows(dataset: Dataset | None) -> list[dict[str, Any]]:
    """Return name, kind ("variant" or "suite") and description of each; with a data set only what fits it."""
    rows = [
        {"name": name, "kind": "variant", "description": variant.description}
        for name, variant in VARIANTS.items()
        if dataset is None or fits(variant, dataset)
    ]
    return rows + [
        {"name": name, "kind": "suite", "description": suite.description}
        for name, suite in SUITES.items()
        if dataset is None or any(one.dataset["name"] == dataset.name for one in suite.entries)
    ]


def fits(variant: Variant, dataset: Dataset) -> bool:
    """Return whether a variant's network can be built for a data set, and its labels can follow the augmentation."""
    try:
        network_on_paper(variant.model, dataset.image_shape, dataset.space)
    except IncompatibleModel:
        return False
    return not variant.augmentation.refusals(dataset.image_shape, dataset.space)


def variant_facts(variant: Variant, datasets: Iterable[Dataset]) -> dict[str, Any]:
    """Return a variant's settings and, for the first data set that it fits, its layers and parameters.

    Args:
        variant: the variant.
        datasets: at least one; those behind the first that it fits are not asked for.

    Raises:
        IncompatibleModel: it fits none of them; the message is about the last.
    """
    reason = IncompatibleModel("There is no data set to build it for.")
    for dataset in datasets:
        try:
            network = network_on_paper(variant.model, dataset.image_shape, dataset.space)
        except IncompatibleModel as error:
            reason = error
            continue
        return _variant_on(variant, dataset, network)
    raise reason


def _variant_on(variant: Variant, dataset: Dataset, network: nn.Module) -> dict[str, Any]:
    found = network_facts(network, dataset.image_shape)
    return {
        "name": variant.name,
        "description": variant.description,
        "dataset": dataset.name,
        "parameters": found["parameters"],
        "multiply_adds": found["multiply_adds"],
        "model": variant.model.model_dump(mode="json"),
        "training": variant.training.model_dump(mode="json"),
        "stages": [stage.model_dump(mode="json") for stage in variant.stages],
        "augmentation": variant.augmentation.to_json(),
        "layers": found["layers"],
    }


def network_on_paper(
    model: Architecture, image_shape: tuple[int, int, int], space: LabelSpace
) -> nn.Module:
    """Build a network without memory for its weights, to be looked at and not to be used.

    Raises:
        IncompatibleModel: it cannot be built for such images; the message names the layer.
    """
    with torch.device("meta"):
        return model.build(image_shape, space)


def network_facts(network: nn.Module, image_shape: tuple[int, int, int]) -> dict[str, Any]:
    """Return parameters and multiply-adds (of one image) of a network, and those of its layers in order.

    layers is a list of {layer, kind, output_shape (without the batch), parameters, multiply_adds}.
    """
    rows = layer_table(network, image_shape)
    return {
        "parameters": num_parameters(network),
        "multiply_adds": sum(row.multiply_adds for row in rows),
        "layers": [
            {
                "layer": row.layer,
                "kind": row.kind,
                "output_shape": list(row.output_shape),
                "parameters": row.num_parameters,
                "multiply_adds": row.multiply_adds,
            }
            for row in rows
        ],
    }


def suite_facts(suite: Suite) -> dict[str, Any]:
    """Return a suite's description and entries."""
    return {
        "name": suite.name,
        "description": suite.description,
        "runs": [
            {
                "dataset": dict(entry.dataset),
                "variant": entry.variant,
                "overrides": dict(entry.overrides),
            }
            for entry in suite.entries
        ],
    }


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return files.read_json(path)
    except (OSError, DamagedRun):
        return None
