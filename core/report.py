"""Report: which table goes with which chart, and how a reader should take it.

Separate because it is the one place that knows both evaluation and charts; page, report and command line all show
these sections. It leaves out where they are shown.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pandas as pd
import plotly.graph_objects as go

from core.charts import calibration as calibration_chart
from core.charts import confidence as confidence_charts
from core.charts import confusion_matrix as confusion_matrix_chart
from core.charts import counts as counts_charts
from core.charts import per_class as per_class_chart
from core.charts import precision_recall as precision_recall_chart
from core.charts import roc as roc_chart
from core.charts import type_errors as type_errors_chart
from core.charts.bars_with_intervals import bars_with_intervals
from core.evaluation.calibration import calibration
from core.evaluation.confidence import confidence_histogram, coverage
from core.evaluation.confusion_matrix import confused_pairs, confusion_matrix
from core.evaluation.count_offsets import count_offsets
from core.evaluation.counts import count_residuals, predicted_counts
from core.evaluation.groups import per_group
from core.evaluation.one_vs_rest import one_vs_rest
from core.evaluation.per_class import per_class
from core.evaluation.precision_recall import precision_recall
from core.evaluation.roc import roc
from core.evaluation.type_errors import type_pair_errors
from core.exceptions import UnknownName
from core.predictions import Predictions


@dataclass(frozen=True)
class Section:
    """One question about a split's predictions: its table, its chart and how to read them.

    Attributes:
        name: the word in links and file names.
        title: the heading.
        how_to_read: two sentences for a reader who sees such a chart for the first time.
        table: from predictions to a tidy table; further arguments have defaults.
        chart: from that table to a figure; further arguments have defaults.
    """

    name: str
    title: str
    how_to_read: str
    table: Callable[..., pd.DataFrame]
    chart: Callable[..., go.Figure]

    def draw(self, predictions: Predictions) -> go.Figure:
        """Return the chart of the table, both at their defaults."""
        return self.chart(self.table(predictions))


def _top_pairs(predictions: Predictions) -> pd.DataFrame:
    table = confused_pairs(confusion_matrix(predictions))
    words = [
        f"{true} \N{RIGHTWARDS ARROW} {predicted}"
        for true, predicted in zip(table["true_name"], table["predicted_name"], strict=True)
    ]
    return table.assign(pair=words)


def _roc(predictions: Predictions) -> pd.DataFrame:
    return roc(one_vs_rest(predictions), predictions.space.class_names)


def _precision_recall(predictions: Predictions) -> pd.DataFrame:
    return precision_recall(one_vs_rest(predictions), predictions.space.class_names)


def _sum_over_types(table: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    return table.groupby(by)["samples"].sum().reset_index()


def _all_counts(predictions: Predictions) -> pd.DataFrame:
    table = _sum_over_types(predicted_counts(predictions), ["true", "predicted"])
    return table.assign(share=table["samples"] / table.groupby("true")["samples"].transform("sum"))


def _all_residuals(predictions: Predictions) -> pd.DataFrame:
    return _sum_over_types(count_residuals(predictions), ["low", "high"])


SECTIONS = (
    Section(
        "confusion_matrix",
        "Confusion matrix",
        "Each row is a true class and each column what the network said, so the diagonal holds the right answers. A "
        "strongly coloured cell off the diagonal names two classes that it confuses: click it to see those images.",
        confusion_matrix,
        confusion_matrix_chart.confusion_matrix,
    ),
    Section(
        "confused_pairs",
        "Top confused pairs",
        "Each bar is one class (left) and what its images are taken for (right), as a share of all images of the true class. "
        "The whisker is the 95 % interval: where two overlap widely, chance may have put one above the other.",
        _top_pairs,
        partial(
            bars_with_intervals,
            name="pair",
            value="share_of_true",
            samples="count",
            door=("true", "predicted"),
            x_title="Share of the true class (%)",
            y_title="True class → predicted class",
            note="No class is taken for another.",
        ),
    ),
    Section(
        "per_class",
        "Report per class",
        "Precision says how many of the images given to a class belong there, recall how many of the class's images were "
        "found, and F1 is high only if both are. Short bars are the weak classes; the whisker is the 95 % interval, wide for few "
        "images.",
        per_class,
        per_class_chart.per_class,
    ),
    Section(
        "roc",
        "ROC, one class against the rest",
        "Whoever takes more images for a class finds more of it (up) and wrongly takes more of the others (right): a curve near "
        "the upper left corner tells the class apart well. The area below it (AUC) is 1 for perfect and 0.5 for guessing.",
        _roc,
        roc_chart.roc,
    ),
    Section(
        "precision_recall",
        "Precision and recall",
        "The further right, the more of the class is found, and the height says how much of what was taken belongs there. The "
        "average precision sums a curve up, and unlike the ROC it sinks where a rare class drowns in false alarms.",
        _precision_recall,
        precision_recall_chart.precision_recall,
    ),
    Section(
        "calibration",
        "Calibration",
        "Images are sorted by how sure the network was, and each bar shows how often it was right at that confidence. "
        "Bars below the dashed line mean that it is too sure of itself; bars above, that it is too careful.",
        calibration,
        calibration_chart.calibration,
    ),
    Section(
        "confidence",
        "Confidence of right and of wrong answers",
        "Upwards the right answers, downwards the wrong ones, each as shares of their own. A network that knows when it errs "
        "has its wrong answers on the left; bars on the lower right are mistakes it was sure of.",
        confidence_histogram,
        confidence_charts.confidence_histogram,
    ),
    Section(
        "coverage",
        "Accuracy against coverage",
        "If the network may stay silent when unsure, it answers fewer images (left) and is right more often (up). The right "
        "end is the plain accuracy; a curve that stays flat means that the confidence does not know the mistakes.",
        coverage,
        confidence_charts.coverage,
    ),
    Section(
        "per_group",
        "Accuracy per pair of types",
        "Each bar is the share of a pair's images whose very class, counts included, is right. The whisker is the 95 % "
        "interval: pairs whose whiskers overlap widely are not told apart by these images.",
        per_group,
        partial(
            bars_with_intervals,
            name="group",
            value="accuracy",
            door=("group",),
            x_title="Accuracy (%)",
            y_title="Pair of types",
            is_whole=True,
            note="The classes of this data set have no groups.",
        ),
    ),
    Section(
        "type_pair_errors",
        "Misclassified images per pair of types",
        "Each cell is a pair of types and shows how many of its images get a wrong class; the two halves mirror each other. An "
        "even colour means that no pair is harder than the others.",
        type_pair_errors,
        type_errors_chart.type_pair_errors,
    ),
    Section(
        "count_offsets",
        "Count offset where the pair is right",
        "Of the images whose pair of types is right, each bar is the share whose class misses the first count by so much; 0 is "
        "right. Bars next to 0 only mean that the network miscounts by one figure at most.",
        count_offsets,
        partial(
            bars_with_intervals,
            name="offset",
            door=("offset",),
            y_title="Predicted minus true count (figures)",
            note="No image has its pair of types right, or there are no pairs.",
        ),
    ),
    Section(
        "predicted_counts",
        "Predicted against true counts",
        "Each column is a true count and shows what the count head said of those images, rounded; the dashed line is right. "
        "Colour above the line means that it counts too many, below it too few.",
        _all_counts,
        counts_charts.predicted_counts,
    ),
    Section(
        "count_residuals",
        "Residuals of the counts",
        "Each bar is how often the count head missed by so much; between the dashed lines rounding still gives the right count. "
        "A hump beside 0 is a bias, a wide one is noise.",
        _all_residuals,
        counts_charts.count_residuals,
    ),
)
"""In the order in which a page and a report show them."""


def section(name: str) -> Section:
    """Return a section by its name.

    Raises:
        UnknownName: there is none.
    """
    known = {one.name: one for one in SECTIONS}
    if name not in known:
        raise UnknownName("section", name, known)
    return known[name]
