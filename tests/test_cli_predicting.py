import contextlib
import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

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


def test_classes_that_do_not_occur_are_counted_not_listed(
    petridish, finished_store, finished_run, table, tmp_path
):
    lines = table.read_text().splitlines()
    table.write_text("\n".join(lines[:2]))
    status, said, _ = petridish(
        "predict", finished_run.id, table, "--output", tmp_path / "r.csv",
        "--runs", finished_store.root,
    )  # fmt: skip
    assert status == 0
    after = said[said.index("per_class") :].splitlines()
    assert [line.split()[0] for line in after] == [
        "per_class:", "class", after[2].split()[0], "classes_without_images"
    ]  # fmt: skip
    assert after[3].split()[1] == "9"


def test_inverted_images_are_spoken_of_before_they_are_predicted(
    petridish, finished_store, finished_run, data_dir, table, tmp_path
):
    header, *lines = table.read_text().splitlines()
    inverted = [
        ",".join([cells[0], *(str(255 - int(cell)) for cell in cells[1:])])
        for cells in (line.split(",") for line in lines)
    ]
    table.write_text("\n".join([header, *inverted]))
    status, said, error = petridish(
        "predict", finished_run.id, table, "--output", tmp_path / "r.csv",
        "--runs", finished_store.root, "--data", data_dir, "--json",
    )  # fmt: skip
    assert status == 0
    (warning,) = orjson.loads(said)["warnings"]
    assert error.count("Beware:") == 1
    assert error.index(f"Beware: {warning}") < error.index("20 images predicted")


def test_the_input_is_not_replaced_by_its_own_results(
    petridish, finished_store, finished_run, table
):
    before = table.read_bytes()
    status, out, error = petridish(
        "predict", finished_run.id, table, "--output", table, "--force",
        "--runs", finished_store.root,
    )  # fmt: skip
    assert (status, out) == (2, "")
    assert "'e.csv' is read, so it cannot be the output as well" in error
    assert table.read_bytes() == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_nothing_behind(
    elsewhere, finished_store, finished_run, table, tmp_path, number
):
    folder = tmp_path / "out"
    folder.mkdir()
    # Its progress goes into a pipe that is full: it waits with its first word, after the table has been begun.
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b" " * 256)
    os.set_blocking(writing, True)
    process = subprocess.Popen(
        [
            Path(sys.executable).with_name("petridish"), "predict", finished_run.id, table,
            "--output", folder / "r.csv", "--runs", finished_store.root,
        ],
        stderr=writing,
    )  # fmt: skip
    os.close(writing)
    try:
        for _ in range(6000):
            if any(folder.iterdir()) or process.poll() is not None:
                break
            time.sleep(0.01)
        assert [path.suffix for path in folder.iterdir()] == [".tmp"]
        process.send_signal(number)
        with open(reading, "rb") as pipe:
            pipe.read()
        assert process.wait(60) == 128 + number
    finally:
        process.kill()
        process.wait()
    assert list(folder.iterdir()) == []
