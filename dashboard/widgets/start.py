"""Starting runs from a page: what fits a data set, what was done before, and handing it to the queue."""

from collections.abc import Sequence
from functools import lru_cache

import streamlit as st

from core.config import RunConfig
from core.exceptions import CoreError
from core.jobs.local import LocalExecutor
from core.jobs.submit import check, equal_run, submit_all
from core.runs.run import Run, config_sha256
from core.variants import SUITES, VARIANTS, run_config
from dashboard import data
from dashboard.widgets.markdown import escaped
from dashboard.widgets.run_table import URL_KEY


def fitting_variants(dataset: str) -> tuple[list[str], dict[str, str]]:
    """Return the variants whose network fits a data set as it comes, and why each other one does not.

    The one that the demo pairs with the data set stands first.
    """
    loaded = data.dataset({"name": dataset})
    return _fitting(dataset, loaded.fingerprint)


@lru_cache(maxsize=16)
def _fitting(dataset: str, _fingerprint: str) -> tuple[list[str], dict[str, str]]:
    loaded = data.dataset({"name": dataset})
    fitting, reasons = [], {}
    for name in VARIANTS:
        try:
            # A batch larger than the data is no reason: the form can make it smaller.
            smallest = run_config({"name": dataset}, name, {"training.batch_size": 1})
            check(loaded, smallest, seed=0)
            fitting.append(name)
        except CoreError as error:
            reasons[name] = str(error)
    shown = [one.variant for one in SUITES["demo"].entries if one.dataset["name"] == dataset]
    return sorted(fitting, key=lambda name: name not in shown[:1]), reasons


def finished_before(config: RunConfig, seeds: Sequence[int]) -> list[Run]:
    """Return the finished runs that did the same, at most one per seed."""
    wanted = config_sha256(config.to_json())
    runs = [run for run in data.store().runs() if run.state.state == "finished"]
    # Loading the data is dear; only a run of equal settings makes it worth it.
    if not any(run.spec.get("config_sha256") == wanted and run.seed in seeds for run in runs):
        return []
    loaded = data.dataset(config.dataset.model_dump(mode="json"))
    found = [equal_run(runs, loaded, config, seed) for seed in seeds]
    return [run for run in found if run is not None]


def start_card(config: RunConfig, seeds: Sequence[int], key: str) -> None:
    """Show the button that queues the runs; where some were done before, the choice to reuse them.

    Args:
        config: what to do.
        seeds: one run each.
        key: of the widget.
    """
    before = finished_before(config, seeds)
    new = len(seeds) - len(before)
    if before:
        many = f"{len(before)} of {len(seeds)} runs were" if len(seeds) > 1 else "This run was"
        st.info(
            f"{many} done before with equal settings, seed and data.", icon=":material/history:"
        )
        label = "Open what is there" if not new else f"Start {new}, reuse {len(before)}"
        if st.button(label, type="primary", width="stretch", key=f"{key}-reuse"):
            _start(config, seeds, again=False)
        if st.button("Run again", key=f"{key}-again", width="stretch"):
            _start(config, seeds, again=True)
    elif st.button(
        "Start" if new == 1 else f"Start {new} runs",
        type="primary",
        icon=":material/play_arrow:",
        width="stretch",
        key=f"{key}-start",
    ):
        _start(config, seeds, again=False)


def _start(config: RunConfig, seeds: Sequence[int], *, again: bool) -> None:
    """Queue the runs and go to the page that shows them.

    Raises:
        InvalidInput: settings, data and runs folder do not allow it; nothing was queued.
    """
    with st.spinner("Checking the settings and the data ..."):
        submitted = submit_all(
            data.store(),
            LocalExecutor(data.store(), data.data_dir()),
            data.data_dir(),
            [config],
            seeds,
            reuse=() if again else ("finished",),
        )
    ids = ",".join(run.id for run in submitted.runs)
    st.switch_page("views/runs.py", query_params={URL_KEY: ids})


def unfit_note(reasons: dict[str, str]) -> str | None:
    """Return why variants are left out, for the help of their choice."""
    if not reasons:
        return None
    lines = [f"- **{escaped(name)}**: {escaped(reason)}" for name, reason in reasons.items()]
    return "\n".join(["Not offered for this data set:", *lines])
