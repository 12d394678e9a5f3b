import orjson
import pytest

from core.augmentations.pipeline import AugmentationPipeline
from core.pipelines import save_pipeline


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--variant", "conv-base"],
            "Convolution 2 of 2 with its pooling needs at least 4x4 pixels; 3x3 are left of the 8x8 image. "
            "Set model.padding=1 or take variant conv-base-padded.",
        ),
        (
            ["--variant", "dense-base", "--set", "training.batch_size=2000"],
            "training.batch_size must be at most the 1077 training samples of 'digits'; got 2000. Take 32: on the page "
            "Train under 'Batch size', or for several variants under 'Changes for all runs'; on the command line with "
            "--set training.batch_size=32.",
        ),
        (
            ["--variant", "dense-base", "--seeds", "9999999999"],
            "seed must lie in [0, 2147483647]; got 9999999999.",
        ),
        (
            # The second cannot be done, so the first is not queued either.
            ["--variant", "dense-base", "--variant", "shapes-net"],
            "The count head of shapes-net needs a data set whose classes imply counts, such as shapes; "
            "this one has 10 classes and no counts. Take a dense or conv variant.",
        ),
    ],
)
def test_what_does_not_fit_the_data_is_not_queued(
    petridish, elsewhere, data_dir, arguments, message
):
    call = ["train", "--dataset", "digits", "--data", data_dir, *arguments]
    assert petridish(*call) == (2, "", f"petridish: {message}\n")
    assert list(elsewhere.iterdir()) == []


FEW = ("--dataset", "shapes", "--set", "dataset.images=100")


def test_on_few_images_the_batches_are_made_smaller_and_a_note_says_so(
    petridish_process, processes, data_dir
):
    call = ["train", *FEW, "--variant", "dense-base", "--variant", "shapes-combined"]
    call += ["--set", "training.max_epochs=1", "--device", "cpu"]
    done = petridish_process(*call, "--runs", processes.store.root, "--data", data_dir, "--wait")
    assert done.returncode == 0, done.stderr
    assert "in dense-base: Batch size 16 instead of 256: there are only 80 training" in done.stderr
    assert "in shapes-combined: Batch size 16 instead of 64:" in done.stderr
    runs = processes.store.runs()
    assert [run.config["training"]["batch_size"] for run in runs] == [16, 16]


def test_a_batch_size_that_is_asked_for_is_never_fitted(petridish, elsewhere, data_dir):
    call = ["train", *FEW, "--variant", "dense-base", "--data", data_dir]
    status, _, said = petridish(*call, "--set", "training.batch_size=256")
    assert status == 2 and "at most the 80 training samples of 'shapes'; got 256. Take 16:" in said
    assert list(elsewhere.iterdir()) == []


def test_an_equal_finished_run_is_reused(petridish, facts, finished_copy, data_dir):
    (run,) = finished_copy.runs()
    call = [
        "train",
        *("--dataset", "digits", "--variant", "dense-base"),
        *("--set", "training.max_epochs=3", "--set", "training.batch_size=64"),
        *("--runs", finished_copy.root, "--data", data_dir),
    ]
    note = f"{run.id} does the same and is reused; --force trains again.\n"
    assert petridish(*call) == (0, f"{run.id}\n", note)
    assert petridish(*call, "--json", "--wait")[:2] == (0, f'["{run.id}"]\n')
    assert len(finished_copy.runs()) == 1
    assert not finished_copy.layout.queue_dir.exists()


def test_training_prints_an_id_a_run_and_waits_when_asked(petridish_process, processes, data_dir):
    folders = ["--runs", processes.store.root, "--data", data_dir]
    call = ["train", "--dataset", "digits", "--variant", "dense-base", "--seeds", "0-1", *folders]
    call += ["--set", "training.max_epochs=1", "--name", "t\x1brial", "--device", "cpu"]
    done = petridish_process(*call, "--json", "--wait")
    assert done.returncode == 0, done.stderr
    ids = orjson.loads(done.stdout)
    runs = [processes.store.run(run_id) for run_id in ids]
    assert [run.state.state for run in runs] == ["finished", "finished"]
    assert [run.seed for run in runs] == [0, 1]
    assert {run.name for run in runs} == {"trial"}
    assert {run.state.epoch for run in runs} == {1}
    for run_id in ids:
        assert any(
            line.startswith(run_id) and line.endswith("finished, epoch 1")
            for line in done.stderr.splitlines()
        )
    shown = orjson.loads(petridish_process("runs", "list", "--json", *folders[:2]).stdout)
    assert {row["id"] for row in shown} == set(ids)


