"""Verdicts: what the curves of each variant say in words, and what they say beside the baseline's.

The sentences are computed by `core.evaluation`, of one seed each; here it is said in how many of a variant's seeds a
finding turned up. It leaves out differences of the results, which are the business of `result_section`.
"""

import streamlit as st

from dashboard import compare_data
from dashboard.widgets.comparing import Comparing
from dashboard.widgets.markdown import escaped
from dashboard.widgets.verdicts import WARNING

MOST_OPEN = 3
HOW_SURE = (
    "Computed from the curves. A sentence tells of one seed, the first in which it turned up, and in how many of the "
    "variant's seeds it did; what stands after 'give or take' is one standard error. Whether a difference between variants "
    "is real stands under Result."
)


def verdicts_section(now: Comparing) -> None:
    """Show the verdicts of each variant, warnings first, the baseline's first of all."""
    st.caption(HOW_SURE)
    groups = sorted(now.groups, key=lambda group: group is not now.baseline)
    for place, group in enumerate(groups):
        found = compare_data.verdicts(group, now.baseline)
        number = sum(one.verdict.is_warning for one in found)
        warnings = f", {number} {'warning' if number == 1 else 'warnings'}" if number else ""
        mark = " (baseline)" if group is now.baseline else ""
        with st.expander(
            f"{escaped(group.label)}{mark}: {len(found)} findings{warnings}",
            expanded=place < MOST_OPEN,
            icon=":material/fact_check:",
            key=f"verdicts-{group.key}",
        ):
            if not found:
                st.markdown("No epoch has ended yet.")
            st.markdown(
                "\n".join(
                    f"- {WARNING if one.verdict.is_warning else ''}{escaped(one.verdict.sentence)}"
                    f"{_seeds(one.num_seeds, len(group.runs))}"
                    for one in found
                )
            )


def _seeds(number: int, of: int) -> str:
    return "" if of < 2 else f" *({number} of {of} seeds)*"
