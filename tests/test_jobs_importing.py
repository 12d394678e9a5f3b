"""Archives that were exported here come back; archives that somebody made by hand do not."""

import hashlib
import io
import stat
import struct
import warnings
import zipfile
from dataclasses import replace

import numpy as np
import orjson
import pytest
import torch

from core.exceptions import InvalidInput, RunStateError
from core.export import export
from core.jobs import removal
from core.jobs.importing import ImportedRun, import_runs
from core.runs import edits, files
from core.runs.fsck import fsck
from core.runs.state import read_state, write_state
from core.runs.store import Store


@pytest.fixture(scope="module")
def archive_bytes(finished_run, tmp_path_factory):
    """An archive of the finished run."""
    path = tmp_path_factory.mktemp("archive") / "runs.zip"
    assert export("zip", [finished_run], path) == []
    return path.read_bytes()


@pytest.fixture
def archive(archive_bytes, tmp_path):
    path = tmp_path / "runs.zip"
    path.write_bytes(archive_bytes)
    return path


@pytest.fixture
def changed(archive, finished_run):
    """Write the archive again with some members of the run changed, and the manifest that fits, unless told otherwise.

    `changed({"state.json": b"..."})`; None leaves a member out; a name with a "/" in front is no file of the run.
    """

    def change(members, manifest=None, **of_manifest):
        with zipfile.ZipFile(archive) as old:
            content = {one: old.read(one) for one in old.namelist()}
        told = orjson.loads(content.pop("manifest.json"))
        for name, data in members.items():
            full = name[1:] if name.startswith("/") else f"{finished_run.id}/{name}"
            content.pop(full, None)
            if data is not None:
                content[full] = data
        told["files"] = {name: described(data) for name, data in content.items()}
        told |= of_manifest
        text = orjson.dumps(told) if manifest is None else manifest
        with zipfile.ZipFile(archive, "w") as new, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name, data in {**content, "manifest.json": text}.items():
                new.writestr(name, data)
        return archive

    return change


def described(data):
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


@pytest.fixture
def json_of(finished_run):
    """Return a JSON file of the run with some keys changed."""

    def change(path, /, **changes):
        values = orjson.loads((finished_run.layout.path / path).read_bytes())
        if path == "state.json":
            values |= {"host": None, "boot": None, "pid": None, "pid_start": None, "slot": None}
        return orjson.dumps(values | changes)

    return change


def refusal(store, path, kind=InvalidInput):
    with pytest.raises(kind) as raised:
        import_runs(store, path, by="ada")
    # All or nothing, and nothing is left aside.
    assert [one.name for one in store.root.iterdir() if one.name != ".runner"] == []
    assert "/tmp" not in str(raised.value)
    return str(raised.value)


# What comes back.


def test_an_exported_run_opens_elsewhere_as_it_was(
    store, archive, finished_run, assert_same_training
):
    assert import_runs(store, archive, by="grace") == [ImportedRun(finished_run.id, True)]
    (run,) = store.runs()
    assert_same_training(run, finished_run)
    assert run.row() == finished_run.row()
    assert run.predictions("validation", 1).logits.tolist() == (
        finished_run.predictions("validation", 1).logits.tolist()
    )
    assert run.layout.best_weights.read_bytes() == finished_run.layout.best_weights.read_bytes()
    assert run.layout.best_weights.stat().st_mode & 0o777 == 0o640
    assert run.layout.path.stat().st_mode & 0o777 == 0o750
    assert not run.layout.last_checkpoint.exists()
    assert fsck(store) == []
    events, _ = files.parse_rows(run.layout.events.read_bytes())
    assert (events[-1]["event"], events[-1]["by"]) == ("imported", "grace")


def test_importing_twice_says_that_the_run_is_here(store, archive, finished_run):
    import_runs(store, archive, by="ada")
    run = store.run(finished_run.id)
    edits.rename(run, "mine", by="ada")
    assert import_runs(store, archive, by="ada") == [ImportedRun(run.id, False)]
    assert store.run(run.id).name == "mine"


def test_the_run_that_was_exported_is_known_again(finished_copy, archive, finished_run):
    assert import_runs(finished_copy, archive, by="ada") == [ImportedRun(finished_run.id, False)]
    assert finished_copy.run(finished_run.id).layout.last_checkpoint.exists()


