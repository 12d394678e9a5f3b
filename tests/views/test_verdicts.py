"""The verdicts on the page Runs: what the curves of a chosen run say."""

import shutil

from core.facts import run_verdicts
from dashboard.widgets.markdown import escaped


def labels(app):
    return [expander.label for expander in app.expander]


def test_the_verdicts_on_a_chosen_run_are_shown_in_full(open_app, finished, words):
    store, run = finished
    app = open_app(store.root, runs=run.id)
    assert any(label.startswith("Verdicts on dense\\-base") for label in labels(app))
    said = words(app)
    found = run_verdicts(run, run.history())
    assert [verdict.rule for verdict in found if escaped(verdict.sentence) not in said] == []
    assert "Training ended at the limit of 3 epochs\\." in said
    assert "another seed" in said


def test_before_the_first_epoch_there_are_no_verdicts(open_app, finished, tmp_path):
    store, run = finished
    shutil.copytree(store.root / run.id, tmp_path / run.id)
    (tmp_path / run.id / "history.jsonl").unlink()
    found = labels(open_app(tmp_path, runs=run.id))
    assert "Settings and log of" in str(found)
    assert "Verdicts" not in str(found)
