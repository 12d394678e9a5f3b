"""What the machine is doing, as far as any machine can be asked."""

from core.jobs.machine import Gpu, machine, parsed_gpus
from core.runs import locks


def test_a_held_slot_is_taken_and_the_facts_are_possible(store, monkeypatch):
    monkeypatch.setenv("PETRIDISH_CPU_SLOTS", "3")
    store.require_writable()
    host = store.observer.host
    assert machine(store.layout, host).taken == ()
    lock = locks.take(store.layout.slot_lock(host, "cpu-1"))
    try:
        found = machine(store.layout, host)
    finally:
        lock.release()
    assert found.slots[:3] == ("cpu-0", "cpu-1", "cpu-2")
    assert found.taken == ("cpu-1",)
    assert 0 <= found.cpu_share <= 1
    assert 0 < found.memory_used < found.memory_total
    assert 0 < found.disk_free <= found.disk_total


def test_gpus_are_read_from_the_drivers_lines():
    lines = ["NVIDIA H100 80GB HBM3, 37, 1024, 81559", "Odd, name, [N/A], 5, 10", "no devices", ""]
    assert parsed_gpus(lines) == (
        Gpu("NVIDIA H100 80GB HBM3", 0.37, 1024 << 20, 81559 << 20),
        Gpu("Odd, name", None, 5 << 20, 10 << 20),
    )
