import os
import platform
import subprocess
import sys

import pytest

from core.jobs import slots
from core.runs import locks
from core.runs.layout import RunsLayout


def test_there_are_as_many_cpu_slots_as_asked_for(monkeypatch):
    monkeypatch.setenv("PETRIDISH_CPU_SLOTS", "3")
    assert slots.cpu_slots() == ["cpu-0", "cpu-1", "cpu-2"]


@pytest.mark.parametrize("text", ["", "0", "-1", "many"])
def test_without_a_number_there_is_a_cpu_slot_for_each_core(monkeypatch, text):
    monkeypatch.setenv("PETRIDISH_CPU_SLOTS", text)
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    assert len(slots.cpu_slots()) == cores


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        ("", []),
        ("-1", []),
        ("0", ["gpu-0"]),
        ("2, 3", ["gpu-2", "gpu-3"]),
        ("0,-1,1", ["gpu-0"]),
        ("GPU-8932f937-d72c", ["gpu-GPU-8932f937-d72c"]),
        ("../../outside", []),
    ],
)
def test_gpu_slots_are_the_gpus_that_this_process_may_see(monkeypatch, visible, expected):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert slots.gpu_slots() == expected


@pytest.mark.parametrize(
    ("device", "gpu", "expected"),
    [
        ("cpu", ["gpu-0"], ["cpu-0"]),
        ("auto", ["gpu-0"], ["gpu-0"]),
        ("auto", [], ["cpu-0"]),
        ("cuda", ["gpu-0"], ["gpu-0"]),
        # The worker will say that there is none.
        ("cuda", [], ["cpu-0"]),
    ],
)
def test_a_run_takes_the_kind_of_slot_that_it_asks_for(device, gpu, expected):
    assert slots.slots_for(device, ["cpu-0"], gpu) == expected


def test_a_slot_is_free_until_somebody_holds_its_lock(tmp_path):
    layout = RunsLayout(tmp_path)
    assert slots.is_free(layout, "here", "cpu-0")
    lock = locks.take(layout.slot_lock("here", "cpu-0"))
    try:
        assert not slots.is_free(layout, "here", "cpu-0")
        assert slots.is_free(layout, "here", "cpu-1")
        assert slots.is_free(layout, "elsewhere", "cpu-0")
    finally:
        lock.release()
    assert slots.is_free(layout, "here", "cpu-0")


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has no CUDA")
def test_a_worker_sees_the_gpu_of_its_slot_and_no_other():
    assert slots.environment("cpu-1", threads=2)["CUDA_VISIBLE_DEVICES"] == ""
    assert slots.environment("gpu-3", threads=1)["CUDA_VISIBLE_DEVICES"] == "3"
    of_mig = slots.environment("gpu-MIG-1-2", threads=1)
    assert of_mig["CUDA_VISIBLE_DEVICES"] == "MIG-1-2"


def test_a_worker_has_its_thread_budget():
    variables = slots.environment("cpu-1", threads=2)
    assert variables["OMP_NUM_THREADS"] == variables["MKL_NUM_THREADS"] == "2"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc reads the variables")
def test_a_worker_keeps_the_memory_of_its_last_step():
    # 29 MB, the pictures that leave the first convolution of conv-base, taken and given back as steps do.
    code = """if True:
        import resource, numpy
        def faults():
            numpy.empty(29_491_200, numpy.uint8).fill(1)
            return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        first = faults()
        print(faults() - first)
    """

    def pages_fetched(variables):
        command = [sys.executable, "-c", code]
        done = subprocess.run(
            command, env=os.environ | variables, capture_output=True, text=True, check=True
        )
        return int(done.stdout)

    assert pages_fetched(slots.environment("cpu-0", threads=1)) < 100
