"""What is shown about one run of the page Runs, and about the machine that trains it."""

import errno
import os
import re
import shutil
from dataclasses import replace

import psutil
import pytest

from core.jobs import control
from core.jobs.inline import InlineExecutor
from core.jobs.slots import CPU_SLOTS_VARIABLE
from core.jobs.submit import submit
from core.runs import files, locks
from core.runs.state import write_state
from core.runs.store import Store


@pytest.fixture
def cloned(finished, tiny_config, data_dir, tmp_path, monkeypatch):
    """A finished run, and a clone of it that failed at its second row, was resumed by grace and finished."""
    source, parent = finished
    shutil.copytree(source.root, tmp_path / "runs")
    store = Store(tmp_path / "runs")
    config = tiny_config(learning_rate=0.02, batch_size=64)
    dataset, executor = config.dataset.load(data_dir), InlineExecutor(store, data_dir)
    rows = []

    def fail(path):
        if path.name == "history.jsonl":
            rows.append(path)
            if len(rows) == 2:
                raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(files, "fault", fail)
        run = submit(
            *(store, executor, dataset, config),
            seed=4,
            owner="ada",
            device="cpu",
            parent=parent.id,
            retries=1,
        )
    assert store.run(run.id).state.state == "failed"
    control.resume(store, executor, store.run(run.id), by="grace")
    assert store.run(run.id).state.state == "finished"
    return store, parent, store.run(run.id)


@pytest.fixture
def opened(open_app, cloned):
    """Return a function that opens a section of the clone's details: `opened("Events")`."""
    store, _, run = cloned

    def section(name, folder=store.root):
        app = open_app(folder, runs=run.id)
        app.session_state[f"details-{run.id}"] = True
        app.session_state[f"details-{run.id}-section"] = name
        app.run()
        assert not app.exception and not app.error
        return app

    return section


def shown(app, first):
    """Return the rows of the table whose first column is so called."""
    (found,) = [one.value for one in app.dataframe if one.value.columns[0] == first]
    return found.to_dict("records")


def test_a_clone_says_what_was_changed_from_its_parent_and_from_its_variant(opened, cloned, words):
    _, parent, run = cloned
    app = opened("Settings")
    origins = [
        one.value.replace("\\", "") for one in app.caption if one.value.startswith("Changed from")
    ]
    assert origins == [f"Changed from {parent.title}:", "Changed from dense-base:"]
    by_parent, by_variant = [
        {*one.value.replace("\\", "").splitlines()} for one in app.markdown if "→" in one.value
    ]
    assert by_parent == {"- Learning rate: 0.001 → **0.02**", "- Batch size: 256 → **64**"}
    assert "- Learning rate: 0.001 → **0.02**" in by_variant
    assert any(one.startswith("- Hidden layers: ") for one in by_variant)
    best = (
        f"best epoch {run.state.best_epoch} with {100 * run.state.best_validation_accuracy:.1f} %"
    )
    said = words(app).replace("\\", "")
    assert f"Id `{run.id}`, data set digits, seed 4, of ada, " in said and best in said


def test_a_clone_whose_parent_is_gone_says_so(opened, cloned, words):
    store, parent, _ = cloned
    shutil.rmtree(store.root / parent.id)
    said = words(opened("Settings")).replace("\\", "")
    assert f"It was cloned from `{parent.id}`, which is not here any more." in said
    assert said.count("Changed from ") == 1


def test_both_attempts_stand_with_where_they_began_and_how_they_ended(opened, cloned):
    store, _, run = cloned
    files.write_json(
        run.layout.exit(1),
        {"time": 1e9, "code": None, "signal": 9, "peak_memory": 123_400_000, "cpu_seconds": 75},
    )
    first, second = shown(opened("Attempts"), "Attempt")
    told = ("Attempt", "From epoch", "Machine", "Device")
    assert [first[one] for one in told] == [1, 1, store.observer.host, "cpu"]
    assert [second[one] for one in told] == [2, 2, store.observer.host, "cpu"]
    told = ("Exit", "Peak memory", "CPU time")
    assert [first[one] for one in told] == ["signal 9", "123 MB", "1 min 15 s"]
    assert "Sep 2001, " in first["Ended"]
    assert [second[one] for one in told] == ["", "", ""]


