import dataclasses
import json
import math

import numpy as np
import pytest
from scipy.stats import ttest_ind

from core.evaluation.comparison import PAIR_COLUMNS, comparison
from core.evaluation.paired import holm, mcnemar
from core.evaluation.scores import METRICS
from core.exceptions import InvalidParameter, UnknownName
from core.labels import LabelSpace
from core.predictions import Predictions

SPACE = LabelSpace(("cat", "dog", "cow"), count_names=("figures",))
NUM_IMAGES = 600


def trained(quality, seed, spread=0.05, count_error=0.5):
    """Draw a network's answers; all networks find the same images hard."""
    labels = np.arange(NUM_IMAGES) % 3
    hard = np.random.default_rng(99).normal(size=NUM_IMAGES)
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(NUM_IMAGES, 3))
    logits[np.arange(NUM_IMAGES), labels] += quality + hard + spread * rng.normal()
    true = np.ones((NUM_IMAGES, 1), np.float32)
    counts = true + count_error * rng.normal(size=true.shape).astype(np.float32)
    return Predictions(
        SPACE, np.arange(NUM_IMAGES), labels, logits.astype(np.float32), true, counts
    )


def variants(num_seeds, **qualities):
    return {
        name: [trained(quality, 100 * position + seed) for seed in range(num_seeds)]
        for position, (name, quality) in enumerate(qualities.items())
    }


def test_the_best_stands_first_and_the_baseline_is_what_others_are_held_against():
    found = comparison(variants(3, base=2.0, deep=2.1, wide=4.0), baseline="base")
    assert found.variants["variant"].to_list() == ["wide", "deep", "base"]
    assert found.pairs[["a", "b"]].to_numpy().tolist() == [
        ["wide", "deep"],
        ["wide", "base"],
        ["deep", "base"],
    ]
    assert list(found.pairs.columns) == list(PAIR_COLUMNS)
    assert [text.split(":")[0] for text in found.sentences[:2]] == [
        "wide against base",
        "deep against base",
    ]
    reversed_pair = comparison(variants(3, base=4.0, deep=2.0), baseline="base").pairs.iloc[0]
    assert (reversed_pair["a"], reversed_pair["b"]) == ("deep", "base")
    assert reversed_pair["difference"] < 0


def test_numbers_are_those_of_the_parts():
    given = variants(3, base=2.0, deep=2.1, wide=4.0)
    found = comparison(given)
    means = {name: np.mean([run.is_right.mean() for run in runs]) for name, runs in given.items()}
    table = found.variants.set_index("variant")
    assert table["mean"].to_dict() == pytest.approx(means)
    for pair in found.pairs.itertuples():
        assert pair.difference == pytest.approx(means[pair.a] - means[pair.b])
        assert pair.low < pair.difference < pair.high
    assert found.pairs["p_adjusted"].to_list() == holm(found.pairs["p"]).tolist()
    deep = [run.is_right.mean() for run in given["deep"]]
    assert table.loc["deep", "standard_deviation"] == pytest.approx(np.std(deep, ddof=1))
    # The seeds alone would be surer than seeds and images are.
    welch = ttest_ind([run.is_right.mean() for run in given["wide"]], deep, equal_var=False)
    pair = found.pairs.iloc[0]
    assert {pair["a"], pair["b"]} == {"wide", "deep"}
    assert pair["standard_error"] > abs(pair["difference"] / welch.statistic)


def test_a_large_difference_is_real_from_three_seeds_on_and_a_small_one_is_not():
    found = comparison(variants(3, base=2.0, deep=2.1, wide=4.0), baseline="base")
    real = {(pair.a, pair.b): pair.real for pair in found.pairs.itertuples()}
    assert real == {("wide", "deep"): True, ("wide", "base"): True, ("deep", "base"): False}
    ranks = found.variants[["variant", "rank", "rank_to"]].to_numpy().tolist()
    assert ranks == [["wide", 1, 1], ["deep", 2, 3], ["base", 2, 3]]
    assert found.sentences[0].endswith(": wide is really better.")
    assert ": you cannot tell them apart; " in found.sentences[1]
    assert found.sentences[2] == "wide is really better than every other variant."
    assert found.sentences[3].startswith("With these 600 images and 3 seeds, a true difference of ")


def test_a_higher_bar_of_one_seed_is_named_where_the_best_are():
    given = variants(3, base=0.5, deep=2.0) | variants(1, wide=6.0)
    found = comparison(given, baseline="base")
    assert found.variants["variant"].iloc[0] == "wide"
    assert found.sentences[2] == (
        "No variant is really better than deep. Too few seeds to say so of wide (it takes at least 3)."
    )


@pytest.mark.parametrize("num_seeds", [1, 2])
def test_nothing_is_ever_real_below_three_seeds(num_seeds):
    given = variants(num_seeds, base=0.5, deep=6.0)
    pair = comparison(given).pairs.iloc[0]
    assert pair["p_adjusted"] < 1e-9
    assert (pair["real"], pair["networks_differ"], pair["covers"]) == (False, True, "images")
    assert comparison(given).variants["rank"].to_list() == [1, 1]
    assert math.isnan(pair["further_seeds"])
    given["deep"] = variants(5, deep=6.0)["deep"]
    assert not comparison(given).pairs.iloc[0]["real"]


