"""The analyst: tasks in processes of their own, found again, cancelled, failed and forgotten."""

import os
import signal
import time
import zipfile

import numpy as np
import orjson
import pytest
from PIL import Image

from core.datasets.digits import Digits
from core.datasets.duplicates import near_duplicates
from core.datasets.imported import imported_names
from core.datasets.shapes import Shapes
from core.exceptions import UnknownName
from core.jobs import analyst
from core.jobs.analyst_tasks import STALE_SECONDS, UPLOADS, upload_folder
from core.runs import locks


def until(condition, seconds=120):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.05)
    return found


def ended(folder, key):
    """Wait until a task does not run any more, and return how it ended."""
    until(lambda: analyst.status(folder, key).state != "running")
    until(lambda: locks.holder(folder / "tasks" / key / "alive.lock") is None)
    return analyst.status(folder, key)


def zip_of_folders(path, num_images=8):
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("cats", "dogs"):
            for number in range(num_images):
                picture = path.with_suffix(".png")
                pixels = np.full((12, 12), 20 * number + (name == "dogs"), np.uint8)
                pixels[number, 3] = 255
                Image.fromarray(pixels).save(picture)
                archive.write(picture, f"{name}/{number}.png")
    return path


def map_of(dataset, source, **changes):
    arguments = {
        "dataset": source.model_dump(mode="json"),
        "fingerprint": dataset.fingerprint,
        "split": None,
        "num_samples": 60,
        "seed": 0,
    }
    return arguments | changes


def test_an_import_is_kept_with_its_progress_and_the_upload_is_gone(tmp_path):
    upload = upload_folder(tmp_path, "ab12")
    path = zip_of_folders(upload / "pets.zip")
    key = analyst.start(
        tmp_path, "import", {"path": str(path), "name": "pets", "options": {}, "upload": "ab12"}
    )
    assert ended(tmp_path, key) == analyst.TaskStatus("done", 1.0, "Done")
    assert analyst.result(tmp_path, key) == {"name": "pets"}
    assert imported_names(tmp_path) == ["pets"]
    assert not upload.exists()


def test_what_changes_the_data_folder_is_done_again_when_asked_again(tmp_path):
    arguments = {"path": str(zip_of_folders(tmp_path / "pets.zip")), "name": "pets", "options": {}}
    key = analyst.start(tmp_path, "import", arguments)
    assert ended(tmp_path, key).state == "done"
    assert analyst.start(tmp_path, "import", arguments) == key
    again = ended(tmp_path, key)
    assert again.state == "failed"
    assert again.message == (
        "A data set 'pets' is there already. Choose another name, or remove it first."
    )


def test_a_hostile_upload_fails_with_its_message_and_leaves_nothing(tmp_path):
    upload = upload_folder(tmp_path, "cd34")
    with zipfile.ZipFile(upload / "evil.zip", "w") as archive:
        archive.writestr("../../outside.png", b"x")
        archive.writestr("cats/1.png", b"x")
    key = analyst.start(
        tmp_path,
        "import",
        {"path": str(upload / "evil.zip"), "name": "evil", "options": {}, "upload": "cd34"},
    )
    failed = ended(tmp_path, key)
    assert failed.state == "failed" and ".." in failed.message
    assert str(tmp_path) not in failed.message
    assert imported_names(tmp_path) == [] and not upload.exists()
    assert not (tmp_path / "outside.png").exists()
    with pytest.raises(UnknownName):
        analyst.result(tmp_path, key)


def test_a_map_has_a_place_for_each_image_and_is_found_again(tmp_path):
    source = Digits()
    dataset = source.load(tmp_path)
    arguments = map_of(dataset, source)
    key = analyst.start(tmp_path, "map", arguments)
    assert key == analyst.task_key("map", arguments)
    assert ended(tmp_path, key).state == "done"
    found = analyst.result(tmp_path, key)
    assert set(found) == {"split", "sample_id", "x", "y"}
    assert {len(values) for values in found.values()} == {60}
    assert np.isfinite(found["x"]).all()
    written = (tmp_path / "tasks" / key / "result.json").stat().st_mtime_ns
    assert analyst.start(tmp_path, "map", arguments) == key
    assert analyst.status(tmp_path, key).state == "done"
    assert (tmp_path / "tasks" / key / "result.json").stat().st_mtime_ns == written


def test_near_duplicates_are_those_of_the_function(tmp_path):
    source = Digits()
    dataset = source.load(tmp_path)
    arguments = {
        "dataset": source.model_dump(mode="json"),
        "fingerprint": dataset.fingerprint,
        "least_correlation": 0.99,
    }
    key = analyst.start(tmp_path, "near", arguments)
    assert ended(tmp_path, key).state == "done"
    found, expected = analyst.result(tmp_path, key), near_duplicates(dataset, 0.99)
    assert found["verdict"] == expected.verdict
    assert found["table"]["sample_id"] == expected.table["sample_id"].tolist()
    assert list(found["table"]) == list(expected.table.columns)


