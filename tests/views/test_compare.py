"""The page Compare: what it chooses by itself, what a link asks for, what it says and leaves out, and every section."""

import json
import re
from urllib.parse import parse_qs

import numpy as np
import orjson
import pytest

from core.lineup import duel, lineup_of
from core.run_groups import groups
from core.runs.run import config_sha256
from dashboard.widgets.table_section import rank_words, seconds_decimals

IMAGES = np.arange(60)
SECTIONS = ["Result", "Curves", "Cost", "Table", "Pairs", "Duel", "Verdicts"]


def plain(text):
    return text.replace("\\", "")


def button(app, label):
    return next(one for one in app.button if plain(one.label) == label)


def called(elements, label):
    return next(one for one in elements if one.label == label)


def param(app, key):
    value = app.query_params[key]
    return value[0] if isinstance(value, list) else value


def tiles(app):
    (found,) = app.get("bidi_component")
    return [tile["id"] for tile in json.loads(found.proto.json)["tiles"]]


def figures(app):
    return [json.loads(json.loads(one.proto.json)["figure"]) for one in app.get("bidi_component")]


def in_suite(run, suite):
    path = run.layout.run_json
    path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes()) | {"suite": suite}))


@pytest.fixture
def two(trained):
    """Two variants of three seeds: one right on a third of the images, one on nearly all."""
    worse = [trained("dense-base", seed, np.equal(IMAGES % 3, seed)) for seed in range(3)]
    better = [trained("dense-wide", seed, np.not_equal(IMAGES % 20, seed)) for seed in range(3)]
    return worse, better


@pytest.fixture
def open_compare(open_app, store, words):
    """Return a function that opens the page by a link, and one that tells what it says."""

    def opened(**query):
        app = open_app(store.root, "compare", **query)
        return app, plain(words(app))

    return opened


def test_an_empty_runs_folder_leads_on(open_app, tmp_path, words):
    assert "No runs yet" in words(open_app(tmp_path / "none", "compare"))


def test_the_page_says_what_the_lineup_says_against_the_base(open_compare, store, two):
    app, said = open_compare()
    expected = lineup_of(store.runs(), "test", "accuracy", "dense-base").sentences
    assert len(expected) == 3 and all(sentence in said for sentence in expected)
    assert "dense-wide is really better" in said
    assert param(app, "dataset") == "digits"
    ranks = app.dataframe[0].value
    assert list(ranks["Variant"]) == ["dense-wide", "dense-base"]
    assert list(ranks["Rank"]) == ["1", "2"]


@pytest.mark.parametrize("section", SECTIONS)
def test_each_section_shows_two_variants_and_one_alone(open_compare, two, section):
    app, _ = open_compare(section=section)
    assert not app.error
    assert section == "Result" or param(app, "section") == section
    (key,) = (group.key for group in groups(two[0]))
    app, said = open_compare(section=section, variants=key)
    assert not app.error
    assert ("A duel needs two variants" in said) == (section == "Duel")


def test_with_one_seed_only_the_networks_are_judged(open_compare, trained):
    trained("dense-base", 0, IMAGES % 3 == 0)
    trained("dense-wide", 0, IMAGES % 20 != 0)
    _, said = open_compare()
    assert "95 % interval over the images alone" in said
    assert "these two trained networks differ" in said and "really" not in said.split("Ranks")[0]


def test_without_a_wish_the_newest_suite_is_compared(open_compare, two):
    oldest, *_, newest = sorted([*two[0], *two[1]], key=lambda run: run.id)
    in_suite(oldest, "old")
    in_suite(newest, "new")
    app, _ = open_compare()
    assert param(app, "suite") == "new"
    app, _ = open_compare(dataset="digits")
    assert "suite" not in app.query_params


def test_a_link_names_runs_and_says_which_are_gone(open_compare, two, words):
    run = two[0][1]
    app, said = open_compare(runs=f"{run.id},20200101-000000-abcdef")
    assert "1 of the runs in this link are not in this runs folder." in said
    assert "There is one variant alone." in said
    button(app, "1 chosen run").click().run()
    assert "runs" not in app.query_params and "There is one variant alone" not in words(app)


