"""Report: which table goes with which chart, and how a reader should take it.

Separate because it is the one place that knows both evaluation and charts; page, report and command line all show
these sections. It leaves out where they are shown.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from core.charts import calibration as calibration_chart
from core.charts import confusion_matrix as confusion_matrix_chart
from core.charts import per_class as per_class_chart
from core.evaluation.calibration import calibration
from core.evaluation.confusion_matrix import confusion_matrix
from core.evaluation.per_class import per_class
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
        "per_class",
        "Report per class",
        "Precision says how many of the images given to a class belong there, recall how many of the class's images were "
        "found, and F1 is high only if both are. Short bars are the weak classes; few samples make a bar uncertain.",
        per_class,
        per_class_chart.per_class,
    ),
    Section(
        "calibration",
        "Calibration",
        "Images are sorted by how sure the network was, and each bar shows how often it was right at that confidence. "
        "Bars below the dashed line mean that it is too sure of itself; bars above, that it is too careful.",
        calibration,
        calibration_chart.calibration,
    ),
)
"""In the order in which a page and a report show them."""