def test_the_environment_is_that_of_the_submission(opened, cloned):
    _, _, run = cloned
    rows = {row["What"]: row["Value"] for row in shown(opened("Environment"), "What")}
    assert rows["torch"] == run.spec["env"]["torch"] and rows["python"] == run.spec["env"]["python"]
    assert rows["data fingerprint"] == run.spec["data_fingerprint"]
    assert (rows["device"], rows["executor"], rows["retries"]) == ("cpu", "inline", "1")


def test_events_tell_newest_first_what_happened_and_who_asked(opened):
    rows = shown(opened("Events"), "Time")
    assert [(row["Event"], row["What"]) for row in rows] == [
        ("finished", "attempt 2; epoch 3"),
        ("running", "attempt 2; device cpu; why cpu was asked for."),
        ("resume", "attempt 2"),
        ("failed", "attempt 1; reason OSError; epoch 1"),
        ("running", "attempt 1; device cpu; why cpu was asked for."),
    ]
    assert [row["Event"] for row in rows if row["By"] == "grace"] == ["resume"]


def test_the_end_of_the_log_is_shown_as_it_is(opened, cloned):
    _, _, run = cloned
    assert "The log is empty." in [one.value for one in opened("Log").caption]
    run.layout.log.write_text("x" * 9_000 + "\n*the* last <b>line</b>\n")
    (log,) = opened("Log").code
    assert log.value.endswith("x\n*the* last <b>line</b>")
    assert len(log.value) < 8_001


def test_the_machine_tells_who_has_its_slots_and_what_is_free(
    open_app, finished, tmp_path, monkeypatch, words
):
    source, run = finished
    shutil.copytree(source.root, tmp_path / "runs")
    store = Store(tmp_path / "runs")
    monkeypatch.setenv(CPU_SLOTS_VARIABLE, "3")
    host, run = store.observer.host, store.run(run.id)
    taken = [store.layout.slot_lock(host, slot) for slot in ("cpu-0", "cpu-2")]
    held = [locks.take(path) for path in (*taken, run.layout.alive_lock)]
    place = {"host": host, "boot": store.observer.boot, "pid": os.getpid(), "slot": "cpu-2"}
    write_state(run.layout, replace(run.state, state="running", ended=None, **place))
    try:
        app = open_app(store.root)
        (label,) = [
            one.proto.popover.label
            for one in app.get("popover")
            if "slots" in one.proto.popover.label
        ]
        assert label == "2 of 3 slots used"
        slots = [
            one for one in words(app).replace("\\", "").splitlines() if one.startswith("- `cpu")
        ]
        assert slots == ["- `cpu-0`: another program", f"- `cpu-2`: {store.run(run.id).title}"]
        assert "- 1 free" in words(app).splitlines()
    finally:
        for lock in held:
            lock.release()
    told = {one.label: one.value for one in app.metric}
    share = re.fullmatch(r"(\d+) %", told[f"Processor ({os.cpu_count()} cores)"])
    assert 0 <= int(share[1]) <= 100
    memory, free = psutil.virtual_memory(), shutil.disk_usage(store.root).free
    used, total = map(float, re.fullmatch(r"([\d.]+) of ([\d.]+) GB", told["Memory"]).groups())
    assert total == round(memory.total / 1e9, 1)
    # Others use the machine too, between its reading and ours.
    assert abs(1e9 * used - (memory.total - memory.available)) < memory.total / 4
    assert abs(1e9 * float(told["Disk, free"].removesuffix(" GB").replace(",", "")) - free) < 10e9
