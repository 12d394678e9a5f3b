"""What analyses keep below a run's folder: found again, damaged, of other weights, deleted with the run."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from core.analysis.kept import keep, kept
from core.analysis.subject import dataset_of, run_at, subject_of
from core.exceptions import DamagedRun, RunStateError
from core.runs import files
from core.runs.layout import role_of

SETTINGS = {"layer": "body", "split": "test"}
ARRAYS = {"ids": np.arange(4), "values": np.ones((4, 2), np.float32)}


@pytest.fixture
def run(finished_copy):
    (run,) = finished_copy.runs()
    return run


@pytest.fixture
def subject(run):
    found = subject_of(run)
    keep(found, "units", SETTINGS, {"count": 3}, ARRAYS)
    return found


def folder_of(subject):
    return subject.layout.analysis(subject.key("units", SETTINGS))


def test_a_result_is_found_again_by_all_that_it_depends_on(subject):
    found = kept(subject, "units", SETTINGS)
    assert found.facts == {"count": 3}
    for name, values in ARRAYS.items():
        np.testing.assert_array_equal(found.arrays[name], values)
        assert found.arrays[name].dtype == values.dtype and not found.arrays[name].flags.writeable
    for other in (replace(subject, weights="0" * 64), replace(subject, fingerprint="f")):
        assert kept(other, "units", SETTINGS) is None
    assert kept(subject, "features", SETTINGS) is None
    assert kept(subject, "units", SETTINGS | {"split": "train"}) is None


def test_what_is_kept_is_this_machines_own_business(subject):
    names = [path.name for path in folder_of(subject).iterdir()]
    assert sorted(names) == ["ids.npy", "result.json", "values.npy"]
    relative = folder_of(subject).relative_to(subject.layout.path).as_posix()
    assert {role_of(f"{relative}/{name}") for name in names} == {"local"}


def shorten(folder):
    path = folder / "values.npy"
    path.write_bytes(path.read_bytes()[:-1])


def pickled(folder):
    np.save(folder / "ids.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)


def lead_out(folder):
    manifest = files.read_json(folder / "result.json")
    manifest["arrays"]["../ids"] = manifest["arrays"].pop("ids")
    files.write_json(folder / "result.json", manifest)


@pytest.mark.parametrize(
    "damage",
    [
        shorten,
        pickled,
        lead_out,
        lambda folder: (folder / "values.npy").unlink(),
        lambda folder: (folder / "result.json").write_text("[1, 2"),
        lambda folder: (folder / "result.json").write_text("{}"),
        lambda folder: (folder / "ids.npy").write_bytes(b""),
        lambda folder: shutil.copy(folder / "ids.npy", folder / "values.npy"),
        lambda folder: shutil.rmtree(folder.parent),
    ],
)
def test_a_damaged_or_deleted_result_is_none_and_can_be_kept_again(subject, damage):
    damage(folder_of(subject))
    assert kept(subject, "units", SETTINGS) is None
    keep(subject, "units", SETTINGS, {"count": 3}, ARRAYS)
    assert kept(subject, "units", SETTINGS).facts == {"count": 3}


def test_results_of_weights_of_before_are_forgotten_and_unfinished_ones_are_left(subject):
    unfinished = subject.layout.analysis("ab12")
    unfinished.mkdir()
    now = replace(subject, weights="0" * 64)
    keep(now, "units", SETTINGS, {}, ARRAYS)
    assert not folder_of(subject).exists() and unfinished.exists()
    assert kept(now, "units", SETTINGS) is not None


def test_a_run_that_was_deleted_does_not_come_back(subject):
    shutil.rmtree(subject.layout.path)
    with pytest.raises(RunStateError, match="was deleted in the meantime"):
        keep(subject, "units", SETTINGS, {}, ARRAYS)
    assert not subject.layout.path.exists()


def test_runs_of_which_nothing_can_be_asked_say_why(run):
    run.layout.best_json.write_text("{")
    with pytest.raises(DamagedRun, match=r"best\.json cannot be read"):
        subject_of(run)
    run.layout.best_json.write_text("{}")
    with pytest.raises(DamagedRun, match="does not say which weights"):
        subject_of(run)
    run.layout.best_json.unlink()
    with pytest.raises(
        RunStateError, match="has no weights, so nothing can be asked of its network"
    ):
        subject_of(run)
    run.layout.run_json.write_text("{")
    with pytest.raises(DamagedRun, match=r"is damaged: run\.json"):
        subject_of(run_at(run.layout))


def test_a_data_set_that_has_changed_is_said_so(run, data_dir):
    assert dataset_of(run, data_dir).name == "digits"
    other = replace(run, spec=run.spec | {"data_fingerprint": "0" * 64})
    with pytest.raises(DamagedRun, match="The data set 'digits' has changed since this run was"):
        dataset_of(other, data_dir)
