"""The task "predict": what lies in its folder afterwards is what the run says, and names lead nowhere else."""

import csv

import numpy as np
import orjson
import pytest

from core.config import RunConfig
from core.exceptions import UnknownName
from core.jobs.analyst_tasks import TASKS, upload_folder
from core.jobs.predict_task import TASK, folder_of, predict_images, predicted, training_likeness

FOLDER = "0123456789abcdef"


@pytest.fixture
def outcome(finished_store, finished_run, data_dir, tmp_path):
    dataset = RunConfig.checked(finished_run.config).dataset.load(data_dir)
    images = dataset.split("test").images[:40]
    path = tmp_path / "e.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ID", *(f"pix{number}" for number in range(1, images[0].size + 1))])
        writer.writerows([f"t{row}", *one.ravel().tolist()] for row, one in enumerate(images))
    upload_folder(data_dir, FOLDER)
    arguments = {
        "runs_dir": str(finished_store.root),
        "runs": [finished_run.id],
        "path": str(path),
        "folder": FOLDER,
        "columns": {"has_names": True},
        "averaging": None,
        "is_inverted": False,
        "skip_unreadable": False,
    }
    assert TASKS[TASK].work is predict_images
    facts = predict_images(arguments, data_dir, lambda share, what: None)
    return orjson.loads(orjson.dumps(facts)), images


def test_table_and_images_are_what_the_run_says(outcome, finished_run, data_dir):
    facts, images = outcome
    stored = finished_run.predictions("test").predicted[:40]
    assert facts["images"] == 40 and facts["without_answer"] == 0
    assert facts["per_class"] == np.bincount(stored, minlength=10).tolist()
    kept = predicted(data_dir, FOLDER)
    with kept.table.open(newline="") as file:
        assert [int(row["label"]) for row in csv.DictReader(file)] == stored.tolist()
    assert len(facts["first"]) == 32
    for row in facts["first"] + facts["least_certain"]:
        np.testing.assert_array_equal(kept.images[row["at"]], images[row["position"]])
        assert row["label"] == stored[row["position"]] and row["id"] == f"t{row['position']}"
    shares = [row["confidence"] for row in facts["least_certain"] if row["label"] == 0]
    assert shares == sorted(shares)


@pytest.mark.parametrize("name", ["", "../../etc", "ABC", "0" * 65, "g"])
def test_a_name_leads_to_no_other_folder(tmp_path, name):
    with pytest.raises(UnknownName):
        folder_of(tmp_path, name)


def test_what_is_gone_is_said(tmp_path):
    with pytest.raises(UnknownName, match="No prediction is called"):
        predicted(tmp_path, "ab")


def test_without_its_data_set_a_run_has_no_likeness(finished_copy, monkeypatch, tmp_path):
    (run,) = finished_copy.runs()
    path = run.layout.run_json
    path.write_bytes(path.read_bytes().replace(b'"digits"', b'"gone"'))
    assert training_likeness(finished_copy.run(run.id), tmp_path) is None