def test_single_runs_get_mcnemars_p_and_a_sentence_that_says_what_is_covered():
    given = variants(1, base=2.0, deep=2.3)
    found = comparison(given, baseline="base")
    right = [given[name][0].is_right for name in ("deep", "base")]
    assert found.pairs.iloc[0]["p"] == mcnemar(*right)
    assert "95 % interval over the images alone" in found.sentences[0]
    assert found.sentences[0].endswith("; to compare the variants takes at least 3 seeds of each.")
    assert len(found.sentences) == 1


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("num_seeds", [1, 3])
def test_every_metric_finds_the_better_variant(metric, num_seeds):
    given = variants(num_seeds, base=1.0)
    given["deep"] = [trained(3.0, 70 + seed, count_error=0.2) for seed in range(num_seeds)]
    found = comparison(given, metric)
    assert found.variants["variant"].to_list() == ["deep", "base"]
    pair = found.pairs.iloc[0]
    assert (pair["difference"] > 0) == (metric != "rmse")
    assert pair["real"] == (num_seeds == 3)
    assert pair["networks_differ"] == (num_seeds == 1)
    assert found.variants["rank"].to_list() == ([1, 2] if num_seeds == 3 else [1, 1])
    assert pair["low"] < pair["difference"] < pair["high"]


def test_equal_seeds_give_equal_numbers_and_a_pair_does_not_depend_on_the_others():
    given = variants(1, base=2.0, deep=2.3, wide=3.0)
    one, other = comparison(given, "macro_f1", seed=3), comparison(given, "macro_f1", seed=3)
    assert one.to_json() == other.to_json()
    assert one.to_json() != comparison(given, "macro_f1", seed=4).to_json()
    fewer = comparison({name: given[name] for name in ("base", "deep")}, "macro_f1", seed=3)
    pairs = one.pairs[(one.pairs["a"] == "deep") & (one.pairs["b"] == "base")]
    columns = ["difference", "low", "high", "p"]
    assert fewer.pairs[columns].to_numpy().tolist() == pairs[columns].to_numpy().tolist()


def test_json_has_the_documented_shape():
    found = comparison(variants(3, base=2.0, deep=4.0), baseline="base")
    document = found.to_json({"deep": {"best_epoch": 7, "seconds": 12.5, "parameters": 624_778}})
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert list(document) == ["metric", "baseline", "variants", "pairs", "sentences"]
    assert list(document["variants"][0]) == [
        "variant", "runs", "mean", "low", "high", "best_epoch", "seconds", "parameters",
    ]  # fmt: skip
    assert list(document["pairs"][0]) == [
        "a", "b", "difference", "low", "high", "p", "p_adjusted", "real",
    ]  # fmt: skip
    assert document["variants"][0]["parameters"] == 624_778
    assert document["variants"][1]["seconds"] is None
    assert document["pairs"][0]["real"] is True
    assert document["sentences"] == list(found.sentences)


def test_one_variant_alone_has_an_interval_and_no_pairs():
    found = comparison(variants(3, base=2.0))
    row = found.variants.iloc[0]
    assert row["low"] < row["mean"] < row["high"]
    assert (len(found.pairs), found.sentences) == (0, ())
    assert found.to_json()["pairs"] == []


def test_what_is_left_out_is_said_last_and_a_missing_baseline_is_no_baseline():
    given = {"base": [None], **variants(3, deep=2.0, wide=2.5)}
    given["deep"] = [*given["deep"], None]
    found = comparison(given, baseline="base")
    assert found.baseline is None
    assert found.sentences[0].startswith("wide against deep: ")
    assert found.sentences[-2:] == (
        "base: 1 of 1 runs left out: no predictions.",
        "deep: 1 of 4 runs left out: no predictions.",
    )


def test_a_run_whose_metric_is_undefined_is_left_out_by_name():
    given = variants(3, base=2.0, deep=2.5)
    broken = dataclasses.replace(given["deep"][0], counts=given["deep"][0].counts * np.nan)
    given["deep"][0] = broken
    found = comparison(given, "rmse")
    assert found.sentences[-1] == "deep: 1 of 3 runs left out: RMSE of the counts is undefined."
    assert found.variants.set_index("variant").loc["deep", "runs"] == 2
    with pytest.raises(InvalidParameter, match="RMSE of the counts is undefined for every run"):
        comparison({"deep": [broken]}, "rmse")


def test_the_difference_worth_settling_can_be_chosen():
    given = variants(3, base=2.0, deep=2.1)
    few, many = (comparison(given, worth_settling=worth).pairs.iloc[0] for worth in (0.3, 0.04))
    assert few["further_seeds"] == 0
    assert many["further_seeds"] > 0
    with pytest.raises(InvalidParameter, match="worth_settling must be above 0; got 0"):
        comparison(given, worth_settling=0)


def test_unknown_names_are_refused():
    given = variants(1, base=2.0)
    with pytest.raises(UnknownName, match="No metric is called 'f1'"):
        comparison(given, "f1")
    with pytest.raises(UnknownName, match="No variant is called 'bose'"):
        comparison(given, baseline="bose")
