"""The analyst's task that resamples images: what it gives is what the comparison works out by itself."""

import numpy as np
import orjson
import pytest

from core.jobs.analyst_tasks import TASKS
from core.jobs.resampling_task import TASK, resampled_of, resampling_request
from core.lineup import lineup
from core.run_groups import groups

IMAGES = np.arange(60)


@pytest.fixture
def answered(store):
    """Return a function that does the task as the analyst does, in this process."""

    def worked(runs, metric="macro_f1", told=None):
        request = orjson.dumps(resampling_request(store.root, runs, "test", metric, [(1, "a")]))
        said = [] if told is None else told
        found = TASKS[TASK].work(
            orjson.loads(request), store.root, lambda *one: said.append((*one,))
        )
        return resampled_of(orjson.loads(orjson.dumps(found)))

    return worked


@pytest.fixture
def four(trained):
    return [
        trained(name, seed, np.not_equal(IMAGES % divisor, seed))
        for name, divisor in (("dense-base", 3), ("dense-wide", 7))
        for seed in (0, 1)
    ]


@pytest.mark.parametrize("metric", ["macro_f1", "auc"])
def test_a_comparison_is_the_same_whoever_resampled(answered, four, metric):
    told = []
    resampled = answered(four, metric, told)
    assert resampled.keys() == {run.id for run in four}
    found = lineup(groups(four), metric=metric)
    with_it = lineup(groups(four), metric=metric, resampled=resampled)
    assert with_it.comparison.variants.equals(found.comparison.variants)
    assert with_it.comparison.pairs.equals(found.comparison.pairs)
    assert with_it.runs.equals(found.runs)
    assert with_it.sentences == found.sentences
    shares = [share for share, _ in told]
    assert shares == sorted(shares) and 0 <= shares[0] < shares[-1] < 1


def test_what_was_resampled_is_used_as_it_is(answered, four):
    resampled = answered(four)
    first = four[0].id
    resampled[first] = resampled[first].__class__(0.125, resampled[first].replicates, len(IMAGES))
    runs = lineup(groups(four), metric="macro_f1", resampled=resampled).runs
    assert runs.set_index("run").loc[first, "value"] == 0.125


def test_runs_on_other_data_and_unreadable_ones_do_not_disturb_the_others(
    answered, four, trained, store
):
    other = trained("dense-deep", 0, np.arange(30) % 2 == 0, data="e" * 64)
    four[0].layout.test_outputs("class").write_bytes(b"")
    found = answered([*four, other])
    assert found.keys() == {run.id for run in [*four[1:], other]}
    assert (found[other.id].num_images, found[four[1].id].num_images) == (30, 60)
    runs = [store.run(run.id) for run in [*four, other]]
    assert (
        lineup(groups(runs), metric="macro_f1", resampled=found).sentences
        == lineup(groups(runs), metric="macro_f1").sentences
    )


def test_resamples_of_other_images_are_worked_out_again(answered, four, trained):
    few = trained("dense-deep", 0, np.arange(30) % 2 == 0)
    resampled = answered(four) | answered([few])
    found = lineup(groups([*four, few]), metric="macro_f1", resampled=resampled)
    assert found.comparison.num_images == 30
    assert found.comparison.pairs.equals(
        lineup(groups([*four, few]), metric="macro_f1").comparison.pairs
    )


def test_a_value_that_does_not_exist_comes_back_as_such(answered, four):
    assert answered(four, "rmse") == {}
    nothing = {"run": {"value": None, "replicates": [None, 0.5], "num_images": 2}}
    found = resampled_of(nothing)["run"]
    assert np.isnan(found.value)
    np.testing.assert_array_equal(found.replicates, [np.nan, 0.5])