def test_waiting_for_a_run_that_fails_is_a_failure(petridish_process, processes, data_dir):
    call = ["train", "--dataset", "digits", "--variant", "dense-base", "--device", "cpu", "--wait"]
    # So large a step makes the loss infinite.
    call += ["--set", "training.learning_rate=10", "--set", "training.optimizer=sgd"]
    call += ["--set", "training.batch_size=8", "--set", "training.max_epochs=50"]
    call += ["--set", "training.patience=0", "--runs", processes.store.root, "--data", data_dir]
    done = petridish_process(*call)
    (run,) = processes.store.runs()
    assert done.stdout == f"{run.id}\n"
    assert (run.state.state, run.state.reason) == ("failed", "nan_loss")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(run.state.message)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_demo_trains_all_its_runs_and_sums_them_up(petridish_process, processes, data_dir):
    done = petridish_process(
        *("demo", "--until-done", "--json"),
        *("--runs", processes.store.root, "--data", data_dir),
    )
    assert done.returncode == 0, done.stderr
    summary = orjson.loads(done.stdout)
    assert list(summary) == ["runs"]
    for row in summary["runs"]:
        assert set(row) == {"id", "dataset", "variant", "state", "test_accuracy", "seconds"}
        assert row["state"] == "finished"
    accuracies = {row["variant"]: row["test_accuracy"] for row in summary["runs"]}
    assert accuracies["conv-base-padded"] >= 0.93
    again = petridish_process(
        *("demo", "--until-done", "--json"),
        *("--runs", processes.store.root, "--data", data_dir),
    )
    assert orjson.loads(again.stdout) == summary


def test_an_augmentation_comes_from_a_file_a_preset_or_what_was_saved(
    petridish, data_dir, processes, tmp_path
):
    root = processes.store.root
    turns = {"steps": [{"name": "quarter-turn", "probability": 1}]}
    path = tmp_path / "turns.json"
    path.write_bytes(orjson.dumps(turns))
    save_pipeline(root, "my turns", AugmentationPipeline.checked(turns), "ada")
    call = ["train", "--dataset", "shapes", "--variant", "dense-base"]
    call += ["--set", "dataset.images=100", "--set", "training.batch_size=32"]
    for named, step in (
        (path, "quarter-turn"),
        ("shapes-recipe", "symmetry"),
        ("my turns", "quarter-turn"),
    ):
        status, out, said = petridish(
            *call, "--augmentation", named, "--force", "--data", data_dir, "--runs", root, "--json"
        )
        assert status == 0
        assert f"step 1 ({step}) changes labels" in said
        (run_id,) = orjson.loads(out)
        (found,) = processes.store.run(run_id).config["augmentation"]["steps"]
        assert (found["name"], found["probability"]) == (step, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"steps": [{"name": "turn"}]}', "step 1: No augmentation is called 'turn'."),
        ('{"steps": [{"name": "zoom", "probability": 2}]}', "step 1 (zoom): probability must lie"),
        ('{"schema_version": 9}', "a later version of Petridish wrote this pipeline (schema 9"),
        ("[1]", "must hold one JSON object."),
        ("{", "not a readable JSON file"),
    ],
)
def test_an_augmentation_that_cannot_be_used_is_named_and_nothing_queued(
    petridish, elsewhere, data_dir, tmp_path, text, message
):
    path = tmp_path / "pipeline.json"
    path.write_text(text)
    call = ["train", "--dataset", "shapes", "--variant", "shapes-combined", "--data", data_dir]
    status, out, said = petridish(*call, "--augmentation", path)
    assert (status, out) == (2, "")
    assert message in said
    assert list(elsewhere.iterdir()) == []


def test_an_unknown_augmentation_gets_a_suggestion(petridish, data_dir):
    call = ["train", "--dataset", "shapes", "--variant", "shapes-combined", "--data", data_dir]
    status, _, said = petridish(*call, "--augmentation", "shapes-recip")
    assert status == 2
    assert "'shapes-recipe'" in said
