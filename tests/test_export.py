import csv
import io
import os
import re
import struct
import sys
from dataclasses import replace

import pandas as pd
import pytest

from core.cli.archive import FORMATS
from core.exceptions import DamagedRun, InvalidInput, InvalidParameter, UnknownName
from core.export import EXPORTERS, export
from core.runs import edits, files
from core.runs.run import Run


@pytest.fixture
def run(finished_copy):
    (run,) = finished_copy.runs()
    return run


def table(path):
    return list(csv.DictReader(io.StringIO(path.read_text(), newline="")))


def test_the_command_offers_what_there_is():
    assert tuple(EXPORTERS) == FORMATS


def test_a_table_has_a_row_an_epoch_with_what_the_run_is(run, finished_copy, tmp_path):
    edits.rename(run, "mine", by="ada")
    assert export("csv", [finished_copy.run(run.id)], tmp_path / "a.csv") == []
    rows = table(tmp_path / "a.csv")
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]
    first = rows[0]
    assert (first["run"], first["name"], first["variant"], first["seed"]) == (
        run.id,
        "mine",
        "dense-base",
        "0",
    )
    assert (first["dataset.name"], first["training.batch_size"]) == ("digits", "64")
    for row, expected in zip(rows, run.history(), strict=True):
        assert float(row["validation_loss"]) == expected["validation_loss"]
    assert "nan" not in first
    frame = pd.read_csv(tmp_path / "a.csv")
    assert frame["train_loss"].dtype == float and frame["seed"].dtype == int


def test_runs_of_different_columns_share_a_table(run, tmp_path):
    other = Run(
        run.layout, {**run.spec, "config": {**run.config, "extra": {"deep": [1, 2]}}}, run.state
    )
    export("csv", [run, other], tmp_path / "a.csv")
    rows = table(tmp_path / "a.csv")
    assert [row["extra.deep"] for row in rows] == ["", "", "", "[1,2]", "[1,2]", "[1,2]"]


def test_a_text_that_a_spreadsheet_would_calculate_is_quoted_and_a_number_is_not(run, tmp_path):
    texts = ["=1+1", "+1", "-1", "@sum(a1)", "\tx", "plain"]
    rows = [
        {"attempt": 1, "epoch": number, "remark": text, "=cmd()": None, "change": -0.5}
        for number, text in enumerate(texts, 1)
    ]
    run.layout.history.write_bytes(b"")
    for row in rows:
        files.append_row(run.layout.history, row)
    named = Run(run.layout, run.spec, run.state, {"name": "=HYPERLINK(a)"})
    export("csv", [named], tmp_path / "a.csv")
    found = table(tmp_path / "a.csv")
    assert [row["remark"] for row in found] == ["'=1+1", "'+1", "'-1", "'@sum(a1)", "'\tx", "plain"]
    assert {row["change"] for row in found} == {"-0.5"}
    assert {row["name"] for row in found} == {"'=HYPERLINK(a)"}
    assert "'=cmd()" in found[0] and "=cmd()" not in found[0]


def test_a_layer_s_share_is_a_column_and_what_was_not_finite_is_empty(run, tmp_path):
    run.layout.history.write_bytes(b"")
    row = {"attempt": 1, "epoch": 1, "train_loss": float("nan"), "dead_share": {"conv1": 0.25}}
    files.append_row(run.layout.history, files.without_nan(row))
    export("csv", [run], tmp_path / "a.csv")
    (found,) = table(tmp_path / "a.csv")
    assert (found["dead_share.conv1"], found["train_loss"]) == ("0.25", "")


def test_a_run_without_an_epoch_gives_no_row_and_a_word(run, tmp_path):
    run.layout.history.unlink()
    young = replace(run, state=replace(run.state, state="stopped", epoch=0))
    assert export("csv", [young], tmp_path / "a.csv") == [
        f"Run {run.id} has finished no epoch yet and gives no row."
    ]
    assert len(list(csv.reader(io.StringIO((tmp_path / "a.csv").read_text())))) == 1


def test_a_file_that_is_there_is_replaced_only_when_asked(run, tmp_path):
    out = tmp_path / "a.csv"
    out.write_text("precious")
    with pytest.raises(InvalidParameter) as raised:
        export("csv", [run], out)
    assert str(raised.value) == "'a.csv' exists. Choose another name, or --force replaces it."
    assert out.read_text() == "precious"
    export("csv", [run], out, force=True)
    assert len(table(out)) == 3
    assert out.stat().st_mode & 0o777 == 0o640