def test_a_data_set_that_has_changed_is_said_so(tmp_path):
    source = Digits()
    arguments = map_of(source.load(tmp_path), source, fingerprint="0" * 64)
    failed = ended(tmp_path, analyst.start(tmp_path, "map", arguments))
    assert failed.state == "failed"
    assert (
        failed.message
        == "The data set 'digits' has changed since this was asked for. Open it again."
    )


def long_task(folder):
    """Start a task that takes minutes: t-SNE of many shapes."""
    source = Shapes(images=4000)
    dataset = source.load(folder)
    return analyst.start(folder, "map", map_of(dataset, source, num_samples=2000))


def test_a_task_that_runs_is_not_started_twice_and_is_cancelled(tmp_path):
    key = long_task(tmp_path)
    until(lambda: locks.holder(tmp_path / "tasks" / key / "alive.lock"))
    first = locks.holder(tmp_path / "tasks" / key / "alive.lock")
    assert long_task(tmp_path) == key
    assert locks.holder(tmp_path / "tasks" / key / "alive.lock") == first
    analyst.forget(tmp_path, key)  # not while it runs
    assert analyst.status(tmp_path, key).state == "running"
    analyst.cancel(tmp_path, key)
    cancelled = ended(tmp_path, key)
    assert (cancelled.state, cancelled.message) == ("cancelled", "Cancelled.")
    analyst.forget(tmp_path, key)
    assert analyst.status(tmp_path, key) is None


def test_cancelling_before_the_process_has_begun_is_heard(tmp_path):
    key = long_task(tmp_path)
    analyst.cancel(tmp_path, key)
    assert ended(tmp_path, key).state == "cancelled"


def test_a_process_that_was_killed_is_said_to_have_died_and_may_be_started_again(tmp_path):
    key = long_task(tmp_path)
    process = until(lambda: locks.holder(tmp_path / "tasks" / key / "alive.lock"))
    os.kill(process, signal.SIGKILL)
    died = ended(tmp_path, key)
    assert (died.state, died.message) == ("failed", "Its process died; try again.")
    assert long_task(tmp_path) == key
    assert analyst.status(tmp_path, key).state == "running"
    analyst.cancel(tmp_path, key)
    ended(tmp_path, key)


def test_a_process_that_cannot_even_begin_has_died_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(analyst, "python_environment", lambda: {"PYTHONHOME": str(tmp_path)})
    key = analyst.start(tmp_path, "import", {"name": "pets"})
    until(
        lambda: analyst.status(tmp_path, key).state == "failed", seconds=analyst.START_SECONDS / 2
    )
    assert analyst.status(tmp_path, key).message == "Its process died; try again."


def test_an_unforeseen_error_is_told_without_paths_of_this_machine(tmp_path):
    key = analyst.start(tmp_path, "import", {"name": "pets"})
    failed = ended(tmp_path, key)
    assert failed.state == "failed"
    assert failed.message == f"KeyError. The log of the task says more: tasks/{key}/log.txt"
    assert "Traceback" in (tmp_path / "tasks" / key / "log.txt").read_text()


def test_an_unknown_task_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(UnknownName, match=r"No task is called 'fetsh'\. Did you mean 'fetch'\?"):
        analyst.start(tmp_path, "fetsh", {})
    assert not (tmp_path / "tasks").exists()


@pytest.mark.parametrize("key", ["", "../../etc", "a/b", "ABC", "0" * 65, "."])
def test_what_is_no_key_is_refused(tmp_path, key):
    with pytest.raises(UnknownName, match="No task is called"):
        analyst.status(tmp_path, key)


def test_a_damaged_folder_is_as_if_nobody_had_asked(tmp_path):
    folder = tmp_path / "tasks" / "ab"
    folder.mkdir(parents=True)
    (folder / "progress.json").write_text('{"state": "done"')
    assert analyst.status(tmp_path, "ab") is None
    (folder / "progress.json").write_bytes(
        orjson.dumps({"state": "done", "share": 1, "what": "Done"})
    )
    with pytest.raises(UnknownName):
        analyst.result(tmp_path, "ab")


def test_old_uploads_and_tasks_are_forgotten(tmp_path):
    old = upload_folder(tmp_path, "01")
    (old / "file").write_text("x")
    before = time.time() - STALE_SECONDS - 60
    os.utime(old, (before, before))
    new = upload_folder(tmp_path, "02")
    assert [one.name for one in (tmp_path / UPLOADS).iterdir()] == ["02"]
    assert new.is_dir()
    stale = tmp_path / "tasks" / "ab"
    stale.mkdir(parents=True)
    before = time.time() - analyst.STALE_SECONDS - 60
    os.utime(stale, (before, before))
    ended(tmp_path, analyst.start(tmp_path, "import", {"name": "x"}))
    assert not stale.exists()
