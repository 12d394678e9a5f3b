import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.evaluation.course import Course
from core.evaluation.verdicts import (
    RULES,
    best_epoch,
    dead_neurons,
    plateau,
    verdicts,
    volatility,
)

BY_LOSS = {"training": {"early_stopping_metric": "validation_loss"}}


def rows_of(accuracies, **columns):
    rows = []
    for position, value in enumerate(accuracies):
        row = {"epoch": position + 1, "validation_accuracy": value}
        rows.append(row | {name: values[position] for name, values in columns.items()})
    return rows


def course_of(accuracies, config=None, num_validation=10_500, **columns):
    return Course.of(rows_of(accuracies, **columns), config, num_validation=num_validation)


@pytest.mark.parametrize(
    ("accuracies", "sentence"),
    [
        (
            [0.7, 0.8724, 0.87, 0.86, 0.85],
            "Validation accuracy was highest in epoch 2 of 5 (87.2 %); the last 3 epochs brought no more.",
        ),
        (
            [0.7, 0.8, 0.75],
            "Validation accuracy was highest in epoch 2 of 3 (80.0 %); the last epoch brought no more.",
        ),
        ([0.7, 0.8], "Validation accuracy was highest in epoch 2 of 2 (80.0 %)."),
        ([0.7], "Validation accuracy was highest in epoch 1 of 1 (70.0 %)."),
    ],
)
def test_the_best_epoch_is_named_with_what_came_after(accuracies, sentence):
    assert best_epoch(course_of(accuracies)).sentence == sentence


def test_the_best_epoch_by_loss_is_the_lowest():
    verdict = best_epoch(course_of([0.5, 0.6], BY_LOSS, validation_loss=[0.5, 0.4023]))
    assert verdict.sentence == "Validation loss was lowest in epoch 2 of 2 (0.402)."
    assert (verdict.rule, verdict.epoch, verdict.is_warning) == ("best_epoch", 2, False)


def test_without_validation_there_is_no_best_epoch():
    assert best_epoch(course_of([None, math.nan])) is None


def test_the_plateau_says_what_little_was_gained_after_it():
    verdict = plateau(course_of([0.5, 0.6, 0.8, 0.85, 0.85, 0.85, 0.85]))
    assert verdict.epoch == 5
    assert verdict.sentence == (
        "The plateau was reached in epoch 5 of 7: in the 2 epochs after it validation accuracy, smoothed, improved by no "
        "more than 0.3 points, one standard error on 10,500 images."
    )


def test_a_curve_that_still_rises_has_no_plateau():
    assert plateau(course_of([0.5, 0.6, 0.7, 0.8])) is None


UNSTEADY = [0.5, 0.7, 0.8, 0.8, 0.8, 0.86, 0.80, 0.86, 0.80, 0.86]


def test_an_unsteady_curve_is_a_warning():
    verdict = volatility(course_of(UNSTEADY))
    assert verdict.is_warning
    assert verdict.sentence == (
        "Validation accuracy is unsteady: in the later half it typically lies 4.0 points off its mean over 3 epochs, where "
        "chance in the images means 0.3 points, one standard error on 10,500 images; so which epoch is best is partly luck."
    )


def test_the_same_curve_is_steady_on_few_images():
    verdict = volatility(course_of(UNSTEADY, None, 50))
    assert not verdict.is_warning
    assert verdict.sentence == (
        "Validation accuracy is steady: in the later half it typically lies 4.0 points off its mean over 3 epochs, where "
        "chance in the images means 5.1 points, one standard error on 50 images."
    )


def test_nothing_is_said_of_the_volatility_of_few_epochs():
    assert volatility(course_of([0.5, 0.7, 0.8])) is None


def test_dead_neurons_are_those_of_the_best_epoch_s_worst_layer():
    shares = [{"body.1": 0.9}, {"body.1": 0.02, "body.4": 0.5234, "body.6": 0.0}, {"body.1": 0.9}]
    verdict = dead_neurons(course_of([0.5, 0.8, 0.7], dead_share=shares))
    assert verdict.is_warning and verdict.epoch == 2
    assert verdict.sentence == (
        "In epoch 2, 52.3 % of the neurons of layer body.4 are dead: zero on every training image looked at. "
        "1 more of 3 layers has dead ones."
    )


