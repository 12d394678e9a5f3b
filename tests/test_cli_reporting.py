import orjson


def test_a_report_is_written_and_its_facts_are_one_document(
    petridish, finished_copy, tmp_path, data_dir
):
    (run,) = finished_copy.runs()
    output = tmp_path / "report.html"
    where = ("--runs", finished_copy.root, "--data", data_dir)
    status, out, err = petridish("report", run.id, "--output", output, *where, "--json")
    assert (status, err.splitlines()[-1]) == (0, "100% Written")
    assert orjson.loads(out) == {
        "file": str(output),
        "bytes": output.stat().st_size,
        "runs": 1,
        "left_out": [],
    }
    assert run.id in output.read_text()


def test_a_file_that_exists_is_refused_before_any_work(petridish, finished_copy, tmp_path):
    (run,) = finished_copy.runs()
    output = tmp_path / "report.html"
    output.write_text("mine")
    status, out, err = petridish("report", run.id, "--output", output, "--runs", finished_copy.root)  # fmt: skip
    assert (status, out) == (2, "")
    assert "'report.html' exists already" in err and "--force" in err
    assert output.read_text() == "mine"


def test_a_folder_that_is_not_there_is_named(petridish, finished_copy, tmp_path):
    (run,) = finished_copy.runs()
    output = tmp_path / "nowhere" / "report.html"
    status, _, err = petridish("report", run.id, "--output", output, "--runs", finished_copy.root)
    assert status == 2
    assert "'report.html' cannot be written: its folder does not exist." in err


def test_a_damaged_run_ends_every_verb_that_hands_it_on_with_1_and_one_line(
    petridish, finished_copy, tmp_path
):
    (run,) = finished_copy.runs()
    run.layout.run_json.write_text("{")
    for kind in ("zip", "csv", "tensorboard", "script", "safetensors"):
        status, out, err = petridish("runs", "export", run.id, tmp_path / "x", "--to", kind, "--runs", finished_copy.root)  # fmt: skip
        assert (status, out, err.count("\n")) == (1, "", 1), kind
        assert f"petridish: Run {run.id} is damaged" in err and "petridish runs fsck" in err
    output = tmp_path / "report.html"
    status, out, err = petridish("report", run.id, "--output", output, "--runs", finished_copy.root)
    assert (status, out) == (1, "")
    assert f"Run {run.id} left out: damaged" in err and "petridish runs fsck" in err
    assert not output.exists() and not (tmp_path / "x").exists()


def test_a_report_of_one_run_says_1_run_and_names_what_is_lost_of_it(
    petridish, finished_copy, tmp_path, data_dir
):
    (run,) = finished_copy.runs()
    run.layout.history.unlink()
    where = ("--runs", finished_copy.root, "--data", data_dir)
    status, out, err = petridish("report", run.id, "--output", tmp_path / "r.html", *where)
    assert status == 0
    assert ": 1 run, " in out
    assert f"Run {run.id}: 3 epochs were finished, but history.jsonl is missing" in err
