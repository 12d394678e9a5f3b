import orjson


def test_a_report_is_written_and_its_facts_are_one_document(
    petridish, finished_store, tmp_path, data_dir
):
    (run,) = finished_store.runs()
    output = tmp_path / "report.html"
    where = ("--runs", finished_store.root, "--data", data_dir)
    status, out, err = petridish("report", run.id, "--output", output, *where, "--json")
    assert (status, err.splitlines()[-1]) == (0, "100% Written")
    assert orjson.loads(out) == {
        "file": str(output),
        "bytes": output.stat().st_size,
        "runs": 1,
        "left_out": [],
    }
    assert run.id in output.read_text()


def test_a_file_that_exists_is_refused_before_any_work(petridish, finished_store, tmp_path):
    (run,) = finished_store.runs()
    output = tmp_path / "report.html"
    output.write_text("mine")
    status, out, err = petridish("report", run.id, "--output", output, "--runs", finished_store.root)  # fmt: skip
    assert (status, out) == (2, "")
    assert "'report.html' exists already" in err and "--force" in err
    assert output.read_text() == "mine"


def test_a_folder_that_is_not_there_is_named(petridish, finished_store, tmp_path):
    (run,) = finished_store.runs()
    output = tmp_path / "nowhere" / "report.html"
    status, _, err = petridish("report", run.id, "--output", output, "--runs", finished_store.root)
    assert status == 2
    assert "'report.html' cannot be written: its folder does not exist." in err
