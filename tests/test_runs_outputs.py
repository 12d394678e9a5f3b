import errno
import os
import subprocess
import sys

import numpy as np
import orjson
import pytest

from core.exceptions import DamagedRun, RunStateError, UnknownName
from core.labels import LabelSpace
from core.runs import files, outputs
from core.runs.layout import RunLayout
from core.runs.outputs import Truth

ID = "20260131-142501-9f3a1c"
SPACE = LabelSpace(("a", "b", "c"), count_names=("x", "y"))
TRUTH = Truth(
    np.array([4, 7], np.int64), np.array([0, 2], np.int64), np.array([[3, 7], [4, 6]], np.uint8)
)
PLAIN = Truth(np.arange(2, dtype=np.int64), np.array([1, 1], np.int64))


@pytest.fixture
def layout(tmp_path):
    layout = RunLayout(tmp_path / ID)
    for folder in (layout.predictions_dir, layout.results_dir):
        files.make_folder(folder)
    return layout


def logits(value):
    return np.full((2, 3), value, np.float16)


def message(call, kind=DamagedRun):
    with pytest.raises(kind) as raised:
        call()
    return str(raised.value)


def test_truth_survives_json():
    for truth in (TRUTH, PLAIN):
        again = Truth.from_json(orjson.loads(orjson.dumps(truth.to_json())))
        assert again.sample_ids.tolist() == truth.sample_ids.tolist()
        assert again.labels.tolist() == truth.labels.tolist()
        assert (again.sample_ids.dtype, again.labels.dtype) == (np.int64, np.int64)
        if truth.counts is None:
            assert again.counts is None
        else:
            assert again.counts.dtype == np.float32
            assert again.counts.tolist() == truth.counts.tolist()


def test_each_epoch_s_record_lies_at_its_own_place(layout):
    outputs.write_index(layout, SPACE, ["class"], {"validation": PLAIN})
    for epoch in (1, 3, 2):
        outputs.write_record(layout, "validation", "class", epoch, logits(epoch))
    path = layout.outputs("validation", "class")
    assert path.stat().st_size == 3 * 2 * 3 * 2
    mapped = np.fromfile(path, "<f2").reshape(3, 2, 3)
    assert mapped[:, 0, 0].tolist() == [1, 2, 3]
    for epoch in (1, 2, 3):
        predictions = outputs.epoch_predictions(layout, "validation", epoch)
        assert predictions.logits.tolist() == logits(epoch).tolist()
        assert predictions.logits.dtype == np.float32
    assert predictions.labels.tolist() == [1, 1]
    assert predictions.counts is None


def test_an_epoch_done_again_overwrites_itself_and_no_other(layout):
    outputs.write_index(layout, SPACE, ["class"], {"validation": PLAIN})
    for epoch in (1, 2, 3):
        outputs.write_record(layout, "validation", "class", epoch, logits(epoch))
    outputs.write_record(layout, "validation", "class", 2, logits(9))
    shown = [
        outputs.epoch_predictions(layout, "validation", epoch).logits[0, 0] for epoch in (1, 2, 3)
    ]
    assert shown == [1, 9, 3]


def test_both_heads_and_all_splits_come_back(layout):
    outputs.write_index(layout, SPACE, ["class", "count"], {"validation": TRUTH, "train": TRUTH})
    for split, value in (("validation", 1), ("train", 2)):
        outputs.write_record(layout, split, "class", 1, logits(value))
        outputs.write_record(layout, split, "count", 1, np.full((2, 2), 3.5, np.float16))
    predictions = outputs.epoch_predictions(layout, "train", 1)
    assert predictions.space == SPACE
    assert predictions.sample_ids.tolist() == [4, 7]
    assert predictions.logits[0, 0] == 2
    assert predictions.counts.tolist() == [[3.5, 3.5], [3.5, 3.5]]
    assert predictions.count_labels.tolist() == [[3, 7], [4, 6]]