def test_an_export_that_fails_leaves_nothing_behind(run, tmp_path):
    broken = replace(run, damaged="run.json is empty")
    for kind in EXPORTERS:
        with pytest.raises(DamagedRun) as raised:
            export(kind, [run, broken], tmp_path / "a")
        assert str(raised.value) == (
            f"Run {run.id} is damaged and cannot be exported: run.json is empty. petridish runs fsck {run.id} says more."
        )
    with pytest.raises(InvalidInput, match=r"'a.zip' cannot be written: No such file or directory"):
        export("zip", [run], tmp_path / "nowhere" / "a.zip")
    with pytest.raises(UnknownName, match="No export format is called 'pickle'"):
        export("pickle", [run], tmp_path / "a.zip")
    with pytest.raises(InvalidParameter, match="is a folder"):
        export("zip", [run], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["copied"]


def harmed(run, how):
    """Damage the history of a run of 3 epochs; return what is to be said of it."""
    lines = run.layout.history.read_bytes().splitlines(keepends=True)
    again = "Bring it back from an archive, or train it again."
    if how == "missing":
        run.layout.history.unlink()
        return [f"3 epochs were finished, but history.jsonl is missing: it has no curves. {again}"]
    data, *said = {
        "empty": (b"", f"3 epochs were finished, but history.jsonl holds none of them: it has no curves. {again}"),
        "garbage": (
            b"\xff\n[1]\n{}\n",
            "3 damaged lines of its history were left out.",
            f"3 epochs were finished, but history.jsonl holds none of them: it has no curves. {again}",
        ),
        "torn": (
            b"".join(lines)[:-20],
            f"history.jsonl lacks 1 of 3 epochs (3). petridish runs fsck --fix {run.id} may mend its last line.",
        ),
        "cut": (lines[0], f"history.jsonl lacks 2 of 3 epochs (2, 3). {again}"),
        "a hole": (lines[0] + lines[2], f"history.jsonl lacks 1 of 3 epochs (2). {again}"),
        "a line more": (b"".join(lines) + b"7\n", "1 damaged lines of its history were left out."),
        "an epoch of nowhere": (
            b"".join(lines) + b'{"attempt": 1, "epoch": 1000000000000}\n',
            f"history.jsonl lacks 999,999,999,996 of 1,000,000,000,000 epochs (4, 5, 6, ...). {again}",
        ),
    }[how]  # fmt: skip
    run.layout.history.write_bytes(data)
    return said


HARMS = ("missing", "empty", "garbage", "torn", "cut", "a hole", "a line more")


@pytest.mark.parametrize("how", [*HARMS, "an epoch of nowhere"])
def test_what_is_lost_of_a_history_is_said_by_table_and_event_files(run, tmp_path, how):
    expected = [f"Run {run.id}: {sentence}" for sentence in harmed(run, how)]
    assert export("csv", [run], tmp_path / "a.csv") == expected
    assert len(table(tmp_path / "a.csv")) == len(run.history())
    pytest.importorskip("tensorboardX", reason="the optional package tensorboardX is not installed")
    assert export("tensorboard", [run], tmp_path / "logs") == expected


@pytest.mark.parametrize("how", HARMS)
def test_what_is_lost_of_a_history_is_said_once_by_archive_and_script(run, tmp_path, how):
    expected = [f"Run {run.id}: {sentence}" for sentence in harmed(run, how)]
    assert export("zip", [run], tmp_path / "a.zip") == expected
    if run.history():
        assert export("script", [run], tmp_path / "a.py") == expected
    else:
        with pytest.raises(DamagedRun) as raised:
            export("script", [run], tmp_path / "a.py")
        assert str(raised.value) == " ".join(expected)
        assert not (tmp_path / "a.py").exists()


def test_a_history_that_grows_or_is_done_again_is_no_loss(run, tmp_path):
    lines = run.layout.history.read_bytes().splitlines(keepends=True)
    run.layout.history.write_bytes(lines[0] + lines[1][:30])
    for state in ("running", "queued", "starting", "stalled"):
        under_way = replace(run, state=replace(run.state, state=state, attempt=2))
        assert export("csv", [under_way], tmp_path / f"{state}.csv") == []
    run.layout.history.write_bytes(b"".join(lines) + lines[2][:30])  # torn, but nothing is missing
    assert export("csv", [run], tmp_path / "a.csv") == []


def test_a_damaged_result_is_named_with_its_run_and_what_to_do(run, tmp_path):
    run.layout.test_json.write_text("{")
    with pytest.raises(DamagedRun) as raised:
        export("zip", [run], tmp_path / "a.zip")
    message = str(raised.value)
    assert message.startswith(f"Run {run.id}: results/test cannot be read: test.json is no JSON")
    assert message.endswith("petridish runs fsck says more.")
    assert not (tmp_path / "a.zip").exists()


@pytest.mark.parametrize("force", [True, False])
def test_a_pipe_or_a_link_to_nothing_is_not_replaced(run, tmp_path, force):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "link.csv").symlink_to(tmp_path / "nothing.csv")
    for name in ("pipe.csv", "link.csv"):
        with pytest.raises(InvalidParameter, match=f"'{name}' exists and is no regular file"):
            export("csv", [run], tmp_path / name, force=force)
    assert (tmp_path / "pipe.csv").is_fifo() and (tmp_path / "link.csv").is_symlink()
    assert {path.name for path in tmp_path.iterdir()} == {"copied", "pipe.csv", "link.csv"}


