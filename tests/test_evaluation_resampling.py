import numpy as np
import pytest
import sklearn.metrics

from core.evaluation import resampling
from core.evaluation.counts import count_errors
from core.evaluation.per_class import summary
from core.evaluation.resampling import resampled, weighted_auc, weighted_macro_f1, weighted_rmse
from core.exceptions import InvalidParameter
from core.labels import LabelSpace
from core.predictions import Predictions


def drawn(num_samples=200, num_classes=4, seed=0, classes=None, decimals=1):
    """Draw predictions with many tied probabilities, two samples without any, and counts."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(np.arange(num_classes) if classes is None else classes, num_samples)
    logits = rng.normal(size=(num_samples, num_classes)).round(decimals)
    logits[np.arange(num_samples), labels] += 1
    logits[:2] = np.nan
    counts = rng.normal(size=(num_samples, 2)).astype(np.float32)
    return Predictions(
        LabelSpace(tuple(map(str, range(num_classes))), count_names=("squares", "circles")),
        np.arange(num_samples),
        labels,
        logits.astype(np.float32),
        np.zeros_like(counts),
        counts,
    )


def taken(run, rows):
    return Predictions(
        run.space,
        np.arange(len(rows)),
        run.labels[rows],
        run.logits[rows],
        None if run.count_labels is None else run.count_labels[rows],
        None if run.counts is None else run.counts[rows],
    )


def expected(run):
    macro = summary(run).set_index("average").loc["macro"]
    rmse = count_errors(run).set_index("type").loc["overall", "rmse"]
    return [macro["f1"], macro["auc"], rmse]


@pytest.mark.parametrize("run", [drawn(), drawn(30, 12, 1, classes=[0, 3, 4]), drawn(40, 2, 2)])
def test_every_resample_gives_the_metric_of_the_repeated_rows(run):
    rng = np.random.default_rng(4)
    rows = [np.arange(len(run)), *(rng.integers(0, len(run), len(run)) for _ in range(6))]
    weights = np.column_stack([np.bincount(one, minlength=len(run)) for one in rows])
    weights = weights.astype(np.float32)
    found = np.column_stack(
        [metric(run, weights) for metric in (weighted_macro_f1, weighted_auc, weighted_rmse)]
    )
    assert found == pytest.approx(np.array([expected(taken(run, one)) for one in rows]), rel=1e-12)


def test_the_metrics_agree_with_scikit_learn():
    run = drawn(500, 5, decimals=3)
    run = taken(run, np.arange(2, 500))
    once = np.ones((498, 1), np.float32)
    f1 = sklearn.metrics.f1_score(run.labels, run.predicted, average="macro")
    auc = sklearn.metrics.roc_auc_score(run.labels, run.probabilities, multi_class="ovr")
    assert weighted_macro_f1(run, once) == pytest.approx(f1)
    assert weighted_auc(run, once) == pytest.approx(auc)


def test_what_is_undefined_is_nan():
    run = taken(drawn(20, 3, classes=[1]), np.arange(20))
    plain = Predictions(run.space, run.sample_ids, run.labels, run.logits)
    once = np.ones((20, 1), np.float32)
    assert np.isnan(weighted_auc(run, once)).all()  # one class has nobody to be told from
    assert np.isnan(weighted_rmse(plain, once)).all()
    broken = Predictions(
        run.space, run.sample_ids, run.labels, run.logits, run.count_labels, run.counts * np.inf
    )
    assert np.isnan(weighted_rmse(broken, once)).all()


def test_all_runs_meet_the_same_resamples_and_equal_seeds_give_equal_numbers():
    run, other = drawn(seed=0), drawn(seed=1)
    both = resampled(weighted_macro_f1, [run, other, run], 50, np.random.default_rng(0))
    again = resampled(weighted_macro_f1, [run], 50, np.random.default_rng(0))
    assert both.shape == (50, 3)
    assert both[:, 0].tolist() == both[:, 2].tolist() == again[:, 0].tolist()
    assert len(np.unique(both[:, 0])) > 40


def test_many_resamples_are_drawn_in_blocks(monkeypatch):
    run = drawn(50)
    whole = resampled(weighted_rmse, [run], 11, np.random.default_rng(0))
    monkeypatch.setattr(resampling, "BLOCK_CELLS", 200)
    blocks = resampled(weighted_rmse, [run], 11, np.random.default_rng(0))
    assert whole == pytest.approx(blocks, rel=1e-12)


def test_the_resampled_rmse_spreads_as_theory_says():
    run = drawn(2000)
    values = resampled(weighted_rmse, [run], 2000, np.random.default_rng(0))
    squared = (run.counts.astype(float) ** 2).mean(axis=1)
    # The delta method: the root's slope times the standard error of the mean square.
    theory = squared.std() / np.sqrt(2000) / (2 * np.sqrt(squared.mean()))
    assert values.std() == pytest.approx(theory, rel=0.06)


def test_no_resamples_are_refused():
    with pytest.raises(InvalidParameter, match="num_resamples must be at least 1; got 0"):
        resampled(weighted_rmse, [drawn()], 0, np.random.default_rng(0))
