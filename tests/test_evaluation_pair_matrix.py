import numpy as np

from core.evaluation.comparison import comparison
from core.evaluation.pair_matrix import COLUMNS, pair_matrix
from core.labels import LabelSpace
from core.predictions import Predictions


def runs(rate, number=3, num_images=300):
    labels = np.arange(num_images) % 3
    made = []
    for seed in range(number):
        is_right = np.random.default_rng([seed, int(100 * rate)]).random(num_images) < rate
        logits = np.eye(3, dtype=np.float32)[np.where(is_right, labels, (labels + 1) % 3)]
        made.append(Predictions(LabelSpace(("a", "b", "c")), np.arange(num_images), labels, logits))
    return made


def test_each_pair_stands_in_two_cells_with_opposite_signs():
    compared = comparison({"low": runs(0.5), "high": runs(0.9), "middle": runs(0.7)})
    table = pair_matrix(compared)
    assert list(table.columns) == list(COLUMNS)
    assert list(zip(table["row"], table["column"], strict=True)) == [
        ("high", "middle"),
        ("high", "low"),
        ("middle", "high"),
        ("middle", "low"),
        ("low", "high"),
        ("low", "middle"),
    ]
    cells = table.set_index(["row", "column"])
    pair = compared.pairs.set_index(["a", "b"]).loc[("high", "low")]
    one, other = cells.loc[("high", "low")], cells.loc[("low", "high")]
    assert one["difference"] == pair["difference"] == -other["difference"]
    assert (
        (one["low"], one["high"]) == (pair["low"], pair["high"]) == (-other["high"], -other["low"])
    )
    assert one["p_adjusted"] == other["p_adjusted"] == pair["p_adjusted"]
    assert one["real"] and other["real"]


def test_one_variant_has_no_cells():
    table = pair_matrix(comparison({"only": runs(0.5)}))
    assert table.empty and list(table.columns) == list(COLUMNS)
