"""What is chosen about the curves of the page Compare; it stands in the URL, as far as it is not the default."""

from dataclasses import dataclass, replace

import streamlit as st

from core.charts.seed_curves import AXIS_TITLES, SPLIT_ORDER
from core.charts.style import SPLIT_TITLES, metric_title
from core.evaluation.learning_curves import MAX_POINTS
from core.evaluation.seed_curves import AXES, Axis, Ending
from core.evaluation.seeds import BANDS, Band
from core.run_groups import differing_settings
from dashboard import compare_data, data
from dashboard.compare_data import CurveTables
from dashboard.widgets.comparing import Comparing
from dashboard.widgets.table_section import setting_title

FIRST_METRICS = ("accuracy", "loss")
FEW_GROUPS, FEW_RUNS = 6, 40
"""Up to so many variants all three lines of each are drawn at first, up to so many runs the single seeds."""
BAND_WORDS = {
    "standard_deviation": "standard deviation of the seeds",
    "standard_error": "standard error of the mean",
    "interval": "95 % interval of the mean",
    "range": "lowest to highest seed",
}
ENDING_WORDS = {"end": "line of those left", "carry": "carry its last value"}
BY_VARIANT = "variant"
SMOOTHINGS = (1, 3, 5, 9, 15, 25)


@dataclass(frozen=True)
class CurveOptions:
    """How curves are drawn.

    Attributes:
        metrics: one panel each.
        axis: what x is.
        splits: lines of each variant.
        band: around the mean.
        ending: what a seed gives after it has stopped.
        smoothing: epochs of the moving mean.
        is_log: whether values stand on a logarithmic axis.
        is_clipped: whether outliers are cut off.
        has_seeds: whether single seeds are drawn.
        colour: dotted path of the setting that decides colours, or None for the variant.
        multiples: dotted path of the setting that divides the panels, or None.
        within: x from and to, or None for all.
    """

    metrics: tuple[str, ...]
    axis: Axis
    splits: tuple[str, ...]
    band: Band
    ending: Ending
    smoothing: int
    is_log: bool
    is_clipped: bool
    has_seeds: bool
    colour: str | None
    multiples: str | None
    within: tuple[float, float] | None

    def of_splits(self, tables: CurveTables) -> CurveTables:
        """Return the tables with the lines of the chosen splits only."""
        means, singles = (
            table[table["split"].isin(self.splits)] for table in (tables.means, tables.singles)
        )
        return replace(tables, means=means, singles=singles)


def curve_options(now: Comparing) -> CurveOptions:
    """Show the choices in a row, the rarer ones folded away, and return them."""
    known = compare_data.metrics_of(now.groups) or ["accuracy"]
    settings = [BY_VARIANT, *(one for one in differing_settings(now.groups) if one != "variant")]
    with st.container(horizontal=True, vertical_alignment="center"):
        metrics = st.multiselect(
            "Metrics",
            known,
            default=[name for name in FIRST_METRICS if name in known] or known[:1],
            format_func=lambda name: metric_title(name).split(" (")[0],
            key="metrics",
            bind="query-params",
            placeholder="Choose a metric",
            label_visibility="collapsed",
            width=330,
        )
        axis = _select("x axis", "x", AXES, lambda one: f"by {AXIS_TITLES[one].lower()}", 215)
        splits = st.pills(
            "Lines",
            SPLIT_ORDER,
            selection_mode="multi",
            default=SPLIT_ORDER if len(now.groups) <= FEW_GROUPS else SPLIT_ORDER[:1],
            format_func=lambda name: SPLIT_TITLES[name].replace(
                "train in evaluation mode", "train (evaluated)"
            ),
            key="lines",
            bind="query-params",
            label_visibility="collapsed",
        )
        with st.popover("Display", icon=":material/tune:"):
            smoothing = st.select_slider(
                "Smoothing",
                SMOOTHINGS,
                format_func=lambda one: "none" if one == 1 else f"mean of {one} epochs",
                key="smooth",
                bind="query-params",
                help="A centred moving mean; the raw line stays faint behind.",
            )
            band = _select("Band", "band", BANDS, BAND_WORDS.__getitem__)
            ending = _select(
                "A seed that has stopped", "ending", list(ENDING_WORDS), ENDING_WORDS.__getitem__
            )
            has_seeds = st.toggle(
                "Single seeds",
                len(now.runs) <= FEW_RUNS,
                key="singles",
                bind="query-params",
                help="Faint, with their best and last epochs.",
            )
            is_log = st.toggle("Logarithmic values", key="log", bind="query-params")
            is_clipped = st.toggle(
                "Cut off outliers",
                key="clip",
                bind="query-params",
                help="The axis leaves out the outermost 2 % of the values at either end, at least one, and says so.",
            )
            colour = _select("Colour by", "colour", settings, _setting)
            multiples = _select("A panel for each", "each", ["none", *settings[1:]], _setting)
            within = _within(now, axis)
    return CurveOptions(
        tuple(metrics) or tuple(known[:1]),
        axis,
        tuple(splits) or SPLIT_ORDER[:1],
        band,
        ending,
        smoothing,
        is_log,
        is_clipped,
        has_seeds,
        None if colour == BY_VARIANT else colour,
        None if multiples == "none" else multiples,
        within,
    )


def _select(label, name, options, words, width: int | None = None):
    return st.selectbox(
        label,
        options,
        format_func=words,
        key=name,
        bind="query-params",
        label_visibility="visible" if width is None else "collapsed",
        width=width or "stretch",
    )


def _setting(path: str) -> str:
    return path if path in (BY_VARIANT, "none") else setting_title(path).lower()


def _within(now: Comparing, axis: Axis) -> tuple[float, float] | None:
    """Show the choice of a stretch where the lines are longer than what is sent of them."""
    last = max((row["epoch"] for run in now.runs for row in data.history(run)[1][-1:]), default=0)
    if axis != "epoch" or last <= MAX_POINTS:
        return None
    low, high = st.slider("Epochs shown", 1, last, (1, last), key="epochs", bind="query-params")
    return None if (low, high) == (1, last) else (float(low), float(high))
