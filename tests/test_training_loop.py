import io
import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from core.augmentations.pictures import EpochPictures
from core.augmentations.pipeline import AugmentationPipeline
from core.augmentations.presets import PRESETS
from core.augmentations.preview import preview
from core.config import Stage, TrainingConfig
from core.datasets.digits import Digits
from core.datasets.shapes import Shapes
from core.exceptions import TrainingFailed
from core.models.convolutional import Convolutional
from core.models.dense import Dense
from core.models.forward import build_network, predict, to_input
from core.models.shapes_net import ShapesNet
from core.training.data import TrainingData, epoch_order
from core.training.device import has_bfloat16, make_deterministic
from core.training.loop import MEASURED_KEYS, EpochResult, Progress, final_outputs, train

CPU = torch.device("cpu")

ONE_HEAD_KEYS = {
    *("epoch", "step", "stage", "learning_rate", "epoch_seconds", "samples"),
    *("train_loss", "train_accuracy", "train_eval_loss", "train_eval_accuracy"),
    *("validation_loss", "validation_accuracy", "samples_per_second", "peak_memory"),
    *("gradient_norm", "dead_share"),
}
TWO_HEAD_KEYS = {
    f"{split}_{metric}"
    for split in ("train", "train_eval", "validation")
    for metric in ("class_loss", "count_loss", "count_rmse", "count_mae")
} | {"count_loss_share"}

SMALL_NET = ShapesNet(channels=4, num_blocks=1, num_features=8, hidden_features=16)
ARCHITECTURES = {
    "dense": Dense(hidden_layers=(16,)),
    "conv": Convolutional(channels=(4, 8), dense_layers=(8,)),
    "shapes-net": SMALL_NET,
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return Shapes(images=100).load(tmp_path_factory.mktemp("data"))


def results(
    architecture,
    dataset,
    seed=0,
    resume=None,
    stages=(),
    augmentation=None,
    device=CPU,
    **settings,
):
    """Train and return each epoch's result together with copies of its weights and its checkpoint's bytes."""
    config = TrainingConfig(**{"batch_size": 32, "max_epochs": 3, "patience": 0, **settings})
    network = build_network(
        architecture, dataset.image_shape, dataset.space, seed, config.is_input_standardised
    )
    found = []
    for result in train(
        network,
        TrainingData.from_dataset(dataset),
        config,
        seed,
        device,
        stages=stages,
        augmentation=augmentation,
        resume=resume,
    ):
        if isinstance(result, EpochResult):
            file = io.BytesIO()
            torch.save(result.checkpoint(), file)
            weights = {name: value.clone() for name, value in result.weights.items()}
            found.append((result, weights, file.getvalue()))
    return found


def lasting(history):
    return {key: value for key, value in history.items() if key not in MEASURED_KEYS}


def test_a_history_row_has_the_keys_of_the_run_folder(dataset):
    (result, _, _) = results(ARCHITECTURES["dense"], dataset, max_epochs=1)[0]
    assert result.history.keys() == ONE_HEAD_KEYS
    numbers = {key: value for key, value in result.history.items() if key != "dead_share"}
    assert all(type(value) in (int, float) for value in numbers.values())
    assert result.history["dead_share"].keys() == {"body.2"}
    assert result.history["gradient_norm"] > 0
    assert result.history["epoch"] == 1
    assert result.history["step"] == 3
    assert result.history["samples"] == 80
    assert result.history["peak_memory"] > 1_000_000


def test_two_heads_add_their_own_keys_and_outputs(dataset):
    (result, _, _) = results(SMALL_NET, dataset, max_epochs=1)[0]
    assert result.history.keys() == ONE_HEAD_KEYS | TWO_HEAD_KEYS
    assert {
        (split, head): values.shape
        for split, heads in result.outputs.items()
        for head, values in heads.items()
    } == {
        ("validation", "class"): (10, 135),
        ("validation", "count"): (10, 6),
        ("train", "class"): (80, 135),
        ("train", "count"): (80, 6),
    }
    assert all(
        values.dtype == np.float16 for heads in result.outputs.values() for values in heads.values()
    )


def test_a_count_head_that_is_not_trained_is_not_reported(dataset):
    (result, weights, _) = results(SMALL_NET, dataset, max_epochs=1, count_loss_weight=0)[0]
    assert result.history.keys() == ONE_HEAD_KEYS
    assert result.outputs["validation"].keys() == {"class"}
    network = build_network(SMALL_NET, dataset.image_shape, dataset.space, 1)
    outputs = final_outputs(
        network,
        weights,
        dataset.split("test").images,
        TrainingConfig(count_loss_weight=0),
        dataset.space,
        CPU,
    )
    assert outputs.keys() == {"class"}


def test_stored_metrics_are_those_of_the_rounded_outputs(dataset):
    (result, _, _) = results(SMALL_NET, dataset, max_epochs=1)[0]
    logits = result.outputs["validation"]["class"].astype(np.float64)
    labels = dataset.split("validation").labels
    expected = torch.nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(labels)).item()
    assert result.history["validation_class_loss"] == pytest.approx(expected, rel=1e-12)
    assert result.history["validation_accuracy"] == (logits.argmax(1) == labels).mean()
    errors = (
        result.outputs["validation"]["count"].astype(np.float64)
        - dataset.split("validation").counts
    )
    assert result.history["validation_count_mae"] == pytest.approx(np.abs(errors).mean())
    assert result.history["validation_loss"] == pytest.approx(
        result.history["validation_class_loss"] + result.history["validation_count_loss"]
    )


