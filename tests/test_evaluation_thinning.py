import numpy as np
import pytest

from core.evaluation.thinning import thinned


def test_points_in_the_middle_of_an_upright_or_level_piece_go():
    x = np.array([0, 0, 0, 0.5, 0.75, 1.0])
    y = np.array([0, 0.25, 0.5, 0.5, 0.5, 1.0])
    assert thinned(x, y).tolist() == [0, 2, 4, 5]


@pytest.mark.parametrize("steps", [501, 3000, 40_000])
def test_a_staircase_keeps_its_area_and_its_ends(steps):
    # The worst case: taken always at the lower corners, the steps would lose half their area.
    x = np.repeat(np.linspace(0, 1, steps + 1), 2)[1:]
    y = np.repeat(np.linspace(0, 1, steps + 1), 2)[:-1]
    kept = thinned(x, y)
    assert len(kept) <= 1000
    assert (kept[0], kept[-1]) == (0, len(x) - 1)
    assert (np.diff(kept) > 0).all()
    assert np.trapezoid(y[kept], x[kept]) == pytest.approx(np.trapezoid(y, x), abs=1e-4)


def test_many_short_pieces_that_hardly_turn_are_a_curve_all_the_same():
    x = np.linspace(0, 1, 300_000)
    y = x**0.1
    kept = thinned(x, y)
    assert len(kept) <= 1000
    assert np.trapezoid(y[kept], x[kept]) == pytest.approx(np.trapezoid(y, x), abs=1e-4)


@pytest.mark.parametrize("size", [0, 1, 2])
def test_few_points_stay(size):
    assert thinned(np.arange(size, dtype=float), np.zeros(size)).tolist() == list(range(size))