def test_another_run_of_the_same_id_stays_as_it_is(finished_copy, archive, finished_run):
    run = finished_copy.run(finished_run.id)
    rows = run.layout.history.read_bytes().splitlines(keepends=True)
    run.layout.history.write_bytes(b"".join(rows[:2]))
    with pytest.raises(RunStateError) as raised:
        import_runs(finished_copy, archive, by="ada")
    assert str(raised.value) == (
        f"Run {run.id} is here already, with another history.jsonl. Delete the one here first, or keep it; "
        "nothing was imported."
    )
    assert len(run.history()) == 2
    removal.delete(finished_copy, run, by="ada")
    assert import_runs(finished_copy, archive, by="ada")[0].is_new


def test_of_two_runs_none_comes_in_when_one_is_refused(store, finished_copy, spec_of, tmp_path):
    (run,) = finished_copy.runs()
    other = finished_copy.create(spec_of(run), epochs=3)
    write_state(other.layout, replace(other.state, state="stopped"))
    path = tmp_path / "two.zip"
    export("zip", [run, finished_copy.run(other.id)], path)
    assert [one.run_id for one in import_runs(store, path, by="ada")] == [run.id, other.id]
    path = spoiled(path, f"{other.id}/state.json", b"{}")
    elsewhere = Store(tmp_path / "third")
    assert "state.json: state is None" in refusal(elsewhere, path)


def spoiled(path, name, data):
    with zipfile.ZipFile(path) as old:
        content = {one: old.read(one) for one in old.namelist()}
    told = orjson.loads(content.pop("manifest.json"))
    content[name] = data
    told["files"][name] = described(data)
    with zipfile.ZipFile(path, "w") as new:
        for one, text in {**content, "manifest.json": orjson.dumps(told)}.items():
            new.writestr(one, text)
    return path


def test_an_imported_run_that_is_resumed_starts_again(
    store, archive, data_dir, finished_run, changed
):
    from core.jobs import control
    from core.jobs.inline import InlineExecutor

    state = orjson.loads((finished_run.layout.state_json).read_bytes())
    import_runs(
        store, changed({"state.json": orjson.dumps(state | {"state": "stopped"})}), by="ada"
    )
    (run,) = store.runs()
    control.resume(store, InlineExecutor(store, data_dir), run, by="ada")
    done = store.run(run.id)
    assert (done.state.state, done.state.attempt, done.state.epoch) == ("finished", 2, 3)
    assert [row["attempt"] for row in done.history()] == [2, 2, 2]


def test_checkpoints_to_resume_from_are_dropped_unread(store, changed, tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "touched"), "w"))

    buffer = io.BytesIO()
    torch.save({"model": Evil()}, buffer)
    data = buffer.getvalue()
    manifest = orjson.dumps(described(data) | {"epoch": 3})
    import_runs(
        store, changed({"checkpoints/last.pt": data, "checkpoints/last.json": manifest}), by="ada"
    )
    (run,) = store.runs()
    assert sorted(path.name for path in run.layout.checkpoints_dir.iterdir()) == [
        "best.json",
        "best.safetensors",
    ]
    assert not (tmp_path / "touched").exists()


# Archives that are not ours.


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("/../20260131-142501-9f3a1c/run.json", "leads out of the zip"),
        ("//etc/passwd", "leads out of the zip"),
        ("/C:/run.json", "leads out of the zip"),
        ("/..\\run.json", "leads out of the zip"),
        ("/run.json", "which is no file of a run"),
        ("/20260131-142501-9F3A1C/run.json", "which is no file of a run"),
        ("/2026013\u0661-142501-9f3a1c/run.json", "which is no file of a run"),
        ("/.queue/00000000000000000001-20260131-142501-9f3a1c.json", "which is no file of a run"),
        ("control/stop.json", "which is no file of a run"),
        ("alive.lock", "which is no file of a run"),
        ("log.txt", "which is no file of a run"),
        ("predictions/validation.class.pkl", "which is no file of a run"),
        ("predictions/../../x.class.f16", "leads out of the zip"),
        ("checkpoints/best.pt", "which is no file of a run"),
        ("run.json\x00.png", "holds two members"),
    ],
)
def test_a_name_that_no_export_writes_is_refused(store, changed, name, words):
    assert words in refusal(store, changed({name: b"{}"}))


def test_names_that_differ_in_case_alone_are_refused(store, changed):
    message = refusal(store, changed({"Run.json": b"{}"}))
    assert "which are one file where letter case does not count." in message


def test_a_name_given_twice_is_refused(store, archive, finished_run):
    with zipfile.ZipFile(archive, "a") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file.writestr(f"{finished_run.id}/run.json", b"{}")
    assert "holds two members" in refusal(store, archive)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_a_link_or_device_is_refused(store, archive, finished_run, kind):
    info = zipfile.ZipInfo(f"{finished_run.id}/edit.json")
    info.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(info, b"/etc/passwd")
    assert "a link or a device" in refusal(store, archive)


