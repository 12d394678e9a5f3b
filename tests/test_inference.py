"""Predictor: what it predicts is what training stored, and what cannot be trusted is refused."""

import os
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import save

from core import inference
from core.config import RunConfig
from core.datasets.shapes import label_space
from core.exceptions import DamagedRun, IncompatibleModel, InvalidParameter, RunStateError
from core.inference import Predictor, most_probable
from core.labels import HORIZONTAL_FLIP
from core.models.forward import build_network
from core.predictions import NO_PREDICTION
from core.runs import checkpoints, files, outputs
from core.variants import run_config

CPU = torch.device("cpu")
SHAPE = (1, 28, 28)
IMAGES = np.random.default_rng(0).integers(0, 256, (6, *SHAPE), dtype=np.uint8)


@pytest.fixture(autouse=True)
def data_sets(monkeypatch, data_dir):
    monkeypatch.setenv("PETRIDISH_DATA", str(data_dir))


@pytest.fixture
def shapes_run(store, finished_run, spec_of):
    """Makes a run of shapes whose weights are as drawn: `shapes_run({"training.count_loss_weight": 0})`."""

    def make(overrides, **manifest):
        config = run_config({"name": "shapes", "images": 600}, "shapes-net", overrides)
        run = store.create(spec_of(finished_run, config=config.to_json()), epochs=1)
        network = build_network(
            config.model, SHAPE, label_space(), 7, config.training.is_input_standardised
        )
        weights = {name: one.contiguous() for name, one in network.state_dict().items()}
        outputs.write_index(run.layout, label_space(), ["class", "count"], {})
        checkpoints.write_weights(
            run.layout,
            lambda path: path.write_bytes(save(weights)),
            {"epoch": 1, "image_shape": SHAPE, **manifest},
        )
        return run

    return make


def only_run(store):
    (run,) = store.runs()
    return run


def refused(run, error=DamagedRun):
    with pytest.raises(error) as raised:
        Predictor.load(run)
    text = str(raised.value)
    assert str(run.layout.path.parent) not in text
    return text


def test_it_predicts_what_the_run_stored_of_test(finished_run, data_dir):
    dataset = RunConfig.checked(finished_run.config).dataset.load(data_dir)
    predictor = Predictor.load(finished_run)
    logits, counts = predictor.predict(dataset.split("test").images)
    stored = finished_run.predictions("test")
    assert logits.dtype == np.float32
    assert np.array_equal(logits, stored.logits)
    assert counts is None
    assert predictor.space == dataset.space
    assert predictor.image_shape == (1, 8, 8)
    assert not predictor.network.training


def test_without_images_there_is_nothing_to_say(finished_run):
    logits, counts = Predictor.load(finished_run).predict(np.zeros((0, 1, 8, 8), np.uint8))
    assert logits.shape == (0, 10) and counts is None


def test_the_shape_beside_the_weights_needs_no_data_set(finished_copy, monkeypatch, tmp_path):
    monkeypatch.setenv("PETRIDISH_DATA", str(tmp_path / "nowhere"))
    layout = only_run(finished_copy).layout
    files.write_json(
        layout.best_json, files.read_json(layout.best_json) | {"image_shape": [1, 4, 16]}
    )
    assert Predictor.load(only_run(finished_copy)).image_shape == (1, 4, 16)
    assert not (tmp_path / "nowhere").exists()


def test_weights_of_before_the_shape_stood_beside_them_take_it_from_the_data_set(finished_copy):
    layout = only_run(finished_copy).layout
    manifest = files.read_json(layout.best_json)
    manifest.pop("image_shape", None)
    files.write_json(layout.best_json, manifest)
    assert Predictor.load(only_run(finished_copy)).image_shape == (1, 8, 8)