def test_values_are_rounded_to_half_precision_and_beyond_it_they_are_not_finite(layout):
    outputs.write_index(layout, SPACE, ["class"], {"validation": PLAIN})
    values = np.array([[0.1, 65504, 1e6], [-1e6, np.nan, 1e-9]], np.float32)
    outputs.write_record(layout, "validation", "class", 1, values)
    stored = outputs.epoch_predictions(layout, "validation", 1).logits
    assert stored[0, 0] == np.float16(0.1) != np.float32(0.1)
    assert stored[0].tolist()[1:] == [65504, np.inf]
    assert stored[1, 0] == -np.inf
    assert np.isnan(stored[1, 1])
    assert stored[1, 2] == 0


def test_before_the_first_epoch_ends_there_are_no_outputs(layout):
    assert message(lambda: outputs.epoch_predictions(layout, "validation", 1), RunStateError) == (
        f"Run {ID} has no outputs on the validation split; "
        "they are stored when its first epoch ends."
    )
    assert message(lambda: outputs.final_predictions(layout), RunStateError) == (
        f"Run {ID} has no outputs on the test split; they are stored when training ends."
    )


def test_a_split_that_is_not_stored_gets_a_suggestion(layout):
    outputs.write_index(layout, SPACE, ["class"], {"validation": PLAIN, "train": PLAIN})
    assert message(lambda: outputs.epoch_predictions(layout, "trian", 1), UnknownName) == (
        "No split with stored outputs is called 'trian'. Did you mean 'train'?"
    )


@pytest.mark.parametrize("epoch", [0, -1, 2, 10**12])
def test_a_missing_record_is_damage(layout, epoch):
    outputs.write_index(layout, SPACE, ["class"], {"validation": PLAIN})
    outputs.write_record(layout, "validation", "class", 1, logits(1))
    assert message(lambda: outputs.epoch_predictions(layout, "validation", epoch)) == (
        f"Run {ID}: predictions/validation, epoch {epoch}, cannot be read: the record is missing."
    )


def test_a_record_cut_off_is_damage(layout):
    outputs.write_index(layout, SPACE, ["class"], {"validation": PLAIN})
    outputs.write_record(layout, "validation", "class", 1, logits(1))
    os.truncate(layout.outputs("validation", "class"), 11)
    assert "the record is missing" in message(
        lambda: outputs.epoch_predictions(layout, "validation", 1)
    )
    layout.outputs("validation", "class").unlink()
    text = message(lambda: outputs.epoch_predictions(layout, "validation", 1))
    assert text.endswith("cannot be read: No such file or directory.")
    assert str(layout.path) not in text


@pytest.mark.parametrize(
    "changes",
    [
        {"splits": []},
        {"splits": None},
        {"splits": {"validation": None}},
        {"splits": {"validation": {}}},
        {"splits": {"validation": {"heads": ["class"], "labels": [1], "sample_ids": [0]}}},
        {"splits": {"validation": {"heads": {"class": 3}, "labels": 5, "sample_ids": [0]}}},
        {"splits": {"validation": {"heads": {"class": 3}, "labels": [1, 7], "sample_ids": [0, 1]}}},
        {"splits": {"validation": {"heads": {"class": 3}, "labels": [1, 1], "sample_ids": [0]}}},
        {"splits": {"validation": {"heads": {"class": 10**12}, "labels": [1], "sample_ids": [0]}}},
        {"splits": {"validation": {"heads": {"class": "3"}, "labels": [1], "sample_ids": [0]}}},
        {"splits": {"validation": {"heads": {}, "labels": [1], "sample_ids": [0]}}},
        {"label_space": None},
        {"label_space": {}},
        {"label_space": {"class_names": ["a"]}},
    ],
)
def test_a_wrong_index_is_damage_and_never_another_error(layout, changes):
    outputs.write_index(layout, SPACE, ["class"], {"validation": PLAIN})
    outputs.write_record(layout, "validation", "class", 1, logits(1))
    index = files.read_json(layout.predictions_index)
    files.write_json(layout.predictions_index, index | changes)
    with pytest.raises((DamagedRun, UnknownName)):
        outputs.epoch_predictions(layout, "validation", 1)


