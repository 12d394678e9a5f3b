"""Slots: how many runs one machine trains at a time, each slot a kernel lock that its worker holds.

One run on one thread in each slot beats one run on many threads (measured: 1.3x idle, 7x on a busy machine). No torch:
GPUs are counted by what the driver shows.
"""

import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from core.runs import locks
from core.runs.layout import RunsLayout

CPU_SLOTS_VARIABLE = "PETRIDISH_CPU_SLOTS"

_GPU = re.compile(r"\d+|(GPU|MIG)-[0-9A-Za-z-]+")
"""How CUDA_VISIBLE_DEVICES names a GPU: by number or by its identity. Anything else ends the list, as for CUDA."""


def cpu_slots() -> list[str]:
    """Return the names of the CPU slots: one a core that this process may use, or what the variable says."""
    asked = os.environ.get(CPU_SLOTS_VARIABLE, "")
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    number = int(asked) if asked.isdigit() and int(asked) else cores
    return [f"cpu-{index}" for index in range(number)]


def gpu_slots() -> list[str]:
    """Return the names of the GPU slots: one a GPU; an Apple GPU counts as one."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        names = [name.strip() for name in visible.split(",")]
        return [f"gpu-{name}" for name in takewhile(_GPU.fullmatch, names)]
    if sys.platform == "darwin":
        return ["gpu-0"] if platform.machine() == "arm64" else []
    if not Path("/proc/driver/nvidia/version").exists():
        return []
    try:
        listed = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [
        f"gpu-{index}" for index, line in enumerate(listed.splitlines()) if line.startswith("GPU")
    ]


def slots_for(device: str, cpu: Sequence[str], gpu: Sequence[str]) -> Sequence[str]:
    """Return the slots that a run may take.

    Args:
        device: what the run asked for: "auto" takes a GPU if there is one.
        cpu: this machine's CPU slots.
        gpu: this machine's GPU slots.
    """
    if device == "cpu":
        return cpu
    return gpu or cpu


def is_free(layout: RunsLayout, host: str, slot: str) -> bool:
    """Return whether no worker holds a slot."""
    return locks.holder(layout.slot_lock(host, slot)) is None


def environment(slot: str, threads: int) -> dict[str, str]:
    """Return the variables that keep a worker within its slot."""
    kind, _, index = slot.partition("-")
    budget = {
        **{"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)},
        # Read by glibc alone. It gave each step's memory back to the kernel, which clears it anew at the next: a quarter
        # to a third of the CPU time of a convolutional step. 32 MiB is the largest threshold that it takes.
        **{"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**30)},
    }
    if sys.platform == "darwin":
        return budget
    return budget | {"CUDA_VISIBLE_DEVICES": index if kind == "gpu" else ""}
