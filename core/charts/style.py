"""Style: colours, dashes, number formats and the two templates that all charts share.

Separate so that a variant looks the same everywhere. It leaves out the charts, and who shows them.
"""

import textwrap
import zlib
from collections.abc import Mapping
from html import escape

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio

from core.exceptions import UnknownName

LIGHT, DARK = "petridish_light", "petridish_dark"

# Okabe and Ito 2008, "Color Universal Design", without black and yellow, which vanish on one of our backgrounds; then
# tints and shades of the six, and a violet for the Fashion study's 15th variant. Each has a contrast of at least 2.2 on white and on Streamlit's dark page.
PALETTE = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#8F5575",
    "#A16F00",
    "#006F50",
    "#3C7EA3",
    "#59C0A4",
    "#954200",
    "#E49659",
    "#59A3CD",
    "#7570B3",
)
# What is compared with each other differs: the 14 variants of the Fashion study among themselves, those of shapes among
# themselves. The two families of nets are never trained on the same data.
_COLOUR_ORDERS = (
    (
        *("dense-base", "conv-base", "dense-batch-norm", "conv-batch-norm", "dense-dropout"),
        *("conv-dropout", "dense-wide", "conv-wide", "dense-deep", "conv-deep", "dense-sgd"),
        *("conv-sgd", "dense-l2", "conv-l2", "fashion-final"),
    ),
    (
        *(
            "shapes-combined",
            "shapes-classes",
            "shapes-counts",
            "shapes-net",
            "shapes-linear-heads",
        ),
        *("shapes-horizontal-flip", "shapes-vertical-flip", "shapes-quarter-turn", "shapes-noise"),
        *("shapes-brightness", "shapes-erasing", "shapes-all-six"),
    ),
    ("fashion-net", "conv-base-padded"),
    ("shapes-lambda-0-5", "shapes-lambda-1-5", "shapes-lambda-6", "shapes-lambda-24"),
)
KNOWN_VARIANTS = {
    name: PALETTE[len(PALETTE) - 1 - number if order == 2 else number]
    for order, names in enumerate(_COLOUR_ORDERS)
    for number, name in enumerate(names)
}
"""Colour of each variant that comes with Petridish; others take one by their name."""

ACCENT = "#D55E00"
NEUTRAL = "#7F8790"
SPLIT_DASHES = {"train": "dash", "train_eval": "dot", "validation": "solid"}
SPLIT_TITLES = {
    "train": "train",
    "train_eval": "train in evaluation mode",
    "validation": "validation",
}
METRIC_TITLES = {
    "loss": "Loss (as trained)",
    "accuracy": "Accuracy (%)",
    "class_loss": "Class loss (nats)",
    "count_loss": "Count loss (smooth L1)",
    "count_loss_share": "Share of the counts in the loss (0 to 1)",
    "count_rmse": "RMSE of the counts (figures)",
    "count_mae": "MAE of the counts (figures)",
    "learning_rate": "Learning rate",
    "gradient_norm": "Norm of the gradient, mean of every eighth batch",
    "dead_share": "Dead neurons, worst layer (0 to 1)",
    "precision": "Precision (0 to 1)",
    "recall": "Recall (0 to 1)",
    "f1": "F1 (0 to 1)",
    "auc": "AUC (0 to 1)",
    "macro_f1": "Macro F1 (0 to 1)",
    "rmse": "RMSE of the counts (figures)",
}

PERCENT_FORMAT = ".1%"
"""d3 format of shares: one decimal."""
SIGNIFICANT_FORMAT = ".3r"
"""d3 format of losses: three significant digits."""
COUNT_FORMAT = ",d"
"""d3 format of counts: thousands separators."""


def variant_colour(name: str) -> str:
    """Return the variant's colour as "#RRGGBB", the same in every process and on every page."""
    if name in KNOWN_VARIANTS:
        return KNOWN_VARIANTS[name]
    # Python's own hash of a string differs from process to process.
    return PALETTE[zlib.crc32(name.encode()) % len(PALETTE)]


def distinct_colours(keys: Mapping[str, str]) -> dict[str, str]:
    """Return label -> colour for what is shown together: that of `variant_colour`, unless another one has it already.

    Variants that come with Petridish always keep theirs, and equal keys share one. Of others with the same colour the first
    keeps it and the next takes the first colour that nobody has; beyond the palette colours repeat.

    Args:
        keys: label -> name of a variant, or what stands for one.
    """
    known = {key: KNOWN_VARIANTS[key] for key in keys.values() if key in KNOWN_VARIANTS}
    for key in keys.values():
        if key not in known:
            taken, own = set(known.values()), variant_colour(key)
            free = [colour for colour in PALETTE if colour not in taken]
            known[key] = own if own not in taken or not free else free[0]
    return {label: known[key] for label, key in keys.items()}


def curve_legends(fig: go.Figure, height_of_second: float) -> None:
    """Put the names of lines beside a figure of curves, and what their dashes mean above it, at a share of its height."""
    fig.update_layout(
        height=420,
        legend={"orientation": "v", "x": 1.01, "y": 1},
        legend2={"orientation": "h", "x": 0, "y": height_of_second, "yanchor": "bottom"}
        | {"itemclick": False, "itemdoubleclick": False, "bgcolor": "rgba(0,0,0,0)"},
    )


