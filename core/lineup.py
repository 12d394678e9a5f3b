"""Lineup: from runs to what is compared: grouped by variant, read, held against each other, with what each cost.

Apart from `core.evaluation`, which knows no runs, and from page and command line, which show the same. It leaves out the
statistics (`core.evaluation.comparison`) and how anything looks.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from core.costs import COST_COLUMNS, run_costs, variant_costs
from core.evaluation.alignment import aligned
from core.evaluation.comparison import Comparison, comparison
from core.evaluation.course import Rows
from core.evaluation.duel import Duel
from core.evaluation.duel import duel as duel_of
from core.evaluation.scores import Resampled, metric_of, resample_shared, takes_resampling
from core.exceptions import CoreError, InvalidParameter, RunStateError, UnknownName
from core.predictions import Predictions
from core.run_groups import Group, damaged_sentences, group_settings, groups
from core.runs.run import Run

Reader = Callable[[Run, str], Predictions]
HistoryReader = Callable[[Run], Rows]

SPLITS = ("test", "validation")
RESULTS = ("mean", "low", "high", "rank", "rank_to", "median", "standard_deviation", "min", "max")
"""Columns of `Comparison.variants` that a table of results takes over, beside runs and covers."""


@dataclass(frozen=True)
class Lineup:
    """What is compared, and how it comes out.

    Attributes:
        comparison: of what could be compared, under the groups' labels.
        groups: those that take part, best mean first.
        left_out: sentences that name what does not take part or not fully, with the reason.
        runs: one row a run that takes part: variant (label), run (id), seed, state, value (the metric on the images
            compared), and the columns of `core.costs.run_costs`.
        costs: one row a group, best first: variant (label) and the columns of `core.costs.run_costs`.
        split: what the predictions are of.
    """

    comparison: Comparison
    groups: tuple[Group, ...]
    left_out: tuple[str, ...]
    runs: pd.DataFrame
    costs: pd.DataFrame
    split: str

    @property
    def sentences(self) -> tuple[str, ...]:
        """What the comparison says, then what was left out."""
        return (*self.comparison.sentences, *self.left_out)

    def to_json(self) -> dict[str, Any]:
        """Return what `petridish compare --json` prints, as plain values; an undefined number is None."""
        costs = {
            str(row["variant"]): {
                "best_epoch": _plain(row["best_epoch"]),
                "seconds": _plain(row["seconds"], 1),
                "parameters": _plain(row["parameters"]),
            }
            for row in self.costs.to_dict("records")
        }
        return {**self.comparison.to_json(costs), "sentences": list(self.sentences)}


def lineup(
    groups: Sequence[Group],
    split: str = "test",
    metric: str = "accuracy",
    baseline: str | None = None,
    *,
    read: Reader = Run.predictions,
    read_history: HistoryReader = Run.history,
    resampled: Mapping[str, Resampled] | None = None,
) -> Lineup:
    """Compare groups in one metric.

    Runs on other data than most groups (or than the baseline) are left out: their images are not the same ones. A run
    that is not finished takes part with its best epoch so far on "validation", and has nothing to show on "test".

    Args:
        groups: what to compare.
        split: "test" (best weights), or "validation" (after the best epoch, which was chosen on these very images).
        metric: "accuracy", "macro_f1", "auc" or "rmse".
        baseline: label or variant of the group to hold the others against.
        read: predictions of a run on a split; it raises a CoreError where there are none.
        read_history: rows of a run.
        resampled: run id -> what `core.evaluation.scores.resample_shared` gave of the runs on these data, for metrics that
            take resampling; where a run is missing, all are resampled here, which takes seconds.

    Raises:
        UnknownName: there is no such split, metric or baseline.
        InvalidParameter: nothing can be compared.
        RunStateError: no run has predictions.
    """
    if split not in SPLITS:
        raise UnknownName("split to compare on", split, SPLITS)
    metric_of(metric)
    against = None if baseline is None else _named(groups, baseline)
    left_out = [_superseded_sentence(group) for group in groups if group.superseded]
    same, other = _on_one_data(groups, against)
    left_out += other
    kept: dict[str, list[tuple[Run, Predictions]]] = {}
    for group in same:
        readable = _readable(group, split, read, left_out)
        if readable:
            kept[group.label] = readable
    if not kept:
        why = f" {left_out[0]}" if left_out else ""
        raise RunStateError(f"None of the chosen runs has predictions on {split} to compare.{why}")
    label = against.label if against else None
    if label is not None and label not in kept:
        left_out.append(f"{label} is the baseline and has nothing to compare with.")
        label = None
    predictions = {name: [one for _, one in members] for name, members in kept.items()}
    drawn = _resampled(metric, kept, resampled or {})
    compared = comparison(
        predictions,
        metric,
        label,
        resampled={name: [drawn.get(run.id) for run, _ in some] for name, some in kept.items()},
    )
    order = {name: place for place, name in enumerate(compared.variants["variant"])}
    taking_part = sorted(
        (group for group in same if group.label in order), key=lambda group: order[group.label]
    )
    members = {group.label: kept[group.label] for group in taking_part}
    values = {id: one.value for id, one in drawn.items()} if drawn else _accuracies(members)
    runs = _runs_table(members, values, read, read_history)
    return Lineup(compared, tuple(taking_part), tuple(left_out), runs, variant_costs(runs), split)


def lineup_of(
    runs: Iterable[Run],
    split: str = "test",
    metric: str = "accuracy",
    baseline: str | None = None,
    *,
    read: Reader = Run.predictions,
    read_history: HistoryReader = Run.history,
) -> Lineup:
    """Group runs and compare the groups; arguments and errors as for `lineup`. Damaged runs are left out by name."""
    given = list(runs)
    found = lineup(groups(given), split, metric, baseline, read=read, read_history=read_history)
    return replace(found, left_out=(*damaged_sentences(given), *found.left_out))


def results_table(
    lineup: Lineup, settings: Sequence[str] = (), *, each_run: bool = False
) -> pd.DataFrame:
    """Return results, costs and settings side by side.

    Args:
        lineup: what was compared.
        settings: dotted paths of the settings to show, such as `core.run_groups.differing_settings` names.
        each_run: one row a run instead of one a variant.

    Returns:
        By variant, best mean first: variant (label), then runs, covers and `RESULTS`, or for single runs run, seed, state
        and value; the columns of `core.costs.run_costs`; then one column a setting under its path, None where a
        variant has no such setting.

    Raises:
        UnknownName: no variant has such a setting.
    """
    if each_run:
        table = lineup.runs.copy()
    else:
        compared = lineup.comparison.variants[["variant", "runs", "covers", *RESULTS]]
        table = compared.merge(lineup.costs, on="variant", validate="one_to_one")
    known = {group.label: group_settings(group) for group in lineup.groups}
    for path in settings:
        if not any(path in one for one in known.values()):
            raise UnknownName("setting", path, {name for one in known.values() for name in one})
        values = [known[variant].get(path) for variant in table["variant"]]
        table[path] = pd.Series(values, index=table.index, dtype=object)
    return table


def is_best(lineup: Lineup, table: pd.DataFrame) -> pd.DataFrame:
    """Return which cells of a `results_table` are the best of their column.

    Returns:
        Booleans of the same shape: the largest mean, median, min, max and value (the smallest where less is better), the
        smallest rank and the least of each cost. Never where all are equal, and in no other column: a setting is not
        better than another, and the end of an interval no result. A result is the best only if its variant is really
        better than every other one (`rank_to` is 1): else chance may have put it first.
    """
    variants = lineup.comparison.variants
    winners = variants.loc[variants["rank_to"] == 1, "variant"] if len(variants) > 1 else ()
    is_winner = table["variant"].isin(winners)
    is_higher = metric_of(lineup.comparison.metric).is_higher_better
    results = {"mean", "median", "min", "max", "value"}
    more = results if is_higher else set()
    less = {"rank", *COST_COLUMNS} - {"epochs", "best_epoch"} | (results - more)
    marks = pd.DataFrame(False, index=table.index, columns=table.columns)
    for name in table.columns.intersection([*more, *less]):
        values = table[name]
        if values.nunique() > 1:
            marks[name] = values == (values.max() if name in more else values.min())
            if name in results:
                marks[name] &= is_winner
    return marks


def duel(
    a: Group,
    b: Group,
    read: Reader = Run.predictions,
    split: str = "test",
    *,
    seed: int | None = None,
) -> Duel:
    """Compare two groups image by image; see `core.evaluation.duel`.

    Args:
        a: the first group.
        b: the second one.
        read: as for `lineup`.
        split: as there.
        seed: of the only run of each that counts; None lets the majority of all seeds decide.

    Raises:
        InvalidParameter: they were trained on different data, or a group has no run of this seed or no predictions.
    """
    if a.fingerprint != b.fingerprint:
        raise InvalidParameter(f"{_other_data(a, b)}. Choose two variants on one data set.")
    left_out: list[str] = []
    both = []
    for group in (a, b):
        chosen = tuple(run for run in group.runs if seed is None or run.seed == seed)
        if not chosen:
            seeds = ", ".join(map(str, group.seeds))
            raise InvalidParameter(f"{group.label} has no run with seed {seed}; it has {seeds}.")
        found = _readable(replace(group, runs=chosen), split, read, left_out)
        if not found:
            raise RunStateError(left_out[-1])
        both.append([one for _, one in found])
    found = duel_of(a.label, both[0], b.label, both[1])
    return replace(found, sentences=(*found.sentences, *left_out))


def _resampled(
    metric: str,
    members: Mapping[str, Sequence[tuple[Run, Predictions]]],
    known: Mapping[str, Resampled],
) -> Mapping[str, Resampled]:
    """Return run id -> what resampling gives of it; nothing for accuracy, which takes none."""
    chosen = metric_of(metric)
    if not takes_resampling(chosen):
        return {}
    runs = {run.id: one for some in members.values() for run, one in some}
    if metric == "rmse":
        runs = {
            id: one
            for id, one in runs.items()
            if one.counts is not None and one.count_labels is not None
        }
    return known if known.keys() >= runs.keys() else resample_shared(chosen, runs)


def _accuracies(members: Mapping[str, Sequence[tuple[Run, Predictions]]]) -> dict[str, float]:
    """Return run id -> accuracy on the images that all runs share."""
    # Each by itself, so that none is taken for another one's double.
    alone = {run.id: [one] for some in members.values() for run, one in some}
    return {id: float(one.is_right.mean()) for id, (one,) in aligned(alone).variants.items()}


def _runs_table(
    members: Mapping[str, Sequence[tuple[Run, Predictions]]],
    values: Mapping[str, float],
    read: Reader,
    read_history: HistoryReader,
) -> pd.DataFrame:
    num_validation = _num_validation(members, read)
    rows = []
    for name, some in members.items():
        for run, _ in some:
            facts = {"variant": name, "run": run.id, "seed": run.seed, "state": run.state.state}
            costs = run_costs(run, read_history(run), num_validation)
            rows.append(facts | {"value": values.get(run.id, np.nan)} | costs)
    return pd.DataFrame(rows, columns=["variant", "run", "seed", "state", "value", *COST_COLUMNS])


def _num_validation(
    members: Mapping[str, Sequence[tuple[Run, Predictions]]], read: Reader
) -> int | None:
    """Return the size of the validation split, which all these runs share; None where no run tells."""
    for run, _ in (one for some in members.values() for one in some):
        try:
            return len(read(run, "validation"))
        except CoreError:
            continue
    return None


def _readable(
    group: Group, split: str, read: Reader, left_out: list[str]
) -> list[tuple[Run, Predictions]]:
    found = []
    for run in group.runs:
        who = f"{group.label}, seed {run.seed}"
        try:
            found.append((run, read(run, split)))
        except CoreError as error:
            state = "" if run.state.state == "finished" else f" ({run.state.state})"
            left_out.append(f"{who}{state}, left out: {error}")
            continue
        if run.state.state != "finished" and split == "validation":
            left_out.append(
                f"{who}, is {run.state.state} and not finished: its best epoch so far, {run.state.best_epoch}, counts."
            )
    return found


def _on_one_data(groups: Sequence[Group], baseline: Group | None) -> tuple[list[Group], list[str]]:
    """Return the groups on the data of the baseline, or of most groups, and a sentence for each other one."""
    if not groups:
        raise InvalidParameter("A comparison needs at least one run that is not damaged; got none.")
    numbers: dict[str, int] = {}
    for group in groups:
        numbers[group.fingerprint] = numbers.get(group.fingerprint, 0) + 1
    wanted = baseline.fingerprint if baseline else max(numbers, key=lambda one: numbers[one])
    same = [group for group in groups if group.fingerprint == wanted]
    return same, [
        f"{group.label} left out: {_other_data(group, same[0])}."
        for group in groups
        if group.fingerprint != wanted
    ]


def _other_data(one: Group, other: Group) -> str:
    if one.dataset != other.dataset:
        return f"{one.label} was trained on {one.dataset} and {other.label} on {other.dataset}"
    return (
        f"{one.label} and {other.label} were trained on different images or splits of {one.dataset}"
    )


def _superseded_sentence(group: Group) -> str:
    seeds = ", ".join(str(seed) for seed in sorted({run.seed or 0 for run in group.superseded}))
    return f"{group.label}: seed {seeds} was trained more than once; the newest finished run of it counts."


def _named(groups: Sequence[Group], name: str) -> Group:
    exact = [group for group in groups if group.label == name]
    found = exact or [group for group in groups if group.variant == name]
    if not found:
        raise UnknownName("variant among these", name, [group.label for group in groups])
    if len(found) > 1:
        labels = "; ".join(group.label for group in found)
        raise InvalidParameter(f"{len(found)} groups are of variant {name}. Name one: {labels}.")
    return found[0]


def _plain(value: float, digits: int | None = None) -> float | int | None:
    if not np.isfinite(value):
        return None
    rounded = round(float(value), 4 if digits is None else digits)
    return int(rounded) if rounded.is_integer() and digits is None else rounded
