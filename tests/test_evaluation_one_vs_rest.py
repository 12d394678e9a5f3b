import numpy as np
import pytest
import sklearn.metrics

from core.evaluation import one_vs_rest as module
from core.evaluation.one_vs_rest import auc_interval, one_vs_rest, threshold_counts
from core.evaluation.roc import MACRO, MICRO, macro_auc, roc
from core.labels import LabelSpace
from core.predictions import Predictions


def drawn(num_samples, num_classes, seed=0, quality=1.0, decimals=1):
    """Draw predictions; rounding makes tied probabilities where there are two classes."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, num_classes, num_samples)
    logits = rng.normal(size=(num_samples, num_classes)).round(decimals)
    logits[np.arange(num_samples), labels] += quality
    names = tuple(f"class {label}" for label in range(num_classes))
    return Predictions(LabelSpace(names), np.arange(num_samples), labels, logits.astype(np.float32))


def two(labels, probabilities):
    """Two classes with these probabilities of class 1."""
    second = np.asarray(probabilities, dtype=np.float64)
    logits = np.log(np.stack([1 - second, second], axis=1)).astype(np.float32)
    return Predictions(
        LabelSpace(("no", "yes")),
        np.arange(len(labels)),
        np.asarray(labels, dtype=np.int64),
        logits,
    )


def area(curve):
    return np.trapezoid(curve["true_positive_rate"], curve["false_positive_rate"])


def test_one_ranking_is_counted_by_hand():
    ranking = one_vs_rest(two([1, 0, 1, 0], [0.9, 0.8, 0.8, 0.1])).classes[1]
    assert (ranking.num_positive, ranking.num_negative) == (2, 2)
    assert ranking.thresholds.tolist() == pytest.approx([np.inf, 0.9, 0.8, 0.1])
    assert ranking.true_positives.tolist() == [0, 1, 2, 2]
    assert ranking.false_positives.tolist() == [0, 0, 1, 2]
    assert ranking.auc == (1 + 1 + 0.5 + 1) / 4  # the tied pair counts a half
    assert ranking.average_precision == pytest.approx((1 + 2 / 3) / 2)


@pytest.mark.parametrize("num_classes", [2, 10, 40])
@pytest.mark.parametrize("decimals", [1, 6])
def test_areas_and_average_precision_equal_scikit_learn(num_classes, decimals):
    predictions = drawn(900, num_classes, decimals=decimals)
    found = one_vs_rest(predictions)
    is_true = predictions.labels[:, None] == np.arange(num_classes)
    for label, ranking in enumerate(found.classes):
        pair = is_true[:, label], predictions.probabilities[:, label]
        assert ranking.auc == pytest.approx(sklearn.metrics.roc_auc_score(*pair))
        expected = sklearn.metrics.average_precision_score(*pair)
        assert ranking.average_precision == pytest.approx(expected)
    ravelled = is_true.ravel(), predictions.probabilities.ravel()
    assert found.micro.auc == pytest.approx(sklearn.metrics.roc_auc_score(*ravelled))
    expected = sklearn.metrics.average_precision_score(*ravelled)
    assert found.micro.average_precision == pytest.approx(expected)


def test_the_curve_is_scikit_learns():
    predictions = drawn(400, 3, decimals=2)
    table = roc(one_vs_rest(predictions), predictions.space.class_names, [1])
    x, y, thresholds = sklearn.metrics.roc_curve(
        predictions.labels == 1, predictions.probabilities[:, 1]
    )
    # Theirs has a few points more in the middle of straight pieces.
    theirs = list(zip(x.round(9), y.round(9), thresholds.round(9), strict=True))
    columns = ("false_positive_rate", "true_positive_rate", "threshold")
    ours = list(zip(*(table[name].round(9) for name in columns), strict=True))
    assert [point for point in theirs if point in ours] == ours
    assert len(theirs) - len(ours) < 5
    drawn_between = np.interp(x, table["false_positive_rate"], table["true_positive_rate"])
    assert (drawn_between >= y - 1e-9).all()


def test_curves_start_at_nothing_and_end_at_everything_and_have_the_area_they_say():
    predictions = drawn(3000, 5)
    table = roc(one_vs_rest(predictions), predictions.space.class_names)
    assert table["class"].unique().tolist() == [MICRO, MACRO, 0, 1, 2, 3, 4]
    for _, curve in table.groupby("class"):
        ends = curve[["false_positive_rate", "true_positive_rate"]].iloc[[0, -1]]
        assert ends.to_numpy().tolist() == [[0, 0], [1, 1]]
        assert area(curve) == pytest.approx(curve["auc"].iloc[0], abs=1e-4)
        assert len(curve) <= 1000


def test_the_macro_curve_has_the_mean_of_the_areas():
    found = one_vs_rest(drawn(60, 4))
    table = roc(found, list("abcd"), [MACRO])
    assert table["auc"].iloc[0] == macro_auc(found)
    assert area(table) == pytest.approx(np.mean([one.auc for one in found.classes]))


def test_many_samples_keep_their_areas_though_thresholds_are_sampled(monkeypatch):
    predictions = drawn(20_000, 4, decimals=6)
    exact = one_vs_rest(predictions)
    monkeypatch.setattr(module, "MOST_THRESHOLDS", 500)
    monkeypatch.setattr(module, "MOST_MICRO_VALUES", 1000)
    monkeypatch.setattr(module, "MOST_INFLUENCES", 5000)
    found = one_vs_rest(predictions)
    assert len(found.classes[0].thresholds) < len(exact.classes[0].thresholds)
    assert [one.auc for one in found.classes] == [one.auc for one in exact.classes]
    assert found.micro.auc == pytest.approx(exact.micro.auc, abs=1e-4)
    assert found.micro.average_precision == pytest.approx(exact.micro.average_precision, abs=1e-3)
    assert found.macro_error == pytest.approx(exact.macro_error, rel=0.05)
    for curve, expected in zip(found.classes, exact.classes, strict=True):
        x = curve.false_positives / curve.num_negative
        y = curve.true_positives / curve.num_positive
        assert np.trapezoid(y, x) == pytest.approx(expected.auc, abs=1e-4)


def test_the_errors_of_the_averages_are_those_of_resampling():
    predictions = drawn(1500, 4)
    found = one_vs_rest(predictions)
    rng, means = np.random.default_rng(0), []
    for _ in range(150):
        rows = rng.integers(0, 1500, 1500)
        again = Predictions(
            predictions.space, np.arange(1500), predictions.labels[rows], predictions.logits[rows]
        )
        means.append(macro_auc(one_vs_rest(again)))
    assert found.macro_error == pytest.approx(np.std(means), rel=0.25)
    assert found.weighted_error == pytest.approx(found.macro_error, rel=0.1)


def test_the_interval_of_an_area_is_newcombes():
    # Newcombe 2006, part 2: the ends solve |area - auc| = 1.96 standard errors at the end itself.
    ranking = one_vs_rest(drawn(200, 2)).classes[1]
    low, high = auc_interval(ranking)
    m, n = ranking.num_positive, ranking.num_negative
    for end in (low, high):
        spread = 1 + ((m + n) / 2 - 1) * ((1 - end) / (2 - end) + end / (1 + end))
        error = np.sqrt(end * (1 - end) * spread / (m * n))
        assert abs(end - ranking.auc) == pytest.approx(1.959964 * error, rel=1e-4)
    assert low < ranking.auc < high


def test_a_perfect_area_still_has_an_interval():
    low, high = auc_interval(one_vs_rest(two([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])).classes[1])
    assert 0.3 < low < 1
    assert high == 1


@pytest.mark.parametrize("labels", [[], [1], [1, 1, 1]])
def test_with_one_kind_only_areas_are_undefined_and_no_curve_is_drawn(labels):
    found = one_vs_rest(two(labels, [0.3] * len(labels)))
    assert np.isnan(found.classes[1].auc)
    assert np.isnan(auc_interval(found.classes[1])).all()
    assert np.isnan(found.macro_error)
    assert np.isnan(macro_auc(found))
    assert roc(found, ["no", "yes"], [0, 1, MACRO]).empty


def test_samples_without_a_prediction_are_left_out():
    predictions = drawn(300, 3)
    logits = predictions.logits.copy()
    logits[::4] = np.nan
    broken = Predictions(predictions.space, predictions.sample_ids, predictions.labels, logits)
    kept = np.flatnonzero(np.arange(300) % 4)
    expected = sklearn.metrics.roc_auc_score(
        broken.labels[kept] == 1, predictions.probabilities[kept, 1]
    )
    assert one_vs_rest(broken).classes[1].auc == pytest.approx(expected)


def test_a_threshold_takes_what_has_exactly_its_probability():
    predictions = two([1, 0, 1, 0], [0.75, 0.5, 0.25, 0.125])
    threshold = float(predictions.probabilities[1, 1])
    assert threshold_counts(predictions, 1, threshold) == {
        "true_positive": 1,
        "false_negative": 1,
        "false_positive": 1,
        "true_negative": 1,
    }