def assert_equal_runs(whole, rest):
    """Compare results but for what is measured."""
    for (old, old_weights, _), (new, new_weights, _) in zip(whole, rest, strict=True):
        assert lasting(new.history) == lasting(old.history)
        assert (new.is_best, new.is_last, new.stop_reason) == (
            old.is_best,
            old.is_last,
            old.stop_reason,
        )
        assert old_weights.keys() == new_weights.keys()
        assert all(torch.equal(old_weights[key], new_weights[key]) for key in old_weights)
        for split, heads in old.outputs.items():
            assert all(np.array_equal(heads[head], new.outputs[split][head]) for head in heads)


@pytest.mark.parametrize("name", list(ARCHITECTURES))
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(dataset, name, optimizer):
    settings = {
        "max_epochs": 4,
        "patience": 3,
        "optimizer": optimizer,
        "learning_rate": 0.01,
        "schedule": "linear",
        "warmup_share": 0.2,
    }
    whole = results(ARCHITECTURES[name], dataset, seed=5, **settings)
    assert len(whole) >= 3
    _, _, saved = whole[1]
    torch.rand(7)  # whatever the process drew in between
    state = torch.load(io.BytesIO(saved), weights_only=True)
    rest = results(ARCHITECTURES[name], dataset, seed=5, resume=state, **settings)
    assert_equal_runs(whole[2:], rest)


# All that has a state of its own: a moving average, momentum, standardised inputs, stages, pictures drawn anew.
EVERYTHING = {
    "optimizer": "sgd",
    "learning_rate": 0.05,
    "momentum": 0.9,
    "max_epochs": 2,
    "ema_decay": 0.5,
    "gradient_clip": 1.0,
    "label_smoothing": 0.1,
    "class_weights": "balanced",
    "schedule": "cosine",
    "is_input_standardised": True,
    "stages": (Stage(), Stage(changes={"optimizer": "adam", "max_epochs": 3, "ema_decay": 0})),
    "augmentation": PRESETS["shapes-study"].pipeline,
}


