"""How long the runs will take and how much memory, with where that is known from, in words.

What is measured and compared is `core.jobs.estimate`.
"""

from collections.abc import Iterable, Sequence

import streamlit as st

from core.config import RunConfig
from core.jobs import analyst
from core.jobs.estimate import (
    Estimate,
    cost_key,
    from_probe,
    from_runs,
    num_slots,
    probe_config,
    total_seconds,
)
from core.runs.state import ACTIVE
from dashboard import data
from dashboard.widgets.background import awaited
from dashboard.widgets.markdown import duration

MOST_PROBED = 20
"""Networks that are tried at most, for two seconds each."""

MEBIBYTE = 2**20

SHORT_SECONDS = 60
STARTING = " Starting a run takes some seconds more."
"""Said of runs so short that it matters: three epochs of digits train for 0.5 s and took 1 to 11 s (busy 2-core machine)."""


def estimate(configs: Sequence[RunConfig], fingerprint: str, num_seeds: int, key: str) -> None:
    """Say how long and how much; where no finished run tells, offer to try it for two seconds.

    Args:
        configs: what is to be trained, all on the data set with this fingerprint.
        fingerprint: of the data set.
        num_seeds: runs of each config.
        key: of the widget.
    """
    runs, host = data.store().runs(), data.store().observer.host
    known = from_runs(configs, runs, lambda run: data.history(run)[1], host)
    pairs = zip(configs, known, strict=True)
    # Configs of equal cost rest on the same runs.
    source = _finished_runs({cost_key(config): one for config, one in pairs if one}.values())
    unknown = {
        cost_key(config): config for config, one in zip(configs, known, strict=True) if one is None
    }
    if unknown:
        found = _probed(list(unknown.values()), fingerprint, key)
        if found is None:
            return
        probes = dict(zip(unknown, found, strict=False))
        known = [
            from_probe(config, probes[cost_key(config)])
            if one is None and cost_key(config) in probes
            else one
            for config, one in zip(configs, known, strict=True)
        ]
        source = (
            f"{source} and from 2 seconds of training" if source else "From 2 seconds of training"
        )
    _shown([one for one in known if one is not None], len(configs), num_seeds)
    waiting = sum(run.state.state in ACTIVE for run in runs)
    ahead = (
        f" {waiting} {'run is' if waiting == 1 else 'runs are'} ahead in the queue."
        if waiting
        else ""
    )
    shown = [one for one in known if one is not None]
    is_short = bool(shown) and max(one.most_seconds for one in shown) < SHORT_SECONDS
    st.caption(f"{source} on this machine.{STARTING if is_short else ''}{ahead}")


def _shown(estimates: Sequence[Estimate], num_configs: int, num_seeds: int) -> None:
    if not estimates:
        return
    at_once = min(num_slots(), num_seeds * len(estimates))
    total = total_seconds(estimates, num_seeds, at_once)
    parts = [f"About **{_long(total)}** of training"]
    if num_seeds * len(estimates) > 1:
        parts[0] += f" in all, {at_once} at a time" if at_once > 1 else " in all"
    most = max(estimates, key=lambda one: one.most_seconds)
    if most.usual_seconds is not None and most.most_seconds > 1.1 * most.usual_seconds:
        parts.append(f"at most {_long(most.most_seconds)} a run without early stopping")
    elif num_seeds * len(estimates) > 1:
        parts.append(f"at most {_long(most.most_seconds)} a run")
    parts.append(f"{_long(most.epoch_seconds)} an epoch")
    text = "; ".join(parts)
    peaks = [one.peak_memory for one in estimates if one.peak_memory]
    if peaks:
        text += f"; {max(peaks) / MEBIBYTE:,.0f} MiB of memory"
        text += " a run" if num_seeds * len(estimates) > 1 else ""
    left = num_configs - len(estimates)
    st.markdown(f"{text}." + (f" Without {left} of the {num_configs} settings." if left else ""))


def _probed(configs: Sequence[RunConfig], fingerprint: str, key: str) -> list[dict] | None:
    runs = [
        {"config": probe_config(config).to_json(), "fingerprint": fingerprint}
        for config in configs[:MOST_PROBED]
    ]
    arguments = {"runs": runs}
    if analyst.status(data.data_dir(), analyst.task_key("probe", arguments)) is None:
        asked = st.button(
            "Estimate time and memory",
            icon=":material/timer:",
            key=f"{key}-probe",
            width="stretch",
            help="No finished run of equal cost tells yet. This trains for 2 seconds "
            + (f"with each of {len(runs)} settings " if len(runs) > 1 else "")
            + "in a process beside the pages.",
        )
        if not asked:
            return None
    return awaited("probe", arguments, "Trying", f"{key}-probing")


def _finished_runs(known: Iterable[Estimate]) -> str:
    number = sum(one.num_runs for one in known)
    if not number:
        return ""
    return "From a finished run" if number == 1 else f"From {number} finished runs"


def _long(seconds: float) -> str:
    return duration(seconds) if seconds >= 1 else f"{seconds:.2g} s"
