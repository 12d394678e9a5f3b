"""Analyses as tasks: kept below the run's folder, in this process and once in the analyst's."""

import shutil
import time
from dataclasses import replace

import numpy as np
import pytest

from core.analysis.features import BODY
from core.analysis.kept import kept
from core.analysis.neighbours import nearest
from core.analysis.robustness import Robustness
from core.analysis.subject import subject_of
from core.exceptions import DamagedRun, RunStateError
from core.jobs import analyst
from core.jobs.analysis_tasks import arguments_of
from core.jobs.analyst_tasks import TASKS
from core.runs import files
from core.runs.fsck import fsck


@pytest.fixture
def run(finished_copy):
    (run,) = finished_copy.runs()
    return run


@pytest.fixture
def done(run, data_dir):
    """Does a task in this process and returns what it kept: `done("units", layer="body.1")`."""

    def work(task, **settings):
        told = []
        arguments = arguments_of(subject_of(run)) | {"settings": settings}
        if task == "robustness":
            arguments = {"runs": [arguments_of(subject_of(run))], "settings": settings}
        TASKS[task].work(arguments, data_dir, lambda share, what: told.append((share, what)))
        shares = [share for share, _ in told]
        assert shares == sorted(shares) and 0 <= shares[0] <= shares[-1] <= 1
        return kept(subject_of(run), task, settings)

    return work


def test_training_features_find_an_image_of_the_split_at_distance_zero(done, run, data_dir):
    found = done("features", layer=BODY)
    directions = found.arrays["directions"]
    assert directions.shape == (found.facts["num_images"], 128)
    places, distances = nearest(directions, np.array(directions[11]), 1)
    assert found.arrays["sample_ids"][places[0]] == 11 and distances[0] < 1e-6


@pytest.mark.parametrize("way", ["pca", "tsne"])
def test_a_map_has_a_place_for_each_image_whose_output_is_stored(done, run, way):
    found = done("embedding", layer=BODY, way=way, split="test")
    assert found.arrays["sample_ids"].tolist() == run.predictions("test").sample_ids.tolist()
    assert found.arrays["points"].shape == (len(found.arrays["sample_ids"]), 2)
    assert (found.facts["explained"] is None) == (way == "tsne")


def test_units_are_asked_about_the_split(done, data_dir):
    found = done("units", layer="body.2", split="validation")
    assert found.arrays["sample_ids"].shape == found.arrays["values"].shape == (512, 12)
    assert found.facts["num_images"] > found.arrays["sample_ids"].max()


def test_robustness_keeps_what_is_there_and_starts_at_the_stored_accuracy(done, run):
    settings = {"split": "validation", "num_samples": 100}
    found = done("robustness", **settings)
    table = Robustness.from_kept(found.facts, found.arrays).table()
    stored = run.predictions("validation")
    places = np.searchsorted(stored.sample_ids, found.arrays["sample_ids"])
    assert set(table[table["strength"] == 0]["accuracy"]) == {stored.is_right[places].mean()}
    (manifest,) = run.layout.analysis("any").parent.glob("*/result.json")
    before = manifest.stat().st_mtime_ns
    done("robustness", **settings)
    assert manifest.stat().st_mtime_ns == before


def test_other_weights_and_another_data_set_end_a_task_with_a_sentence(run, data_dir):
    arguments = arguments_of(subject_of(run)) | {"settings": {"layer": BODY}}
    with pytest.raises(RunStateError, match="has other weights now than when this was asked for"):
        TASKS["features"].work(arguments | {"weights": "0" * 64}, data_dir, lambda *_: None)
    spec = run.spec | {"data_fingerprint": "0" * 64}
    files.write_json(run.layout.run_json, spec)
    with pytest.raises(DamagedRun, match="has changed since this run was trained"):
        TASKS["features"].work(arguments, data_dir, lambda *_: None)
    assert not run.layout.analysis("any").parent.exists()


def until_ended(folder, key):
    end = time.monotonic() + 120
    # Until it is seen to have ended: a process that nobody waited for outlives the test.
    while analyst.status(folder, key).state == "running" or analyst._started:
        assert time.monotonic() < end, "the task did not end"
        time.sleep(0.05)
    return analyst.status(folder, key)


def test_the_analyst_keeps_a_result_that_may_be_deleted_and_asked_for_again(
    finished_copy, run, data_dir, tmp_path
):
    # The digits come with a package, so that this folder needs nothing of the other.
    settings = {"layer": "body.2", "split": "validation"}
    arguments = arguments_of(subject_of(run)) | {"settings": settings}
    key = analyst.start(tmp_path, "units", arguments)
    ended = until_ended(tmp_path, key)
    assert ended == analyst.TaskStatus("done", 1.0, "Done")
    assert kept(subject_of(run), "units", settings) is not None
    report = fsck(finished_copy)
    shutil.rmtree(run.layout.analysis("any").parent)
    assert fsck(finished_copy) == report
    # Done is not enough: the result is gone, and asking again starts again.
    assert analyst.start(tmp_path, "units", arguments) == key
    assert analyst.status(tmp_path, key).state == "running"
    analyst.cancel(tmp_path, key)
    assert until_ended(tmp_path, key).state == "cancelled"


def test_a_task_about_a_run_that_is_gone_fails_with_its_reason(run, tmp_path, data_dir):
    subject = replace(subject_of(run))
    shutil.rmtree(run.layout.path)
    arguments = arguments_of(subject) | {"settings": {"layer": BODY}}
    with pytest.raises(DamagedRun, match=r"is damaged: run\.json is missing"):
        TASKS["features"].work(arguments, data_dir, lambda *_: None)
    assert not run.layout.path.exists()