@pytest.mark.parametrize("epochs_before", [1, 2, 3])
def test_stages_averages_and_augmentation_resume_bit_for_bit(dataset, epochs_before):
    whole = results(SMALL_NET, dataset, seed=3, **EVERYTHING)
    assert [result.history["stage"] for result, _, _ in whole] == [0, 0, 1, 1, 1]
    state = torch.load(io.BytesIO(whole[epochs_before - 1][2]), weights_only=True)
    rest = results(SMALL_NET, dataset, seed=3, resume=state, **EVERYTHING)
    assert_equal_runs(whole[epochs_before:], rest)


@pytest.mark.gpu
@pytest.mark.parametrize("epochs_before", [1, 3])
def test_a_run_on_cuda_resumes_bit_for_bit_too(dataset, epochs_before):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    cuda = torch.device("cuda")
    make_deterministic(cuda)
    try:
        whole = results(SMALL_NET, dataset, seed=3, device=cuda, **EVERYTHING)
        state = torch.load(
            io.BytesIO(whole[epochs_before - 1][2]), map_location="cpu", weights_only=True
        )
        rest = results(SMALL_NET, dataset, seed=3, resume=state, device=cuda, **EVERYTHING)
        assert_equal_runs(whole[epochs_before:], rest)
    finally:
        torch.use_deterministic_algorithms(False)


def test_a_run_that_was_over_yields_nothing_more(dataset):
    _, _, saved = results(ARCHITECTURES["dense"], dataset, max_epochs=2)[-1]
    state = torch.load(io.BytesIO(saved), weights_only=True)
    assert results(ARCHITECTURES["dense"], dataset, resume=state, max_epochs=2) == []


def test_equal_seeds_give_equal_runs_and_others_do_not(dataset):
    first, same, other = (
        results(SMALL_NET, dataset, seed=seed, max_epochs=2)[-1] for seed in (1, 1, 2)
    )
    assert lasting(first[0].history) == lasting(same[0].history)
    assert all(torch.equal(first[1][key], same[1][key]) for key in first[1])
    assert lasting(first[0].history) != lasting(other[0].history)


def test_the_last_epoch_says_that_the_epochs_are_used_up(dataset):
    found = [result for result, _, _ in results(ARCHITECTURES["dense"], dataset, max_epochs=3)]
    assert [result.is_last for result in found] == [False, False, True]
    assert [result.stop_reason for result in found] == [None, None, "max_epochs"]
    assert [result.history["step"] for result in found] == [3, 6, 9]


def test_training_stops_when_validation_accuracy_stays_for_patience_epochs(dataset):
    # The smallest step that the bounds allow moves no prediction.
    found = results(ARCHITECTURES["dense"], dataset, learning_rate=1e-30, patience=2, max_epochs=9)
    assert [result.is_best for result, _, _ in found] == [True, False, False]
    assert found[-1][0].stop_reason == "patience"
    assert found[-1][0].is_last


def test_progress_comes_between_batches_and_epochs_at_their_end(dataset):
    network = build_network(ARCHITECTURES["dense"], dataset.image_shape, dataset.space, 0)
    config = TrainingConfig(batch_size=30, max_epochs=2)
    steps = [
        (item.epoch, getattr(item, "step", "end"))
        for item in train(
            network, TrainingData.from_dataset(dataset), config, 0, CPU, tick_seconds=0
        )
    ]
    assert steps == [(1, 1), (1, 2), (1, 3), (1, "end"), (2, 1), (2, 2), (2, 3), (2, "end")]


def test_progress_names_rate_and_size_of_the_epoch(dataset):
    network = build_network(ARCHITECTURES["dense"], dataset.image_shape, dataset.space, 0)
    course = train(
        network,
        TrainingData.from_dataset(dataset),
        TrainingConfig(batch_size=30),
        0,
        CPU,
        tick_seconds=0,
    )
    progress = next(course)
    course.close()
    assert isinstance(progress, Progress)
    assert progress.steps == 3
    assert progress.samples_per_second == pytest.approx(30 / progress.seconds)


