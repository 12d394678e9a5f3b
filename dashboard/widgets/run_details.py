"""One chosen run in words: how it stands, what its curves say, what it was asked to do, and the end of its log."""

from collections.abc import Sequence

import streamlit as st

from core.charts.style import percent
from core.differences import differences_from_variant
from core.runs.run import Run
from dashboard.widgets.differences import shown_differences
from dashboard.widgets.markdown import duration, escaped
from dashboard.widgets.train_link import clone_link
from dashboard.widgets.verdicts import verdicts

LOG_BYTES = 8_000
MOST_MESSAGES = 3
BROKEN = ("failed", "crashed", "interrupted", "lost", "stalled", "damaged")


def run_messages(runs: Sequence[Run]) -> None:
    """Say in words what became of the runs: aloud where something broke, in one quiet line else."""
    said = [(run, run.damaged or run.state.message) for run in runs]
    broken = [(run, text) for run, text in said if text and run.state.state in BROKEN]
    for run, text in broken[:MOST_MESSAGES]:
        title = f"**{escaped(run.title)}** ({escaped(run.state.state)}): {escaped(text)}"
        st.error(title, icon=":material/error:")
    if len(broken) > MOST_MESSAGES:
        st.caption(f"{len(broken) - MOST_MESSAGES} more of the chosen runs broke off.")
    quiet = [(run, text) for run, text in said if text and run.state.state not in BROKEN]
    if quiet:
        texts = [f"{escaped(run.title)}: {escaped(text)}" for run, text in quiet[:MOST_MESSAGES]]
        st.caption(" ".join(texts))


def run_details(run: Run) -> None:
    """Show what a run's curves say, its settings and the end of its log, folded away."""
    verdicts(run)
    with st.expander(f"Settings and log of {escaped(run.title)}", icon=":material/description:"):
        state = run.state
        facts = [f"Id `{run.id}`", f"data set {escaped(run.dataset)}", f"seed {run.seed}"]
        if state.best_epoch is not None and state.best_validation_accuracy is not None:
            best = percent(state.best_validation_accuracy)
            facts.append(f"best epoch {state.best_epoch} with {best} on validation")
        if state.started is not None and state.ended is not None:
            facts.append(f"took {duration(state.ended - state.started)}")
        st.markdown(", ".join(facts) + ".")
        clone_link(run)
        shown_differences(differences_from_variant(run.config), run.variant or "")
        text = log_tail(run)
        if text:
            st.code(text, language=None, height=220)
        else:
            st.caption("The log is empty.")


def log_tail(run: Run) -> str:
    """Return the last lines of a run's log."""
    try:
        with run.layout.log.open("rb") as file:
            file.seek(max(0, run.layout.log.stat().st_size - LOG_BYTES))
            return file.read().decode(errors="replace").strip()
    except OSError:
        return ""


def damaged_runs(runs: Sequence[Run]) -> None:
    """List those of the runs that cannot be read, with the reason."""
    damaged = [run for run in runs if run.damaged]
    if damaged:
        with st.expander(
            f"{len(damaged)} damaged {'run' if len(damaged) == 1 else 'runs'}",
            icon=":material/broken_image:",
        ):
            for run in damaged:
                st.markdown(f"- `{run.id}`: {escaped(run.damaged)}")
