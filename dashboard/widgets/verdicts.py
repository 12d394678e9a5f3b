"""What the curves of one run say: the computed verdicts in sentences.

The sentences are made by `core.evaluation`; this leaves out the curves themselves and everything about several runs.
"""

import streamlit as st

from core.facts import run_verdicts
from core.runs.run import Run
from dashboard import data
from dashboard.widgets.markdown import escaped

WARNING = ":orange[:material/warning:] "

HOW_SURE = (
    "Computed from this run alone, with one seed: it says what happened, not what another seed would do. "
    "What stands after 'give or take' is one standard error."
)


def verdicts(run: Run) -> None:
    """Show a run's verdicts, warnings first, folded away; nothing before its first epoch."""
    found = run_verdicts(run, data.history(run)[1])
    if not found:
        return
    with st.expander(f"Verdicts on {escaped(run.title)}", icon=":material/fact_check:"):
        st.markdown(
            "\n".join(
                f"- {WARNING if verdict.is_warning else ''}{escaped(verdict.sentence)}"
                for verdict in found
            )
        )
        st.caption(HOW_SURE)