def test_progress_is_not_given_within_the_tick(dataset):
    network = build_network(ARCHITECTURES["dense"], dataset.image_shape, dataset.space, 0)
    config = TrainingConfig(batch_size=1, max_epochs=1)
    items = list(
        train(network, TrainingData.from_dataset(dataset), config, 0, CPU, tick_seconds=3600)
    )
    assert [type(item) for item in items] == [EpochResult]


def test_a_loss_that_is_not_finite_fails_with_epoch_batch_and_remedy(dataset):
    network = build_network(ARCHITECTURES["dense"], dataset.image_shape, dataset.space, 0)
    course = train(
        network, TrainingData.from_dataset(dataset), TrainingConfig(batch_size=16), 0, CPU
    )
    assert isinstance(next(course), EpochResult)
    with torch.no_grad():
        network.class_head.bias.fill_(math.nan)
    with pytest.raises(TrainingFailed) as error:
        next(course)
    assert error.value.reason == "nan_loss"
    assert str(error.value) == (
        "The loss was not a finite number in epoch 2, batch 1 of 5; training.learning_rate was 0.001. "
        "Take a smaller one."
    )


def test_outputs_beyond_float16_are_stored_as_infinite_and_leave_the_loss_undefined(dataset):
    network = build_network(ARCHITECTURES["dense"], dataset.image_shape, dataset.space, 0)
    with torch.no_grad():
        network.class_head.bias[0] = 1e6
    result = next(
        train(network, TrainingData.from_dataset(dataset), TrainingConfig(batch_size=16), 0, CPU)
    )
    assert np.isposinf(result.outputs["validation"]["class"][:, 0]).all()
    assert math.isnan(result.history["validation_loss"])
    assert math.isfinite(result.history["train_loss"])


def test_final_outputs_are_those_of_the_given_weights_unrounded(dataset):
    (first, weights, _), *_, (_, last_weights, _) = results(SMALL_NET, dataset)
    network = build_network(SMALL_NET, dataset.image_shape, dataset.space, 9)
    images = dataset.split("validation").images
    outputs = final_outputs(network, weights, images, TrainingConfig(), dataset.space, CPU)
    assert outputs["class"].dtype == np.float32
    for head, stored in first.outputs["validation"].items():
        assert np.array_equal(outputs[head].astype(np.float16), stored)
    other = final_outputs(network, last_weights, images, TrainingConfig(), dataset.space, CPU)
    assert not np.array_equal(other["class"], outputs["class"])


def test_weights_are_in_row_major_order_and_match_the_network(dataset):
    (_, weights, _) = results(ARCHITECTURES["conv"], dataset, max_epochs=1)[0]
    assert all(value.is_contiguous() for value in weights.values())


def test_a_training_split_of_one_sample_more_than_a_batch_trains_with_batch_norm(dataset):
    results(SMALL_NET, dataset, batch_size=79, max_epochs=1)


def first_weights_of_stage_two(dataset, starts_from):
    """Train a stage whose best epoch is its first, and return its weights with those that the second starts from."""
    # The second stage can move nothing.
    stages = (
        Stage(),
        Stage(starts_from=starts_from, changes={"learning_rate": 1e-30, "max_epochs": 1}),
    )
    network = ARCHITECTURES["dense"]
    found = results(network, dataset, learning_rate=1.0, optimizer="sgd", stages=stages)
    stage_one = [result for result, _, _ in found if result.history["stage"] == 0]
    accuracies = [result.history["validation_accuracy"] for result in stage_one]
    best = accuracies.index(max(accuracies))
    return [weights for _, weights, _ in found], best


def test_a_stage_starts_from_the_best_weights_of_the_one_before(dataset):
    weights, best = first_weights_of_stage_two(dataset, "best")
    assert best < 2, "The best epoch is the last: the test would show nothing."
    assert all(torch.equal(weights[3][name], weights[best][name]) for name in weights[3])


def test_a_stage_starts_from_the_last_weights_where_it_is_told_to(dataset):
    weights, best = first_weights_of_stage_two(dataset, "last")
    assert best < 2
    assert all(torch.equal(weights[3][name], weights[2][name]) for name in weights[3])


