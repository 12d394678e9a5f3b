"""What is compared, in which metric, on which split and against what: the choices that hold in every section.

They stand in the URL: variants=KEY,KEY (those that stay in, all without it), baseline=KEY or none, metric and split. Keys
are those of `core.run_groups`, which stay the same as long as settings and data do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from core.charts.style import distinct_colours
from core.evaluation.scores import METRICS, takes_resampling
from core.jobs.resampling_task import TASK
from core.lineup import SPLITS, Lineup
from core.run_groups import Group, damaged_sentences, default_baseline
from core.runs.run import Run
from core.runs.state import ACTIVE
from dashboard import compare_data, data
from dashboard.widgets.background import awaited
from dashboard.widgets.compare_choice import BASELINE, VARIANTS
from dashboard.widgets.markdown import escaped

SECTION = "section"
"""Key of the control that chooses what is looked at; it names it in the URL too."""

NO_BASELINE = "none"
QUICK = "accuracy"
"""The metric that needs no resampling; the others are worked out only where somebody chose them."""


@dataclass(frozen=True)
class Comparing:
    """What the sections of the page show.

    Attributes:
        groups: those that were not switched off, oldest first.
        colours: label -> the colour of each group, the same on all charts of the page whatever is switched off.
        damaged: a sentence for each damaged run of the choice.
        split: of the images compared.
        metric: a key of `core.evaluation.scores.METRICS`.
        baseline: the group that the others are held against, or None.
    """

    groups: tuple[Group, ...]
    colours: Mapping[str, str]
    damaged: tuple[str, ...]
    split: str
    metric: str
    baseline: Group | None

    @property
    def runs(self) -> list[Run]:
        """The runs of all groups."""
        return [run for group in self.groups for run in group.runs]

    def lineup(self, *, with_costs: bool = False) -> Lineup:
        """Return the comparison, worked out once.

        A metric that takes resampling is waited for: until the analyst has done it, its progress is shown here and the page
        ends.

        Args:
            with_costs: whether what the runs took is asked too, for which their histories must be read.

        Raises:
            CoreError: nothing of it can be compared.
        """
        label = self.baseline.label if self.baseline else None
        request = None
        if takes_resampling(METRICS[self.metric]):
            request = compare_data.resampling_request(self.groups, self.split, self.metric)
            title = f"{METRICS[self.metric].label} of {len(self.runs)} runs"
            if not compare_data.is_resampled(request) and not awaited(
                TASK, request, title[0].upper() + title[1:], "compare-resampling"
            ):
                st.stop()
        return compare_data.lineup(
            self.groups, self.split, self.metric, label, with_costs=with_costs, request=request
        )

    def group(self, label: str) -> Group | None:
        """Return the group of a label, None where there is none."""
        return next((group for group in self.groups if group.label == label), None)


def variants_popover(runs: Sequence[Run], key: str) -> tuple[str, ...]:
    """Show which variants stay in, and return their keys, none where no run is sound; the choice stands in the URL.

    Args:
        runs: of the choice.
        key: of the widget.
    """
    labels = {group.key: group.label for group in compare_data.groups(runs)}
    if not labels:
        return ()
    asked = [one for one in st.query_params.get(VARIANTS, "").split(",") if one in labels]
    shown = asked or list(labels)
    word = "variant" if len(labels) == 1 else "variants"
    number = f"{len(labels)}" if len(shown) == len(labels) else f"{len(shown)} of {len(labels)}"
    with st.popover(f"{number} {word}", icon=":material/filter_list:"):
        st.session_state[key] = shown
        st.multiselect(
            "Compare only",
            list(labels),
            format_func=lambda one: labels.get(one, one),
            key=key,
            on_change=lambda: _choose_variants(st.session_state[key], len(labels)),
            placeholder="All of them",
            help="A variant is all runs that differ only in their seed.",
            width=420,
        )
    return tuple(shown)


def comparing(runs: Sequence[Run], shown: Sequence[str], key: str) -> Comparing:
    """Show the choice of metric, split and baseline in a row, and return what is compared.

    Args:
        runs: of the choice, damaged ones among them, at least one sound.
        shown: keys of the groups that stay in; all where none of them is here.
        key: of the widgets.
    """
    every = compare_data.groups(runs)
    groups = [group for group in every if group.key in shown] or every
    metric = st.selectbox(
        "Metric",
        _metrics(groups),
        format_func=lambda name: METRICS[name].label[0].upper() + METRICS[name].label[1:],
        key="metric",
        bind="query-params",
        label_visibility="collapsed",
        help="Macro F1, AUC and RMSE resample the images, which takes a while with many runs; it goes on in the background.",
        width=130,
    )
    splits = _splits(groups)
    split = st.selectbox(
        "Split",
        splits,
        key="split",
        bind="query-params",
        label_visibility="collapsed",
        width=125,
    )
    by_key = {group.key: group for group in groups}
    asked = st.query_params.get(BASELINE)
    if asked is not None and asked not in (*by_key, NO_BASELINE):
        asked = None
    st.session_state[f"{key}-baseline"] = asked or default_baseline(groups).key
    chosen = st.selectbox(
        "Baseline",
        [*by_key, NO_BASELINE],
        format_func=lambda one: (
            f"against {by_key[one].label}" if one in by_key else "against the best"
        ),
        key=f"{key}-baseline",
        on_change=lambda: st.query_params.update({BASELINE: st.session_state[f"{key}-baseline"]}),
        label_visibility="collapsed",
        width=210,
    )
    return Comparing(
        tuple(groups),
        distinct_colours({group.label: group.colour_key for group in every}),
        tuple(damaged_sentences(runs)),
        split or splits[0],
        metric or QUICK,
        by_key.get(chosen),
    )


def under_way(now: Comparing) -> None:
    """Say which runs are still under way; nothing when all have ended."""
    active = [run for run in now.runs if run.state.state in ACTIVE]
    if active:
        named = ", ".join(escaped(run.title) for run in active[:3])
        more = f" and {len(active) - 3} more" if len(active) > 3 else ""
        st.caption(
            f":material/sync: Still under way: {named}{more}. Curves grow; on validation its best epoch so far "
            "counts, on test there is nothing before the end."
        )


def _choose_variants(keys: list[str], number: int) -> None:
    if keys and len(keys) < number:
        st.query_params[VARIANTS] = ",".join(keys)
    elif VARIANTS in st.query_params:
        del st.query_params[VARIANTS]


def _metrics(groups: Sequence[Group]) -> list[str]:
    counts = any(
        "validation_count_rmse" in row
        for group in groups[:3]
        for row in data.history(group.runs[0])[1][-1:]
    )
    return [name for name in METRICS if name != "rmse" or counts]


def _splits(groups: Sequence[Group]) -> list[str]:
    """Return the splits to compare on, test first where a run has finished."""
    is_done = any(run.state.state == "finished" for group in groups for run in group.runs)
    return list(SPLITS) if is_done else list(reversed(SPLITS))
