"""History of one image: the probability of its true class over the epochs, when it was learned, how often forgotten."""

import streamlit as st

from core.charts.sample_history import sample_history as history_chart
from core.charts.style import variant_colour
from core.evaluation.dynamics import Dynamics
from core.evaluation.sample_history import sample_history
from core.exceptions import CoreError
from dashboard import errors_data
from dashboard.widgets.case_choice import Look, put_epoch
from dashboard.widgets.figure import figure
from dashboard.widgets.markdown import escaped

MOST_RUNS = 6
HEIGHT = 270
HOW_TO_READ = (
    "How probable the run thought the true class after each epoch; a cross marks an epoch in which it gave another answer. "
    "An image that is learned early and kept is easy; one that is lost again and again is ambiguous or wrongly labelled. "
    "Click a point to move the page to that epoch."
)


def case_history(look: Look, sample_id: int) -> None:
    """Show the lines of the chosen runs and say when each learned and forgot the image.

    Args:
        look: what is looked at.
        sample_id: of the image.
    """
    if not look.epochs:
        st.info(
            "Of test only the best weights' outputs are stored. Images of validation, and of the stored slice of train, have "
            "a history.",
            icon=":material/history_toggle_off:",
        )
        return
    found: dict[str, Dynamics] = {}
    for run in look.runs[:MOST_RUNS]:
        title = look.titles.get(run.id, run.title)
        try:
            found[title] = errors_data.dynamics(run, look.split)
        except CoreError as error:
            st.caption(f"{escaped(title)}: {escaped(error)}")
    table = sample_history(found, sample_id)
    variants = {look.titles.get(run.id, run.title): run.variant or "" for run in look.runs}
    for title, run in zip(found, look.runs, strict=False):
        st.markdown(f"{escaped(title)}: {_words(look, run.id, sample_id)}")
    figure(
        history_chart(
            table,
            {title: variant_colour(variant) for title, variant in variants.items()},
            look.epoch,
        ),
        "case-history",
        alt="Probability of the true class of this image over the epochs.",
        how_to_read=HOW_TO_READ,
        table=table,
        height=HEIGHT,
        on_pick=lambda picked: _move(int(picked[0])),
    )
    if len(look.runs) > MOST_RUNS:
        st.caption(f"The first {MOST_RUNS} runs are drawn.")


def _words(look: Look, run_id: str, sample_id: int) -> str:
    run = next(one for one in look.runs if one.id == run_id)
    table = errors_data.dynamics_table(run, look.split)
    rows = table[table["sample_id"] == sample_id]
    if rows.empty:
        return "it has no such image."
    row = rows.iloc[0]
    if row["first_learned"] != row["first_learned"]:
        return f"never right; region **{row['region']}**."
    times = int(row["times_forgotten"])
    forgotten = "never forgotten" if not times else f"forgotten {times} time{'s' * (times > 1)}"
    return f"first learned in epoch {int(row['first_learned'])}, {forgotten}; region **{row['region']}**."


def _move(epoch: int) -> None:
    put_epoch(epoch)
    # The cursor stands outside of the fragment in which this was clicked.
    st.rerun()