def test_a_link_names_baseline_metric_and_split(open_compare, store, two):
    (key,) = (group.key for group in groups(two[1]))
    _, said = open_compare(baseline=key, split="validation")
    expected = lineup_of(store.runs(), "validation", "accuracy", "dense-wide").sentences
    assert expected[0].startswith("dense-base against dense-wide: -") and expected[0] in said
    assert "Accuracy on 60 images of validation" in said


def test_a_metric_that_takes_resampling_is_worked_out_by_the_analyst(
    open_compare, store, two, words, wait_until
):
    app, said = open_compare(metric="Macro F1")
    assert "Macro F1 of 6 runs" in app.get("progress")[0].proto.text
    assert "Is it real?" not in said
    wait_until(lambda: "Is it real?" in words(app.run()))
    expected = lineup_of(store.runs(), "test", "macro_f1", "dense-base").sentences
    assert all(sentence in plain(words(app)) for sentence in expected)
    # Whoever asks again, also against another baseline, is answered at once.
    (key,) = (group.key for group in groups(two[1]))
    _, said = open_compare(metric="Macro F1", baseline=key)
    assert "dense-base against dense-wide: -" in said


@pytest.mark.parametrize("split", ["test", "validation"])
def test_the_page_and_the_command_line_give_the_same_numbers(
    open_compare, store, two, trained, facts, split
):
    trained("dense-deep", 0, IMAGES % 5 != 0)
    found = facts(
        *("compare", "--dataset", "digits", "--baseline", "dense-base", "--split", split),
        *("--runs", store.root),
    )
    app, said = open_compare(section="Table", split=split)
    table = app.dataframe[0].value.set_index("variant")
    assert list(table.index) == [row["variant"] for row in found["variants"]]
    for row in found["variants"]:
        shown = table.loc[row["variant"]]
        assert (shown["runs"], shown["best_epoch"]) == (row["runs"], row["best_epoch"])
        assert (shown["parameters"], shown["seconds"]) == (row["parameters"], row["seconds"])
        for name in ("mean", "low", "high"):
            assert shown[name] == pytest.approx(100 * row[name], rel=1e-12)
    app, said = open_compare(section="Pairs", split=split)
    pairs = app.dataframe[0].value
    assert len(pairs) == len(found["pairs"]) == 3
    for (_, shown), row in zip(pairs.iterrows(), found["pairs"], strict=True):
        assert (shown["a"], shown["b"]) == (row["a"], row["b"])
        assert (shown["p"], shown["p_adjusted"]) == (row["p"], row["p_adjusted"])
        assert (shown["verdict"] == "real") == row["real"]
        for name in ("difference", "low", "high"):
            assert shown[name] == pytest.approx(100 * row[name], rel=1e-12)
    assert [sentence for sentence in found["sentences"] if sentence not in said] == []


def test_what_cannot_take_part_is_named_with_the_reason(open_compare, store, two, trained):
    trained("dense-deep", 0, IMAGES % 2 == 0, state="stopped")
    trained("dense-sgd", 0, IMAGES % 2 == 0, data="e" * 64)
    broken = two[0][2].layout
    broken.run_json.write_bytes(broken.run_json.read_bytes().replace(b'"schema":', b'"schemo":'))
    _, said = open_compare()
    assert f"Run {broken.id} left out: damaged" in said
    assert "dense-sgd left out: dense-sgd and dense-base were trained on different images" in said
    assert "dense-deep, seed 0 (stopped), left out" in said
    _, said = open_compare(split="validation")
    assert "dense-deep, seed 0, is stopped and not finished: its best epoch so far, 1" in said


