import csv
import io
import re
import struct
import sys
from dataclasses import replace

import pandas as pd
import pytest

from core.cli.archive import FORMATS
from core.exceptions import InvalidInput, InvalidParameter, RunStateError, UnknownName
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
    assert export("csv", [run], tmp_path / "a.csv") == [
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
    with pytest.raises(RunStateError, match="is damaged and cannot be exported"):
        export("zip", [broken], tmp_path / "a.zip")
    with pytest.raises(InvalidInput, match=r"'a.zip' cannot be written: No such file or directory"):
        export("zip", [run], tmp_path / "nowhere" / "a.zip")
    with pytest.raises(UnknownName, match="No export format is called 'pickle'"):
        export("pickle", [run], tmp_path / "a.zip")
    with pytest.raises(InvalidParameter, match="is a folder"):
        export("zip", [run], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["copied"]


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
    hostile = replace(run, spec={**run.spec, "config": {**run.config, "variant": "../../up"}})
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
