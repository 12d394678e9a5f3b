"""The page Errors: empty, with a finished run, every filter that its link may name, and what is gone or broken."""

import json
import shutil

import numpy as np
import pytest

from core.datasets.digits import Digits
from core.evaluation.samples import samples
from core.jobs import answers
from core.runs import saved
from core.runs.notes import ImageNote, note_of, save_note
from dashboard.widgets.table import ROW_HEIGHT


@pytest.fixture(autouse=True, scope="module")
def no_process_left():
    yield
    answers.shared()._end()


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of the finished run, to be written to."""
    store, run = finished
    shutil.copytree(store.root, tmp_path / "runs")
    return tmp_path / "runs", run


def gallery(app):
    for element in app.get("bidi_component"):
        data = json.loads(element.proto.json)
        if "tiles" in data:
            return [tile["id"] for tile in data["tiles"]], data
    return [], {}


def shown_table(app, column):
    """Return the table that has a column."""
    return next(one.value for one in app.dataframe if column in one.value.columns)


def query(app, name):
    found = app.query_params[name]
    return found[0] if isinstance(found, list) else found


def button(app, start):
    return next(one for one in app.button if one.label.startswith(start))


def test_an_empty_runs_folder_leads_on(open_app, tmp_path, words):
    assert "No runs yet" in words(open_app(tmp_path, "errors"))


def test_the_gravest_mistakes_of_the_newest_run_stand_first_and_one_is_open(
    open_app, finished, words
):
    store, run = finished
    app = open_app(store.root, "errors")
    table = samples(run.predictions("test")).sort_values(
        ["loss", "sample_id"], ascending=[False, True]
    )
    ids, data = gallery(app)
    assert ids == table["sample_id"].tolist()[:60]
    assert data["bare"]
    said = words(app)
    assert f"**#{ids[0]}** of test" in said
    assert f"All {len(table):,} images of test" in said


@pytest.mark.parametrize("split", ["test", "validation", "train"])
def test_the_link_of_a_cell_opens_exactly_the_images_that_it_counts(open_app, finished, split):
    store, run = finished
    table = samples(run.predictions(split)).query("not is_right")
    true, predicted = table[["true", "predicted"]].value_counts().index[0]
    app = open_app(
        store.root,
        "errors",
        runs=run.id,
        split=split,
        true=str(true),
        predicted=str(predicted),
        tiles="300",
    )
    cell = samples(run.predictions(split), true, predicted)
    ids, data = gallery(app)
    assert sorted(ids) == sorted(cell["sample_id"])
    assert f"/{run.id}/{split}?ids={','.join(map(str, ids))}&" in data["sheet"]["url"]
    assert button(app, f"true {true}").label and button(app, f"predicted {predicted}").label


def test_a_chip_removes_its_filter(open_app, finished, words):
    store, run = finished
    app = open_app(store.root, "errors", split="test", true="3", right="yes")
    # The share of right ones among the right ones says nothing.
    assert "of all" in words(app) and "of them, and" not in words(app)
    button(app, "true 3").click().run()
    assert "true" not in app.query_params and query(app, "right") == "yes"
    right = samples(run.predictions("test")).query("is_right")
    assert set(gallery(app)[0]) <= set(right["sample_id"])


def test_a_filter_can_be_added_and_a_wrong_one_is_said_in_place(open_app, finished):
    store, _ = finished
    app = open_app(store.root, "errors")
    app.selectbox(key="case-filter-kind").select("confidence").run()
    app.text_input(key="case-filter-value-confidence").input("high").run()
    app.button(key="case-filter-put").click().run()
    assert "confidence must be LOW..HIGH" in app.error[0].value.replace("\\", "")
    app.text_input(key="case-filter-value-confidence").input("0.5..0.6").run()
    app.button(key="case-filter-put").click().run()
    assert query(app, "confidence") == "0.5..0.6"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"true": "77"}, "true must be numbers of classes in"),
        ({"loss": "x"}, "loss must be LOW"),
        ({"region": "easy"}, "is not known of these images"),
        ({"count_error": "1.."}, "this data set has no counts"),
        ({"ids": "3,99999"}, "is not among these images"),
        ({"image": "99999"}, "is not among the images of test"),
        ({"image": "-4"}, "is not among the images of test"),
        ({"runs": "20200101-000000-abcdef"}, "names runs of which there is nothing"),
    ],
)
def test_what_a_link_names_in_vain_is_said_and_the_page_goes_on(
    open_app, finished, words, query, said
):
    store, run = finished
    app = open_app(store.root, "errors", **({"runs": run.id, "split": "test"} | query))
    plain = words(app).replace("\\", "")
    assert said in plain
    assert gallery(app)[0]


def test_filters_that_leave_nothing_say_so(open_app, finished, words):
    store, _ = finished
    app = open_app(store.root, "errors", split="test", confidence="0..0.01")
    assert "No image passes these filters." in words(app)


def test_the_order_can_be_chosen_and_turned_round(open_app, finished):
    store, run = finished
    app = open_app(
        store.root, "errors", split="test", sort="confidence", order="reversed", tiles="300"
    )
    table = samples(run.predictions("test")).sort_values(["confidence", "sample_id"])
    assert gallery(app)[0] == table["sample_id"].tolist()[:300]


def test_the_cursor_shows_the_answers_after_that_epoch(open_app, finished, words):
    store, run = finished
    app = open_app(store.root, "errors", split="validation", epoch="1", right="no", tiles="300")
    wrong = samples(run.predictions("validation", 1)).query("not is_right")
    assert set(gallery(app)[0]) <= set(wrong["sample_id"])
    assert f"**{len(wrong):,}** of" in words(app) and "epoch 1**" in words(app)
    later = open_app(store.root, "errors", split="validation", epoch="99")
    assert "epoch 3**" in words(later)


def test_playing_begins_anew_at_the_end_and_stops_when_asked(open_app, finished):
    store, _ = finished
    app = open_app(store.root, "errors", split="validation", epoch="3")
    button(app, "Play").click().run()
    assert query(app, "epoch") == "1"
    button(app, "Stop").click().run()
    assert button(app, "Play").label == "Play"


def test_the_time_machine_names_the_pairs_that_are_confused_most(open_app, finished):
    store, run = finished
    app = open_app(store.root, "errors", split="validation", view="time", epoch="1")
    table = samples(run.predictions("validation", 1)).query("not is_right")
    most = table[["true", "predicted"]].value_counts()
    first = app.button(key="case-time-pair-0")
    assert first.label.startswith(f"{most.iloc[0]:,} ")
    first.click().run()
    assert len(gallery(app)[0]) == most.iloc[0]


def test_test_has_no_epochs_and_the_views_of_epochs_say_where_they_are(open_app, finished, words):
    store, _ = finished
    for view, said in (
        ("time", "Of test there are the best weights alone"),
        ("map", "A data map needs outputs"),
    ):
        assert said in words(open_app(store.root, "errors", split="test", view=view))
    app = open_app(store.root, "errors", split="test", about="history")
    assert "Of test only the best weights' outputs are stored" in words(app)


def test_a_region_of_the_data_map_is_a_door_to_its_images(
    open_app, store, trained, data_dir, words
):
    digits = Digits().load(data_dir)
    numbers = np.arange(len(digits.splits["test"]))
    # Sure of itself in all epochs alike, whether right or wrong.
    trained("dense-base", 8, numbers % 5 > 0, data=digits.fingerprint)
    app = open_app(store.root, "errors", split="validation", view="map")
    wrong = int((numbers % 5 == 0).sum())
    assert app.button(key="case-map-stubborn").label == f"Stubborn: {wrong}"
    app.button(key="case-map-stubborn").click().run()
    assert query(app, "region") == "stubborn"
    assert f"**{wrong}** of {len(numbers)} images" in words(app)


def test_the_history_of_an_image_says_when_it_was_learned(open_app, finished, words):
    store, run = finished
    rights = np.array([run.predictions("validation", epoch).is_right for epoch in (1, 2, 3)])
    ids = run.predictions("validation").sample_ids
    place = int(np.flatnonzero(~rights[0] & rights[1] & rights[2])[0])
    app = open_app(store.root, "errors", split="validation", image=str(ids[place]), about="history")
    assert "first learned in epoch 2, never forgotten" in words(app)


def test_a_lone_run_stands_beside_all_finished_ones_and_others_are_left_out_by_name(
    open_app, store, trained, data_dir, words
):
    digits = Digits().load(data_dir)
    num_samples = len(digits.splits["test"])
    numbers = np.arange(num_samples)
    trained("dense-base", 0, numbers % 5 > 0, data=digits.fingerprint)
    trained("dense-wide", 0, numbers % 4 > 0, data=digits.fingerprint)
    trained("dense-wide", 1, numbers % 3 > 0, data=digits.fingerprint)
    short = trained("dense-deep", 0, numbers[:-7] >= 0, data=digits.fingerprint)
    lead = next(run for run in store.runs() if run.variant == "dense-base")
    app = open_app(store.root, "errors", runs=lead.id, split="test", image="0")
    table = shown_table(app, "First")
    assert set(table["Variant"]) == {"dense-base", "dense-wide", "dense-deep"}
    row = table[table["Variant"] == "dense-wide"].iloc[0]
    assert (row[""], row["Right"]) == ("✕", "0 / 2")
    assert "dense\\-deep" in words(app) and "left out" in words(app)
    assert short.title.split(",")[0] == "dense-deep"
    wrong = {
        number
        for number in numbers.tolist()
        if (number % 5 > 0, number % 4 > 0, number % 3 > 0).count(True) in (1, 2)
    }
    app = open_app(store.root, "errors", runs=lead.id, split="test", disagree="yes", tiles="300")
    assert f"**{len(wrong):,}** of" in words(app)


def test_the_votes_can_be_those_of_single_runs(open_app, finished):
    store, _run = finished
    app = open_app(store.root, "errors", split="test", votes="run")
    table = shown_table(app, "First")
    assert len(table) == 1 and table["Run"].iloc[0].startswith("dense-base, seed 3")


def test_the_votes_are_whole_percent_in_columns_that_hold_them(open_app, finished):
    store, run = finished
    app = open_app(store.root, "errors", split="test", votes="run", image="5")
    frame = next(one for one in app.dataframe if "First" in one.value)
    probabilities = run.predictions("test").probabilities
    best = float(probabilities[run.predictions("test").sample_ids == 5].max())
    said = frame.value["First"].iloc[0]
    assert said.endswith("> 99 %" if best > 0.995 else f", {100 * best:.0f} %")
    looks = json.loads(frame.proto.columns)
    assert all(
        looks[place]["width"] >= 18 + 6 * len(frame.value[place].iloc[0])
        for place in ("First", "Second", "Third")
    )
    assert frame.proto.row_height == ROW_HEIGHT


def test_duplicates_are_those_of_the_data_set(open_app, finished, words):
    store, _ = finished
    said = words(open_app(store.root, "errors", split="test", duplicates="yes"))
    assert "**0** of" in said


def test_the_augmented_views_carry_the_label_and_the_run_answers_on_them(open_app, finished):
    store, run = finished
    app = open_app(store.root, "errors", split="test", about="augmented", image="5")
    table = shown_table(app, "View 1")
    assert list(table.columns) == ["Run", "As it is", "View 1", "View 2", "View 3"]
    said = samples(run.predictions("test")).set_index("sample_id").loc[5]
    assert table["As it is"].iloc[0].split()[1].rstrip(",") == said["predicted_name"]


def test_a_note_is_kept_with_the_data_and_shown_with_every_run(open_app, copied, words):
    folder, run = copied
    app = open_app(folder, "errors", split="test", about="note", image="5")
    app.text_input(key="case-note-test-5-text").input("odd").run()
    assert "Note on \\#5 of test kept" in words(app)
    assert ":material/check: Kept" in words(app)
    assert "Note on" not in words(app.run())
    kept = note_of(folder, run.spec["data_fingerprint"], "test", 5)
    assert kept is not None and (kept.note, kept.dataset) == ("odd", "digits")
    app = open_app(folder, "errors", split="test", image="5")
    assert "odd" in words(app)
    assert any(one.label.startswith("test #5") for one in _unescaped(app))


def test_a_tag_is_kept_with_the_note_and_both_are_removed_when_they_are_emptied(open_app, copied):
    folder, run = copied
    app = open_app(folder, "errors", split="test", about="note", image="5")
    app.text_input(key="case-note-test-5-text").input("odd").run()
    app.multiselect(key="case-note-test-5-tags").set_value(["blurred"]).run()
    kept = note_of(folder, run.spec["data_fingerprint"], "test", 5)
    assert kept is not None and (kept.note, kept.tags) == ("odd", ("blurred",))
    app.text_input(key="case-note-test-5-text").input("").run()
    app.multiselect(key="case-note-test-5-tags").set_value([]).run()
    assert any("removed" in one.value for one in app.caption)
    assert note_of(folder, run.spec["data_fingerprint"], "test", 5) is None


def test_a_note_that_cannot_be_kept_is_said_and_still_stands_in_the_field(open_app, copied, words):
    folder, run = copied
    app = open_app(folder, "errors", split="test", about="note", image="5")
    app.multiselect(key="case-note-test-5-tags").set_value(["x" * 41]).run()
    assert "was not kept" in words(app)
    assert "at most 20 of at most 40 characters" in words(app)
    assert app.multiselect(key="case-note-test-5-tags").value == ["x" * 41]
    assert note_of(folder, run.spec["data_fingerprint"], "test", 5) is None


def _unescaped(app):
    for one in app.button:
        one.proto.label = one.label.replace("\\", "")
    return app.button


def test_the_list_of_notes_leads_to_the_image(open_app, copied):
    folder, run = copied
    note = ImageNote(run.spec["data_fingerprint"], "validation", 3, "look", (), "digits", "3")
    save_note(folder, note, "ada")
    app = open_app(folder, "errors", split="test")
    app.button(key="case-notes-list-validation-3").click().run()
    assert query(app, "image") == "3" and query(app, "split") == "validation"


def test_a_slice_keeps_the_filters_and_shows_its_accuracy_beside_the_whole(open_app, copied):
    folder, run = copied
    app = open_app(folder, "errors", split="test", true="3", confidence="..0.9")
    app.text_input(key="case-slices-name").input("unsure threes").run()
    app.button(key="case-slices-keep").click().run()
    assert saved.load(folder, "slices", "unsure threes").value["filters"] == {
        "true": "3",
        "confidence": "..0.9",
    }
    table = shown_table(app, "Slice")
    assert table["Slice"].tolist() == ["unsure threes", "the whole split"]
    chosen = samples(run.predictions("test"), true=3).query("confidence < 0.9")
    assert table["Images"].tolist() == [len(chosen), len(run.predictions("test"))]
    app = open_app(folder, "errors", split="test")
    app.button(key="case-slices-show").click().run()
    assert query(app, "true") == "3" and query(app, "confidence") == "..0.9"
    app.button(key="case-slices-delete").click().run()
    assert saved.saved(folder, "slices") == []


def test_a_slice_with_a_filter_that_is_none_cannot_be_used_and_breaks_nothing(open_app, copied):
    folder, run = copied
    value = {"fingerprint": run.spec["data_fingerprint"], "filters": {"true": "99"}}
    saved.save(folder, "slices", "odd", value, "ada")
    saved.save(folder, "slices", "none", value | {"filters": ["x"]}, "ada")
    table = shown_table(open_app(folder, "errors", split="test"), "Slice")
    assert "cannot be used here" in table["Accuracy"].tolist()


def test_without_the_data_set_the_numbers_stay_and_the_images_are_said_to_be_absent(
    open_app, copied, words
):
    folder, _run = copied
    for path in folder.glob("*/run.json"):
        spec = json.loads(path.read_text())
        spec["data_fingerprint"] = "0" * 64
        path.write_text(json.dumps(spec))
    app = open_app(folder, "errors", split="test")
    ids, data = gallery(app)
    assert len(ids) == 60 and data["sheet"] is None
    assert "The images are absent" in words(app) and "The image is absent." in words(app)
    assert len(shown_table(app, "First")) == 1


def test_a_run_whose_outputs_are_broken_is_said_in_place(open_app, copied, words):
    folder, _ = copied
    for path in folder.glob("*/results/test.class.npy"):
        path.write_bytes(b"no array")
    app = open_app(folder, "errors", split="test")
    assert "results/test cannot be read" in words(app).replace("\\", "")


@pytest.mark.parametrize("view", ["time", "map"])
def test_from_test_a_button_leads_to_validation_whose_epochs_are_stored(open_app, finished, view):
    store, run = finished
    app = open_app(store.root, "errors", runs=run.id, split="test", view=view)
    next(one for one in app.button if one.label == "Show validation").click().run()
    assert app.query_params["split"] in ("validation", ["validation"])
    assert not [one for one in app.button if one.label == "Show validation"]
