"""The page Data: every section on small data sets, what its links name, and how data comes and goes."""

import json
import time
import zipfile

import numpy as np
import pytest
from PIL import Image
from streamlit import config

from core.datasets.digits import Digits
from core.datasets.importing import import_dataset
from core.datasets.raw import ImportOptions
from core.datasets.samples import of_class, sample_grid
from core.datasets.shapes import Shapes

SECTIONS = ["Samples", "Classes", "Splits", "Pixels", "Duplicates", "Map"]
SMALL_SHAPES = {"dataset": "shapes", "settings": "images:400"}


@pytest.fixture
def open_data(open_app, tmp_path):
    """Return a function that opens the page with a query."""

    def opened(**query):
        return open_app(tmp_path / "runs", "data", **query)

    return opened


@pytest.fixture
def own_data(monkeypatch, tmp_path, open_app):
    """A data folder of the test's own, and a function that opens the page on it."""
    folder = tmp_path / "own"

    def opened(**query):
        app = open_app(tmp_path / "runs")
        monkeypatch.setenv("PETRIDISH_DATA", str(folder))
        app.switch_page("views/data.py")
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
        assert not app.exception, app.exception
        return app

    return folder, opened


def picture_zip(path, names=("cats", "dogs"), num_images=8, side=12):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            for number in range(num_images):
                pixels = np.zeros((side, side, 3), np.uint8)
                pixels[number, : 3 + names.index(name)] = (250, 20 * number, 60)
                picture = path.with_suffix(".png")
                Image.fromarray(pixels).save(picture)
                archive.write(picture, f"{name}/{number}.png")
    return path


def gallery(app, which=0):
    return json.loads(app.get("bidi_component")[which].proto.json)


def shown(app, which=0):
    return [tile["id"] for tile in gallery(app, which)["tiles"]]


def named(table):
    return [
        f"{split}:{sample_id}"
        for split, sample_id in zip(table["split"], table["sample_id"], strict=True)
    ]


def button(app, label):
    return next(one for one in app.button if one.label == label)


def text_input(app, label):
    return next(one for one in app.text_input if one.label == label)


def in_link(app, name):
    value = app.query_params.get(name)
    return value[0] if isinstance(value, list) else value


def run_until(app, condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.3)
        app.run()
        assert not app.exception, app.exception


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("query", [{"dataset": "digits"}, SMALL_SHAPES])
def test_each_section_shows_small_data(open_data, words, section, query):
    app = open_data(section=section, **query)
    assert not app.error
    labels = [metric.label for metric in app.metric]
    assert labels == ["Images", "Size", "Classes", "Never occur", "Splits"]
    expected = "1,797" if query["dataset"] == "digits" else "400"
    assert app.metric[0].value == expected
    assert "alanced" in words(app)


def test_what_is_said_of_a_data_set_stands_elsewhere_than_that_of_the_one_before(open_data):
    app = open_data(dataset="digits")

    def side():
        blocks = {place: one for place, one in app.main.children.items() if hasattr(one, "get")}
        return [place for place, one in blocks.items() if one.get("metric")]

    first = side()
    app.query_params["section"] = "Splits"
    app.run()
    assert side() == first
    app.query_params["dataset"] = "shapes"
    app.query_params["settings"] = "images:60"
    app.run()
    assert len(side()) == len(first) == 1 and side() != first


def test_shapes_are_said_to_lack_thirty_classes(open_data, words):
    app = open_data(dataset="shapes")
    assert app.metric[3].value == "30"
    assert "30 of 135 classes never occur" in words(app)


def test_samples_are_the_grid_of_the_seed_and_differ_from_each_other(open_data, data_dir):
    app = open_data(dataset="digits", seed="3", label="7")
    dataset = Digits().load(data_dir)
    expected = named(sample_grid(dataset, "train", 32, 3, 7))
    assert shown(app) == expected and len(set(expected)) == 32
    button(app, "Draw again").click().run()
    assert in_link(app, "seed") == "4"
    assert shown(app) == named(sample_grid(dataset, "train", 32, 4, 7))


def test_so_many_of_each_class_are_shown(open_data):
    app = open_data(dataset="digits", draw="Of each class")
    tiles = gallery(app)["tiles"]
    assert [tile["true"] for tile in tiles] == [str(label) for label in range(10) for _ in range(5)]


def test_the_first_rows_have_classes_and_figures(open_data):
    app = open_data(**SMALL_SHAPES)
    rows = app.dataframe[0].value
    assert list(rows["sample_id"]) == [0, 1, 2, 3, 4]
    assert rows[["squares", "circles", "up", "right", "down", "left"]].sum(axis=1).tolist() == (
        [10] * 5
    )