def test_the_data_set_is_looked_for_where_the_caller_says(
    finished_copy, data_dir, monkeypatch, tmp_path
):
    monkeypatch.setenv("PETRIDISH_DATA", str(tmp_path / "nowhere"))
    run = only_run(finished_copy)
    manifest = files.read_json(run.layout.best_json)
    manifest.pop("image_shape", None)
    files.write_json(run.layout.best_json, manifest)
    copy = tmp_path / "elsewhere"
    shutil.copytree(data_dir, copy)
    assert Predictor.load(run, data_dir=copy).image_shape == (1, 8, 8)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("shape", [[8, 8], [1, 8, 0], "1x8x8", [1, 8, "8"], 64, [[1], 8, 8]])
def test_a_shape_that_is_none_is_damage(finished_copy, shape):
    layout = only_run(finished_copy).layout
    files.write_json(layout.best_json, files.read_json(layout.best_json) | {"image_shape": shape})
    assert "best.json: image_shape is " in refused(only_run(finished_copy))


def test_counts_come_only_from_a_head_that_was_trained(shapes_run):
    assert Predictor.load(shapes_run({})).predict(IMAGES)[1].shape == (6, 6)
    untrained = Predictor.load(shapes_run({"training.count_loss_weight": 0}))
    logits, counts = untrained.predict(IMAGES)
    assert logits.shape == (6, 135) and counts is None


def test_answers_are_averaged_as_the_settings_or_the_caller_say(shapes_run):
    plain = Predictor.load(shapes_run({}))
    averaging = Predictor.load(shapes_run({"training.test_time_averaging": "symmetries"}))
    logits, counts = averaging.predict(IMAGES)
    assert not np.allclose(logits, plain.predict(IMAGES)[0], atol=1e-3)
    again, counts_again = plain.predict(IMAGES, averaging="symmetries")
    assert np.array_equal(again, logits) and np.array_equal(counts_again, counts)
    assert np.array_equal(averaging.predict(IMAGES, averaging="none")[0], plain.predict(IMAGES)[0])
    # A mirrored image has the mirrored answer.
    becomes = list(label_space().rules.counts.table(6)[HORIZONTAL_FLIP])
    _, mirrored = averaging.predict(np.ascontiguousarray(IMAGES[..., ::-1]))
    np.testing.assert_allclose(mirrored[:, becomes], counts, rtol=1e-4, atol=1e-5)


def test_standardised_input_is_part_of_the_weights(shapes_run):
    predictor = Predictor.load(shapes_run({"training.is_input_standardised": True}))
    assert predictor.predict(IMAGES)[0].shape == (6, 135)


def test_before_the_first_epoch_ends_there_are_no_weights(store, finished_run, spec_of):
    run = store.create(spec_of(finished_run), epochs=3)
    assert refused(run, RunStateError) == (
        f"Run {run.id} has no weights yet; they are stored when its first epoch ends."
    )


def test_one_changed_byte_of_the_weights_is_refused(finished_copy):
    run = only_run(finished_copy)
    with run.layout.best_weights.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 1]))
    assert refused(run) == f"Run {run.id}: its best weights do not match their manifest."


def test_weights_cut_off_or_gone_are_refused(finished_copy):
    run = only_run(finished_copy)
    os.truncate(run.layout.best_weights, 100)
    assert "do not match their manifest" in refused(run)
    run.layout.best_weights.unlink()
    assert refused(run) == (
        f"Run {run.id}: best.safetensors cannot be read: No such file or directory."
    )


def test_a_manifest_that_is_no_json_is_refused(finished_copy):
    run = only_run(finished_copy)
    run.layout.best_json.write_text("{")
    assert refused(run).startswith(f"Run {run.id}: best.json is no JSON")


def test_weights_that_are_just_replaced_are_looked_at_again(finished_copy, monkeypatch):
    run = only_run(finished_copy)
    right = files.read_json(run.layout.best_json)
    files.write_json(run.layout.best_json, right | {"sha256": "0" * 64})
    monkeypatch.setattr(
        inference.time, "sleep", lambda _: files.write_json(run.layout.best_json, right)
    )
    assert Predictor.load(run).run_id == run.id


