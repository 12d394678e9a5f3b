import contextlib
import re
from pathlib import Path

import pytest

from core.exceptions import InvalidInput, InvalidParameter, UnknownName
from core.runs.layout import HOST, RUN_ID, RunLayout, RunsLayout, full_id, inside, new_id, role_of

ID = "20260131-142501-9f3a1c"


def test_an_id_tells_the_moment_in_utc_and_is_never_the_same():
    ids = {new_id(1769869501) for _ in range(100)}
    assert len(ids) == 100
    for one in ids:
        assert re.fullmatch(r"20260131-142501-[0-9a-f]{6}", one)
        assert RUN_ID.fullmatch(one)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "..",
        ".",
        "20260131-142501-9f3a1",
        "20260131-142501-9f3a1cc",
        "20260131-142501-9F3A1C",
        "20260131-142501-9f3a1g",
        "20260131-142501-9f3a1c\n",
        " 20260131-142501-9f3a1c",
        "20260131-142501-9f3a1c/..",
        "../20260131-142501-9f3a1c",
        "2026013\u0661-142501-9f3a1c",  # a digit, but not one of ours
    ],
)
def test_nothing_else_is_an_id(text):
    assert not RUN_ID.fullmatch(text)
    with pytest.raises(UnknownName):
        RunsLayout(Path("runs")).run(text)


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "a b", "a" * 101, ".hidden", "a\n"])
def test_a_host_that_would_lead_elsewhere_is_no_host(name):
    assert not HOST.fullmatch(name)


@pytest.mark.parametrize("name", ["ada", "ada.example.org", "Ada-2_b", "-", "a" * 100])
def test_hosts_have_the_names_that_machines_have(name):
    assert HOST.fullmatch(name)


@pytest.mark.parametrize(
    "path",
    [
        "..",
        "../elsewhere",
        "run/../..",
        "run/../../elsewhere",
        "/etc/passwd",
        "/",
        "link",
        "link/file",
        "run/up",
        "",
        ".",
        "run/..",
    ],
)
def test_a_path_that_leads_out_of_its_root_is_refused(tmp_path, path):
    root = tmp_path / "runs"
    (root / "run").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (root / "link").symlink_to(tmp_path / "elsewhere")
    (root / "run" / "up").symlink_to("../..")
    with pytest.raises(InvalidInput) as raised:
        inside(root, Path(path))
    assert str(raised.value) == (f"The path {Path(path).name!r} leads out of the runs folder.")


