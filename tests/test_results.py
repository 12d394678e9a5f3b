"""Results: a table appears whole or not at all, says what the runs say, and the images worth showing are kept."""

import csv
import dataclasses
import os

import numpy as np
import pytest
import torch
from PIL import Image

from core import results
from core.config import RunConfig
from core.datasets import unlabelled
from core.datasets.likeness import Likeness
from core.datasets.unlabelled import Block
from core.ensemble import Answers, Ensemble
from core.exceptions import InvalidInput, InvalidParameter
from core.inference import Predictor
from core.results import Gallery, ResultColumns, predict_file, whole_file


@pytest.fixture(scope="module")
def ensemble(finished_run):
    return Ensemble.load([finished_run])


@pytest.fixture(scope="module")
def dataset(finished_run, data_dir):
    return RunConfig.checked(finished_run.config).dataset.load(data_dir)


@pytest.fixture
def table(dataset, tmp_path):
    """The test split as a table with the IDs t0, t1, ..."""
    path = tmp_path / "evaluate.csv"
    images = dataset.split("test").images
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ID", *(f"pix{number}" for number in range(1, images[0].size + 1))])
        writer.writerows([f"t{row}", *image.ravel().tolist()] for row, image in enumerate(images))
    return path


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_holds_what_the_run_stored_of_the_same_images(
    ensemble, finished_run, table, tmp_path
):
    found = predict_file(ensemble, table, tmp_path / "results.csv")
    stored = finished_run.predictions("test")
    written = rows(tmp_path / "results.csv")
    assert list(written[0]) == ["ID", "label"]
    assert [row["ID"] for row in written] == [f"t{number}" for number in range(len(stored))]
    assert [int(row["label"]) for row in written] == stored.predicted.tolist()
    assert found.num_images == len(stored) and found.num_without_answer == 0
    np.testing.assert_array_equal(found.per_class, np.bincount(stored.predicted, minlength=10))


def test_further_columns_say_names_probabilities_and_the_next_classes(
    ensemble, finished_run, table, tmp_path
):
    columns = ResultColumns(has_names=True, top=2, has_probabilities=True)
    predict_file(ensemble, table, tmp_path / "r.csv", columns=columns)
    stored = finished_run.predictions("test")
    first = rows(tmp_path / "r.csv")[0]
    order = np.argsort(-stored.probabilities[0])
    assert list(first)[:6] == ["ID", "label", "name", "probability", "label_2", "probability_2"]
    assert [first["label"], first["label_2"]] == [str(order[0]), str(order[1])]
    assert first["name"] == stored.space.class_names[order[0]]
    assert float(first["probability"]) == pytest.approx(stored.probabilities[0].max(), abs=1e-6)
    shares = [float(first[f"probability_{label}"]) for label in range(10)]
    np.testing.assert_allclose(shares, stored.probabilities[0], atol=1e-6)


def test_top_below_one_is_refused_and_nothing_is_left(ensemble, table, tmp_path):
    with pytest.raises(InvalidParameter, match="top must be 1 or more"):
        predict_file(ensemble, table, tmp_path / "r.csv", columns=ResultColumns(top=0))
    assert os.listdir(tmp_path) == ["evaluate.csv"]


def test_an_image_without_an_answer_gets_an_empty_label(tmp_path):
    answers = Answers(np.array([[0.25, 0.75], [np.nan, np.nan]]), np.array([[1.0], [2.5]]))
    space = type("Space", (), {"num_classes": 2, "class_names": ("=a", "b"), "count_names": ("n",)})
    columns = ResultColumns(has_names=True, top=2, has_counts=True)
    assert columns.header(space, True)[-1] == "count_n"
    assert list(columns.rows(("-5", "=x"), answers, space)) == [
        ["-5", 1, "b", "0.750000", 0, "0.250000", "1.000"],
        ["'=x", "", "", "", "", "", "2.500"],
    ]