def test_outputs_on_test_come_back_exactly(layout):
    values = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
    counts = np.array([[3.25, 7], [4, 6]], np.float32)
    outputs.write_test(layout, SPACE, TRUTH, {"class": values, "count": counts}, epoch=7)
    predictions = outputs.final_predictions(layout)
    assert predictions.logits.tolist() == values.tolist()
    assert predictions.counts.tolist() == counts.tolist()
    assert predictions.count_labels.tolist() == [[3, 7], [4, 6]]
    assert predictions.sample_ids.tolist() == [4, 7]
    assert predictions.space == SPACE
    assert files.read_json(layout.test_json)["epoch"] == 7
    assert sorted(path.name for path in layout.results_dir.iterdir()) == [
        "test.class.npy",
        "test.count.npy",
        "test.json",
    ]


def test_without_a_count_head_there_are_no_counts(layout):
    outputs.write_test(layout, SPACE, TRUTH, {"class": logits(1)}, epoch=7)
    assert outputs.final_predictions(layout).counts is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "No such file or directory"),
        (b"", ""),
        (b"\0" * 200, ""),
        (b"PK\x03\x04" + b"\0" * 200, ""),
        ("cut", ""),
        ("pickle", "Array can't be memory-mapped: Python objects in dtype"),
        ("huge", ""),
        ("shape", "logits must have shape (2, 3); got (3, 2)"),
    ],
)
def test_test_outputs_that_cannot_be_trusted_are_damage(layout, data, reason):
    outputs.write_test(layout, SPACE, TRUTH, {"class": logits(1)}, epoch=7)
    path = layout.test_outputs("class")
    if data is None:
        path.unlink()
    elif data == "cut":
        os.truncate(path, path.stat().st_size - 1)
    elif data == "pickle":
        np.save(path, np.array([object], dtype=object), allow_pickle=True)
    elif data == "huge":
        path.write_bytes(path.read_bytes().replace(b"(2, 3), }   ", b"(2, 9**15)} "))
    elif data == "shape":
        np.save(path, np.zeros((3, 2), np.float32))
    else:
        path.write_bytes(data)
    text = message(lambda: outputs.final_predictions(layout))
    assert text.startswith(f"Run {ID}: results/test cannot be read: ")
    assert reason in text
    assert str(layout.path) not in text


def test_a_header_that_asks_for_a_terabyte_gets_none(layout):
    outputs.write_test(layout, SPACE, TRUTH, {"class": logits(1)}, epoch=7)
    path = layout.test_outputs("class")
    header = path.read_bytes()[:128].replace(b"(2, 3), }", b"(2,999999999999), }")
    path.write_bytes(header[:128] + b"\0" * 24)
    assert "cannot be read" in message(lambda: outputs.final_predictions(layout))


def test_a_failing_write_leaves_the_results_of_before(layout, monkeypatch):
    outputs.write_test(layout, SPACE, TRUTH, {"class": logits(1)}, epoch=7)

    def fail(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "fault", fail)
    with pytest.raises(OSError, match="No space left"):
        outputs.write_test(layout, SPACE, TRUTH, {"class": logits(2)}, epoch=8)
    with pytest.raises(OSError, match="No space left"):
        outputs.write_record(layout, "validation", "class", 1, logits(1))
    assert outputs.final_predictions(layout).logits[0, 0] == 1
    assert sorted(path.name for path in layout.results_dir.iterdir()) == [
        "test.class.npy",
        "test.json",
    ]


def test_a_record_that_the_disk_takes_only_in_part_is_an_error(layout):
    # A limit on the file size gives real short writes, as a nearly full disk does.
    program = (
        "import resource, sys\n"
        "import numpy as np\n"
        "from pathlib import Path\n"
        "from core.runs import outputs\n"
        "from core.runs.layout import RunLayout\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))\n"
        "try:\n"
        "    outputs.write_record(RunLayout(Path(sys.argv[1])), 'validation', 'class', 1,\n"
        "                         np.zeros((100, 10), np.float16))\n"
        "except OSError as error:\n"
        "    print(error.strerror)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, layout.path], capture_output=True, text=True, check=True
    )
    assert done.stdout == "File too large\n"
    assert layout.outputs("validation", "class").stat().st_size == 1000
