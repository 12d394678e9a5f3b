import pytest

from core.exceptions import UnknownName
from core.jobs.analyst_tasks import TASKS, upload_folder
from core.jobs.hand_in_task import REPORT, TASK


def test_the_report_lies_in_the_folder_that_was_named(finished_store, data_dir):
    (run,) = finished_store.runs()
    folder = upload_folder(data_dir, "ab" * 16)
    arguments = {"runs_dir": str(finished_store.root), "runs": [run.id], "folder": "ab" * 16}
    shares = []
    said = TASKS[TASK].work(arguments, data_dir, lambda share, what: shares.append(share))
    assert said == {"left_out": []}
    assert run.id in (folder / REPORT).read_text()
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_folder_that_is_none_of_ours_is_refused(finished_store, data_dir):
    (run,) = finished_store.runs()
    arguments = {"runs_dir": str(finished_store.root), "runs": [run.id], "folder": "../elsewhere"}
    with pytest.raises(UnknownName):
        TASKS[TASK].work(arguments, data_dir, lambda share, what: None)
