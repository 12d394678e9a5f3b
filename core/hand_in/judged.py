"""Judged: one variant by one of its runs: report per class, confusion, ROC, calibration, counts, and the worst mistakes.

Apart from `compared.py`, which is about all variants of a data set. It shows the run's numbers as `core.evaluation` gives
them, and leaves out how they come about.
"""

from collections.abc import Callable
from functools import partial

import pandas as pd

from core.charts.style import percent, samples, significant
from core.datasets.base import Dataset
from core.evaluation.accuracy import accuracy
from core.evaluation.calibration import expected_calibration_error
from core.evaluation.counts import count_errors
from core.evaluation.losses import losses
from core.evaluation.one_vs_rest import one_vs_rest
from core.evaluation.per_class import per_class, summary
from core.exceptions import CoreError
from core.hand_in.document import Chapter
from core.hand_in.markup import Markup, element, figure, folded, joined, table
from core.hand_in.mistakes import gallery, worst_mistakes
from core.hand_in.reading import reading_id
from core.predictions import Predictions
from core.report import section
from core.run_groups import Group
from core.runs.run import Run

SHOWN = ("confusion_matrix", "roc", "calibration", "confused_pairs")
WITH_COUNTS = ("predicted_counts", "count_residuals")
MOST_CURVES = 12
"""ROC curves that a figure shows; of more classes those with the smallest areas."""
CURVES_HEIGHT = 540
"""Pixels in which a legend of so many curves finds room."""

FEW_CLASSES = 20
"""Classes up to which the report per class stands open."""
METRICS = ("precision", "recall", "f1", "auc")


def judged(
    group: Group, anchor: str, dataset: Dataset | str, splits: tuple[str, ...]
) -> Chapter | None:
    """Return the part about a variant, by its first seed that has answers on one of the splits; None without any.

    Args:
        group: the variant.
        anchor: id of the part.
        dataset: its data, or why there are no images to show.
        splits: the most telling first.
    """
    for split in splits:
        for run in group.runs:
            try:
                predictions = run.predictions(split)
            except CoreError:
                continue
            body = _body(run, split, predictions, dataset)
            return Chapter(anchor, group.label, body)
    return None


def _body(run: Run, split: str, predictions: Predictions, dataset: Dataset | str) -> Markup:
    number = predictions.space.num_classes
    names = [*SHOWN[:3], *(SHOWN[3:] if number > FEW_CLASSES else ())]
    errors = count_errors(predictions)
    names += WITH_COUNTS if len(errors) else ()
    classes = _classes(predictions)
    return joined(
        [
            _headline(run, split, predictions),
            element("h4", "Report per class"),
            folded(f"All {number} classes", classes) if number > FEW_CLASSES else classes,
            _counts(errors),
            element("div", *(_section(name, predictions, run) for name in names), class_="figures"),
            element("h4", "Worst mistakes"),
            _mistakes(predictions, split, dataset),
        ]
    )


def _headline(run: Run, split: str, predictions: Predictions) -> Markup:
    overall = accuracy(predictions).iloc[0]
    judged_on = "its best weights" if split == "test" else "the best epoch, chosen on these images"
    shown = interval(overall["accuracy"], overall["low"], overall["high"], percent)
    loss = significant(losses(predictions).iloc[0]["class_loss"])
    return element(
        "p",
        f"{run.title} (",
        element("code", run.id),
        f"): {judged_on}, on {samples(len(predictions))} of {split}. Accuracy ",
        element("strong", shown),
        f", class loss {loss} nats, expected calibration error {percent(expected_calibration_error(predictions))}.",
    )


def _classes(predictions: Predictions) -> Markup:
    rankings = one_vs_rest(predictions)
    table_of_classes = per_class(predictions, rankings)
    rows = [(row["class_name"], row) for row in table_of_classes.to_dict("records")]
    rows += [(row["average"], row) for row in summary(predictions, rankings).to_dict("records")]
    cells = [
        [
            str(name),
            *(
                interval(row[one], row[f"{one}_low"], row[f"{one}_high"], partial("{:.3f}".format))
                for one in METRICS
            ),
            f"{row['support']:,}",
        ]
        for name, row in rows
    ]
    return table(["Class", "Precision", "Recall", "F1", "AUC", "Images"], cells)


def _counts(errors: pd.DataFrame) -> Markup:
    if errors.empty:
        return Markup()
    rows = [
        [str(row["type"]), f"{row['rmse']:.3f}", f"{row['mae']:.3f}", f"{row['samples']:,}"]
        for row in errors.to_dict("records")
    ]
    headers = ["Type", "RMSE (figures)", "MAE (figures)", "Images"]
    return joined([element("h4", "Errors of the counts"), table(headers, rows)])


def _section(name: str, predictions: Predictions, run: Run) -> Markup:
    shown = section(name)
    rows = shown.table(predictions)
    if name == "roc":
        rows = _telling(rows)
    fig = shown.chart(rows)
    if name == "roc":
        # A legend that must be scrolled is cut off on paper.
        fig.update_layout(height=CURVES_HEIGHT)
    return figure(fig, shown.title, f"{shown.title} of {run.title}.", reading_id(name))


def _telling(curves: pd.DataFrame) -> pd.DataFrame:
    """Keep the averages, and of many classes those with the smallest areas."""
    areas = curves.drop_duplicates("class").set_index("class")["auc"]
    classes = areas[areas.index >= 0]
    if len(areas) <= MOST_CURVES:
        return curves
    worst = classes.nsmallest(MOST_CURVES - (len(areas) - len(classes))).index
    return curves[(curves["class"] < 0) | curves["class"].isin(worst)]


def _mistakes(predictions: Predictions, split: str, dataset: Dataset | str) -> Markup:
    worst = worst_mistakes(predictions)
    wrong = int((~predictions.is_right).sum())
    if worst.empty:
        return element("p", "No answer is wrong." if not wrong else "No wrong answer has a loss.")
    if isinstance(dataset, str):
        return element("p", f"The images cannot be shown: {dataset}", class_="warning")
    images = dataset.split(split).images[worst["sample_id"].to_numpy()]
    link = element("a", "How to read this", href=f"#{reading_id('mistakes')}", class_="quiet")
    words = f"The {len(worst)} of {wrong:,} wrong answers with the largest loss. "
    return joined([element("p", words, link), gallery(worst, images)])


def interval(value: float, low: float, high: float, written: Callable[[float], str]) -> str:
    """Return a value with its interval: "87.2 % [86.6, 87.8]"; a dash where it is undefined."""
    if value != value:
        return "–"
    if low != low or high != high:
        return written(value)
    ends = f"{written(low).removesuffix(' %')}, {written(high).removesuffix(' %')}"
    return f"{written(value)} [{ends}]"
