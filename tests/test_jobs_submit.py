import errno
import os
import sys

import pytest

from core.exceptions import IncompatibleModel, InvalidInput, InvalidParameter, RunsFolderError
from core.jobs.submit import equal_run, submit, submit_all
from core.runs import files
from core.runs.run import config_sha256
from core.variants import run_config


@pytest.fixture
def dataset(short_config, data_dir):
    return short_config.dataset.load(data_dir)


def test_a_run_is_written_whole_before_it_is_handed_over(store, recorder, dataset, short_config):
    run = submit(store, recorder, dataset, short_config, 7, name="first", suite="demo", owner="ada")
    assert recorder.submitted == [(run.id, "queued", 1)]
    spec = files.read_json(run.layout.run_json)
    assert spec["config"] == short_config.to_json()
    assert spec["config_sha256"] == config_sha256(short_config.to_json())
    assert spec["data_fingerprint"] == dataset.fingerprint
    assert (spec["seed"], spec["name"], spec["suite"], spec["owner"]) == (7, "first", "demo", "ada")
    assert spec["resources"] == {"device": "auto", "slots": 1, "threads": 1}
    assert spec["executor"] == "recorder"
    assert (spec["parent"], spec["retries"]) == (None, 0)
    assert spec["env"].keys() == {"python", "torch", "core", "git", "platform"}
    assert (run.state.state, run.state.attempt, run.state.epochs) == ("queued", 1, 1)


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_a_seed_out_of_bounds_is_refused_and_nothing_written(
    store, recorder, dataset, short_config, seed
):
    with pytest.raises(InvalidParameter) as raised:
        submit(store, recorder, dataset, short_config, seed)
    assert str(raised.value) == f"seed must lie in [0, 2147483647]; got {seed}."
    assert not store.root.exists()


def test_a_batch_larger_than_the_training_split_is_refused(store, recorder, dataset, short_config):
    config = short_config.changed({"training.batch_size": 5000})
    with pytest.raises(InvalidParameter) as raised:
        submit(store, recorder, dataset, config, 0)
    assert str(raised.value) == (
        f"training.batch_size must be at most the {len(dataset.split('train'))} training samples "
        "of 'digits'; got 5000. Take 32: on the page Train under 'Batch size', or for several variants under "
        "'Changes for all runs'; on the command line with --set training.batch_size=32."
    )
    assert not store.root.exists()


def test_a_network_that_does_not_fit_the_images_is_refused(store, recorder, dataset):
    config = run_config({"name": "digits"}, "conv-base")
    with pytest.raises(IncompatibleModel):
        submit(store, recorder, dataset, config, 0)
    assert not store.root.exists()


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ({"device": "tpu"}, "No device is called 'tpu'."),
        ({"device": "mps"}, "Device 'mps' is not available on this machine"),
        ({"threads": 0}, "threads must lie in [1, 1024]; got 0."),
    ],
)
def test_resources_that_are_not_there_are_refused(
    store, recorder, dataset, short_config, resources, message
):
    if sys.platform == "darwin" and resources == {"device": "mps"}:
        pytest.skip("this machine has it")
    with pytest.raises(InvalidInput) as raised:
        submit(store, recorder, dataset, short_config, 0, **resources)
    assert str(raised.value).startswith(message)
    assert not store.root.exists()


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "The disk of the runs folder is full."),
        (errno.EACCES, "The runs folder is not writable."),
    ],
)
@pytest.mark.parametrize("name", ["run.json", "state.json", "reserve"])
def test_a_submission_that_cannot_be_written_leaves_nothing_behind(
    store, recorder, dataset, short_config, monkeypatch, name, number, message
):
    def fault(path):
        if path.name == name:
            raise OSError(number, os.strerror(number), path.name)

    monkeypatch.setattr(files, "fault", fault)
    with pytest.raises(RunsFolderError) as raised:
        submit(store, recorder, dataset, short_config, 0)
    assert str(raised.value).startswith(message)
    assert list(store.root.iterdir()) == []
    assert recorder.submitted == []


def test_all_are_checked_before_the_first_is_written(store, recorder, data_dir, short_config):
    bad = short_config.changed({"training.batch_size": 5000})
    with pytest.raises(InvalidParameter):
        submit_all(store, recorder, data_dir, [short_config, bad], [0, 1])
    assert not store.root.exists()


def test_each_config_is_submitted_with_each_seed(store, recorder, data_dir, short_config):
    other = short_config.changed({"training.learning_rate": 0.01})
    submitted = submit_all(store, recorder, data_dir, [short_config, other], [3, 5], device="cpu")
    made = [(run.seed, run.config["training"]["learning_rate"]) for run in submitted.runs]
    assert made == [(3, 0.001), (3, 0.01), (5, 0.001), (5, 0.01)]
    assert submitted.reused == ()
    assert len(recorder.submitted) == 4


def test_an_equal_finished_run_is_reused_unless_told_otherwise(
    finished_copy, recorder, data_dir, finished_run
):
    config = run_config(
        finished_run.config["dataset"],
        finished_run.variant,
        {f"training.{key}": value for key, value in finished_run.config["training"].items()},
    )
    again = submit_all(finished_copy, recorder, data_dir, [config], [0, 1], device="cpu")
    assert [run.id for run in again.reused] == [finished_run.id]
    assert again.runs[0].id == finished_run.id
    assert [run_id for run_id, _, _ in recorder.submitted] == [again.runs[1].id]
    forced = submit_all(finished_copy, recorder, data_dir, [config], [0], reuse=(), device="cpu")
    assert forced.reused == ()
    assert forced.runs[0].id != finished_run.id


def test_a_run_on_other_pixels_is_not_equal(finished_run, short_config, dataset):
    config = short_config.changed({"training.max_epochs": 3})
    assert equal_run([finished_run], dataset, config, 0) == finished_run
    assert equal_run([finished_run], dataset, config, 1) is None
    assert equal_run([finished_run], dataset, short_config, 0) is None
    split = dataset.split("train")
    images = split.images.copy()
    images[0, 0, 0, 0] ^= 1
    changed = type(split)(images, split.labels)
    other = type(dataset)(dataset.name, dataset.space, {**dataset.splits, "train": changed})
    assert equal_run([finished_run], other, config, 0) is None


def test_each_config_may_have_a_name_of_its_own_and_a_clone_its_parent(
    store, recorder, data_dir, short_config
):
    configs = [short_config, short_config.changed({"training.learning_rate": 0.1})]
    done = submit_all(
        store, recorder, data_dir, configs, [0, 1], names=[None, "fast"], parent="other-run"
    )
    assert [(run.name, run.seed) for run in done.runs] == [
        (None, 0),
        ("fast", 0),
        (None, 1),
        ("fast", 1),
    ]
    assert {run.spec["parent"] for run in done.runs} == {"other-run"}
