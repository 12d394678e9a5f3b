"""The page Evaluate on shapes: 135 classes folded, what a study claimed of them, and the counts."""

import pytest

from core.evaluation.type_errors import type_claim
from core.jobs.inline import InlineExecutor
from core.jobs.submit import submit
from core.runs.store import Store
from core.variants import run_config


@pytest.fixture(scope="module")
def shapes(tmp_path_factory, data_dir):
    """A runs folder with one short run of two heads. Tests only read it."""
    store = Store(tmp_path_factory.mktemp("shapes"))
    settings = {"training.max_epochs": 1, "training.batch_size": 32}
    config = run_config({"name": "shapes", "images": 300}, "shapes-net", settings)
    dataset = config.dataset.load(data_dir)
    run = submit(store, InlineExecutor(store, data_dir), dataset, config, seed=1)
    run = store.run(run.id)
    assert run.state.state == "finished", run.state
    return store, run


def test_the_claim_of_the_study_is_answered_where_classes_are_folded_into_types(
    open_app, shapes, words
):
    store, run = shapes
    app = open_app(store.root, "evaluate", fold="types")
    found = type_claim(run.predictions("test"), "circles")
    said = words(app).replace("\\", "")
    assert all(sentence in said for sentence in found.sentences)


@pytest.mark.parametrize("fold", ["classes", "groups"])
def test_many_classes_are_shown_as_they_are_and_in_pairs(open_app, shapes, words, fold):
    store, _ = shapes
    app = open_app(store.root, "evaluate", fold=fold, cell="14-0")
    assert "does not have" not in words(app)
    assert "Top confused pairs" in words(app)


@pytest.mark.parametrize(
    ("about", "words_there"),
    [
        ("errors", "whose count of that type rounds wrong"),
        ("pairs", "Count offset where the pair is right"),
        ("heads", "Both heads name the same class for"),
    ],
)
def test_each_question_about_the_counts_is_answered(open_app, shapes, words, about, words_there):
    store, _ = shapes
    app = open_app(store.root, "evaluate", section="counts", about=about)
    assert words_there in words(app).replace("\\", "")


def test_the_scores_have_a_loss_for_each_head(open_app, shapes):
    store, _ = shapes
    labels = [one.label for one in open_app(store.root, "evaluate").metric]
    assert labels[:3] == ["Accuracy", "Class loss", "Count loss"]
    assert labels[-1] == "RMSE of counts"
