"""The machine that trains: its slots and who holds them, processor, memory, GPUs and the disk of the runs folder.

Facts of this moment for a page or a shell; nothing is decided here. No torch: GPUs are asked for through their driver's
own program, at most every few seconds. Which slots there are is `core.jobs.slots`' business.
"""

import functools
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from core.jobs import slots
from core.runs.layout import RunsLayout

GPU_SECONDS = 5.0
"""For which an answer of the driver holds: asking starts a process."""

# The first call has nothing to compare with and says 0.
psutil.cpu_percent()

_QUERY = "name,utilization.gpu,memory.used,memory.total"


@dataclass(frozen=True)
class Gpu:
    """One GPU.

    Attributes:
        name: as the driver calls it.
        used_share: of its time, in [0, 1]; None where the driver does not say.
        memory_used, memory_total: bytes.
    """

    name: str
    used_share: float | None
    memory_used: int
    memory_total: int


@dataclass(frozen=True)
class Machine:
    """What a machine is doing.

    Attributes:
        slots: names of all slots; taken: those that a worker holds.
        num_cores: logical processors; cpu_share: of their time since the last call, in [0, 1].
        memory_used, memory_total: bytes; used is what is not available to new processes.
        disk_free, disk_total: bytes of the runs folder's disk.
        gpus: in the driver's order.
    """

    slots: tuple[str, ...]
    taken: tuple[str, ...]
    num_cores: int
    cpu_share: float
    memory_used: int
    memory_total: int
    disk_free: int
    disk_total: int
    gpus: tuple[Gpu, ...] = ()


def machine(layout: RunsLayout, host: str) -> Machine:
    """Return what this machine is doing.

    Args:
        layout: the runs folder, which must exist.
        host: this machine's name.
    """
    names = (*cpu_slots(), *gpu_slots())
    memory, disk = psutil.virtual_memory(), shutil.disk_usage(layout.root)
    return Machine(
        slots=names,
        taken=tuple(name for name in names if not slots.is_free(layout, host, name)),
        num_cores=os.cpu_count() or 1,
        cpu_share=psutil.cpu_percent() / 100,
        memory_used=memory.total - memory.available,
        memory_total=memory.total,
        disk_free=disk.free,
        disk_total=disk.total,
        gpus=_gpus() if any(name.startswith("gpu-") for name in names) else (),
    )


@functools.lru_cache(maxsize=1)
def gpu_slots() -> tuple[str, ...]:
    """Return the names of this machine's GPU slots, asked for once: counting GPUs starts a process."""
    return tuple(slots.gpu_slots())


def cpu_slots() -> tuple[str, ...]:
    """Return the names of this machine's CPU slots."""
    return tuple(slots.cpu_slots())


_guard = threading.Lock()
_known: tuple[float, tuple[Gpu, ...]] = (-GPU_SECONDS, ())


def _gpus() -> tuple[Gpu, ...]:
    global _known
    with _guard:
        if time.monotonic() - _known[0] >= GPU_SECONDS:
            _known = (time.monotonic(), _asked())
        return _known[1]


def _asked() -> tuple[Gpu, ...]:
    command = ["nvidia-smi", f"--query-gpu={_QUERY}", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    return parsed_gpus(answer.stdout.splitlines())


def parsed_gpus(lines: Sequence[str]) -> tuple[Gpu, ...]:
    """Return the GPUs that the driver's lines "name, percent, MiB used, MiB in all" tell of; other lines are left out."""
    found = []
    for line in lines:
        name, *values = [part.strip() for part in line.rsplit(",", 3)]
        if len(values) == 3 and all(value.isdigit() for value in values[1:]):
            share = int(values[0]) / 100 if values[0].isdigit() else None
            found.append(Gpu(name, share, int(values[1]) << 20, int(values[2]) << 20))
    return tuple(found)
