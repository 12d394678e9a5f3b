"""Table: one row a variant or a run, with results, costs and settings; each column sorts, its best value is marked."""

from collections.abc import Sequence
from math import floor, log10
from typing import Any

import pandas as pd
import streamlit as st

from core.differences import setting_words
from core.evaluation.scores import METRICS
from core.lineup import is_best, results_table
from core.run_groups import differing_settings, group_settings
from dashboard.widgets.comparing import Comparing
from dashboard.widgets.opened_run import open_run, open_variant, opened_run, run_in_url
from dashboard.widgets.table import shown_table

MOST_ROWS = 14
BEST = "font-weight: bold; background-color: rgba(0, 158, 115, 0.22)"
HIDDEN_AT_FIRST = ("covers", "median", "min", "max", "peak_memory", "epochs", "run")
WORDS = {
    "variant": ("Variant", "Runs that differ only in their seed."),
    "runs": ("Seeds", "Trainings with different seeds that take part."),
    "covers": ("Interval over", "What varies within the interval: images, or images and seeds."),
    "seed": ("Seed", "Of weights, order and everything drawn."),
    "run": ("Run", "Id of the run."),
    "state": ("State", "How the run stands."),
    "rank": ("Rank", "From 1 + number of variants that are really better, to the number of variants that are not really "
             "worse; what cannot be told apart shares ranks."),
    "best_epoch": ("Best epoch", "Whose weights are kept; mean over the seeds."),
    "epochs": ("Epochs", "Trained; mean over the seeds."),
    "plateau_epoch": ("Plateau from", "First epoch within one standard error of the best smoothed value."),
    "epoch_seconds": ("Epoch (s)", "Median seconds of an epoch, evaluation included."),
    "seconds": ("Training (s)", "Seconds of all epochs together; mean over the seeds."),
    "parameters": ("Parameters", "Numbers in the network."),
    "multiply_adds": ("Multiply-adds", "Of one image, once through the network."),
    "peak_memory": ("Memory (MB)", "Largest use during training."),
}  # fmt: skip
"""Column -> its title and what it means."""
OF_THE_METRIC = {
    "value": "{}",
    "mean": "{}, mean",
    "low": "95 % from",
    "high": "to",
    "median": "Median",
    "standard_deviation": "± seeds",
    "min": "Lowest",
    "max": "Highest",
}


def table_section(now: Comparing) -> None:
    """Show the choice of rows and columns, and the table."""
    found = now.lineup(with_costs=True)
    bar = st.container(horizontal=True, vertical_alignment="center")
    rows = bar.segmented_control(
        "One row",
        ["variant", "run"],
        format_func=lambda one: f"One row a {one}",
        required=True,
        default="variant",
        key="rows",
        bind="query-params",
        label_visibility="collapsed",
    )
    settings = _settings_picker(now, bar)
    table = results_table(found, settings, each_run=rows == "run")
    # The rank says both of its ends.
    left_out = {"variant", "rank_to", *settings}
    results = [name for name in table.columns if name not in left_out]
    with bar.popover("Columns", icon=":material/view_column:"):
        shown = st.pills(
            "Results and costs",
            results,
            selection_mode="multi",
            default=[name for name in results if name not in HIDDEN_AT_FIRST],
            format_func=lambda name: _title(name, now.metric),
            key=f"columns-{rows}",
            persist_state="session",
        )
    order = ["variant", *(name for name in results if name in shown), *settings]
    scaled, config = _on_screen(table, now.metric)
    marks = is_best(found, table)
    colours = marks.map(lambda one: BEST if one else "")
    key = f"table-{rows}-{len(table)}"
    shown_table(
        scaled,
        key,
        style=lambda shown: shown.style.apply(lambda _: colours, axis=None),
        most_rows=MOST_ROWS,
        numbers=lambda: table,
        file_name="compare",
        column_order=order,
        column_config=config,
        placeholder="–",
        on_select=lambda: _chosen(now, table, key),
        selection_mode="single-cell",
        alt=f"Results, costs and settings of {len(table)} {rows}s.",
    )
    st.caption(
        "Marked is the best of each column, among results only where it is really better than all others. "
        "Click a row to see the images behind it; click a title to sort."
    )
    opened = run_in_url(now)
    if opened:
        opened_run(*opened, now.split, "opened")