def test_a_stage_has_its_own_patience_and_epochs_go_on(dataset):
    stages = (Stage(), Stage(changes={"max_epochs": 2, "patience": 0}))
    found = results(
        ARCHITECTURES["dense"],
        dataset,
        learning_rate=1e-30,
        patience=2,
        max_epochs=9,
        stages=stages,
    )
    rows = [result.history for result, _, _ in found]
    assert [(row["epoch"], row["stage"]) for row in rows] == [
        (1, 0),
        (2, 0),
        (3, 0),
        (4, 1),
        (5, 1),
    ]
    assert [row["step"] for row in rows] == [3, 6, 9, 12, 15]
    assert [result.is_last for result, _, _ in found] == [False] * 4 + [True]
    assert found[-1][0].stop_reason == "max_epochs"


def test_the_least_loss_decides_where_that_is_the_metric(dataset):
    found = results(SMALL_NET, dataset, early_stopping_metric="validation_loss", max_epochs=4)
    losses = [result.history["validation_loss"] for result, _, _ in found]
    is_best = [loss == min(losses[: place + 1]) for place, loss in enumerate(losses)]
    assert [result.is_best for result, _, _ in found] == is_best


def test_what_is_evaluated_is_the_moving_average_of_the_weights(dataset):
    plain = results(ARCHITECTURES["dense"], dataset, max_epochs=1)
    # The average of a batch and the one after it, and of that and the third.
    averaged = results(ARCHITECTURES["dense"], dataset, max_epochs=1, ema_decay=0.5)
    assert plain[0][0].history["train_loss"] == averaged[0][0].history["train_loss"]
    state = torch.load(io.BytesIO(averaged[0][2]), weights_only=True)
    for name, value in plain[0][1].items():
        assert torch.equal(state["model"][name], value)
        assert not torch.equal(averaged[0][1][name], value)


def test_clipping_bounds_the_step_and_the_norm_is_that_before_it(dataset):
    settings = {"optimizer": "sgd", "learning_rate": 1.0, "max_epochs": 1, "batch_size": 80}
    start = build_network(ARCHITECTURES["dense"], dataset.image_shape, dataset.space, 0)
    free, clipped = (
        results(ARCHITECTURES["dense"], dataset, gradient_clip=clip, **settings)[0]
        for clip in (0.0, 1e-3)
    )
    moved = sum(
        (clipped[1][name] - value).square().sum() for name, value in start.state_dict().items()
    )
    assert float(moved) ** 0.5 == pytest.approx(1e-3, rel=1e-3)
    assert free[0].history["gradient_norm"] == clipped[0].history["gradient_norm"] > 1e-3


def test_the_norm_in_the_history_is_that_of_every_eighth_batch(dataset):
    # A rate so small that no step changes what comes after it.
    settings = {"optimizer": "sgd", "learning_rate": 1e-12, "max_epochs": 1, "batch_size": 8}
    (result, _, _) = results(ARCHITECTURES["dense"], dataset, **settings)[0]
    network = build_network(ARCHITECTURES["dense"], dataset.image_shape, dataset.space, 0)
    train = dataset.split("train")
    order, norms = epoch_order(0, 1, len(train)), []
    for start in range(0, len(train), 8 * 8):
        rows = order[start : start + 8]
        logits = network(to_input(torch.tensor(train.images[rows]))).logits
        loss = functional.cross_entropy(logits, torch.tensor(train.labels[rows]))
        gradients = torch.autograd.grad(loss, list(network.parameters()))
        norms.append(float(torch.cat([one.flatten() for one in gradients]).norm()))
    assert len(norms) > 1
    assert result.history["gradient_norm"] == pytest.approx(sum(norms) / len(norms), rel=1e-4)


