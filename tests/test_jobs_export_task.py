import zipfile

import pytest

from core.exceptions import InvalidInput, UnknownName
from core.export import onnx_file
from core.jobs.analyst_tasks import TASKS, upload_folder
from core.jobs.export_task import ENDINGS, TASK, exported_file

NAME = "cd" * 16


def done(finished_store, data_dir, kind, folder=NAME):
    (run,) = finished_store.runs()
    arguments = {
        "runs_dir": str(finished_store.root),
        "run": run.id,
        "kind": kind,
        "folder": folder,
    }
    said = []
    notes = TASKS[TASK].work(arguments, data_dir, lambda share, what: said.append((share, what)))
    return run, notes, said


def test_weights_lie_in_the_folder_that_was_named(finished_store, data_dir):
    upload_folder(data_dir, NAME)
    _, notes, said = done(finished_store, data_dir, "safetensors")
    assert notes == {"notes": []}
    with zipfile.ZipFile(exported_file(data_dir, NAME, "safetensors")) as packed:
        assert {"model.safetensors", "README.md"} <= set(packed.namelist())
    shares = [share for share, _ in said]
    assert shares == sorted(shares) and shares[-1] == 1
    assert all(what and not what.endswith(".") for _, what in said)


def test_a_script_lies_there_as_text(finished_store, data_dir):
    folder = upload_folder(data_dir, NAME)
    run, _, _ = done(finished_store, data_dir, "script")
    assert run.id in (folder / "export.py").read_text()


def test_onnx_is_refused_where_its_packages_are_not_installed(finished_store, data_dir):
    if onnx_file.has_onnx():
        pytest.skip("they are installed")
    folder = upload_folder(data_dir, NAME)
    with pytest.raises(InvalidInput, match=r"onnxscript, which are not installed: pip install"):
        done(finished_store, data_dir, "onnx")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("kind", ENDINGS)
def test_a_folder_that_is_none_of_ours_is_refused(finished_store, data_dir, kind):
    with pytest.raises(UnknownName):
        done(finished_store, data_dir, kind, "../elsewhere")