def _settings_picker(now: Comparing, bar: Any) -> list[str]:
    known = list(dict.fromkeys(path for group in now.groups for path in group_settings(group)))
    known.remove("variant")
    differing = [path for path in differing_settings(now.groups) if path != "variant"]
    with bar.popover("Settings", icon=":material/tune:"):
        chosen = st.multiselect(
            "Settings as columns",
            known,
            default=differing,
            format_func=setting_title,
            key="settings-" + "-".join(group.key[:4] for group in now.groups[:8]),
            persist_state="session",
            help="At first those that are not the same in all variants.",
            width=460,
        )
    return [path for path in known if path in chosen]


def setting_title(path: str) -> str:
    """Return a setting's dotted path as a title: "training.learning_rate" is "Learning rate"."""
    part, _, name = path.partition(".")
    match part:
        case "stages":
            return f"Stage {int(name) + 1}"
        case "dataset" | "model" if name == "name":
            return "Data set" if part == "dataset" else "Network"
        case _:
            words = setting_words(name or part)
            return words[0].upper() + words[1:]


def _title(name: str, metric: str) -> str:
    if name in OF_THE_METRIC:
        label = METRICS[metric].label
        return OF_THE_METRIC[name].format(label[0].upper() + label[1:])
    return WORDS.get(name, (setting_title(name),))[0]


def _on_screen(table: pd.DataFrame, metric: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the table in the units of the screen, and how its columns are shown."""
    column, shown, config = st.column_config, table.copy(), {}
    scale = METRICS[metric].scale
    number = "%.1f %%" if scale == 100 else "%.3f"
    for name in table.columns:
        title, text = _title(name, metric), WORDS.get(name, ("", None))[1]
        if name in OF_THE_METRIC:
            shown[name] = table[name] * scale
            wide = 125 if name in ("mean", "value") else 80
            config[name] = column.NumberColumn(title, format=number, width=wide)
        elif name == "peak_memory":
            shown[name] = table[name] / 1e6
            config[name] = column.NumberColumn(title, format="%d", help=text)
        elif name in ("epoch_seconds", "seconds"):
            digits = f"%.{seconds_decimals(table[name].dropna().tolist())}f"
            config[name] = column.NumberColumn(title, format=digits, help=text, width=85)
        elif name in ("parameters", "multiply_adds"):
            config[name] = column.NumberColumn(title, format="localized", help=text)
        elif name in ("best_epoch", "epochs", "plateau_epoch"):
            # "%g" leaves out a decimal that is 0: a run's best epoch is a whole one, a mean of several may not be.
            shown[name] = pd.to_numeric(table[name]).round(1)
            config[name] = column.NumberColumn(title, format="%g", help=text, width=90)
        elif name == "rank":
            shown[name] = rank_words(table["rank"].tolist(), table["rank_to"].tolist())
            config[name] = column.TextColumn(title, help=text, width=80)
        elif name in ("runs", "seed"):
            config[name] = column.NumberColumn(title, format="%d", help=text, width=60)
        elif name in WORDS:
            config[name] = column.TextColumn(title, help=text, pinned=name == "variant")
        else:
            is_number = pd.api.types.is_numeric_dtype(pd.Series(table[name].dropna().tolist()))
            shown[name] = table[name] if is_number else table[name].map(_said)
            config[name] = column.Column(title, help=f"Setting {name}.")
    return shown, config


def seconds_decimals(seconds: Sequence[float]) -> int:
    """Return decimals with which the shortest of these times has two digits that count: 1 to 4."""
    least = min((one for one in seconds if one > 0), default=1.0)
    return min(4, max(1, 1 - floor(log10(least))))


def rank_words(ranks: Sequence[int], ranks_to: Sequence[int]) -> list[str]:
    """Return from which to which rank each variant may stand: "2", "1 to 2"; padded, so that the words sort as numbers."""
    width = len(str(max(ranks_to, default=0)))
    return [
        f"{low:>{width}}" if low == high else f"{low:>{width}} to {high:>{width}}"
        for low, high in zip(ranks, ranks_to, strict=True)
    ]


def _said(value: object) -> str | None:
    return None if value is None else str(value)


def _chosen(now: Comparing, table: pd.DataFrame, key: str) -> None:
    cells = st.session_state[key]["selection"]["cells"]
    if not cells:
        return
    row = table.iloc[cells[0][0]]
    if "run" in table.columns:
        open_run(str(row["run"]))
    else:
        open_variant(now, str(row["variant"]))
