"""Compared: the variants of one data set against each other: result, sentences, curves, what sets them apart.

The numbers and sentences are those of `core.lineup`, so that page, command line and file say the same. It leaves out what
one run alone shows (`judged.py`).
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from core.charts.best_bars import best_bars
from core.charts.pair_matrix import pair_matrix as pair_chart
from core.charts.seed_curves import seed_curves as curves_chart
from core.charts.style import metric_title, percent
from core.differences import differences, setting_words, value_words
from core.evaluation.pair_matrix import pair_matrix
from core.evaluation.seed_curves import seed_curves, single_curves, stage_boundaries
from core.exceptions import CoreError
from core.facts import group_verdicts
from core.hand_in.judged import interval
from core.hand_in.markup import (
    HEIGHT,
    Markup,
    element,
    figure,
    folded,
    joined,
    number_of,
    paragraphs,
    table,
)
from core.hand_in.reading import reading_id
from core.lineup import Lineup, is_best, lineup, results_table
from core.run_groups import Group, default_baseline, group_settings
from core.runs.history_damage import history_damage

METRICS = ("accuracy", "loss", "count_rmse")
"""Of the histories; each that occurs has its panel."""


def compared_on(groups: Sequence[Group]) -> str:
    """Return the split on which groups are compared: test as soon as one run has finished."""
    is_done = any(run.state.state == "finished" for group in groups for run in group.runs)
    return "test" if is_done else "validation"


def result(groups: Sequence[Group], colours: Mapping[str, str]) -> tuple[tuple[str, ...], Markup]:
    """Return what the comparison in accuracy left out, in sentences, and how it comes out.

    Args:
        groups: on the same data.
        colours: label -> "#RRGGBB".
    """
    baseline = default_baseline(groups).label if len(groups) > 1 else None
    try:
        found = lineup(groups, compared_on(groups), "accuracy", baseline)
    except CoreError as error:
        return (str(error),), element("p", str(error), class_="warning")
    comparison = found.comparison
    words = f"Accuracy on {comparison.num_images:,} images of {found.split}, 95 % intervals"
    against = f", held against {comparison.baseline}." if comparison.baseline else "."
    bars = best_bars(
        comparison.variants, baseline=comparison.baseline, is_zoomed=True, colours=colours
    )
    # The numbers beside the bars reach over the edge on paper.
    bars.update_layout(margin={"r": 90})
    drawn = figure(
        bars,
        "Accuracy of each variant",
        f"Bars of the mean accuracy of {number_of(len(found.groups), 'variant')} with intervals.",
        reading_id("bars"),
    )
    pairs = Markup()
    if len(found.groups) > 1:
        pairs = figure(
            pair_chart(pair_matrix(comparison)),
            "Differences, each variant against each",
            f"Differences in accuracy between {len(found.groups)} variants, each against each.",
            reading_id("pairs"),
        )
    return found.left_out, joined(
        [
            element("p", words, against),
            drawn,
            element("h3", "Is it real?") if found.sentences else Markup(),
            paragraphs(found.sentences),
            pairs,
            element("h3", "Results and costs"),
            _results(found, colours),
        ]
    )


def curves(groups: Sequence[Group], colours: Mapping[str, str]) -> Markup:
    """Return one figure a metric: means with bands over seeds, the single seeds behind; above them what is lost of them."""
    histories = {run.id: run.history() for group in groups for run in group.runs}
    labels = {run.id: group.label for group in groups for run in group.runs}
    stages = stage_boundaries(histories, labels)
    figures = []
    for metric in METRICS:
        means = seed_curves(histories, labels, metric)
        if means.empty:
            continue
        fig = curves_chart(
            means,
            metric,
            singles=single_curves(histories, labels, metric),
            boundaries=stages,
            colours=colours,
        )
        # A legend that must be scrolled is cut off on paper.
        fig.update_layout(height=max(HEIGHT, 130 + 30 * len(groups)))
        title = metric_title(metric)
        alt = f"{title} by epoch of {number_of(len(groups), 'variant')}."
        figures.append(figure(fig, title, alt, reading_id("curves")))
    damage = [one for group in groups for run in group.runs for one in history_damage(run)]
    lost = element("div", paragraphs(damage), class_="warning") if damage else Markup()
    return joined([lost, *figures]) if figures else joined([lost, element("p", _no_curves(groups))])


def settings(groups: Sequence[Group]) -> Markup:
    """Return in which settings each variant differs from the baseline, and all settings of each, folded."""
    baseline = default_baseline(groups)
    rows = [
        [group.label if place == 0 else "", one.what, one.before, one.after]
        for group in groups
        if group is not baseline
        for place, one in enumerate(differences(baseline.config, group.config))
    ]
    difference = element("p", "There is one variant alone.")
    if len(groups) > 1:
        difference = table(["Variant", "Setting", baseline.label, "Here"], rows, num_texts=4)
    every = [
        folded(
            f"All settings of {group.label}",
            table(
                ["Setting", "", "Value"],
                [
                    [words(path), element("code", path), value_words(value)]
                    for path, value in group_settings(group).items()
                ],
                num_texts=3,
            ),
        )
        for group in groups
    ]
    return joined([difference, *every])


def verdicts(groups: Sequence[Group]) -> Markup:
    """Return what the curves of each variant say, warnings first."""
    baseline = default_baseline(groups)
    parts = []
    for group in groups:
        sentences = [
            one.verdict.sentence
            + (f" ({one.num_seeds} of {len(group.runs)} seeds)" if len(group.runs) > 1 else "")
            for one in group_verdicts(group, baseline)
        ]
        mark = " (baseline)" if group is baseline and len(groups) > 1 else ""
        parts += [
            element("h4", f"{group.label}{mark}"),
            paragraphs(sentences or [_no_curves([group])]),
        ]
    return joined(parts)


def _no_curves(groups: Sequence[Group]) -> str:
    has_finished = any(run.state.epoch for group in groups for run in group.runs)
    return "The history is lost." if has_finished else "No epoch has ended yet."


def words(path: str) -> str:
    """Return a setting's dotted path in words: "training.learning_rate" is "learning rate"."""
    part, _, name = path.partition(".")
    if part == "stages":
        return f"stage {int(name) + 1}"
    if name == "name":
        return "data set" if part == "dataset" else "network"
    return setting_words(name or part)