@pytest.mark.parametrize(
    ("look", "expected"),
    [
        ("class:3", lambda dataset: of_class(dataset, 3)),
        ("class:3:validation", lambda dataset: of_class(dataset, 3, "validation")),
        ("split:test", None),
    ],
)
def test_a_link_opens_exactly_the_images_that_it_names(open_data, data_dir, words, look, expected):
    app = open_data(dataset="digits", section="Classes", look=look)
    dataset = Digits().load(data_dir)
    if expected is None:
        names = [f"test:{sample_id}" for sample_id in range(360)]
    else:
        names = named(expected(dataset))
    assert shown(app) == names[:60]
    assert f"{len(names):,} images" in words(app)


def test_counts_and_groups_of_shapes_open_their_images(open_data, data_dir):
    dataset = Shapes(images=400).load(data_dir)
    app = open_data(section="Classes", look="count:circles:4", **SMALL_SHAPES)
    tiles = gallery(app)["tiles"]
    assert tiles and all("4 circles" in dict(tile["facts"])["Figures"] for tile in tiles)
    app = open_data(section="Classes", look="group:0:test", **SMALL_SHAPES)
    groups = dataset.space.class_groups
    expected = [
        f"test:{sample_id}"
        for sample_id, label in enumerate(dataset.splits["test"].labels)
        if groups[label] == groups[0]
    ]
    assert sorted(shown(app)) == sorted(expected)


def test_a_chip_removes_what_was_chosen(open_data):
    app = open_data(dataset="digits", section="Classes", look="class:3")
    button(app, "3").click().run()
    assert "look" not in app.query_params
    assert len(shown(app)) == 60 and {tile["true"] for tile in gallery(app)["tiles"]} == set(
        "0123456789"
    )


@pytest.mark.parametrize(
    "look", ["class:10", "class:x", "group:0", "count:circles:4", "grey:9:3", "nonsense", "point:"]
)
def test_what_the_data_set_does_not_have_is_said(open_data, words, look):
    app = open_data(dataset="digits", section="Classes", look=look)
    assert "which this data set does not have" in words(app)
    assert len(shown(app)) == 60


def test_links_to_nothing_are_said(open_data, words):
    app = open_data(dataset="<b>gone</b>")
    assert "names the data set \\<b\\>gone\\</b\\>" in words(app)
    app = open_data(dataset="shapes", settings="images:5")
    assert "images must lie in" in words(app) and app.metric[0].value == "10,000"
    app = open_data(dataset="shapes", settings="colour:1")
    assert "No setting is called" in words(app)


def test_settings_are_applied_and_stand_in_the_link(open_data):
    app = open_data(dataset="shapes", look="class:3")
    images = next(one for one in app.number_input if one.label == "Images")
    images.set_value(300)
    button(app, "Apply").click().run()
    assert in_link(app, "settings") == "images:300"
    assert "look" not in app.query_params
    assert app.metric[0].value == "300"


def test_the_threshold_moves_dark_share_and_histogram(open_data):
    app = open_data(dataset="digits", section="Pixels")
    assert app.slider[0].value == 10
    assert "above grey 10" in app.markdown[0].value + " ".join(one.value for one in app.markdown)
    app.slider[0].set_value(100).run()
    assert "above grey 100" in " ".join(one.value for one in app.markdown)


def test_mean_images_of_the_classes_stand_below_the_pixels(open_data):
    app = open_data(dataset="digits", section="Pixels")
    means = gallery(app, 1)
    assert [tile["true"] for tile in means["tiles"]] == list("0123456789")
    assert means["sheet"]["url"].startswith("api/means/")


def test_nearly_equal_images_are_found_in_the_background(open_data, words):
    app = open_data(dataset="digits", section="Duplicates", like="Nearly equal")
    run_until(app, lambda: app.success or app.warning or app.info)
    assert not app.error
    said = [one.value for kind in (app.success, app.warning, app.info) for one in kind]
    assert "nearly equal" in said[0]


def test_a_map_by_tsne_is_worked_out_in_the_background(open_data):
    app = open_data(section="Map", way="t-SNE", **SMALL_SHAPES)
    run_until(app, lambda: len(app.get("bidi_component")) == 1)
    app = open_data(section="Map", way="t-SNE", look="point:train:0", **SMALL_SHAPES)
    assert shown(app)[0] == "train:0" and len(shown(app)) == 24