def test_an_opened_run_shows_its_mistakes_and_its_other_seeds(open_compare, two, words):
    run = two[1][1]
    app, said = open_compare(open=run.id)
    assert "All mistakes on test: 3 images" in said.replace("**", "")
    assert sorted(tiles(app)) == [1, 21, 41]
    seeds = next(one for one in app.selectbox if one.label == "Seed")
    assert seeds.value == run.id and len(seeds.options) == 3
    button(app, "dense-wide").click().run()
    assert "open" not in app.query_params and "Is it real?" in words(app)


def test_the_epoch_of_a_point_leads_to_the_mistakes_of_that_epoch(open_compare, two):
    run = two[1][1]

    def links(**query):
        app, _ = open_compare(open=run.id, **query)
        return {one.proto.label: one.proto.query_string for one in app.get("page_link")}

    query = links(epoch="2")["Epoch 2"]
    assert parse_qs(query) == {
        "runs": [run.id],
        "split": ["validation"],
        "epoch": ["2"],
        "right": ["no"],
    }
    for asked in ("3", "-1", "x", "٢"):
        assert not [label for label in links(epoch=asked) if label.startswith("Epoch")]


def test_a_pile_of_a_duel_holds_exactly_the_images_that_it_counts(open_compare, two):
    a, b = groups(two[0])[0], groups(two[1])[0]
    expected = duel(a, b)
    for pile in ("only_b", "steady_b", "neither"):
        app, said = open_compare(section="Duel", a=a.key, b=b.key, pile=pile)
        ids = expected.sample_ids(pile)
        assert (tiles(app) if ids else []) == ids
        assert all(sentence in said for sentence in expected.sentences)
    ids = expected.sample_ids("only_b", 4)
    app, _ = open_compare(
        **{"section": "Duel", "a": a.key, "b": b.key, "pile": "only_b", "class": "4"}
    )
    assert tiles(app) == ids and ids


def test_without_a_wish_the_data_set_chosen_last_is_compared_where_it_has_runs(
    open_compare, trained, two
):
    newest = trained("dense-deep", 9, np.equal(IMAGES % 3, 1), data="e" * 64)
    path = newest.layout.run_json
    spec = orjson.loads(path.read_bytes())
    spec["config"]["dataset"] = {"name": "shapes"}
    spec["config_sha256"] = config_sha256(spec["config"])
    path.write_bytes(orjson.dumps(spec))
    in_suite(newest, "new")
    app, _ = open_compare()
    assert param(app, "dataset") == "shapes"
    app.switch_page("views/data.py")
    app.query_params["dataset"] = "digits"
    app.run()
    app.query_params.clear()
    app.switch_page("views/compare.py").run()
    assert param(app, "dataset") == "digits" and not app.exception


def test_the_ranks_of_the_table_are_those_of_the_result(open_compare, trained):
    for name in ("dense-base", "dense-wide"):
        for seed in range(3):
            trained(name, seed, np.not_equal(IMAGES % 10, seed + 3 * (name == "dense-wide")))
    app, _ = open_compare(section="Table")
    assert app.dataframe[0].value["rank"].tolist() == ["1 to 2", "1 to 2"]
    assert "rank_to" not in called(app.get("button_group"), "Results and costs").value
    app, _ = open_compare()
    assert app.dataframe[-1].value["Rank"].tolist() == ["1 to 2", "1 to 2"]


def test_many_ranks_sort_as_numbers():
    assert rank_words([1, 2, 10], [1, 9, 12]) == [" 1", " 2 to  9", "10 to 12"]


@pytest.mark.parametrize(
    ("seconds", "decimals"),
    [([0.034, 0.101], 3), ([0.14, 2.5], 2), ([12.0, 340.0], 1), ([0.0, 1e-7], 4), ([], 1)],
)
def test_short_times_keep_two_digits_that_count(seconds, decimals):
    assert seconds_decimals(seconds) == decimals


