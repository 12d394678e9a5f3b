from core.runs.state import RunState, write_state

# What cli.md promises of a run.
ROW_KEYS = {
    "id",
    "name",
    "dataset",
    "variant",
    "seed",
    "suite",
    "state",
    "reason",
    "message",
    "epoch",
    "epochs",
    "owner",
    "created",
    "started",
    "ended",
    "best_epoch",
    "best_validation_accuracy",
    "damaged",
    "tags",
    "note",
}

NO_ID = "20260131-142501-9f3a1c"


def test_a_missing_folder_is_an_empty_list(petridish, facts, elsewhere):
    assert facts("runs", "list") == []
    assert petridish("runs", "list")[:2] == (0, "")
    assert list(elsewhere.iterdir()) == []


def test_an_empty_list_says_where_it_looked(petridish, tmp_path):
    status, out, err = petridish("runs", "list", "--runs", tmp_path)
    assert (status, out) == (0, "")
    assert err == f"No runs in {tmp_path} yet: petridish train --help\n"


def test_the_folder_comes_from_the_option_or_the_variable_or_is_runs(
    facts, elsewhere, finished_store, monkeypatch
):
    (run,) = finished_store.runs()
    assert facts("runs", "list", "--runs", finished_store.root)[0]["id"] == run.id
    monkeypatch.setenv("PETRIDISH_RUNS", str(finished_store.root))
    assert facts("runs", "list")[0]["id"] == run.id
    assert facts("runs", "list", "--runs", elsewhere / "none") == []
    monkeypatch.delenv("PETRIDISH_RUNS")
    (elsewhere / "runs").symlink_to(finished_store.root)
    assert facts("runs", "list")[0]["id"] == run.id


def test_a_run_in_the_list_has_the_promised_keys(facts, finished_store, finished_run):
    (row,) = facts("runs", "list", "--runs", finished_store.root)
    assert set(row) == ROW_KEYS
    assert row == finished_run.row()


def test_a_shown_run_has_the_promised_keys(facts, finished_store, finished_run):
    shown = facts("runs", "show", finished_run.id, "--runs", finished_store.root)
    assert set(shown) == ROW_KEYS | {
        "config",
        "attempts",
        "path",
        "weights_sha256",
        "parameters",
        "verdicts",
    }
    assert set(shown["attempts"][0]) == {
        "attempt",
        "host",
        "pid",
        "device",
        "from_epoch",
        "exit",
    }
    assert shown["path"] == str(finished_run.layout.path)
    assert len(shown["weights_sha256"]) == 64


def test_a_history_is_its_rows(facts, finished_store, finished_run):
    rows = facts("runs", "history", finished_run.id, "--runs", finished_store.root)
    assert rows == finished_run.history()
    assert set(rows[0]) >= {
        "attempt",
        "epoch",
        "step",
        "time",
        "stage",
        "learning_rate",
        "epoch_seconds",
        "train_loss",
        "train_accuracy",
        "validation_loss",
        "validation_accuracy",
    }


def test_a_log_is_its_text(petridish, facts, finished_copy):
    (run,) = finished_copy.runs()
    call = ["runs", "log", run.id, "--runs", finished_copy.root]
    assert facts(*call) == {"id": run.id, "log": ""}
    assert petridish(*call) == (0, "", "")
    run.layout.log.write_bytes(b"one\ntwo \xff\n")
    assert facts(*call) == {"id": run.id, "log": "one\ntwo \N{REPLACEMENT CHARACTER}\n"}
    assert petridish(*call) == (0, "one\ntwo \N{REPLACEMENT CHARACTER}\n", "")


def test_a_damaged_run_is_listed_beside_the_others(petridish, facts, finished_copy):
    (run,) = finished_copy.runs()
    broken = finished_copy.root / NO_ID
    broken.mkdir()
    (broken / "run.json").write_bytes(b"")
    rows = {row["id"]: row for row in facts("runs", "list", "--runs", finished_copy.root)}
    assert rows[run.id]["state"] == "finished"
    assert rows[NO_ID]["state"] == "damaged"
    assert rows[NO_ID]["damaged"] == "run.json is empty; state.json is missing"
    assert facts("runs", "show", NO_ID, "--runs", finished_copy.root)["config"] == {}
    assert facts("runs", "history", NO_ID, "--runs", finished_copy.root) == []
    status, out, _ = petridish("runs", "list", "--runs", finished_copy.root)
    assert status == 0
    assert "run.json is empty; state.json is missing" in out
    for verb, rule in (("stop", "can be stopped"), ("resume", "resumed")):
        status, _, err = petridish("runs", verb, NO_ID, "--runs", finished_copy.root)
        assert status == 2
        assert rule in err
        assert err.count("\n") == 1


def test_a_run_is_stopped_and_resumed_by_name(petridish_process, petridish, processes, long_config):
    folders = ["--runs", processes.store.root]
    run = processes.submit(long_config)
    processes.until_within_epoch(run, 1)
    assert petridish("runs", "stop", run.id, *folders) == (0, "", "")
    stopped = processes.until_state(run, "stopped")
    assert stopped.state.reason == "request"
    assert petridish("runs", "stop", run.id, *folders) == (
        2,
        "",
        f"petridish: Run {run.id} is stopped; only a run under way can be stopped.\n",
    )
    processes.until(lambda: processes.worker(run) is None)
    done = petridish_process(
        "runs", "resume", run.id, "--wait", *folders, "--data", processes.data_dir
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    finished = processes.store.run(run.id)
    assert (finished.state.state, finished.state.attempt) == ("finished", 2)
    status, _, err = petridish("runs", "resume", run.id, *folders)
    assert status == 2
    assert err.startswith(f"petridish: Run {run.id} is finished; only a run that is ")


def test_of_several_runs_none_is_touched_when_one_is_unknown(petridish, finished_copy):
    (run,) = finished_copy.runs()
    write_state(run.layout, RunState("stopped", t=1.0))
    before = run.layout.state_json.read_bytes()
    status, _, err = petridish("runs", "resume", run.id, NO_ID, "--runs", finished_copy.root)
    assert status == 2
    assert err.startswith(f"petridish: No run is called '{NO_ID}'.")
    assert run.layout.state_json.read_bytes() == before


def test_a_waiting_run_says_what_it_waits_for(facts, occupied_store, finished_run, spec_of):
    run = occupied_store.create(spec_of(finished_run), epochs=3)
    (row,) = facts("runs", "list", "--runs", occupied_store.root)
    assert (row["id"], row["state"]) == (run.id, "queued")
    # Nobody has started a runner here.
    assert row["message"] == "waits for the runner to start"
