"""Scripts are run and find the histories of their runs; one in a process of its own, which has nothing of this library."""

import ast
import importlib.util
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from core.augmentations import AUGMENTATIONS
from core.augmentations.base import Mixing
from core.augmentations.expansion import FixedExpansion
from core.augmentations.pictures import EpochPictures
from core.augmentations.pipeline import AugmentationPipeline
from core.datasets.shapes import label_space
from core.exceptions import DamagedRun, InvalidParameter, RunStateError
from core.export import export, onnx_file
from core.export.script_augmentation import augmentation_part
from core.export.script_model import model_file
from core.export.script_sources import ALLOWED, Sources
from core.jobs.inline import InlineExecutor
from core.jobs.submit import submit
from core.labels import LabelSpace
from core.models.forward import build_network
from core.variants import VARIANTS, run_config
from dashboard.widgets.export_button import file_name

ALMOST = 1e-6
"""What a test allows: on one machine the difference was 0 (torch 2.13, AMD EPYC)."""


@pytest.fixture
def made(store, data_dir, tmp_path):
    """Trains a run and exports it: `made(dataset, variant, changes)` returns the script's module."""

    def exported(dataset, variant, changes, seed=0):
        config = run_config(dataset, variant, changes)
        loaded = config.dataset.load(data_dir)
        executor = InlineExecutor(store, data_dir)
        run = submit(store, executor, loaded, config, seed, owner="ada", device="cpu")
        run = store.run(run.id)
        assert run.state.state == "finished", run.state.message
        export("script", [run], tmp_path / "again.py")
        return module_of((tmp_path / "again.py").read_text())

    return exported


def module_of(text):
    spec = importlib.util.spec_from_loader("again", loader=None)
    module = importlib.util.module_from_spec(spec)
    module.__dict__["__name__"] = "again"
    sys.modules["again"] = module  # dataclasses look their module up
    exec(compile(text, "again.py", "exec"), module.__dict__)
    return module


def assert_found_again(module, *arguments):
    data = module.load_data(*arguments)
    assert module.fingerprint(data) == module.FINGERPRINT
    rows = list(module.train(data))
    assert len(rows) == len(module.HISTORY) > 0
    np.testing.assert_allclose(rows, module.HISTORY, rtol=0, atol=ALMOST)


def test_a_script_finds_its_history_without_this_library(finished_run, tmp_path):
    assert export("script", [finished_run], tmp_path / "again.py") == []
    program = "import runpy, sys; sys.modules['core'] = None; runpy.run_path('again.py', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    first, *epochs, far, last = done.stdout.splitlines()
    assert first == "The data are those of the run."
    assert last == "The stored history was found again."
    assert [line.split()[0] for line in epochs[1:]] == ["1", "2", "3"]
    differences = ast.literal_eval(far.partition(": ")[2])
    assert max(differences.values()) < ALMOST, differences


def test_a_script_of_an_unfinished_run_stops_where_it_stopped(
    finished_copy, tmp_path, monkeypatch, capsys
):
    (run,) = finished_copy.runs()
    lines = run.layout.history.read_text().splitlines(keepends=True)
    run.layout.history.write_text(lines[0])
    stopped = replace(run, state=replace(run.state, state="stopped", epoch=1))
    notes = export("script", [stopped], tmp_path / "again.py")
    assert notes == [f"Run {run.id} is not finished; the script stops after its 1 epochs."]
    module = module_of((tmp_path / "again.py").read_text())
    monkeypatch.setattr(sys, "argv", ["again.py"])
    assert module.main() == 0
    assert "epoch train_loss validation_loss validation_accuracy\n1 " in capsys.readouterr().out


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_script_of_a_history_with_a_lost_epoch_finds_the_others(
    finished_copy, tmp_path, monkeypatch, capsys, lost
):
    (run,) = finished_copy.runs()
    lines = run.layout.history.read_text().splitlines(keepends=True)
    run.layout.history.write_text("".join(lines[:lost] + lines[lost + 1 :]))
    (note,) = export("script", [run], tmp_path / "again.py")
    assert f"history.jsonl lacks 1 of 3 epochs ({lost + 1})" in note
    module = module_of((tmp_path / "again.py").read_text())
    monkeypatch.setattr(sys, "argv", ["again.py"])
    assert module.main() == 0
    assert "The stored history was found again." in capsys.readouterr().out


def test_a_script_says_when_its_history_is_another(finished_run, tmp_path, monkeypatch, capsys):
    export("script", [finished_run], tmp_path / "again.py")
    text = (tmp_path / "again.py").read_text()
    module = module_of(text.replace("learning_rate: float = 0.001", "learning_rate: float = 0.01"))
    monkeypatch.setattr(sys, "argv", ["again.py", "--epochs", "1"])
    assert module.main() == 1
    assert "NOT found again" in capsys.readouterr().out