def test_a_folder_whose_name_only_begins_alike_is_elsewhere(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs-2").mkdir()
    with pytest.raises(InvalidInput):
        inside(tmp_path / "runs", tmp_path / "runs-2" / "file")


def test_a_name_that_no_file_can_have_is_refused(tmp_path):
    with pytest.raises(InvalidInput) as raised:
        inside(tmp_path, Path("a\0b"))
    assert str(raised.value) == r"The path 'a\x00b' cannot be followed."


@pytest.mark.parametrize("path", ["circle", "circle/file"])
def test_a_circle_of_links_leads_nowhere(tmp_path, path):
    (tmp_path / "circle").symlink_to("circle")
    # Up to Python 3.12 it cannot be resolved; later it stays as it is, inside.
    with contextlib.suppress(InvalidInput):
        assert inside(tmp_path, Path(path)) == tmp_path.resolve() / path


def test_a_path_inside_comes_back_resolved(tmp_path):
    (tmp_path / "real" / "run").mkdir(parents=True)
    (tmp_path / "runs").symlink_to("real")
    (tmp_path / "real" / "other").symlink_to("run")
    expected = tmp_path.resolve() / "real" / "run" / "file"
    assert inside(tmp_path / "runs", Path("run/file")) == expected
    assert inside(tmp_path / "runs", Path("other/file")) == expected
    assert inside(tmp_path / "runs", tmp_path / "runs" / "run" / "file") == expected
    assert inside(tmp_path / "runs", Path("run/../run/file")) == expected


def test_names_are_those_of_the_contract():
    run = RunLayout(Path("runs") / ID)
    names = {
        path.relative_to("runs").as_posix()
        for path in (
            run.run_json,
            run.state_json,
            run.alive_lock,
            run.attempt(1),
            run.exit(12),
            run.history,
            run.events,
            run.reserve,
            run.log,
            run.beat,
            run.stop_request,
            run.last_checkpoint,
            run.prev_checkpoint,
            run.best_weights,
            run.best_json,
            run.outputs("validation", "class"),
            run.predictions_index,
            run.test_json,
            run.test_outputs("count"),
            run.edit_json,
        )
    }
    assert names == {
        f"{ID}/{name}"
        for name in (
            "run.json",
            "state.json",
            "alive.lock",
            "attempts/0001.json",
            "attempts/0012.exit.json",
            "history.jsonl",
            "events.jsonl",
            "reserve",
            "log.txt",
            "beat",
            "control/stop.json",
            "checkpoints/last.pt",
            "checkpoints/prev.pt",
            "checkpoints/best.safetensors",
            "checkpoints/best.json",
            "predictions/validation.class.f16",
            "predictions/index.json",
            "results/test.json",
            "results/test.count.npy",
            "edit.json",
        )
    }
    assert run.id == ID


def test_names_beside_the_runs_are_those_of_the_contract():
    runs = RunsLayout(Path("runs"))
    assert runs.run(ID) == RunLayout(Path("runs") / ID)
    assert runs.queue_dir == Path("runs/.queue")
    assert runs.slot_lock("ada", "cpu-0") == Path("runs/.slots/ada/cpu-0.lock")
    assert runs.runner_lock("ada") == Path("runs/.runner/ada.lock")
    assert runs.runner_log("ada") == Path("runs/.runner/ada.log")


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("run.json", "lasting"),
        ("attempts/0001.exit.json", "lasting"),
        ("predictions/train.count.f16", "lasting"),
        ("checkpoints/best.safetensors", "lasting"),
        ("checkpoints/prev.pt", "resuming"),
        ("control/kill.json", "local"),
        ("log.txt", "local"),
        ("analysis/saliency/a.npy", "local"),
        ("Run.json", None),
        ("run.json\n", None),
        ("./run.json", None),
        ("checkpoints/../run.json", None),
        ("checkpoints/best.pt", None),
        ("predictions/a/b.class.f16", None),
        ("predictions/validation.class.pkl", None),
        ("attempts/\u0661\u0661\u0661\u0661.json", None),
        ("", None),
    ],
)
def test_every_file_of_a_run_has_a_role_and_no_other_has(name, role):
    assert role_of(name) == role


def test_every_path_of_the_layout_has_a_role():
    layout = RunLayout(Path("runs") / ID)
    paths = [getattr(layout, name) for name, of in vars(RunLayout).items() if isinstance(of, property) and name not in ("id", "folders")]  # fmt: skip
    paths += [layout.outputs("train", "class"), layout.test_outputs("count"), layout.attempt(3), layout.exit(12)]  # fmt: skip
    files = [path for path in paths if path not in layout.folders]
    assert [path for path in files if role_of(str(path.relative_to(layout.path))) is None] == []
    assert len(files) > 20


def test_a_beginning_names_the_one_id_that_has_it():
    known = [ID, "20260131-142501-9f3a1d", "20270101-000000-000000"]
    assert full_id("2027", known) == "20270101-000000-000000"
    assert full_id(ID, known) == ID
    for text in ("202", "", "2028", "9f3a1c"):
        with pytest.raises(UnknownName):
            full_id(text, known)
    with pytest.raises(InvalidParameter) as raised:
        full_id("2026", [f"20260131-142501-9f3a{number:02d}" for number in range(30)])
    assert str(raised.value).endswith("9f3a19, ... (30 in all).")
