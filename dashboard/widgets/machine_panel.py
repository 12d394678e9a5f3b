"""The machine beside the list of runs: slots and who holds them, processor, memory, GPUs, disk."""

from collections.abc import Sequence

import streamlit as st

from core.jobs.machine import Machine, machine
from core.jobs.runner import LEAST_FREE_MEMORY
from core.runs.run import Run
from core.runs.state import ACTIVE
from core.runs.store import LEAST_FREE_BYTES
from dashboard import data
from dashboard.widgets.markdown import escaped

_GB = 1e9


def machine_panel(runs: Sequence[Run], key: str) -> None:
    """Show how busy the machine is: the slots in use on the button, all of it behind.

    Args:
        runs: all runs.
        key: of the widget.
    """
    store = data.store()
    now = machine(store.layout, store.observer.host)
    used = f"{len(now.taken)} of {len(now.slots)} slots used"
    with st.popover(used, icon=":material/memory:", key=key):
        _slots(now, runs)
        with st.container(horizontal=True, gap="large"):
            st.metric(f"Processor ({now.num_cores} cores)", f"{100 * now.cpu_share:.0f} %")
            st.metric("Memory", _of(now.memory_used, now.memory_total))
            st.metric("Disk, free", f"{now.disk_free / _GB:,.0f} GB")
        for gpu in now.gpus:
            share = "" if gpu.used_share is None else f"{100 * gpu.used_share:.0f} % busy, "
            memory = _of(gpu.memory_used, gpu.memory_total)
            st.markdown(f"**{escaped(gpu.name)}**: {share}{memory} memory")
        if now.memory_total - now.memory_used < LEAST_FREE_MEMORY:
            least = f"{LEAST_FREE_MEMORY / 2**30:.1f} GiB"
            st.warning(f"No run starts while less than {least} of memory is free.", icon=":material/memory:")  # fmt: skip
        if now.disk_free < LEAST_FREE_BYTES:
            st.warning("The disk of the runs folder is nearly full: no run starts.", icon=":material/hard_drive:")  # fmt: skip


def _slots(now: Machine, runs: Sequence[Run]) -> None:
    host = data.store().observer.host
    holders = {
        run.state.slot: run.title
        for run in runs
        if run.state.state in ACTIVE and run.state.state != "queued" and run.state.host == host
    }
    free = len(now.slots) - len(now.taken)
    lines = [f"- `{slot}`: {escaped(holders.get(slot, 'another program'))}" for slot in now.taken]
    lines += [f"- {free} free"] if free else []
    st.markdown("\n".join(["Each run trains in a slot of its own, on one thread.", "", *lines]))


def _of(used: int, total: int) -> str:
    return f"{used / _GB:.1f} of {total / _GB:.1f} GB"