def test_convolutions_with_batch_norm_and_copies_are_found_again(made):
    changes = {
        "model.padding": 1,
        "training.max_epochs": 2,
        "augmentation": {"expansion": {"k": 1, "is_forced": True}},
    }
    assert_found_again(made({"name": "digits"}, "conv-batch-norm", changes, seed=3))


def test_counts_symmetries_and_schedules_are_found_again(made):
    changes = {
        "model.channels": 4,
        "model.num_blocks": 1,
        "training.max_epochs": 2,
        "training.schedule": "cosine",
        "training.gradient_clip": 1.0,
        "training.class_weights": "balanced",
    }
    assert_found_again(made({"name": "shapes", "images": 300}, "shapes-net", changes))


def test_stages_averages_and_early_stopping_are_found_again(made):
    changes = {
        "training.is_input_standardised": True,
        "training.max_epochs": 9,
        "training.patience": 1,
        "training.batch_size": 64,
        "stages": [
            {"changes": {"ema_decay": 0.9, "label_smoothing": 0.1}},
            {"changes": {"optimizer": "sgd", "momentum": 0.9, "max_epochs": 2}},
            {
                "starts_from": "last",
                "changes": {
                    "schedule": "step",
                    "step_epochs": 1,
                    "precision": "bfloat16",
                    "max_epochs": 2,
                },
            },
        ],
        "augmentation": {
            "steps": [
                {"name": "shift", "probability": 0.5, "pixels": 1, "is_forced": True},
                {"name": "gaussian-noise", "probability": 0.5, "variance": 0.01},
                {"name": "shift", "probability": 0.3, "pixels": 2, "is_forced": True},
            ]
        },
    }
    assert_found_again(made({"name": "digits"}, "dense-dropout", changes))


@pytest.mark.parametrize("name", VARIANTS)
def test_each_variant_is_built_with_the_same_weights(name):
    variant = VARIANTS[name]
    space, shape = label_space(), (1, 32, 32)
    standardised = variant.training.is_input_standardised
    network = build_network(variant.model, shape, space, 0, standardised)
    again = module_of(model_file(network, space)).build_network()
    assert str(again) == str(network)
    for (key, value), (same, expected) in zip(
        again.state_dict().items(), network.state_dict().items(), strict=True
    ):
        assert key == same and torch.equal(value, expected)
    images = torch.rand(2, *shape)
    with torch.no_grad():
        got, wanted = again.eval()(images), network.eval()(images)
    assert torch.equal(got.logits, wanted.logits)
    assert (got.counts is None) == (wanted.counts is None)


STEPS = [name for name, kind in AUGMENTATIONS.items() if not issubclass(kind, Mixing)]


@pytest.mark.parametrize("name", STEPS)
def test_each_step_gives_the_same_pictures_labels_and_counts(name):
    step = {"name": name, "probability": 0.7, "is_forced": True}
    pipeline = AugmentationPipeline.checked(
        {"expansion": FixedExpansion(is_forced=True), "steps": [step, step]}
    )
    space, features, sources = label_space(), {"count_loss"}, Sources(frozenset({"CLASS_COUNTS"}))
    text = augmentation_part(pipeline, space, features, sources)
    sources.import_from("torch", "Tensor")
    settings = (
        f"import torch\n{sources.import_lines()}\nSEED = 5\nIMAGE_SHAPE = (1, 12, 12)\n"
        f"CLASS_COUNTS = {space.class_counts}\n"
    )
    module = module_of(settings + text)
    images = torch.randint(0, 256, (6, 1, 12, 12), dtype=torch.uint8)
    labels = torch.tensor([0, 20, 40, 60, 80, 134])
    counts = torch.tensor(space.class_counts, dtype=torch.float32)[labels]
    wanted = EpochPictures(pipeline, images, labels, counts, space, 5, 2)
    rows = torch.randperm(wanted.num_rows)
    expected = wanted.batch(rows)
    got = module.EpochPictures(images, labels, counts, 2).batch(rows)
    for one, other in zip(got, (expected.images, expected.labels, expected.counts), strict=True):
        assert torch.equal(one, other)


def test_classes_that_move_without_counts_follow_their_table():
    from core.labels import LabelRules, Moves

    rules = LabelRules(Moves(horizontal_flip=(1, 0)), unsafe={"quarter_turn": "it would be up"})
    space = LabelSpace(("left", "right"), rules=rules)
    pipeline = AugmentationPipeline.checked(
        {"steps": [{"name": "horizontal-flip", "probability": 1}]}
    )
    sources = Sources()
    text = augmentation_part(pipeline, space, set(), sources)
    sources.import_from("torch", "Tensor")
    module = module_of(
        f"import torch\n{sources.import_lines()}\nSEED = 0\nIMAGE_SHAPE = (1, 4, 4)\n{text}"
    )
    pictures = module.EpochPictures(
        torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.tensor([0, 1]), None, 1
    )
    assert pictures.batch(torch.tensor([0, 1]))[1].tolist() == [1, 0]


