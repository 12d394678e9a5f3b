import math

import pytest

from core.evaluation.margin import ACCURACY, ASSUMED_MARGIN, LOSS, margin


def test_the_margin_of_an_accuracy_is_close_to_its_standard_error():
    assert margin(ACCURACY, 0.87, 10_500) == pytest.approx(
        math.sqrt(0.87 * 0.13 / 10_500), rel=1e-2
    )


def test_the_margin_is_above_zero_at_both_ends():
    assert margin(ACCURACY, 1.0, 360) > 0.003
    assert margin(ACCURACY, 0.0, 360) == pytest.approx(margin(ACCURACY, 1.0, 360))


@pytest.mark.parametrize("num_images", [None, 0, -3])
def test_without_a_number_of_images_a_margin_is_assumed(num_images):
    assert margin(ACCURACY, 0.9, num_images) == ASSUMED_MARGIN


def test_the_margin_of_a_loss_is_two_per_cent_of_it():
    assert margin(LOSS, 0.5, 10_500) == pytest.approx(0.01)