ON_A_FULL_DISK = """
import sys
from pathlib import Path
from core.exceptions import InvalidInput
from core.export import export
from core.runs.store import Store

disk = Path(sys.argv[1])
(run,) = Store(disk.parent / "copied").runs()
for kind in ("csv", "zip", "script", "safetensors"):
    (disk / "ballast").write_bytes(bytes(2**20 - 12 * 2**10 if kind == "safetensors" else 2**20 - 2**13))
    try:
        export(kind, [run] * (1 if kind in ("script", "safetensors") else 40), disk / "out")
    except InvalidInput as error:
        print(kind, error, sorted(path.name for path in disk.iterdir()))
"""


def test_on_a_full_disk_an_export_says_so_and_leaves_nothing(run, on_small_disk):
    reason = "'out' cannot be written: No space left on device. ['ballast']"
    assert on_small_disk("size=1m", ON_A_FULL_DISK).splitlines() == [
        f"{kind} {reason}" for kind in ("csv", "zip", "script", "safetensors")
    ]


def events_in(path):
    """The events of a file, which is records: length in 8 bytes, 4 of checksum, the event, 4 of checksum."""
    from tensorboardX.proto.event_pb2 import Event

    data, at = path.read_bytes(), 0
    while at < len(data):
        (size,) = struct.unpack("<Q", data[at : at + 8])
        yield Event.FromString(data[at + 12 : at + 12 + size])
        at += size + 16


def test_event_files_hold_the_histories(run, tmp_path):
    pytest.importorskip("tensorboardX", reason="the optional package tensorboardX is not installed")
    row = {"attempt": 1, "epoch": 4, "time": 1.7e9, "train_loss": None, "nan": ["train_loss"]}
    files.append_row(run.layout.history, row | {"dead_share": {"layers.0": 0.25}})
    named = replace(run, edit={"name": "<b>mine</b>"})
    assert export("tensorboard", [named], tmp_path / "logs") == []
    (folder,) = (tmp_path / "logs").iterdir()
    assert folder.name == f"dense-base-seed-0-{run.id}"
    (written,) = folder.iterdir()
    assert re.fullmatch(r"events\.out\.tfevents\.\d{10}\.0", written.name)  # names no machine
    found = {}
    for event in events_in(written):
        for value in event.summary.value:
            found.setdefault(value.tag, []).append((event.step, event.wall_time, value))
    rows = run.history()[:3]
    assert [one[:2] for one in found["accuracy/validation"]] == [
        (row["epoch"], row["time"]) for row in rows
    ]
    assert [one[2].simple_value for one in found["accuracy/validation"]] == pytest.approx(
        [row["validation_accuracy"] for row in rows]
    )
    assert len(found["loss/train"]) == 3
    assert found["dead_share/layers.0"][-1][2].simple_value == 0.25
    assert {"learning_rate", "loss/train_eval"} <= set(found)
    ((_, _, settings),) = found["settings/text_summary"]
    assert b"dense-base" in settings.tensor.string_val[0]
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".tmp"]


def test_event_files_name_no_folder_after_what_others_wrote(run, tmp_path):
    pytest.importorskip("tensorboardX", reason="the optional package tensorboardX is not installed")
    run.layout.history.unlink()
    config, young = {**run.config, "variant": "../../up"}, replace(run.state, epoch=0)
    hostile = replace(run, spec={**run.spec, "config": config}, state=young)
    assert export("tensorboard", [hostile], tmp_path / "logs") == [
        f"Run {run.id} has finished no epoch yet and gives no curve."
    ]
    assert [path.name for path in (tmp_path / "logs").iterdir()] == [f"run-{run.id}"]


def test_without_tensorboard_the_error_says_what_to_install(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)  # as if it were not there
    with pytest.raises(InvalidInput) as raised:
        export("tensorboard", [run], tmp_path / "logs")
    assert str(raised.value) == (
        "Event files are written by tensorboardX, which is not installed: pip install 'petridish[tensorboard]'."
    )
    assert [path.name for path in tmp_path.iterdir()] == ["copied"]


def test_a_folder_is_written_whole_and_replaces_nothing(run, tmp_path, monkeypatch):
    def write(path, runs, weights):
        path.mkdir()
        (path / "one.txt").write_text(str(len(runs)))
        return ["said"]

    monkeypatch.setattr("core.export.EXPORTERS", {"folder": write})
    assert export("folder", [run], tmp_path / "out") == ["said"]
    assert (tmp_path / "out" / "one.txt").read_text() == "1"
    with pytest.raises(InvalidParameter, match=r"'out' is a folder that exists"):
        export("folder", [run], tmp_path / "out", force=True)
    (tmp_path / "file").write_text("precious")
    with pytest.raises(InvalidParameter, match=r"'file' exists and is no folder to replace"):
        export("folder", [run], tmp_path / "file", force=True)
    assert (tmp_path / "file").read_text() == "precious"
    with pytest.raises(InvalidInput, match=r"'x' cannot be written: Not a directory"):
        export("folder", [run], tmp_path / "file" / "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copied", "file", "out"]