def test_a_bomb_is_refused_while_it_unpacks(store, archive, finished_run):
    with (
        zipfile.ZipFile(archive) as old,
        zipfile.ZipFile(archive.with_name("bomb.zip"), "w", zipfile.ZIP_DEFLATED) as new,
    ):
        told = orjson.loads(old.read("manifest.json"))
        name = f"{finished_run.id}/history.jsonl"
        zeros = bytes(50 * 2**20)
        told["files"] = {name: described(zeros)}
        new.writestr(name, zeros)
        new.writestr("manifest.json", orjson.dumps(told))
    message = refusal(store, archive.with_name("bomb.zip"))
    assert "unpacks to more than 200 times its" in message


def test_a_size_that_is_a_lie_is_refused(store, archive):
    data = archive.read_bytes()
    with zipfile.ZipFile(archive) as file:
        info = next(one for one in file.infolist() if one.filename.endswith("train.class.f16"))
    size = struct.pack("<I", info.file_size)
    archive.write_bytes(data.replace(size, struct.pack("<I", info.file_size - 2)))
    refusal(store, archive)


@pytest.mark.parametrize("at", [10, 300, 5000, -200, -30])
def test_a_flipped_byte_anywhere_is_noticed(store, archive, at):
    data = bytearray(archive.read_bytes())
    data[at] ^= 0x10
    archive.write_bytes(data)
    try:
        import_runs(store, archive, by="ada")
    except InvalidInput:
        assert store.runs() == []
    else:
        # Only what no hash covers, such as a date in a header, may differ.
        assert fsck(store) == []


@pytest.mark.parametrize("cut", [0, 100, -1, -1000])
def test_a_file_that_is_no_zip_or_cut_is_refused(store, archive, cut):
    archive.write_bytes(archive.read_bytes()[:cut])
    assert "is no zip, or damaged" in refusal(store, archive)


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (b"", "manifest.json in 'runs.zip' is not that of an archive of runs."),
        (b"[]", "is not that of an archive of runs."),
        (b'{"format": "petridish-runs", "schema": 2}', "has schema 2: a later version of Petridish wrote it."),
        (b'{"format": "petridish-runs", "schema": 1}', "does not say which files there are."),
        (b'{"format": "petridish-runs", "schema": 1, "files": {"a": 1}}', "does not say which files"),
        (b'{"format": "petridish-runs", "schema": 1, "files": {}}', "is a file that its manifest does not name"),
        (b"[" * 100_000, "is not that of an archive of runs."),
    ],
)  # fmt: skip
def test_a_manifest_of_another_form_is_refused(store, changed, manifest, words):
    assert words in refusal(store, changed({}, manifest))


def test_a_zip_without_a_manifest_or_without_runs_is_refused(store, tmp_path):
    path = tmp_path / "some.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a/1.png", b"1")
    assert refusal(store, path) == (
        "'some.zip' holds no manifest.json, so it is no archive of runs. Make one with petridish runs export."
    )
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("manifest.json", b'{"format": "petridish-runs", "schema": 1, "files": {}}')
    assert refusal(store, path) == "'some.zip' holds no runs."


def test_a_member_that_the_manifest_describes_otherwise_is_refused(store, archive, finished_run):
    name = f"{finished_run.id}/history.jsonl"
    with zipfile.ZipFile(archive) as old:
        content = {one: old.read(one) for one in old.namelist()}
    content[name] = content[name].replace(b'"epoch":1', b'"epoch":4')
    with zipfile.ZipFile(archive, "w") as new:
        for one, data in content.items():
            new.writestr(one, data)
    assert refusal(store, archive) == (
        f"{name!r} in 'runs.zip' does not match its manifest. Fetch or make the archive again."
    )


# Runs that are whole and say what they must not.


