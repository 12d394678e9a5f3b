"""The page Augment: its pictures and labels are the preview's, and its link says all that is shown."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from core.augmentations.pipeline import AugmentationPipeline
from core.augmentations.presets import PRESETS
from core.augmentations.preview import preview
from core.datasets.digits import Digits
from core.datasets.shapes import Shapes
from core.inference import Predictor
from core.jobs.answers import shared
from core.pipelines import pipeline_named, save_pipeline

VIEWS = ["Before and after", "Strength", "How often", "Copies", "Answers"]
SMALL_SHAPES = {"dataset": "shapes", "settings": "images:400"}
SHIFT = '{"steps":[{"name":"shift","probability":1}]}'
TURN = '{"steps":[{"name":"quarter-turn","probability":1}]}'


@pytest.fixture
def open_augment(open_app, tmp_path):
    """Return a function that opens the page on an empty runs folder with a query."""

    def opened(**query):
        return open_app(tmp_path / "runs", "augment", **query)

    return opened


def shown(app, which=-1):
    return json.loads(app.get("bidi_component")[which].proto.json)


def pixels(app, which=-1):
    """Return the pictures that the component was given, (N, H, W), places left over included."""
    sheet = shown(app, which)["sheet"]
    whole = np.asarray(Image.open(io.BytesIO(base64.b64decode(sheet["png"]))))
    tiles = whole.reshape(sheet["rows"], sheet["height"], sheet["columns"], sheet["width"])
    return tiles.transpose(0, 2, 1, 3).reshape(-1, sheet["height"], sheet["width"])


def called(elements, label):
    return next(one for one in elements if one.label == label)


def in_link(app, name):
    value = app.query_params.get(name)
    return value[0] if isinstance(value, list) else value


def pipeline_of(app, root):
    text = in_link(app, "pipeline")
    if text.startswith("{"):
        return AugmentationPipeline.checked(json.loads(text))
    return pipeline_named(text, root)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("query", [{"dataset": "digits"}, SMALL_SHAPES])
def test_each_view_shows_small_data(open_augment, view, query):
    app = open_augment(view=view, **query)
    assert not app.error and not app.warning


@pytest.mark.parametrize(
    ("query", "first"), [({"dataset": "digits"}, "none"), (SMALL_SHAPES, "shapes-recipe")]
)
def test_without_a_link_the_last_preset_is_shown_that_the_data_set_allows(
    open_augment, query, first
):
    assert called(open_augment(**query).selectbox, "Start from").value == first


def test_a_quarter_turn_turns_the_image_and_its_label_as_training_does(open_augment, data_dir):
    dataset = Shapes(images=400).load(data_dir)
    split = dataset.splits["train"]
    pipeline = AugmentationPipeline.checked(json.loads(TURN))
    space = dataset.space
    every = preview(
        pipeline, split.images, split.labels, split.counts, space, 3, 2, range(len(split))
    )
    clockwise = [place for place in range(len(split)) if "clockwise" in every.texts(place)[0]]
    chosen = next(place for place in clockwise if every.is_changed[place])

    app = open_augment(pipeline=TURN, images=str(chosen), seed="3", epoch="2", **SMALL_SHAPES)
    (card,) = shown(app)["cards"]
    before, after = card["pictures"]
    up, right, down, left = range(2, 6)
    counts = dict(zip(space.count_names, split.counts[chosen].tolist(), strict=True))
    turned = every.new_counts[chosen].tolist()
    # Clockwise, what pointed left points up, what pointed up points right, and so on.
    assert [turned[one] for one in (up, right, down, left)] == [
        counts[name] for name in ("left", "up", "right", "down")
    ]
    assert before["caption"] == space.class_names[split.labels[chosen]]
    assert after["caption"] == space.class_names[every.new_labels[chosen]] and after["changed"]
    assert not before["changed"] and card["lines"] == every.texts(chosen)
    assert np.array_equal(pixels(app)[0], split.images[chosen, 0])
    assert np.array_equal(pixels(app)[1], every.after[chosen, 0])


def test_so_many_images_are_drawn_and_others_with_the_next_seed(open_augment):
    app = open_augment(number="8 images", **SMALL_SHAPES)
    first = [card["id"] for card in shown(app)["cards"]]
    assert len(set(first)) == 8
    called(app.button, "Others").click().run()
    second = [card["id"] for card in shown(app)["cards"]]
    assert first != second and in_link(app, "draw_seed") == "1"
    again = open_augment(number="8 images", draw_seed="1", **SMALL_SHAPES)
    assert [card["id"] for card in shown(again)["cards"]] == second


def test_only_images_of_a_class_are_shown(open_augment):
    app = open_augment(dataset="digits", label="7")
    assert {card["pictures"][0]["caption"] for card in shown(app)["cards"]} == {"7"}


def test_chosen_images_are_shown_alone_until_they_are_put_away(open_augment):
    app = open_augment(dataset="digits")
    called(app.text_input, "Sample ids").set_value("4, 2").run()
    assert [card["id"] for card in shown(app)["cards"]] == ["4", "2"]
    called(app.button, "Samples 4, 2 of train").click().run()
    assert len(shown(app)["cards"]) == 16 and in_link(app, "images") is None


def test_steps_are_added_moved_changed_and_removed(open_augment, tmp_path):
    root = tmp_path / "runs"
    app = open_augment(dataset="digits")
    called(app.selectbox, "Add a step").select("blur").run()
    called(app.selectbox, "Add a step").select("shift").run()
    assert [step.name for step in pipeline_of(app, root).steps] == ["blur", "shift"]
    assert all(step.probability == 1 for step in pipeline_of(app, root).steps)
    called(app.button, "Up").click().run()
    assert [step.name for step in pipeline_of(app, root).steps] == ["shift", "blur"]
    called(app.slider, "Pixels").set_value(3).run()
    called(app.slider, "Probability").set_value(0.25).run()
    shift, blur = pipeline_of(app, root).steps
    assert (shift.pixels, shift.probability, blur.probability) == (3, 0.25, 1)
    assert app.radio[0].options == ["Fixed copies: none", "1. Shift, 25 %", "2. Blur, 100 %"]
    called(app.button, "Remove").click().run()
    assert [step.name for step in pipeline_of(app, root).steps] == ["blur"]
    assert not app.exception


def test_a_preset_stands_in_the_link_by_name_until_it_is_changed(open_augment):
    app = open_augment(pipeline="shapes-study", **SMALL_SHAPES)
    called(app.slider, "Probability").set_value(0.3).run()
    assert in_link(app, "pipeline").startswith("{")
    assert called(app.selectbox, "Start from").value == ""
    called(app.slider, "Probability").set_value(0.2).run()
    assert in_link(app, "pipeline") == "shapes-study"
    called(app.selectbox, "Start from").select("none").run()
    assert in_link(app, "pipeline") == "none" and app.radio[0].options == ["Fixed copies: none"]


def test_settings_that_contradict_each_other_are_said_and_left_as_they_were(open_augment, words):
    app = open_augment(
        dataset="digits", pipeline='{"steps":[{"name":"random-erasing","probability":1}]}'
    )
    called(app.slider, "Least area").set_value(0.9).run()
    assert "must not be below least" in words(app)
    assert called(app.slider, "Least area").value == 0.02
    app.run()
    assert not app.error


def test_seed_and_epoch_draw_anew_and_replay(open_augment):
    app = open_augment(pipeline=TURN, **SMALL_SHAPES)
    first = pixels(app)
    called(app.button, "Reseed").click().run()
    assert in_link(app, "seed") == "1" and not np.array_equal(pixels(app), first)
    app.number_input(key="seed-input").set_value(0).run()
    assert np.array_equal(pixels(app), first)
    called(app.number_input, "Epoch").set_value(2).run()
    assert not np.array_equal(pixels(app), first)


def test_what_the_data_set_refuses_is_explained_and_can_be_forced(open_augment, tmp_path, words):
    app = open_augment(dataset="digits", pipeline="fashion-recipe", step="2")
    assert "refused for this data set" in words(app) and "mirrored 2" in words(app)
    assert len(app.get("bidi_component")) == 2
    assert "horizontal flip" not in json.dumps(shown(app)["cards"])
    called(app.button, "Apply all the same").click().run()
    assert pipeline_of(app, tmp_path / "runs").steps[1].is_forced
    assert "is forced although" in words(app)
    assert "horizontal flip" in json.dumps(shown(app)["cards"])


def test_what_the_data_set_refuses_can_be_turned_off(open_augment, tmp_path, words):
    app = open_augment(dataset="digits", pipeline="fashion-study", step="0")
    assert "Fixed copies are refused" in words(app)
    called(app.button, "Turn it off").click().run()
    assert pipeline_of(app, tmp_path / "runs") == AugmentationPipeline()


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"pipeline": "fashion-recip"}, "Did you mean 'fashion-recipe'"),
        ({"pipeline": '{"steps":[{"name":"blurr"}]}'}, "Did you mean 'blur'"),
        ({"pipeline": '{"steps":[{"name":"blur","sigma":99}]}'}, "sigma must lie in"),
        ({"pipeline": '{"steps":['}, "It is no JSON"),
        ({"pipeline": '{"schema_version":99}'}, "a later version"),
        ({"seed": "-4"}, "seed must be a whole number"),
        ({"epoch": "0"}, "epoch must be a whole number"),
        ({"images": "3,x"}, "images must be numbers from 0 to"),
        ({"images": "99999"}, "images must be numbers from 0 to"),
        ({"label": "12"}, "label must be a whole number"),
        ({"step": "x"}, "step must be a whole number"),
    ],
)
def test_a_bad_link_says_what_is_wrong_and_shows_the_rest(open_augment, words, query, message):
    app = open_augment(dataset="digits", **query)
    assert message in words(app).replace("\\", "")
    assert len(shown(app)["cards"]) == 16


def test_a_step_that_does_not_fit_the_images_is_left_out_and_said(open_augment, words):
    app = open_augment(
        dataset="digits", pipeline='{"steps":[{"name":"zoom","probability":1,"k":9}]}'
    )
    assert "k must be at most" in words(app)
    assert "Apply all the same" not in [one.label for one in app.button]
    assert shown(app)["cards"][0]["lines"] == ["as it is"]


def test_a_pipeline_is_saved_loaded_and_deleted(open_augment, tmp_path):
    root = tmp_path / "runs"
    app = open_augment(dataset="digits", pipeline='{"steps":[{"name":"blur","probability":1}]}')
    called(app.text_input, "Save under a name").set_value("my blur").run()
    called(app.button, "Save").click().run()
    assert in_link(app, "pipeline") == "my blur"
    assert pipeline_named("my blur", root).steps[0].name == "blur"
    called(app.selectbox, "Start from").select("none").run()
    called(app.button, "Load").click().run()
    assert in_link(app, "pipeline") == "my blur"
    called(app.button, "Delete").click().run()
    assert in_link(app, "pipeline").startswith("{") and not app.warning


def test_a_name_that_cannot_be_saved_and_text_that_is_no_pipeline_are_said(open_augment, words):
    app = open_augment(dataset="digits")
    called(app.text_input, "Save under a name").set_value("none").run()
    called(app.button, "Save").click().run()
    assert "is the name of a preset" in words(app)
    called(app.text_area, "Paste JSON").set_value('{"steps": 3}').run()
    called(app.button, "Use it").click().run()
    assert "steps must be a list" in words(app)


def test_pasted_json_becomes_the_pipeline(open_augment, tmp_path):
    app = open_augment(dataset="digits")
    text = json.dumps(PRESETS["shapes-recipe"].pipeline.to_json())
    assert '"steps"' in app.code[0].value
    called(app.text_area, "Paste JSON").set_value(text).run()
    called(app.button, "Use it").click().run()
    assert in_link(app, "pipeline") == "shapes-recipe"


def test_a_pipeline_too_long_for_a_link_is_saved_instead(open_augment, tmp_path):
    erasing = {"name": "random-erasing", "least_area": 0.1, "most_area": 0.30123}
    erasing |= {"probability": 0.5123, "most_stretch": 2.125, "fill": "noise", "value": 17}
    app = open_augment(dataset="digits")
    text = json.dumps({"steps": [erasing] * 30})
    called(app.text_area, "Paste JSON").set_value(text).run()
    called(app.button, "Use it").click().run()
    assert in_link(app, "pipeline").startswith("pipeline-")
    assert len(pipeline_of(app, tmp_path / "runs").steps) == 30


def test_fixed_copies_are_switched_on_and_get_the_k_that_was_tried(open_augment, tmp_path, words):
    root = tmp_path / "runs"
    app = open_augment(view="Copies", step="0", dataset="digits", images="5")
    assert "Training makes no fixed copies" in words(app)
    called(app.toggle, "Show every training image as several copies").set_value(True).run()
    assert in_link(app, "pipeline") == "fashion-study"
    app.slider(key="k").set_value(3).run()
    said = words(app).replace("\\", "")
    assert "Shown with k = 3. The pipeline has k = 2; training refuses fixed copies here." in said
    assert "The pictures below show what it would do." in said
    called(app.button, "Train with k = 3").click().run()
    assert pipeline_of(app, root).expansion.k == 3
    assert [one["caption"] for one in shown(app)["cards"][0]["pictures"]] == [
        "original",
        "flip",
        "zoom",
        "flip of zoom",
    ]


def test_a_bar_leads_to_the_images_that_it_counts(open_augment):
    app = open_augment(
        view="How often",
        pipeline='{"steps":[{"name":"quarter-turn","probability":0.2}]}',
        **SMALL_SHAPES,
    )
    called(app.button, "1 quarter\\-turn").click().run()
    cards = shown(app)["cards"]
    assert in_link(app, "images").split(",") == [card["id"] for card in cards]
    assert 5 < len(cards) < 40
    assert all(line.startswith("quarter turn: ") for card in cards for line in card["lines"])


def test_each_step_has_its_strip_of_growing_strength(open_augment):
    app = open_augment(view="Strength", pipeline="shapes-study", **SMALL_SHAPES)
    cards = {card["title"]: card for card in shown(app)["cards"]}
    assert len(cards) == 6 and len(cards["Brightness: change"]["pictures"]) == 8
    turns = cards["Quarter turn"]["pictures"]
    assert len(turns) == 3
    assert any(one.value.startswith("The first of the 16 images.") for one in app.caption)


def test_a_strength_that_is_called_like_its_unit_says_it_once(open_augment):
    app = open_augment(view="Strength", strengths="all", dataset="digits")
    titles = [card["title"] for card in shown(app)["cards"]]
    assert "Shift: pixels" in titles


def test_the_pipeline_goes_to_train_under_its_name(open_augment, tmp_path):
    root = tmp_path / "runs"
    save_pipeline(root, "mine", AugmentationPipeline.checked(json.loads(SHIFT)), "me")
    app = open_augment(pipeline=SHIFT, dataset="digits")
    called(app.button, "Use in Train").click().run()
    assert app.session_state["augmentation"] == "mine"
    assert app.title[0].value == "Train" and not app.exception


def test_the_answers_are_those_of_the_runs_network(open_app, finished, data_dir):
    store, run = finished
    try:
        app = open_app(
            store.root,
            "augment",
            view="Answers",
            dataset="digits",
            images="3,8",
            pipeline=SHIFT,
        )
        found = shown(app)["cards"]
    finally:
        shared().close()
    dataset = Digits().load(data_dir)
    split, pipeline = dataset.splits["train"], AugmentationPipeline.checked(json.loads(SHIFT))
    seen = preview(pipeline, split.images, split.labels, None, dataset.space, 0, 1, [3, 8])
    predictor = Predictor.load(run)
    for column, images in ((1, seen.before), (2, seen.after)):
        logits, _ = predictor.predict(images)
        for place, card in enumerate(found):
            (row,) = card["table"]["rows"]
            assert len(row[column]) == 3
            first = row[column][0]
            assert first["text"] == str(logits[place].argmax())
            is_right = logits[place].argmax() == split.labels[[3, 8][place]]
            assert first["mark"] == ("right" if is_right else "wrong")


def test_answers_without_a_finished_run_say_where_to_start(open_augment, words):
    app = open_augment(view="Answers", dataset="digits")
    assert "No run of this data set" in words(app)