def test_what_is_not_fetched_says_how_and_offers_it(own_data, words):
    _, opened = own_data
    app = opened(dataset="fashion")
    assert "fashion is not on this machine yet" in words(app)
    text_input(app, "Folder with the files (optional)").set_value("/nowhere/at/all")
    button(app, "Fetch it").click().run()
    run_until(app, lambda: app.error)
    assert "no folder and no address" in app.error[0].value
    button(app, "Put away").click().run()
    assert not app.error and "task" not in app.query_params


def test_an_import_by_path_shows_up_with_its_notes_and_is_removed(own_data, words, tmp_path):
    folder, opened = own_data
    path = picture_zip(tmp_path / "My Pets.zip", ("*cats*", "<i>dogs"))
    app = opened(section="Classes")
    text_input(app, "Or a file or folder on this machine").set_value(str(path)).run()
    assert text_input(app, "Name of the data set").value == "my-pets"
    button(app, "Import").click().run()
    run_until(app, lambda: in_link(app, "dataset") == "my-pets")
    app.run()
    assert app.metric[0].value == "16" and app.metric[1].value == "12 x 12, colour"
    assert "Read from My Pets\\.zip as image\\-folder" in words(app)
    notes = next(one.proto for one in app.get("popover") if "Notes" in one.proto.popover.label)
    assert notes.popover.label == "Notes (1)"
    assert list(app.dataframe[0].value["class_name"]) == ["*cats*", "<i>dogs"]
    assert "<i>" not in words(app)
    assert (folder / "imported" / "my-pets").is_dir()
    button(app, "Remove it").click().run()
    assert not (folder / "imported" / "my-pets").exists()
    assert in_link(app, "dataset") == "shapes"


@pytest.mark.parametrize(
    ("path", "name", "message"),
    [
        ("", "pets", "Choose a file to upload, or name one on this machine."),
        ("relative.zip", "pets", "from the root on"),
        ("/nowhere.zip", "digits", "is the name of a built"),
        ("/nowhere.zip", "My Pets!", "must be 1 to 40 of a"),
    ],
)
def test_an_import_that_cannot_begin_says_why(own_data, path, name, message):
    _, opened = own_data
    app = opened()
    if path:
        text_input(app, "Or a file or folder on this machine").set_value(path).run()
    text_input(app, "Name of the data set").set_value(name)
    button(app, "Import").click().run()
    assert message in app.error[0].value.replace("\\", "")


def test_a_link_opens_the_import_once(own_data):
    _, opened = own_data
    app = opened(**{"import": "open"})
    (form,) = _imports(app)
    assert form.proto.popover.open and "import" not in app.query_params
    (form,) = _imports(opened())
    assert not form.proto.popover.open


def _imports(app):
    return [one for one in app.get("popover") if one.proto.popover.label == "Import"]


def test_a_zip_that_leaves_its_folder_is_refused_with_its_message(own_data, tmp_path):
    folder, opened = own_data
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../outside.png", b"x")
    app = opened()
    text_input(app, "Or a file or folder on this machine").set_value(str(path)).run()
    button(app, "Import").click().run()
    run_until(app, lambda: app.error)
    assert "outside" in app.error[0].value.replace("\\", "")
    assert not (folder / "imported").exists() or not any((folder / "imported").iterdir())


def test_a_damaged_import_is_said_so_and_can_be_removed(own_data, words, tmp_path):
    folder, opened = own_data
    import_dataset(picture_zip(tmp_path / "p.zip"), "pets", None, ImportOptions(), folder)
    (folder / "imported" / "pets" / "labels.npy").write_bytes(b"x")
    app = opened(dataset="pets")
    assert "is damaged" in app.error[0].value
    assert "Remove it" in [one.label for one in app.button]


def test_another_import_under_the_same_name_is_seen(own_data, tmp_path):
    from core.datasets.importing import remove_dataset

    folder, opened = own_data
    import_dataset(picture_zip(tmp_path / "p.zip"), "pets", None, ImportOptions(), folder)
    app = opened(dataset="pets")
    assert app.metric[0].value == "16"
    remove_dataset("pets", folder)
    larger = picture_zip(tmp_path / "q.zip", num_images=11)
    import_dataset(larger, "pets", None, ImportOptions(), folder)
    app.run()
    assert app.metric[0].value == "22"


def test_where_other_machines_reach_the_server_nobody_can_import(open_data, words):
    before = config.get_option("server.address")
    config.set_option("server.address", "0.0.0.0")
    try:
        app = open_data(dataset="digits")
        assert "Other machines reach this server, without a login" in words(app)
        assert "Import" not in [button.label for button in app.button]
        assert [one.label for one in app.text_input] == ["Your name"]
    finally:
        config.set_option("server.address", before)