def test_a_few_dead_neurons_are_no_warning_and_hardly_any_are_not_mentioned():
    verdict = dead_neurons(course_of([0.5], dead_share=[{"body.1": 0.05}]))
    assert not verdict.is_warning
    assert verdict.sentence == (
        "In epoch 1, 5.0 % of the neurons of layer body.1 are dead: zero on every training image looked at."
    )
    assert dead_neurons(course_of([0.5], dead_share=[{"body.1": 0.005}])) is None


@pytest.mark.parametrize("found", [None, {}, 0.5, {"body.1": None}, {"body.1": math.nan}])
def test_without_shares_nothing_is_said_of_dead_neurons(found):
    assert dead_neurons(course_of([0.5], dead_share=[found])) is None


def test_before_the_first_epoch_nothing_is_said():
    assert verdicts([]) == []
    assert verdicts([{}, {"epoch": None}], {}, 100, "failed", "nan_loss") == []


def test_one_epoch_is_enough_for_what_it_can_tell():
    rows = rows_of([0.8], train_accuracy=[0.82], train_eval_accuracy=[0.83])
    found = verdicts(rows, {}, 10_500, "running")
    assert [verdict.rule for verdict in found] == ["best_epoch", "gap", "gap_split"]


def test_warnings_come_first_and_each_rule_speaks_once():
    config = {"training": {"patience": 3, "max_epochs": 30, "learning_rate": 0.001}}
    rows = rows_of(
        [0.80, 0.85, 0.84, 0.83, 0.82],
        train_loss=[0.5, 0.3, 0.2, 0.1, 0.05],
        train_accuracy=[0.82, 0.95, 0.97, 0.98, 0.99],
        train_eval_accuracy=[0.83, 0.96, 0.97, 0.98, 0.99],
        validation_loss=[0.5, 0.45, 0.5, 0.6, 0.7],
        dead_share=[{"body.1": 0.4}] * 5,
    )
    found = verdicts(rows, config, 10_500, "finished")
    assert [(verdict.rule, verdict.is_warning) for verdict in found] == [
        ("gap_split", True),
        ("dead_neurons", True),
        ("best_epoch", False),
        ("stopped", False),
        ("gap", False),
        ("plateau", False),
    ]


NUMBERS = st.one_of(
    st.none(), st.floats(), st.floats(0, 1), st.integers(-5, 5), st.booleans(), st.text(max_size=2)
)
KEYS = [
    "stage",
    "train_loss",
    "train_accuracy",
    "train_eval_loss",
    "train_eval_accuracy",
    "validation_loss",
    "validation_accuracy",
    "epoch_seconds",
]
ROWS = st.lists(
    st.fixed_dictionaries(
        {"epoch": st.integers(1, 20)},
        optional=dict.fromkeys(KEYS, NUMBERS)
        | {"dead_share": st.one_of(NUMBERS, st.dictionaries(st.text(max_size=3), NUMBERS))},
    ),
    max_size=14,
)
SETTINGS = dict.fromkeys(("patience", "max_epochs", "class_loss_weight", "ema_decay"), NUMBERS)
CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "training": st.fixed_dictionaries(
            {}, optional=SETTINGS | {"early_stopping_metric": st.just("validation_loss")}
        ),
        "stages": st.lists(st.one_of(NUMBERS, st.just({"changes": {"patience": 1}})), max_size=2),
        "augmentation": st.one_of(NUMBERS, st.just({"steps": [{"probability": 0.5}, 3]})),
        "model": st.one_of(NUMBERS, st.just({"dropout": [0.5, None]})),
    },
)
STATES = st.sampled_from([None, "running", "finished", "failed", "stopped", "paused", "crashed"])


@settings(max_examples=150, deadline=None)
@given(
    ROWS,
    CONFIGS,
    st.one_of(st.none(), st.integers(-1, 20_000)),
    STATES,
    st.sampled_from([None, "nan_loss"]),
)
def test_no_history_and_no_config_breaks_a_rule(rows, config, num_validation, state, reason):
    found = verdicts(rows, config, num_validation, state, reason)
    assert len({verdict.rule for verdict in found}) == len(found) <= len(RULES)
    for verdict in found:
        assert verdict.rule in {rule.__name__ for rule in RULES}
        assert verdict.sentence.endswith(".") and "nan" not in verdict.sentence.lower()
        assert verdict.epoch is None or verdict.epoch >= 1
