"""Files of a run that say something else than what was written: what is shown of it, and whether it still ends whole."""

import os
import shutil

import orjson
import pytest

from core.exceptions import CoreError, DamagedRun, RunStateError
from core.facts import run_facts
from core.jobs import control
from core.jobs.forecast import forecasts
from core.jobs.inline import InlineExecutor
from core.runs import files, history, records
from core.runs.edits import annotate
from core.runs.fsck import fsck
from core.runs.store import Store
from core.runs.waits import Waits

WAITS = Waits(start_grace=1e-6, progress=0)


def copied(run, folder):
    """Return a store with a copy of a run's folder; its files are links, so that they must be replaced to be changed."""
    shutil.copytree(run.layout.path, folder / run.id, copy_function=os.link)
    return Store(folder, WAITS)


def put(path, data):
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def trained_until(finished_run, spec_of, data_dir, folder, seed):
    """Return a run that would do what `finished_run` did with a seed, stopped after 2 of its 3 epochs."""
    store = Store(folder, WAITS)
    run = store.create(spec_of(finished_run, seed=seed), epochs=3)
    files.make_folder(run.layout.control_dir)
    seen = []

    def stop_after_two(path):
        if path.name == "last.json":
            seen.append(path)
            if len(seen) == 2:
                run.layout.stop_request.write_text('{"by": "ada"}')

    files.fault, before = stop_after_two, files.fault
    try:
        InlineExecutor(store, data_dir).submit(run, 1)
    finally:
        files.fault = before
    run = store.run(run.id)
    assert (run.state.state, run.state.epoch) == ("stopped", 2)
    return run


@pytest.fixture(scope="module")
def stopped_run(finished_run, spec_of, data_dir, tmp_path_factory):
    return trained_until(finished_run, spec_of, data_dir, tmp_path_factory.mktemp("stopped"), 0)


@pytest.fixture(scope="module")
def other_run(finished_run, spec_of, data_dir, tmp_path_factory):
    """A run of another seed, stopped like `stopped_run`; a checkpoint of either fits the other's network."""
    return trained_until(finished_run, spec_of, data_dir, tmp_path_factory.mktemp("other"), 1)


@pytest.fixture
def stopped(stopped_run, tmp_path):
    """A copy of it, to break."""
    shutil.copytree(stopped_run.layout.path, tmp_path / "runs" / stopped_run.id)
    return Store(tmp_path / "runs", WAITS).run(stopped_run.id)


def resumed(run, data_dir):
    """Resume a run in its folder; return it, and the epoch from which it went on."""
    store = Store(run.layout.path.parent, WAITS)
    control.resume(store, InlineExecutor(store, data_dir), run, by="ada")
    run = store.run(run.id)
    return run, history.attempts(run.layout)[run.state.attempt]["from_epoch"]


def warnings(run):
    return [row["message"] for row in records.events(run.layout) if row["event"] == "warning"][::-1]


# Checkpoints.


def zero(layout, other):
    last = layout.last_checkpoint
    last.write_bytes(bytes(last.stat().st_size))


def swap(layout, other):
    aside = layout.path / "aside"
    os.replace(layout.last_checkpoint, aside)
    os.replace(layout.prev_checkpoint, layout.last_checkpoint)
    os.replace(aside, layout.prev_checkpoint)


def swap_manifests(layout, other):
    aside = layout.path / "aside"
    last, prev = (
        path.with_suffix(".json") for path in (layout.last_checkpoint, layout.prev_checkpoint)
    )
    os.replace(last, aside)
    os.replace(prev, last)
    os.replace(aside, prev)


def take_another_s(layout, other):
    shutil.copy(other.last_checkpoint, layout.last_checkpoint)


def take_another_s_with_its_manifest(layout, other):
    for name in ("last.pt", "last.json", "best.safetensors", "best.json"):
        shutil.copy(other.checkpoints_dir / name, layout.checkpoints_dir / name)


NOT_USED = "last.pt matches no manifest and is not used."


@pytest.mark.parametrize(
    ("damage", "epoch", "expected"),
    [
        (zero, 2, [NOT_USED]),
        (swap, 3, []),
        (swap_manifests, 3, []),
        (take_another_s, 2, [NOT_USED]),
        (take_another_s_with_its_manifest, 2, ["last.json is of another run.", NOT_USED]),
    ],
)
def test_a_checkpoint_is_used_only_if_it_is_whole_and_this_run_s(
    stopped, other_run, data_dir, finished_run, assert_same_training, damage, epoch, expected
):
    damage(stopped.layout, other_run.layout)
    run, from_epoch = resumed(stopped, data_dir)
    assert from_epoch == epoch
    assert warnings(run) == expected
    assert_same_training(run, finished_run)


@pytest.fixture
def died(finished_run, spec_of, data_dir, tmp_path, monkeypatch):
    """A run that has trained to its end and died before its results."""
    store = Store(tmp_path / "died", WAITS)
    run = store.create(spec_of(finished_run), epochs=3)

    def die(path):
        if path.name == "test.class.npy":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(files, "fault", die)
        with pytest.raises(KeyboardInterrupt):
            InlineExecutor(store, data_dir).submit(run, 1)
    return store.run(run.id)