@pytest.mark.parametrize("state", ["queued", "starting", "running"])
def test_no_archive_makes_this_machine_train(store, changed, json_of, state):
    assert f"state.json says {state}, but a run from elsewhere must have ended" in refusal(
        store, changed({"state.json": json_of("state.json", state=state)})
    )


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("run.json", {"schema": 2}, "a later version of Petridish wrote it. Import it with that version."),
        ("state.json", {"schema": 9}, "a later version of Petridish wrote it."),
        ("run.json", {"id": "20260131-142501-9f3a1c"}, "run.json belongs to '20260131-142501-9f3a1c'"),
        ("run.json", {"config_sha256": "0" * 64}, "the config does not match its hash"),
        ("run.json", {"name": "a\u202eb"}, "name must be text without control characters, at most 200 long"),
        ("run.json", {"owner": "x" * 201}, "owner must be text without control characters"),
        ("run.json", {"parent": "../.."}, "parent must be a run's id"),
        ("run.json", {"resources": {"threads": 10**9}}, "resources is "),
        ("run.json", {"seed": -1}, "seed must lie in"),
        ("run.json", {"created": 1e300}, "created is 1e+300"),
        ("run.json", {"env": ["\x1b[31m"]}, "env is "),
        ("state.json", {"epoch": -1}, "epoch must lie in"),
        ("state.json", {"ended": 1e300}, "ended is 1e+300"),
        ("state.json", {"best_validation_accuracy": 17}, "best_validation_accuracy must lie in [0, 1]; got 17."),
        ("attempts/0001.json", {"from_epoch": "1"}, "from_epoch is '1'"),
        ("attempts/0001.json", {"data_dir": "/srv"}, "data_dir is a folder of another machine"),
        ("checkpoints/best.json", {"sha256": "0" * 64}, "do not match the manifest"),
        ("predictions/index.json", {"splits": {"../x": {"heads": {"class": 1}, "labels": []}}}, "names a split '../x'"),
        ("predictions/index.json", {"splits": {"test": {"heads": {"class": 2**40}, "labels": [0]}}}, "it holds 0 of the 3"),
        ("results/test.json", {"labels": [99] * 360}, "results/test cannot be read"),
    ],
)  # fmt: skip
def test_what_a_file_must_not_say_is_refused_by_name(store, changed, json_of, name, changes, words):
    message = refusal(store, changed({name: json_of(name, **changes)}))
    assert message.startswith("Run ") and words in message


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("learning_rate", 99, "training.learning_rate must lie in"),
        ("max_epochs", 10**9, "training.max_epochs must lie in"),
        ("learnig_rate", 0.1, "Did you mean 'training.learning_rate'?"),
    ],
)
def test_settings_beyond_this_version_s_bounds_are_refused(store, changed, finished_run, setting, value, words):  # fmt: skip
    from core.runs.run import config_sha256

    spec = orjson.loads(finished_run.layout.run_json.read_bytes())
    spec["config"]["training"][setting] = value
    spec["config_sha256"] = config_sha256(spec["config"])
    message = refusal(store, changed({"run.json": orjson.dumps(spec)}))
    assert "its settings are not those of this version: " in message and words in message


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("edit.json", b'{"name": "a\\u0007b"}', "edit.json: name, tags and note must have no control characters"),
        ("edit.json", b'{"tags": 3}', "edit.json: tags is 3"),
        ("history.jsonl", b'{"epoch":1,"attempt":1,"train_loss":[]}\n', "line 1 says that train_loss is []"),
        ("history.jsonl", b"\x80\x04\x95.", "the last line is torn"),
        ("events.jsonl", b"{}\n", "line 1 is no event"),
        ("state.json", None, "state.json is missing"),
        ("run.json", None, "run.json is missing"),
        ("predictions/train.class.f16", None, "it holds 0 of the 3 epochs"),
        ("results/test.class.npy", b"\x80\x04\x95.", "results/test cannot be read"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused_by_name(store, changed, name, data, words):
    assert words in refusal(store, changed({name: data}))


def test_an_array_of_pickled_objects_is_refused(store, changed):
    buffer = io.BytesIO()
    np.save(buffer, np.array([{}], dtype=object), allow_pickle=True)
    assert "test" in refusal(store, changed({"results/test.count.npy": buffer.getvalue()}))


def test_weights_that_are_no_safetensors_are_refused(store, changed, json_of):
    data = b"\x80\x04\x95 not a tensor"
    manifest = json_of("checkpoints/best.json", **described(data))
    assert "is no safetensors file" in refusal(
        store, changed({"checkpoints/best.safetensors": data, "checkpoints/best.json": manifest})
    )


def test_an_archive_without_weights_comes_in(store, finished_run, tmp_path):
    export("zip", [finished_run], tmp_path / "light.zip", weights=False)
    import_runs(store, tmp_path / "light.zip", by="ada")
    (run,) = store.runs()
    assert list(run.layout.checkpoints_dir.iterdir()) == []
    assert len(run.predictions("test")) == 360
    assert read_state(run.layout).state == "finished"
