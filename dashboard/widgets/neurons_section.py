"""Dead neurons: their share in each layer by epoch, and the strongest images of the units that live."""

import streamlit as st

from core.charts.dead_units import dead_units
from core.evaluation.dead_units import dead_shares
from dashboard import data
from dashboard.widgets.evaluating import Evaluating
from dashboard.widgets.figure import figure
from dashboard.widgets.units_section import units_section

HEIGHT = 300
HOW_TO_READ = (
    "A neuron is dead when its activation is zero on every image looked at: it takes part in nothing and learns nothing any "
    "more. A line that climbs early usually means a learning rate that is too large; many dead neurons cap what a layer can tell."
)


def neurons_section(now: Evaluating) -> None:
    """Show the shares of dead neurons of the drawn runs, and the units of the shown one."""
    histories = {label: data.history(one.run)[1] for label, one in now.drawn.items()}
    table = dead_shares(histories)
    figure(
        dead_units(table),
        "dead-neurons",
        alt="Share of dead neurons in each layer by epoch.",
        how_to_read=HOW_TO_READ,
        table=table,
        height=HEIGHT if len(table) else None,
        on_pick=lambda picked: _go_to(now, str(picked[0]), int(picked[2])),
    )
    st.header("Strongest images of the units", anchor=False)
    units_section(now.one.run, key="units")


def _go_to(now: Evaluating, label: str, epoch: int) -> None:
    """Move the epoch there, on validation, where every epoch has outputs, and show that run."""
    st.query_params["split"] = "validation"
    st.query_params["epoch"] = str(epoch)
    st.query_params["of"] = now.answers[label].run.id
