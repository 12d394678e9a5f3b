import numpy as np
import pytest

from core.charts.data_map import MOST_POINTS
from core.charts.data_map import data_map as map_chart
from core.charts.sample_history import sample_history as history_chart
from core.evaluation.data_map import data_map, inside
from core.evaluation.dynamics import dynamics
from core.evaluation.forgetting import forgetting
from core.evaluation.sample_history import sample_history
from core.exceptions import InvalidParameter
from core.labels import LabelSpace
from core.predictions import Predictions

SPACE = LabelSpace(("<b>cat</b>", "dog"))
BOUNDS = (0.2, 0.5)


def followed(shares, labels=None):
    """Return the dynamics of samples whose true class had these probabilities: one row an epoch, from epoch 1."""
    shares = np.asarray(shares, dtype=float)
    labels = np.zeros(shares.shape[1], int) if labels is None else np.asarray(labels)
    epochs = []
    for epoch, row in enumerate(shares, start=1):
        both = np.stack([row, 1 - row], axis=1)
        logits = np.log(np.where(labels[:, None] == 0, both, both[:, ::-1])).astype(np.float32)
        epochs.append((epoch, Predictions(SPACE, np.arange(len(row)) + 5, labels, logits)))
    return dynamics(epochs)


def test_the_true_class_is_followed_whichever_it_is():
    found = followed([[0.9, 0.2], [0.6, 0.7]], labels=[0, 1])
    assert found.probabilities == pytest.approx(np.array([[0.9, 0.2], [0.6, 0.7]]), abs=1e-6)
    assert found.is_right.tolist() == [[True, False], [True, True]]
    assert (found.epochs.tolist(), found.sample_ids.tolist()) == ([1, 2], [5, 6])


def test_forgetting_counts_each_step_from_right_to_wrong():
    right, wrong = 0.9, 0.1
    found = forgetting(
        followed(
            np.array(
                [
                    [right, right, right, right],
                    [wrong, wrong, right, wrong],
                    [wrong, right, wrong, right],
                    [wrong, wrong, wrong, wrong],
                ]
            ).T
        )
    )
    assert found["first_learned"].tolist()[:3] == [1, 3, 2]
    assert np.isnan(found["first_learned"][3])
    assert found["times_forgotten"].tolist() == [0, 1, 1, 0]
    assert found["is_right_at_end"].tolist() == [True, False, True, False]
    assert found["share_right"].tolist() == [1, 0.25, 0.5, 0]


def test_the_data_map_tells_sure_wavering_and_never_sure_images_apart():
    table = data_map(followed([[0.95, 0.9, 0.1], [0.9, 0.1, 0.05], [0.95, 0.9, 0.1]]))
    assert table["region"].tolist() == ["easy", "ambiguous", "stubborn"]
    assert table["mean_confidence"][1] == pytest.approx(np.mean([0.9, 0.1, 0.9]))
    assert table["variability"][1] == pytest.approx(np.std([0.9, 0.1, 0.9]))


def test_epochs_without_a_prediction_are_left_out_of_the_map():
    one = Predictions(
        SPACE, np.arange(2), np.zeros(2, int), np.log([[0.8, 0.2], [0.8, 0.2]]).astype(np.float32)
    )
    logits = np.array([[np.nan, 0], [np.inf, 0]], np.float32)
    broken = Predictions(SPACE, np.arange(2), np.zeros(2, int), logits)
    table = data_map(dynamics([(1, one), (2, broken)]))
    assert table["mean_confidence"].tolist() == pytest.approx([0.8, 0.8])
    never = data_map(dynamics([(1, broken)]))
    assert never["mean_confidence"].isna().all() and set(never["region"]) == {"stubborn"}


def test_epochs_about_other_samples_or_none_are_refused():
    one = followed([[0.5, 0.5]])
    first = Predictions(SPACE, one.sample_ids, one.labels, np.zeros((2, 2), np.float32))
    other = Predictions(SPACE, one.sample_ids + 1, one.labels, np.zeros((2, 2), np.float32))
    with pytest.raises(InvalidParameter, match="Epoch 2 is about other samples than epoch 1"):
        dynamics([(1, first), (2, other)])
    with pytest.raises(InvalidParameter, match="at least one epoch"):
        dynamics([])


def test_a_polygon_and_a_box_hold_what_lies_inside_of_them():
    table = data_map(followed([[0.95, 0.9, 0.1], [0.9, 0.1, 0.05], [0.95, 0.9, 0.1]]))
    columns = ("variability", "mean_confidence")
    box = inside(table, [0.0, 0.1], [0.0, 1.0], columns)
    assert box.tolist() == [True, False, True]
    triangle = inside(table, [0.0, 0.3, 0.0], [0.4, 1.05, 1.05], columns)
    assert triangle.tolist() == [True, False, False]
    assert not inside(table, [2.0, 3.0], [2.0, 3.0], columns).any()


def test_the_map_draws_a_fair_share_of_many_points_and_rings_the_chosen_one():
    rng = np.random.default_rng(1)
    table = data_map(followed(rng.uniform(0.01, 0.99, (3, MOST_POINTS + 500))))
    fig = map_chart(table, BOUNDS, selected=9)
    assert sum(len(trace.x) for trace in fig.data[:3]) == MOST_POINTS
    assert [trace.name.split(",")[0] for trace in fig.data[:3]] == ["easy", "ambiguous", "stubborn"]
    chosen = table[table["sample_id"] == 9].iloc[0]
    assert (fig.data[3].x[0], fig.data[3].y[0]) == (
        chosen["variability"],
        chosen["mean_confidence"],
    )
    assert "<b>" not in fig.data[0].hovertext[0].replace("<br>", "")
    easy = set(table.loc[table["region"] == "easy", "sample_id"])
    assert {one[0] for one in fig.data[0].customdata} <= easy


def test_an_empty_map_and_an_empty_history_say_why():
    table = data_map(followed([[0.5]])).iloc[:0]
    assert "No epoch has ended yet." in map_chart(table, BOUNDS).layout.annotations[0].text
    nothing = history_chart(sample_history({}, 3))
    assert "No epoch of this image is stored." in nothing.layout.annotations[0].text


def test_the_history_of_an_image_is_a_line_for_each_run_that_has_it():
    one = followed([[0.9, 0.2], [0.3, 0.7]])
    table = sample_history({"a": one, "b": one}, 5)
    assert table["label"].tolist() == ["a", "a", "b", "b"]
    assert table["probability"].tolist()[:2] == pytest.approx([0.9, 0.3])
    assert table["is_right"].tolist()[:2] == [True, False]
    assert table["predicted_name"].tolist()[:2] == list(SPACE.class_names)
    assert sample_history({"a": one}, 999).empty


def test_the_line_of_a_long_run_is_thinned_and_marks_what_was_wrong():
    fig = history_chart(sample_history({"<i>": followed(np.full((600, 1), 0.2))}, 5), epoch=3)
    assert len(fig.data[0].x) <= 250
    assert set(fig.data[0].marker.symbol) == {"x"}
    assert fig.data[0].name == "&lt;i&gt;"
    assert fig.layout.shapes[0].x0 == 3
