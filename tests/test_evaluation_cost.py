import numpy as np
import pandas as pd

from core.evaluation.cost import COLUMNS, cost, front


def test_the_front_holds_what_nothing_beats_at_no_greater_cost():
    costs = np.array([1.0, 2.0, 3.0, 2.0, 0.5, np.nan])
    values = np.array([0.5, 0.7, 0.7, 0.6, 0.4, 0.9])
    # The third costs more than the second for the same, the fourth gives less for the same, the last has no cost.
    assert front(costs, values).tolist() == [True, True, False, False, True, False]


def test_equal_points_are_both_on_the_front():
    assert front(np.array([1.0, 1.0]), np.array([0.5, 0.5])).tolist() == [True, True]


def test_results_stand_beside_one_cost_where_less_may_be_better():
    variants = pd.DataFrame(
        {"variant": ["a", "b"], "mean": [0.2, 0.3], "low": [0.1, 0.2], "high": [0.3, 0.4]}
    )
    costs = pd.DataFrame({"variant": ["b", "a"], "seconds": [5.0, 9.0], "parameters": [1.0, 2.0]})
    found = cost(variants, costs, "seconds", is_higher_better=False)
    assert list(found.columns) == list(COLUMNS)
    assert found[["variant", "cost", "is_on_front"]].values.tolist() == [
        ["a", 9.0, True],
        ["b", 5.0, True],
    ]
    assert cost(variants, costs, "seconds")["is_on_front"].tolist() == [False, True]