def _results(found: Lineup, colours: Mapping[str, str]) -> Markup:
    shown = results_table(found)
    marks = is_best(found, shown)
    titles = {
        "mean": "Accuracy, mean [95 %]",
        "standard_deviation": "± seeds",
        "runs": "Seeds",
        "rank": "Rank",
        "best_epoch": "Best epoch",
        "seconds": "Training (s)",
        "parameters": "Parameters",
        "multiply_adds": "Multiply-adds",
    }
    titles = {name: title for name, title in titles.items() if shown[name].notna().any()}
    rows = []
    for place, row in enumerate(shown.to_dict("records")):
        label = str(row["variant"])
        swatch = element("span", class_="swatch", style=f"background:{colours[label]}")
        cells: list[str] = [joined([swatch, label])]
        for name in titles:
            text = _cell(row, name)
            cells.append(
                element("span", text, class_="best") if marks.iloc[place][name] else Markup(text)
            )
        rows.append(cells)
    seeds = _seeds(found.runs)
    return joined([table(["Variant", *titles.values()], rows), seeds])


def _cell(row: Mapping, name: str) -> str:
    value = row[name]
    match name:
        case "mean":
            return interval(value, row["low"], row["high"], percent)
        case "rank":
            return f"{value}" if value == row["rank_to"] else f"{value} to {row['rank_to']}"
        case _ if value != value:
            return "–"
        case "standard_deviation":
            return f"{100 * value:.1f} points"
        case "runs":
            return f"{value}"
        case "best_epoch" | "seconds":
            return f"{value:,.1f}"
        case _:
            return f"{value:,.0f}"


def _seeds(runs: pd.DataFrame) -> Markup:
    """Return each run's own value, folded."""
    rows = [
        [str(row["variant"]), element("code", str(row["run"])), f"{row['seed']}", percent(row["value"])]
        for row in runs.to_dict("records")
    ]  # fmt: skip
    return folded("Each seed", table(["Variant", "Run", "Seed", "Accuracy"], rows, num_texts=2))
