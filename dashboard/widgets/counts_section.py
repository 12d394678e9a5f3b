"""The counts: how far the count head is off, which pairs are hard, and what both heads together know.

In the URL: about=pairs (errors, pairs, heads), type=circles.
"""

import streamlit as st

from core.charts import counts as counts_charts
from core.charts.bars_with_intervals import bars_with_intervals
from core.evaluation.count_offsets import offset_samples
from core.evaluation.counts import OVERALL, counted_samples
from core.evaluation.folding import GROUPS
from core.evaluation.heads import heads_sentence
from dashboard import evaluate_data
from dashboard.evaluate_data import HOW_TO_READ
from dashboard.widgets.case_switch import case_switch
from dashboard.widgets.evaluating import Evaluating, ids_filter
from dashboard.widgets.figure import figure
from dashboard.widgets.markdown import escaped
from dashboard.widgets.table import shown_table
from dashboard.widgets.types_section import claim_sentences, type_pair_figure

ABOUT = {"errors": "Errors of the counts", "pairs": "Pairs of types", "heads": "Both heads"}
HEIGHT = 370
SHARE = st.column_config.NumberColumn


def counts_section(now: Evaluating) -> None:
    """Show what is asked about the counts."""
    space = now.one.predictions.space
    if not space.num_counts:
        st.info(
            "The classes of this data set count nothing. The data sets of shapes do.",
            icon=":material/tag:",
        )
        return
    has_head = now.one.predictions.counts is not None
    known = ABOUT if has_head else {"pairs": ABOUT["pairs"]}
    bar = st.container(horizontal=True, vertical_alignment="center")
    with bar:
        about = case_switch("about", known, "About")
    match about:
        case "errors":
            with bar:
                types = {name: name for name in space.count_names}
                choice = case_switch("type", {OVERALL: "All"} | types, "Type")
            _errors(now, choice)
        case "pairs":
            _pairs(now)
        case _:
            _heads(now)
    if not has_head:
        st.caption("This run was not trained to count: there are no errors of counts to show.")


def _errors(now: Evaluating, choice: str) -> None:
    type_name = None if choice == OVERALL else choice
    left, middle, right = st.columns([8, 8, 6], gap="medium")
    with left:
        table = now.one.table("predicted_counts", type_name)
        figure(
            counts_charts.predicted_counts(table),
            "predicted-counts",
            alt=f"Predicted against true counts of {choice}.",
            how_to_read=HOW_TO_READ["predicted_counts"],
            table=table,
            height=HEIGHT,
            on_pick=lambda picked: _open_counted(
                now, type_name, true=int(picked[0]), predicted=int(picked[1])
            ),
        )
    with middle:
        table = now.one.table("count_residuals", type_name)
        figure(
            counts_charts.count_residuals(table),
            "count-residuals",
            alt=f"By how much the counts of {choice} miss.",
            how_to_read=HOW_TO_READ["count_residuals"],
            table=table,
            height=HEIGHT,
            on_pick=lambda picked: _open_counted(
                now, type_name, residual=(float(picked[0]), float(picked[1]))
            ),
        )
    with right:
        _error_table(now)


def _error_table(now: Evaluating) -> None:
    table = now.one.table("count_errors")
    names = list(table["type"])
    key = "count-errors"
    shown_table(
        table,
        key,
        column_order=["type", "rmse", "mae"],
        column_config={
            "type": "Type",
            "rmse": SHARE("RMSE", format="%.3f", help="Root mean square error in figures."),
            "mae": SHARE("MAE", format="%.3f", help="Mean absolute error in figures."),
        },
        on_select=lambda: _open_type(now, names, key),
        selection_mode="single-cell",
        alt="Root mean square and mean absolute error of the counts per type.",
    )
    st.caption("In figures. Click a row to see the images whose count of that type rounds wrong.")


def _pairs(now: Evaluating) -> None:
    claim_sentences(now)
    left, right = st.columns(2, gap="medium")
    members = now.one.fold(GROUPS)
    classes = dict(zip(members.names, members.members, strict=True))
    with left:
        table = now.one.table("per_group")
        figure(
            bars_with_intervals(
                table,
                name="group",
                value="accuracy",
                door=("group",),
                x_title="Accuracy (%)",
                y_title="Pair of types",
                is_whole=True,
            ),
            "per-group",
            alt=f"Accuracy of {now.shown} per pair of types, with intervals.",
            how_to_read=HOW_TO_READ["per_group"],
            table=table,
            height=430,
            on_pick=lambda picked: now.open(
                true=",".join(map(str, classes[str(picked[0])])), right="no"
            ),
        )
    with right:
        type_pair_figure(now)
    st.header("Count offset where the pair is right", anchor=False)
    table = now.one.table("count_offsets")
    figure(
        bars_with_intervals(
            table,
            name="offset",
            door=("offset",),
            y_title="Predicted minus true count (figures)",
            note="No image has its pair of types right.",
        ),
        "count-offsets",
        alt=f"By how many figures the class of {now.shown} misses where the pair is right.",
        how_to_read=HOW_TO_READ["count_offsets"],
        table=table,
        on_pick=lambda picked: now.open(
            ids=ids_filter(offset_samples(now.one.predictions, int(picked[0])))
        ),
    )


def _heads(now: Evaluating) -> None:
    both = evaluate_data.both_heads(now.one)
    if both is None:
        st.info(
            "It takes a class head, a count head and their outputs on validation to compare the two.",
            icon=":material/call_split:",
        )
        return
    st.info(escaped(heads_sentence(both)), icon=":material/call_split:")
    table = now.one.table("heads")
    figure(
        bars_with_intervals(
            table,
            name="label",
            door=("what",),
            x_title="Share of all images (%)",
            is_whole=True,
        ),
        "heads",
        alt=f"How often the heads of {now.shown} are right, alone and together.",
        how_to_read=(
            "The class head names a class; the count head's numbers are nearest to the counts of one. Jointly decoded, the class "
            "wins that both together find likeliest, the counts taken for as exact as they were on validation. Click a bar to see "
            "those images."
        ),
        table=table,
        on_pick=lambda picked: now.open(ids=ids_filter(both.ids(str(picked[0])))),
    )
    if now.split == evaluate_data.FITTED_ON:
        st.caption("How exact the counts are was found on these very images: test says it fairly.")


def _open_type(now: Evaluating, names: list[str], key: str) -> None:
    cells = st.session_state[key]["selection"]["cells"]
    if not cells:
        return
    name = names[int(cells[0][0])]
    if name == OVERALL:
        now.open(count_error="0.5..")
        return
    predictions = now.one.predictions
    near = counted_samples(predictions, name, residual=(-0.5, 0.5))
    wrong = sorted(set(predictions.sample_ids.tolist()) - set(near))
    now.open(ids=ids_filter(wrong))


def _open_counted(
    now: Evaluating,
    type_name: str | None,
    true: int | None = None,
    predicted: int | None = None,
    residual: tuple[float, float] | None = None,
) -> None:
    predictions = now.one.predictions
    names = [type_name] if type_name else predictions.space.count_names
    found = {
        one
        for name in names
        for one in counted_samples(predictions, name, true, predicted, residual)
    }
    now.open(ids=ids_filter(sorted(found)))