def test_the_table_has_differing_settings_and_one_row_a_run_on_request(open_compare, two):
    app, _ = open_compare(section="Table")
    table = app.dataframe[0].value
    assert list(table["variant"]) == ["dense-wide", "dense-base"]
    assert "model.hidden_layers" in table and "training.optimizer" not in table
    app, _ = open_compare(section="Table", rows="One row a run")
    table = app.dataframe[0].value
    assert len(table) == 6 and set(table["seed"]) == {0, 1, 2}


def test_seeds_that_stopped_earlier_are_said(open_compare, trained):
    row = {"attempt": 1, "step": 10, "stage": 0, "epoch_seconds": 1.0, "validation_accuracy": 0.5}
    for seed, last in ((0, 2), (1, 4)):
        rows = [row | {"epoch": epoch} for epoch in range(1, last + 1)]
        trained("dense-base", seed, np.equal(IMAGES % 3, seed), rows=rows)
    _, said = open_compare(section="Curves")
    assert re.search(r"dense-base 1 of 2 from epoch 3\. The line is then the mean of those", said)


def test_small_multiples_and_colours_by_a_setting(open_compare, two, trained):
    trained("dense-l2", 0, IMAGES % 4 != 0)
    app, said = open_compare(section="Curves", each="hidden layers", metrics="Accuracy")
    panels = figures(app)
    assert len(panels) == 2 and said.count("**Hidden layers: ") == 2
    names = [{one["name"] for one in panel["data"] if one.get("showlegend")} for panel in panels]
    assert names == [{"dense-base", "dense-l2"}, {"dense-wide"}]
    # They compare only on one and the same axis.
    ranges = [panel["layout"]["yaxis"]["range"] for panel in panels]
    assert ranges[0] == ranges[1]
    app, _ = open_compare(section="Curves", colour="hidden layers", metrics="Accuracy")
    (panel,) = figures(app)
    colours = {one["name"]: one["line"]["color"] for one in panel["data"] if one.get("showlegend")}
    base, wide, penalty = (
        next(colour for name, colour in colours.items() if name.endswith(variant))
        for variant in ("dense-base", "dense-wide", "dense-l2")
    )
    assert base == penalty != wide


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ({"x": "by optimizer steps"}, "Optimizer steps"),
        ({"x": "by training images seen"}, "Training images seen"),
        ({"x": "by seconds of training and evaluation"}, "Seconds of training and evaluation"),
        ({}, "Epoch"),
    ],
)
def test_curves_stand_over_what_the_link_says(open_compare, two, query, title):
    app, _ = open_compare(section="Curves", metrics="Accuracy", **query)
    assert figures(app)[0]["layout"]["xaxis"]["title"]["text"] == title


def test_curves_are_smoothed_logarithmic_and_clipped_on_request(open_compare, trained):
    row = {"attempt": 1, "step": 10, "stage": 0, "epoch_seconds": 1.0}
    losses = [2.0, 1.0, 1.5, 0.5, 40.0, 0.4, 0.3, 0.2, 0.1]
    rows = [row | {"epoch": epoch, "validation_loss": loss} for epoch, loss in enumerate(losses, 1)]
    rows = [one | {"validation_accuracy": 0.5} for one in rows]
    trained("dense-base", 0, IMAGES % 3 == 0, rows=rows)

    def panel(**query):
        app, _ = open_compare(section="Curves", metrics="Loss", **query)
        return figures(app)[0]

    def lines(panel):
        return [one for one in panel["data"] if one.get("legendgroup") and one["mode"] == "lines"]

    plain_lines, smoothed = lines(panel()), lines(panel(smooth="mean of 3 epochs"))
    assert len(smoothed) == len(plain_lines) + 1
    assert panel(log="true")["layout"]["yaxis"]["type"] == "log"
    clipped = panel(clip="true")["layout"]["yaxis"]
    assert clipped["range"][1] < 3 and clipped["title"]["text"].endswith(", outliers cut off")


def test_only_damaged_runs_are_said_to_be_so(open_compare, two):
    for run in [*two[0], *two[1]]:
        run.layout.run_json.write_text("{")
    _, said = open_compare()
    assert "Nothing to compare here" in said
