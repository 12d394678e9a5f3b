"""export, import and fsck as commands; what they do is tested beside core.export, core.jobs.importing, core.runs.fsck."""

import os
import zipfile

import orjson
import pytest

from core.runs import files


@pytest.fixture
def run(finished_copy):
    (run,) = finished_copy.runs()
    return run


@pytest.fixture
def folder(finished_copy):
    return ["--runs", finished_copy.root]


def test_runs_go_out_and_come_in_elsewhere(petridish, facts, run, folder, tmp_path):
    out = tmp_path / "runs.zip"
    assert petridish("runs", "export", run.id, "--to", "zip", out, *folder) == (0, "", "")
    there = ["--runs", tmp_path / "there"]
    assert petridish("runs", "import", out, *there) == (0, f"{run.id}\n", "")
    assert petridish("runs", "import", out, *there) == (0, f"{run.id} is already here\n", "")
    assert facts("runs", "import", out, *there) == [{"id": run.id, "imported": False}]
    assert facts("runs", "list", *there)[0]["state"] == "finished"
    (judged,) = facts("evaluate", run.id[:10], *there)
    assert judged["id"] == run.id


def test_options_of_an_export_are_heard(petridish, run, folder, tmp_path):
    out = tmp_path / "runs.zip"
    out.write_bytes(b"")
    status, _, err = petridish("runs", "export", run.id, "--to", "zip", out, *folder)
    assert (status, err.count("\n")) == (2, 1)
    call = ["runs", "export", run.id, run.id, "--to", "zip", "--no-weights", "--force", out]
    assert petridish(*call, *folder)[0] == 0
    with zipfile.ZipFile(out) as members:
        assert not any("best" in name for name in members.namelist())
    assert petridish("runs", "export", run.id, "--to", "csv", tmp_path / "a.csv", *folder)[0] == 0


def test_a_bad_archive_is_bad_input_in_one_line(petridish, tmp_path):
    (tmp_path / "a.zip").write_bytes(b"not a zip")
    status, out, err = petridish("runs", "import", tmp_path / "a.zip")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("petridish: 'a.zip' is no zip, or damaged (")


def test_fsck_says_what_is_damaged_and_mends_on_request(petridish, facts, run, folder):
    assert petridish("runs", "fsck", run.id[:12], *folder) == (0, "", "Nothing is damaged.\n")
    run.layout.history.write_bytes(run.layout.history.read_bytes() + b"{")
    status, out, _ = petridish("runs", "fsck", run.id, "--json", *folder)
    wanted = {
        "id": run.id,
        "file": "history.jsonl",
        "kind": "damage",
        "problem": "the last line is torn",
        "repair": "cut the torn line",
        "repaired": False,
    }
    assert (status, orjson.loads(out)) == (1, [wanted])
    status, out, err = petridish("runs", "fsck", *folder)
    assert status == 1
    assert "the last line is torn" in out
    assert err == f"  0% {run.id}\n"
    assert facts("runs", "fsck", run.id, "--fix", *folder) == [wanted | {"repaired": True}]
    assert facts("runs", "fsck", run.id, *folder) == []


def test_fsck_looks_at_the_queue_too(petridish, finished_copy, run, folder):
    files.make_folder(finished_copy.layout.queue_dir)
    entry = finished_copy.layout.queue_dir / "00000000000000000001-x.json"
    entry.write_bytes(b"{")
    os.utime(entry, (1, 1))
    status, out, _ = petridish("runs", "fsck", "--json", *folder)
    (found,) = orjson.loads(out)
    assert (status, found["id"], found["file"], found["repaired"]) == (
        0,
        ".queue",
        entry.name,
        False,
    )
    assert petridish("runs", "fsck", "--fix", *folder)[0] == 0
    assert not entry.exists()


def test_only_who_may_change_a_run_mends_it_and_only_an_admin_the_whole_folder(
    petridish, run, folder, finished_copy
):
    torn = run.layout.history.read_bytes() + b"{"
    run.layout.history.write_bytes(torn)
    people = finished_copy.root / ".people.json"
    people.write_bytes(orjson.dumps({"default": "student"}))
    status, out, err = petridish("runs", "fsck", "--fix", *folder)
    assert (status, out) == (2, "") and "Mending the whole runs folder is off: only an" in err
    spec = orjson.loads(run.layout.run_json.read_bytes())
    run.layout.run_json.write_bytes(orjson.dumps({**spec, "owner": "ada@example.org"}))
    status, out, err = petridish("runs", "fsck", "--fix", run.id, *folder)
    assert (status, out) == (2, "") and f"Run {run.id} is of ada@example.org" in err
    assert run.layout.history.read_bytes() == torn
    assert petridish("runs", "fsck", *folder)[0] == 1  # to look is allowed
    people.write_bytes(orjson.dumps({"default": "admin"}))
    assert petridish("runs", "fsck", "--fix", *folder)[0] == 0
    assert run.layout.history.read_bytes() == torn[:-1]