def test_an_existing_table_is_replaced_on_request_only(ensemble, table, tmp_path):
    output = tmp_path / "r.csv"
    output.write_text("mine")
    with pytest.raises(InvalidInput, match=r"'r.csv' exists already.*--force"):
        predict_file(ensemble, table, output)
    assert output.read_text() == "mine"
    predict_file(ensemble, table, output, force=True)
    assert output.read_text().startswith("ID,label\n")


@pytest.mark.parametrize("name", ["none/r.csv", "folder"])
def test_an_output_that_cannot_be_written_is_refused(ensemble, table, tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(InvalidInput, match=r"is a folder|folder does not exist"):
        predict_file(ensemble, table, tmp_path / name)


def test_a_bad_row_leaves_nothing_behind(ensemble, table, tmp_path):
    table.write_text(table.read_text() + "last,1,2\n")
    with pytest.raises(InvalidInput, match=r"evaluate\.csv"):
        predict_file(ensemble, table, tmp_path / "r.csv")
    assert os.listdir(tmp_path) == ["evaluate.csv"]


def test_stopping_leaves_nothing_behind(ensemble, table, tmp_path):
    def stop(share, what):
        if "predicted" in what:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_file(ensemble, table, tmp_path / "r.csv", progress=stop)
    assert os.listdir(tmp_path) == ["evaluate.csv"]


def test_inverted_input_is_named_and_inverting_it_mends_it(ensemble, dataset, table, tmp_path):
    header, *lines = table.read_text().splitlines()
    inverted = [
        ",".join([cells[0], *(str(255 - int(cell)) for cell in cells[1:])])
        for cells in (line.split(",") for line in lines)
    ]
    table.write_text("\n".join([header, *inverted]))
    training = Likeness.of(dataset.split("train").images)
    found = predict_file(ensemble, table, tmp_path / "r.csv", training=training)
    assert len(found.warnings) == 1 and "inverted" in found.warnings[0]
    mended = predict_file(ensemble, table, tmp_path / "m.csv", training=training, is_inverted=True)
    assert mended.warnings == ()
    assert (mended.per_class != found.per_class).any()


def test_the_gallery_keeps_the_first_and_the_least_certain_of_each_class(monkeypatch):
    monkeypatch.setattr(results, "NUM_FIRST", 2)
    gallery = Gallery(num_per_class=2)
    images = np.arange(6, dtype=np.uint8).reshape(6, 1, 1, 1)
    sure = np.array([0.9, 0.6, 0.7, 0.95, 0.6, 0.8])
    probabilities = np.stack([sure, 1 - sure], axis=1)
    probabilities[3] = [0.1, 0.9]
    block = Block(tuple("abcdef"), images, 1.0)
    gallery.add(0, block, Answers(probabilities, None))
    assert [one.id for one in gallery.first] == ["a", "b"]
    assert [one.id for one in gallery.least_certain(0)] == ["b", "e"]
    assert [one.id for one in gallery.least_certain(1)] == ["d"]
    assert gallery.least_certain(0)[0].image.item() == 1


def test_the_gallery_stays_small_with_many_classes():
    space = type("Space", (), {"num_classes": 1000})
    assert Gallery.of(space, (3, 256, 256)).num_per_class == 1
    assert Gallery.of(type("Space", (), {"num_classes": 10}), (1, 28, 28)).num_per_class == 20


@pytest.mark.parametrize("name", ["evaluate.csv", "link/evaluate.csv"])
def test_the_input_is_never_the_output(ensemble, table, tmp_path, name):
    (tmp_path / "link").symlink_to(tmp_path)
    before = table.read_bytes()
    with pytest.raises(InvalidInput, match=r"'evaluate.csv' is read, so it cannot be the output"):
        predict_file(ensemble, table, tmp_path / name, force=True)
    assert table.read_bytes() == before


def test_an_image_of_the_input_folder_is_never_the_output(ensemble, dataset, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    image = folder / "1.png"
    Image.fromarray(dataset.split("test").images[0, 0]).save(image)
    before = image.read_bytes()
    with pytest.raises(InvalidInput, match="is read"):
        predict_file(ensemble, folder, image, force=True)
    assert image.read_bytes() == before
    for _ in range(2):  # A table beside the images is none of them.
        found = predict_file(ensemble, folder, folder / "results.csv", force=True)
        assert found.num_images == 1


def test_an_input_that_changes_meanwhile_leaves_no_table(ensemble, table, tmp_path):
    output = tmp_path / "r.csv"
    output.write_text("mine")

    def change(share, what):
        if "predicted" in what:
            table.write_text("other")

    with pytest.raises(InvalidInput, match=r"'evaluate\.csv' changed while it was read") as caught:
        predict_file(ensemble, table, output, force=True, progress=change)
    assert "import" not in str(caught.value).lower()
    assert output.read_text() == "mine"
    assert sorted(os.listdir(tmp_path)) == ["evaluate.csv", "r.csv"]


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("kind", ["pipe", "link", "dangling link"])
def test_only_a_regular_file_is_replaced(tmp_path, kind, force):
    output, target = tmp_path / "r.csv", tmp_path / "target"
    if kind == "pipe":
        os.mkfifo(output)
    else:
        output.symlink_to(target)
    if kind == "link":
        target.write_text("mine")
    before = os.lstat(output)
    words = "is no regular file but a pipe" if kind == "pipe" else "is a link"
    with pytest.raises(InvalidInput, match=words), whole_file(output, force) as file:
        file.write("table")
    assert os.lstat(output).st_ino == before.st_ino
    assert not target.exists() or target.read_text() == "mine"


def test_what_differs_is_told_before_the_images_are_predicted(
    ensemble, dataset, table, tmp_path, monkeypatch
):
    monkeypatch.setattr(unlabelled, "BLOCK_IMAGES", 16)
    header, *lines = table.read_text().splitlines()
    for row in range(32, len(lines)):
        name, *cells = lines[row].split(",")
        lines[row] = ",".join([name, *(str(255 - int(cell)) for cell in cells)])
    table.write_text("\n".join([header, *lines]))
    told = []
    found = predict_file(
        ensemble, table, tmp_path / "r.csv",
        training=Likeness.of(dataset.split("train").images),
        progress=lambda share, what: told.append(what), warn=told.append,
    )  # fmt: skip
    (at,) = [place for place, what in enumerate(told) if what in found.warnings]
    assert told[at].startswith("From image 33 on: The images look inverted")
    assert told[at - 1] == "32 images predicted"


def test_a_run_that_answers_nothing_is_named(ensemble, finished_run, table, tmp_path):
    broken = Predictor.load(finished_run)
    with torch.no_grad():
        for parameter in broken.network.parameters():
            parameter.fill_(float("nan"))
    broken = dataclasses.replace(broken, run_id="broken-run")
    told = []
    both = Ensemble((*ensemble.members, broken))
    found = predict_file(both, table, tmp_path / "r.csv", warn=told.append)
    number = found.num_images
    assert found.num_without_answer == number
    assert found.warnings == tuple(told)
    assert told == [
        f"Run broken-run gave no finite answer for {number} of {number} images; their labels are empty."
    ]


def test_ids_that_look_like_formulas_are_counted(ensemble, table, tmp_path):
    lines = table.read_text().splitlines()
    for row, name in enumerate(("-front", "-3", "=1+1"), start=1):
        lines[row] = name + lines[row][lines[row].index(",") :]
    table.write_text("\n".join(lines))
    found = predict_file(ensemble, table, tmp_path / "r.csv")
    assert [row["ID"] for row in rows(tmp_path / "r.csv")[:3]] == ["'-front", "-3", "'=1+1"]
    assert found.notes == (
        "2 IDs were given a leading apostrophe, so that no spreadsheet takes them for formulas.",
    )