def test_an_imported_data_set_is_read_from_its_folder_which_every_word_names(
    made, store, data_dir, tmp_path, monkeypatch, capsys
):
    from core.datasets.importing import import_dataset
    from core.datasets.raw import ImportOptions

    drawn = np.random.default_rng(0)
    labels = drawn.integers(0, 3, 60)
    images = (drawn.integers(0, 100, (60, 8, 8)) + 50 * labels[:, None, None]).astype(np.uint8)
    np.savez(tmp_path / "mine.npz", images=images, labels=labels)
    import_dataset(tmp_path / "mine.npz", "mine", None, ImportOptions(), data_dir)
    changes = {"training.max_epochs": 2, "training.batch_size": 16}
    module = made({"name": "mine", "test_share": 0.25}, "dense-base", changes)
    assert_found_again(module, data_dir / "imported" / "mine")
    assert module.fingerprint(module.load_data(data_dir)) == module.FINGERPRINT
    assert "THIS_FILE --data DATA/imported/mine [--epochs N]" in module.__doc__
    assert "$PETRIDISH_DATA where it is set" in module.__doc__
    with pytest.raises(SystemExit, match=r"the folder imported/mine below .* There are none in "):
        module.load_data(tmp_path)
    for arguments in (["--help"], []):
        monkeypatch.setattr(sys, "argv", ["again.py", *arguments])
        with pytest.raises(SystemExit):
            module.main()
        said = capsys.readouterr()
        assert "folder imported/mine below Petridish's" in " ".join((said.out + said.err).split())
    (note,) = export("script", store.runs(), tmp_path / "second.py")
    assert note.startswith("Start the script with --data FOLDER, the folder imported/mine below")
    assert str(data_dir) not in note + (tmp_path / "second.py").read_text()


def test_a_script_imports_little_and_says_its_settings(finished_run, tmp_path):
    export("script", [finished_run], tmp_path / "again.py")
    text = (tmp_path / "again.py").read_text()
    tree = ast.parse(text)
    packages = {
        one.name for node in ast.walk(tree) if isinstance(node, ast.Import) for one in node.names
    } | {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in packages} <= ALLOWED
    places = [text.index(f"\n# {part}\n") for part in ("Settings", "Data", "Batches", "Model", "Training", "Check")]  # fmt: skip
    assert places == sorted(places)
    assert "    batch_size: int = 64  # Samples in one optimizer step.\n" in text
    assert len(text.splitlines()) < 460


def test_what_a_script_cannot_hold_is_named(finished_copy, tmp_path):
    (run,) = finished_copy.runs()
    out = tmp_path / "again.py"
    with pytest.raises(InvalidParameter, match="A script is made of one run; got 2"):
        export("script", [run, run], out)
    mixing = {"steps": [{"name": "mixup", "probability": 0.5}]}
    mixed = replace(run, spec=run.spec | {"config": run.config | {"augmentation": mixing}})
    with pytest.raises(InvalidParameter, match="cannot yet hold the augmentation step 'mixup'"):
        export("script", [mixed], out)
    run.layout.history.unlink()
    young = replace(run, state=replace(run.state, epoch=0))
    with pytest.raises(RunStateError, match="has finished no epoch yet"):
        export("script", [young], out)
    run.layout.run_json.write_text("{}")
    with pytest.raises(DamagedRun, match="is damaged and cannot be exported"):
        export("script", [finished_copy.run(run.id)], out)
    assert not out.exists()


def test_the_page_offers_what_is_of_one_run_for_one_run_only(finished_store, monkeypatch):
    monkeypatch.setenv("PETRIDISH_RUNS", str(finished_store.root))

    def page():
        from dashboard import data
        from dashboard.widgets.runs_transfer import export_form

        runs = data.store().runs()
        export_form(runs, "one")
        export_form(runs * 2, "two")

    app = AppTest.from_function(page, default_timeout=60).run()
    assert not app.exception
    has_onnx = onnx_file.has_onnx()
    buttons = [one.proto for one in app.button]
    assert [(one.label.partition(" ")[0], one.disabled) for one in buttons[:3]] == [
        ("Plain", False),
        ("Best", False),
        ("Best", not has_onnx),
    ]
    assert [one.disabled for one in buttons[3:]] == [True, True, True]
    assert {one.help for one in buttons[3:]} == {"It is made of one run: choose a single one."}


def test_a_file_from_the_page_is_called_by_its_run():
    assert file_name("script", "x") == "petridish-x.py"
    assert file_name("safetensors", "x") == "petridish-x-safetensors.zip"
