import math

from core.training.stopping import EarlyStopping


def after(*values):
    state = EarlyStopping()
    for epoch, value in enumerate(values, start=1):
        state = state.updated(epoch, value)
    return state


def test_the_first_epoch_is_the_best_so_far():
    assert after(0.1) == EarlyStopping(best_value=0.1, best_epoch=1, epochs_without_gain=0)


def test_a_tie_is_no_gain():
    assert after(0.5, 0.5) == EarlyStopping(0.5, 1, 1)


def test_a_gain_starts_the_count_again():
    assert after(0.5, 0.4, 0.6) == EarlyStopping(0.6, 3, 0)


def test_training_stops_after_patience_epochs_without_gain():
    assert not after(0.5, 0.4).is_exhausted(patience=2)
    assert after(0.5, 0.4, 0.4).is_exhausted(patience=2)


def test_patience_zero_never_stops():
    assert not after(0.5, *[0.1] * 50).is_exhausted(patience=0)


def test_an_undefined_value_is_no_gain():
    assert after(0.5, math.nan) == EarlyStopping(0.5, 1, 1)


def test_updating_leaves_the_state_before_unchanged():
    before = after(0.5)
    before.updated(2, 0.9)
    assert before == EarlyStopping(0.5, 1, 0)
