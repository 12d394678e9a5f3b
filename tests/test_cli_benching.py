"""`petridish bench`: what can be run is listed, and a benchmark that fails is a failure of the command."""

import pytest

from core.cli import benching


@pytest.fixture
def benchmarks(tmp_path, monkeypatch):
    """A checkout of its own with two benchmarks and a module that they share."""
    folder = tmp_path / "checkout" / "benchmarks"
    folder.mkdir(parents=True)
    run = "`python benchmarks/{}.py`"
    good, bad = run.format("good"), run.format("bad")
    (folder / "good.py").write_text(f'"""Good speed: {good}.\n"""\nprint("1.5 x")\n')
    (folder / "bad.py").write_text(f'"""Bad speed.\n\n{bad}\n"""\nraise SystemExit(3)\n')
    (folder / "shared.py").write_text('"""Shared."""\n')
    monkeypatch.setattr(benching, "__file__", str(tmp_path / "checkout" / "core" / "cli" / "b.py"))
    return folder


def test_benchmarks_are_listed_with_what_they_measure(facts, benchmarks):
    assert facts("bench") == [
        {"name": "bad", "measures": "Bad speed"},
        {"name": "good", "measures": "Good speed"},
    ]


def test_the_named_ones_run(petridish, benchmarks):
    status, out, error = petridish("bench", "good")
    assert (status, out, error) == (0, "1.5 x\n", "== good\n")


def test_one_that_fails_fails_the_command_after_the_others_have_run(petridish, benchmarks):
    status, out, _ = petridish("bench", "bad", "good", "--json")
    assert status == 1
    assert out == '[{"name":"bad","exit":3},{"name":"good","exit":0}]\n'


def test_an_unknown_one_is_refused(petridish, benchmarks):
    status, _, error = petridish("bench", "god")
    assert status == 2 and "Did you mean 'good'?" in error


def test_without_a_checkout_the_command_says_so(petridish, benchmarks):
    for path in benchmarks.iterdir():
        path.unlink()
    status, _, error = petridish("bench")
    assert status == 2 and "source checkout" in error