def test_weights_of_another_network_are_refused(finished_copy, shapes_run):
    run = only_run(finished_copy)
    other = shapes_run({})
    shutil.copytree(other.layout.checkpoints_dir, run.layout.checkpoints_dir, dirs_exist_ok=True)
    assert refused(run) == (
        f"Run {run.id}: its best weights do not fit the network of its settings."
    )


def test_weights_that_hold_no_tensors_are_refused(finished_copy):
    run = only_run(finished_copy)
    checkpoints.write_weights(run.layout, lambda path: path.write_bytes(b"nothing"), {"epoch": 1})
    assert "do not fit the network" in refused(run)


@pytest.mark.parametrize("text", [None, "{", "{}", '{"label_space": {"class_names": 3}}'])
def test_a_run_that_does_not_say_its_classes_is_refused(finished_copy, text):
    run = only_run(finished_copy)
    run.layout.predictions_index.unlink()
    if text is not None:
        run.layout.predictions_index.write_text(text)
    assert refused(run) == (
        f"Run {run.id}: predictions/index.json does not say what its classes are."
    )


def test_a_damaged_run_is_refused_with_its_reason(finished_copy):
    only_run(finished_copy).layout.run_json.unlink()
    run = only_run(finished_copy)
    assert refused(run) == f"Run {run.id} is damaged: run.json is missing."


def test_settings_that_mean_nothing_here_are_named_with_the_run(store, finished_run, spec_of):
    config = finished_run.config | {"cheese": 1}
    run = store.create(spec_of(finished_run, config=config), epochs=3)
    shutil.copytree(
        finished_run.layout.checkpoints_dir, run.layout.checkpoints_dir, dirs_exist_ok=True
    )
    assert refused(run, InvalidParameter).startswith(
        f"Run {run.id}: No setting is called 'cheese'."
    )


@pytest.mark.parametrize(
    ("shape", "got"),
    [((2, 1, 8, 9), "8x9 pixels and 1 channel"), ((2, 3, 8, 8), "8x8 pixels and 3 channels")],
)
def test_images_of_another_shape_are_refused(finished_run, shape, got):
    with pytest.raises(IncompatibleModel) as raised:
        Predictor.load(finished_run).predict(np.zeros(shape, np.uint8))
    assert str(raised.value) == (
        f"Run {finished_run.id} was trained on images of 8x8 pixels and 1 channel; got {got}."
    )


@pytest.mark.parametrize(
    "images", [np.zeros((2, 1, 8, 8), np.float32), np.zeros((1, 8, 8), np.uint8)]
)
def test_what_is_no_batch_of_images_is_refused(finished_run, images):
    with pytest.raises(InvalidParameter, match=r"must be uint8 of shape \(B, C, H, W\); got "):
        Predictor.load(finished_run).predict(images)


def test_the_most_probable_classes_come_first_and_of_equals_the_lower():
    logits = np.log(np.array([[1, 2, 5, 2], [4, 4, 1, 1]], np.float32) / 10)
    labels, probabilities = most_probable(logits, 3)
    assert labels.tolist() == [[2, 1, 3], [0, 1, 2]]
    np.testing.assert_allclose(probabilities, [[0.5, 0.2, 0.2], [0.4, 0.4, 0.1]], rtol=1e-6)


def test_of_fewer_classes_than_wanted_all_are_given():
    labels, probabilities = most_probable(np.array([[0.0, 1.0]], np.float32), 5)
    assert labels.tolist() == [[1, 0]] and probabilities.sum() == pytest.approx(1)


def test_outputs_that_are_not_finite_predict_nothing():
    logits = np.array([[0, np.nan, 1], [0, 3e38, -3e38], [np.inf, 0, 0]], np.float32)
    labels, probabilities = most_probable(logits, 2)
    assert labels.tolist() == [[NO_PREDICTION] * 2, [1, 0], [NO_PREDICTION] * 2]
    assert np.isnan(probabilities[[0, 2]]).all()
    assert probabilities[1].tolist() == [1, 0]
