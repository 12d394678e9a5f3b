import csv

import orjson
import pytest

from core.config import RunConfig


@pytest.fixture
def table(finished_run, data_dir, tmp_path):
    images = RunConfig.checked(finished_run.config).dataset.load(data_dir).split("test").images[:20]
    path = tmp_path / "e.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ID", *(f"pix{number}" for number in range(1, images[0].size + 1))])
        writer.writerows([row, *image.ravel().tolist()] for row, image in enumerate(images))
    return path


def test_a_table_is_predicted(petridish, finished_store, finished_run, table, tmp_path):
    out = tmp_path / "results.csv"
    status, said, error = petridish(
        "predict", finished_run.id, table, "--output", out, "--runs", finished_store.root, "--json"
    )
    assert status == 0 and "20 images predicted" in error
    found = orjson.loads(said)
    assert set(found) >= {"output", "runs", "images", "without_answer", "warnings", "notes"}
    assert found["images"] == 20 and found["runs"] == [finished_run.id]
    assert sum(row["images"] for row in found["per_class"]) == 20
    stored = finished_run.predictions("test").predicted[:20].tolist()
    with out.open(newline="") as file:
        assert [int(row["label"]) for row in csv.DictReader(file)] == stored


def test_an_existing_output_is_refused_before_anything_is_read(
    petridish, finished_store, finished_run, tmp_path
):
    (tmp_path / "r.csv").write_text("mine")
    status, out, error = petridish(
        "predict", finished_run.id, "none.csv", "--output", tmp_path / "r.csv",
        "--runs", finished_store.root,
    )  # fmt: skip
    assert (status, out) == (2, "")
    assert "'r.csv' exists already" in error
    assert (tmp_path / "r.csv").read_text() == "mine"


def test_a_run_without_input_is_wrong_usage(petridish, finished_store, finished_run, tmp_path):
    status, _, error = petridish(
        "predict", finished_run.id, "--output", tmp_path / "r.csv", "--runs", finished_store.root
    )
    assert status == 2 and "at least one run and then the input" in error