@pytest.mark.parametrize("damage", ["zero", "remove", "remove both", "another's"])
def test_best_weights_that_are_lost_after_the_last_epoch_are_trained_again(
    died, other_run, data_dir, finished_run, assert_same_training, damage
):
    layout, other = died.layout, other_run.layout
    match damage:
        case "zero":
            layout.best_weights.write_bytes(bytes(layout.best_weights.stat().st_size))
        case "another's":
            shutil.copy(other.best_weights, layout.best_weights)
            shutil.copy(other.best_json, layout.best_json)
        case _:
            layout.best_weights.unlink()
            if damage == "remove both":
                layout.best_json.unlink()
    assert [one.finding.kind for one in fsck(Store(died.layout.path.parent))].count("damage") == (
        0 if damage == "remove both" else 1
    )
    run, from_epoch = resumed(died, data_dir)
    # The best epoch was the last one.
    assert from_epoch == 3
    assert warnings(run) == [
        "The best weights do not match their manifest and must be trained again."
    ]
    assert_same_training(run, finished_run)


# Histories. Two epochs are done, and the checkpoint is after the second.


HISTORIES = {
    "a torn row": (lambda one, two: one + b"\n" + two + b'\n{"attempt":1,"epoch":3,"tr', 2, 3),
    "NUL bytes": (lambda one, two: one + b"\n" + two + b"\n" + bytes(300), 2, 3),
    "a line of NUL": (lambda one, two: one + b"\n" + bytes(300) + b"\n" + two + b"\n", 2, 3),
    "garbage": (lambda one, two: b"\xff\xfe{]\n" + one + b"\n\x80\n" + two + b"\n[1]\n7\n", 2, 3),
    "interleaved rows": (
        lambda one, two: one + b"\n" + two[:40] + one[:40] + two[40:] + one[40:] + b"\n",
        1,
        2,
    ),
    "a first row overwritten": (lambda one, two: bytes(len(one)) + b"\n" + two + b"\n", 1, 1),
    "no newline": (lambda one, two: one + b"\n" + two, 1, 2),
    "nothing": (lambda one, two: b"", 0, 1),
}
"""What became of the two rows, how many can still be read, and the epoch from which a resume goes on."""


@pytest.mark.parametrize("name", HISTORIES)
def test_a_damaged_history_is_shown_as_far_as_it_can_be_read_and_mended_by_a_resume(
    stopped, data_dir, finished_run, assert_same_training, name
):
    write, num_rows, epoch = HISTORIES[name]
    stopped.layout.history.write_bytes(write(*stopped.layout.history.read_bytes().splitlines()))
    shown = Store(stopped.layout.path.parent).run(stopped.id)
    assert (shown.state.state, shown.damaged) == ("stopped", None)
    assert len(shown.history()) == num_rows
    assert [one.finding.file for one in fsck(Store(stopped.layout.path.parent))].count(
        "history.jsonl"
    ) >= (name != "nothing")
    run, from_epoch = resumed(stopped, data_dir)
    assert from_epoch == epoch
    missing = [f"history.jsonl lacks epoch {epoch}, which is done again."] if epoch < 3 else []
    assert warnings(run)[: len(missing)] == missing
    assert_same_training(run, finished_run)


# JSON.

JSON_FILES = [
    "run.json",
    "state.json",
    "edit.json",
    "attempts/0001.json",
    "attempts/0001.exit.json",
    "checkpoints/last.json",
    "checkpoints/best.json",
    "predictions/index.json",
    "results/test.json",
]

NO_JSON_OF_OURS = {
    "empty": b"",
    "NUL": bytes(300),
    "a list": b"[1]",
    "a number": b"7",
    "a text": b'"text"',
    "null": b"null",
    "endless": b"[" * 100_000,
    "half": b'{"schema": 1, "state": "fin',
}


@pytest.fixture(scope="module")
def described_run(finished_run, tmp_path_factory):
    """The finished run with every file of JSON that a run can have."""
    run = copied(finished_run, tmp_path_factory.mktemp("described")).run(finished_run.id)
    ended = {"code": 0, "signal": None, "peak_memory": 1, "cpu_seconds": 1.0, "time": 1.0}
    files.write_json(run.layout.exit(1), ended)
    files.write_json(
        run.layout.edit_json, {"schema": 1, "name": "mine", "tags": ["a"], "note": "n"}
    )
    return run


def looks(store, run):
    """Look at a run in every way that pages and commands do; return what could not be said, by its reader."""
    runs = store.runs()
    (now,) = runs
    readers = {
        "row": lambda: orjson.dumps(now.row()),
        "title": lambda: now.title,
        "history": now.history,
        "validation": lambda: now.predictions("validation"),
        "test": lambda: now.predictions("test"),
        "attempts": lambda: orjson.dumps(records.attempts(now.layout)),
        "events": lambda: records.events(now.layout),
        "facts": lambda: orjson.dumps(run_facts(now)),
        "forecasts": lambda: forecasts(runs, lambda one: one.history(), "here", ["cpu-0"], []),
    }
    refused = {}
    for name, look in readers.items():
        try:
            look()
        except CoreError as error:
            refused[name] = error
    assert [name for name, error in refused.items() if str(store.root) in str(error)] == []
    return now, refused


