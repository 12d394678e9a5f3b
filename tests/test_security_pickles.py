"""Pickles in every disguise, in every place that a stranger or a damaged disk may fill: none is ever executed.

The bait creates a file when it is unpickled; the first test shows that it bites where pickles are loaded.
"""

import hashlib
import io
import json
import pathlib
import zipfile

import numpy as np
import pytest
import torch

from core.datasets.importing import import_dataset
from core.datasets.raw import ImportOptions
from core.exceptions import CoreError
from core.inference import Predictor
from core.jobs import control
from core.jobs.importing import import_runs
from core.jobs.inline import InlineExecutor
from core.runs import files
from core.runs.fsck import fsck


class Bait:
    """Creates a file where it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return (pathlib.Path.touch, (pathlib.Path(self.marker),))


@pytest.fixture
def marker(tmp_path):
    """The file that a bait creates; it must not be there in the end."""
    path = tmp_path / "executed"
    yield path
    assert not path.exists(), "a pickle was executed"


def as_npy(marker):
    buffer = io.BytesIO()
    np.save(buffer, np.array([Bait(marker)] * 3, dtype=object), allow_pickle=True)
    return buffer.getvalue()


def as_npz(marker):
    buffer = io.BytesIO()
    images = np.zeros((6, 8, 8), np.uint8)
    np.savez(buffer, images=images, labels=np.array([Bait(marker)] * 6, dtype=object))
    return buffer.getvalue()


def as_torch(marker):
    buffer = io.BytesIO()
    torch.save({"model": Bait(marker)}, buffer)
    return buffer.getvalue()


def as_old_torch(marker):
    buffer = io.BytesIO()
    torch.save({"model": Bait(marker)}, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


def bare(marker):
    return f"cposix\nsystem\n(S'touch {marker}'\ntR.".encode()


DISGUISES = [as_npy, as_torch, as_old_torch, bare]


def put(path, data):
    """Write a file and a manifest that matches it."""
    path.write_bytes(data)
    manifest = path.with_name(f"{path.stem}.json")
    if manifest.exists() or path.suffix in (".pt", ".safetensors"):
        known = json.loads(manifest.read_text()) if manifest.exists() else {"epoch": 1}
        known |= {"file": path.name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        manifest.write_text(json.dumps(known))


def test_the_bait_bites(tmp_path):
    for name, data in (("npy", as_npy), ("torch", as_torch), ("old torch", as_old_torch)):
        marker = tmp_path / name
        buffer = io.BytesIO(data(marker))
        if name == "npy":
            np.load(buffer, allow_pickle=True)
        else:
            torch.load(buffer, weights_only=False)
        assert marker.exists()


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_checkpoint_whose_manifest_matches_executes_nothing(
    finished_copy, data_dir, marker, disguise
):
    (run,) = finished_copy.runs()
    state = files.read_json(run.layout.state_json)
    files.write_json(run.layout.state_json, state | {"state": "stopped", "epoch": 1})
    put(run.layout.last_checkpoint, disguise(marker))
    control.resume(finished_copy, InlineExecutor(finished_copy, data_dir), run, by="ada")
    after = finished_copy.run(run.id).state
    assert after.attempt == 2
    assert after.state in ("failed", "finished")


@pytest.mark.parametrize("disguise", DISGUISES)
def test_best_weights_whose_manifest_matches_execute_nothing(finished_copy, marker, disguise):
    (run,) = finished_copy.runs()
    put(run.layout.best_weights, disguise(marker))
    with pytest.raises(CoreError):
        Predictor.load(run)
    fsck(finished_copy, None, True, lambda share, what: None)


@pytest.mark.parametrize("disguise", DISGUISES)
def test_outputs_on_test_execute_nothing(finished_copy, marker, disguise):
    (run,) = finished_copy.runs()
    run.layout.test_outputs("class").write_bytes(disguise(marker))
    with pytest.raises(CoreError):
        run.predictions("test")


@pytest.mark.parametrize("disguise", DISGUISES)
@pytest.mark.parametrize(
    "name",
    [
        "run.json",
        "history.jsonl",
        "checkpoints/best.safetensors",
        "checkpoints/last.pt",
        "predictions/validation.class.f16",
        "results/test.class.npy",
        "results/more.pkl",
    ],
)
def test_an_archive_of_runs_executes_nothing(store, finished_run, tmp_path, marker, disguise, name):
    from core.export import export

    export("zip", [finished_run], tmp_path / "good.zip")
    full, data = f"{finished_run.id}/{name}", disguise(marker)
    with zipfile.ZipFile(tmp_path / "good.zip") as good:
        content = {one: good.read(one) for one in good.namelist()}
    manifest = json.loads(content.pop("manifest.json"))
    content[full] = data
    manifest["files"][full] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as bad:
        for one, of_it in content.items():
            bad.writestr(one, of_it)
        bad.writestr("manifest.json", json.dumps(manifest))
    if name == "checkpoints/last.pt":
        # What only torch could read is dropped unread.
        (imported,) = import_runs(store, tmp_path / "bad.zip", by="ada")
        assert not store.run(imported.run_id).layout.last_checkpoint.exists()
        return
    with pytest.raises(CoreError):
        import_runs(store, tmp_path / "bad.zip", by="ada")
    assert store.runs() == []


@pytest.mark.parametrize("disguise", [*DISGUISES, as_npz])
@pytest.mark.parametrize(
    "name", ["data.npz", "data.csv", "data.zip", "cats/one.png", "train-images.gz"]
)
def test_a_source_of_images_executes_nothing(tmp_path, marker, disguise, name):
    source = tmp_path / "source"
    (source / name).parent.mkdir(parents=True)
    (source / name).write_bytes(disguise(marker))
    path = source if "/" in name else source / name
    with pytest.raises(CoreError):
        import_dataset(path, "pets", None, ImportOptions(), tmp_path / "data")
    assert not (tmp_path / "data" / "imported" / "pets").exists()


def test_an_imported_set_whose_pixels_were_replaced_executes_nothing(tmp_path, marker):
    from core.datasets import dataset_source

    rng = np.random.default_rng(0)
    source, data = tmp_path / "pets.npz", tmp_path / "data"
    images = rng.integers(0, 255, (40, 8, 8), np.uint8)
    np.savez(source, images=images, labels=np.arange(40) % 2)
    import_dataset(source, "pets", None, ImportOptions(), data)
    for path in data.rglob("*.npy"):
        path.write_bytes(as_npy(marker))
    with pytest.raises(CoreError):
        dataset_source("pets", data).load(data)
