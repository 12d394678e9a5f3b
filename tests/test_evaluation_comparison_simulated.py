"""How often a comparison is wrong, counted on simulated trainings; benchmarks/comparison.py prints the whole table."""

import importlib.util
import sys
from pathlib import Path

import pytest
from scipy.stats import binom

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "comparison.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("comparison_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks itself up
    before = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = before
    yield module
    del sys.modules[spec.name]


def check(found, repetitions, num_seeds, surprise=1e-4):
    """Hold the shares against the promise, less what chance alone makes of it once in 10,000 times."""
    most_real = binom.ppf(1 - surprise, repetitions, 0.06) / repetitions
    assert found["real"] <= most_real
    assert found["networks_differ"] == 0
    if num_seeds >= 5:
        least = binom.ppf(surprise, repetitions, 0.93) / repetitions
        most = binom.ppf(1 - surprise, repetitions, 0.97) / repetitions
        assert least <= found["covers_variants"] <= most


@pytest.mark.parametrize("own_share", [0.0, 0.08])
@pytest.mark.parametrize("num_seeds", [3, 5, 10])
def test_variants_without_a_difference_are_seldom_called_different(script, num_seeds, own_share):
    world = script.World(1_000, 0.004, own_share)
    check(script.errors(world, num_seeds, 600, seed=1), 600, num_seeds)


def test_a_true_difference_is_covered_as_often(script):
    world = script.World(1_000, 0.004, accuracies=(0.91, 0.9))
    found = script.errors(world, 5, 600, seed=2)
    assert (
        binom.ppf(1e-4, 600, 0.93) <= 600 * found["covers_variants"] <= binom.ppf(0.9999, 600, 0.97)
    )


def test_a_single_seed_tells_of_these_networks_and_never_of_the_variants(script):
    found = script.errors(script.World(1_000, 0.006), 1, 250, seed=3)
    assert found["real"] == 0
    assert binom.ppf(1e-4, 250, 0.93) <= 250 * found["covers_networks"]
    # Why: the interval over images alone misses the variants' difference far too often.
    assert found["covers_variants"] < found["covers_networks"] - 0.05


@pytest.mark.slow
@pytest.mark.parametrize("num_images", [1_000, 10_500])
@pytest.mark.parametrize("seed_std", [0.002, 0.004, 0.006])
@pytest.mark.parametrize("own_share", [0.0, 0.08])
@pytest.mark.parametrize("num_seeds", [3, 5, 10])
def test_the_promise_holds_over_realistic_worlds(
    script, num_images, seed_std, own_share, num_seeds
):
    world = script.World(num_images, seed_std, own_share)
    check(script.errors(world, num_seeds, 2_000, seed=4), 2_000, num_seeds)