@pytest.mark.parametrize("name", JSON_FILES)
def test_a_file_that_is_no_json_of_ours_damages_only_what_it_says(described_run, tmp_path, name):
    for number, (what, data) in enumerate(NO_JSON_OF_OURS.items()):
        store = copied(described_run, tmp_path / str(number))
        put(store.root / described_run.id / name, data)
        run, refused = looks(store, described_run)
        if name in ("run.json", "state.json"):
            assert run.state.state == run.state.reason == "damaged", what
            assert run.damaged.startswith(f"{name} "), what
        else:
            assert (run.state.state, run.damaged) == ("finished", None), what
        expected = {"predictions/index.json": "validation", "results/test.json": "test"}.get(name)
        if expected:
            assert isinstance(refused[expected], DamagedRun), what
        assert name in [one.finding.file for one in fsck(store)], what


@pytest.mark.parametrize("name", JSON_FILES)
def test_a_value_of_the_wrong_type_breaks_no_reader(described_run, tmp_path, name):
    store = copied(described_run, tmp_path / "runs")
    path = store.root / described_run.id / name
    values = files.read_json(path)
    for key in values:
        for value in (None, "x", -1, 1e300, ["a"]):
            put(path, orjson.dumps(values | {key: value}))
            run, _ = looks(store, described_run)
            assert run.state.state in ("finished", "damaged", "crashed", "interrupted"), (
                key,
                value,
            )


@pytest.mark.parametrize("name", JSON_FILES)
def test_a_file_of_a_later_version_or_of_many_megabytes_breaks_no_reader(
    described_run, tmp_path, name
):
    store = copied(described_run, tmp_path / "runs")
    path = store.root / described_run.id / name
    values = files.read_json(path)
    put(path, orjson.dumps(values | {"schema": 2, "later": True}))
    run, _ = looks(store, described_run)
    if name in ("run.json", "state.json"):
        assert run.damaged == (
            f"{name} has schema 2: a later version of Petridish wrote it; it is only shown"
        )
        with pytest.raises(RunStateError, match="is damaged and cannot be resumed"):
            resumed(run, tmp_path)
    if name == "edit.json":
        with pytest.raises(DamagedRun, match=r"edit\.json has schema 2"):
            annotate(run, "new", by="ada")
    assert files.read_json(path)["schema"] == 2
    # Much, but sense.
    put(path, orjson.dumps(values | {"later": "x" * 2**23}))
    run, refused = looks(store, described_run)
    assert (run.state.state, run.damaged, refused) == ("finished", None, {})
    put(path, b"")
    os.truncate(path, files.LARGEST_JSON + 1)
    run, _ = looks(store, described_run)
    problem = f"{path.name} is larger than 64 MiB"
    if name in ("run.json", "state.json"):
        assert run.damaged == problem
    assert any(problem in one.finding.problem for one in fsck(store))


@pytest.mark.parametrize(
    "name", [one for one in JSON_FILES if one not in ("run.json", "state.json")]
)
def test_a_run_with_a_file_of_nothing_goes_on_to_the_same_end(
    stopped, data_dir, finished_run, assert_same_training, name
):
    (stopped.layout.path / name).write_bytes(bytes(300))
    run, from_epoch = resumed(stopped, data_dir)
    assert from_epoch == (2 if name == "checkpoints/last.json" else 3)
    assert_same_training(run, finished_run)


@pytest.mark.parametrize("name", ["run.json", "state.json"])
def test_a_run_that_cannot_be_understood_is_not_resumed_and_not_changed(stopped, data_dir, name):
    (stopped.layout.path / name).write_bytes(bytes(300))
    with pytest.raises(RunStateError) as raised:
        resumed(stopped, data_dir)
    assert str(raised.value).startswith(
        f"Run {stopped.id} is damaged and cannot be resumed: {name} is no JSON"
    )
    assert history.attempts(stopped.layout).keys() == {1}


# What the dead leave.


def test_files_that_the_dead_left_lying_about_stop_nobody(
    stopped, data_dir, finished_run, assert_same_training
):
    layout = stopped.layout
    layout.alive_lock.write_text(str(os.getpid()))
    layout.request_lock.write_text("1")
    names = (
        "state.json.9-9",
        "run.json.9-9",
        "checkpoints/last.pt",
        "checkpoints/best.safetensors",
    )
    for name in names:
        (layout.path / f"{name}.tmp").write_bytes(b'{"state": "fin')
    for request in (layout.stop_request, layout.pause_request, layout.kill_request):
        request.write_text('{"by": "ada"}')
    run, from_epoch = resumed(stopped, data_dir)
    assert from_epoch == 3
    assert_same_training(run, finished_run)
    assert list(layout.checkpoints_dir.glob("*.tmp")) == list(layout.control_dir.iterdir()) == []