def dash(split: str) -> str:
    """Return plotly's dash of a split's line.

    Raises:
        UnknownName: no curve is drawn of such a split.
    """
    if split not in SPLIT_DASHES:
        raise UnknownName("split", split, SPLIT_DASHES)
    return SPLIT_DASHES[split]


def metric_title(metric: str) -> str:
    """Return the axis title of a metric, with its unit."""
    return METRIC_TITLES.get(metric, metric.replace("_", " ").capitalize())


def text(value: object) -> str:
    """Return a name as plotly shows it literally; plotly renders a subset of HTML in all its texts."""
    return escape(str(value), quote=False)


def broken(name: object, letters: int, most_lines: int = 3) -> str:
    """Return a name as `text` does, broken at its spaces into lines; what does not fit ends in "…".

    Args:
        name: what is shown.
        letters: that a line holds at most.
        most_lines: of the name.
    """
    found = textwrap.wrap(
        str(name), letters, break_on_hyphens=False, max_lines=most_lines, placeholder="…"
    )
    return "<br>".join(text(line) for line in found)


def percent(share: float) -> str:
    """Return a share in [0, 1] as "87.2 %", "undefined" for NaN."""
    return "undefined" if np.isnan(share) else f"{100 * share:.1f} %"


def significant(value: float) -> str:
    """Return a number with three significant digits, without exponent; "undefined" for NaN."""
    if not np.isfinite(value):
        return "undefined" if np.isnan(value) else str(value)
    rounded = f"{value:#.3g}"
    return np.format_float_positional(float(rounded), trim="-") if "e" in rounded else rounded


def samples(count: int) -> str:
    """Return a number of samples as "1 sample" or "1,234 samples"."""
    return f"{count:,} {'sample' if count == 1 else 'samples'}"


def figure(x_title: str, y_title: str, title: str | None = None) -> go.Figure:
    """Return a new figure in our light template with its axes named; `title` is shown literally."""
    fig = go.Figure(layout={"template": LIGHT, "title": {"text": text(title)} if title else None})
    fig.update_xaxes(title_text=x_title)
    fig.update_yaxes(title_text=y_title)
    return fig


def with_note(fig: go.Figure, note: str) -> go.Figure:
    """Turn the figure of an empty table into a quiet note; its axes keep their titles."""
    fig.update_xaxes(showticklabels=False, showgrid=False, zeroline=False, range=[0, 1])
    fig.update_yaxes(showticklabels=False, showgrid=False, zeroline=False, range=[0, 1])
    fig.update_layout(height=240)
    fig.add_annotation(
        text=text(note),
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        showarrow=False,
        font={"color": NEUTRAL, "size": 15},
    )
    return fig


def themed(fig: go.Figure, is_dark: bool) -> go.Figure:
    """Return a new figure like this one, in our dark or light template."""
    return go.Figure(fig).update_layout(template=DARK if is_dark else LIGHT)


def _template(
    ink: str, grid: str, surface: str, scale: list[str], diverging: list[str]
) -> go.layout.Template:
    """Make a template: transparent, so that the page's own background shows.

    Args:
        ink: colour of text.
        grid: colour of grid lines.
        surface: background of hover labels.
        scale: the sequential scale: nothing at all, then from few to many.
        diverging: the scale of differences, from the most negative through zero, which is near the page's own colour.
    """
    # Nothing stands apart from little: a single confusion among thousands must be seen.
    nothing, *colours = scale
    steps = [[0, nothing], [0.001, nothing]]
    steps += [[max(0.001, k / (len(colours) - 1)), colour] for k, colour in enumerate(colours)]
    axis = {
        "gridcolor": grid,
        "linecolor": grid,
        "zerolinecolor": grid,
        "automargin": True,
        "title": {"standoff": 10},
    }
    clear = "rgba(0,0,0,0)"
    return go.layout.Template(
        layout={
            "paper_bgcolor": clear,
            "plot_bgcolor": clear,
            "font": {"color": ink, "size": 13, "family": '"Source Sans", sans-serif'},
            "title": {"x": 0, "xanchor": "left", "font": {"size": 16}},
            "colorway": list(PALETTE),
            "colorscale": {
                "diverging": [
                    [place / (len(diverging) - 1), colour] for place, colour in enumerate(diverging)
                ]
            },
            "hoverlabel": {"bgcolor": surface, "font": {"color": ink}, "bordercolor": grid},
            "legend": {"bgcolor": clear},
            # Plotly mixes its own from a transparent paper: an opaque grey block.
            "modebar": {"bgcolor": clear, "color": NEUTRAL, "activecolor": ink},
            "margin": {"l": 8, "r": 8, "t": 44, "b": 8},
            "xaxis": axis,
            "yaxis": axis,
        },
        data={"heatmap": [{"colorscale": steps, "colorbar": {"outlinewidth": 0}}]},
    )


pio.templates[LIGHT] = _template(
    "#31333F",
    "#E3E6EA",
    "#FFFFFF",
    ["#F3F6F9", "#C9DFEE", "#6FAFD6", "#0072B2", "#06385C"],
    ["#B34A00", "#F0A875", "#F3F4F6", "#86BBDD", "#0066A1"],
)
pio.templates[DARK] = _template(
    "#FAFAFA",
    "#333A45",
    "#1B212B",
    ["#1A2029", "#17405F", "#1F6A9B", "#3D9AD1", "#D9EFFB"],
    ["#D2641E", "#7A3F1A", "#232A34", "#1A5580", "#2F86BE"],
)