def test_standardised_inputs_are_measured_on_the_training_split_and_kept_in_the_weights(dataset):
    (_, weights, _) = results(SMALL_NET, dataset, max_epochs=1, is_input_standardised=True)[0]
    pixels = dataset.split("train").images / 255
    assert weights["mean"].item() == pytest.approx(pixels.mean(), rel=1e-5)
    assert weights["std"].item() == pytest.approx(pixels.std(), rel=1e-5)


def test_bfloat16_trains_to_nearly_the_same_loss(dataset):
    exact, coarse = (
        results(ARCHITECTURES["conv"], dataset, max_epochs=1, precision=precision)[0][0].history
        for precision in ("float32", "bfloat16")
    )
    assert coarse["train_loss"] != exact["train_loss"]
    assert coarse["train_loss"] == pytest.approx(exact["train_loss"], rel=0.02)


def test_auto_precision_is_bfloat16_where_the_hardware_has_it(dataset):
    found, exact, coarse = (
        results(ARCHITECTURES["conv"], dataset, max_epochs=1, precision=precision)[0][0].history
        for precision in ("auto", "float32", "bfloat16")
    )
    assert lasting(found) == lasting(coarse if has_bfloat16(CPU) else exact)


def test_training_sees_exactly_the_pictures_that_the_preview_shows(dataset, monkeypatch):
    pipeline = AugmentationPipeline(steps=PRESETS["shapes-study"].pipeline.steps)
    split = dataset.split("train")
    batch = EpochPictures.batch

    def noted(self, rows):
        made = batch(self, rows)
        for position, row in enumerate(rows.tolist()):
            key = (len(calls) // 3 + 1, row)
            pictures[key] = (made.images[position], made.labels[position], made.counts[position])
        calls.append(rows)
        return made

    calls, pictures = [], {}
    monkeypatch.setattr(EpochPictures, "batch", noted)
    results(SMALL_NET, dataset, seed=7, max_epochs=2, augmentation=pipeline)
    monkeypatch.undo()
    assert len(pictures) == 2 * len(split)
    for epoch in (1, 2):
        rows = np.arange(len(split))
        shown = preview(
            pipeline, split.images, split.labels, split.counts, dataset.space, 7, epoch, rows
        )
        assert shown.is_changed.any()
        for row in rows.tolist():
            image, label, counts = pictures[epoch, row]
            assert np.array_equal(image.numpy(), shown.after[row])
            assert label.item() == shown.new_labels[row]
            assert np.array_equal(counts.numpy(), shown.new_counts[row])


def test_an_epoch_visits_every_fixed_copy(tmp_path):
    digits = Digits().load(tmp_path)
    pipeline = AugmentationPipeline.checked(
        {"expansion": {"k": 1, "is_forced": True, "copies": ["original", "flip", "zoom"]}}
    )
    (result, _, _) = results(
        ARCHITECTURES["dense"], digits, max_epochs=1, batch_size=100, augmentation=pipeline
    )[0]
    assert result.history["step"] == math.ceil(3 * len(digits.split("train")) / 100)
    assert len(result.outputs["validation"]["class"]) == len(digits.split("validation"))


def test_digits_are_learnt(tmp_path):
    digits = Digits().load(tmp_path)
    found = results(
        Convolutional(padding=1), digits, batch_size=32, max_epochs=6, learning_rate=2e-3
    )
    best = max(result.history["validation_accuracy"] for result, _, _ in found)
    assert best > 0.85
    losses = [result.history["train_loss"] for result, _, _ in found]
    assert losses == sorted(losses, reverse=True)


def test_predictions_after_training_are_those_of_the_trained_network(dataset):
    network = build_network(SMALL_NET, dataset.image_shape, dataset.space, 0)
    data = TrainingData.from_dataset(dataset)
    *_, result = train(network, data, TrainingConfig(max_epochs=1), 0, CPU)
    logits, _ = predict(network, data.validation.images, 512, CPU)
    assert np.array_equal(logits.astype(np.float16), result.outputs["validation"]["class"])
