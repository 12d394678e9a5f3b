import math

import pytest

from core.training.stopping import EarlyStopping, score


def after(*scores, min_gain=0.0):
    state = EarlyStopping()
    for epoch, one in enumerate(scores, start=1):
        state = state.updated(epoch, one, min_gain)
    return state


def test_the_first_epoch_is_the_best_so_far():
    assert after(0.1) == EarlyStopping(
        best_score=0.1, best_epoch=1, gain_score=0.1, epochs_without_gain=0
    )


def test_a_tie_is_no_gain():
    assert after(0.5, 0.5) == EarlyStopping(0.5, 1, 0.5, 1)


def test_a_gain_starts_the_count_again():
    assert after(0.5, 0.4, 0.6) == EarlyStopping(0.6, 3, 0.6, 0)


def test_a_gain_below_the_least_is_the_best_and_starts_nothing():
    assert after(0.5, 0.55, min_gain=0.1) == EarlyStopping(0.55, 2, 0.5, 1)


def test_small_gains_add_up_to_one():
    assert after(0.5, 0.5625, 0.625, min_gain=0.125) == EarlyStopping(0.625, 3, 0.625, 0)


def test_training_stops_after_patience_epochs_without_gain():
    assert not after(0.5, 0.4).is_exhausted(patience=2)
    assert after(0.5, 0.4, 0.4).is_exhausted(patience=2)


def test_patience_zero_never_stops():
    assert not after(0.5, *[0.1] * 50).is_exhausted(patience=0)


def test_an_undefined_value_is_no_gain():
    assert after(0.5, math.nan) == EarlyStopping(0.5, 1, 0.5, 1)


def test_any_number_is_better_than_an_undefined_first_value():
    assert after(math.nan, -3.0, -4.0) == EarlyStopping(-3.0, 2, -3.0, 1)


def test_updating_leaves_the_state_before_unchanged():
    before = after(0.5)
    before.updated(2, 0.9)
    assert before == EarlyStopping(0.5, 1, 0.5, 0)


@pytest.mark.parametrize(
    ("metric", "expected"), [("validation_accuracy", 0.9), ("validation_loss", -0.3)]
)
def test_a_large_accuracy_and_a_small_loss_are_good(metric, expected):
    assert score({"validation_accuracy": 0.9, "validation_loss": 0.3}, metric) == expected
