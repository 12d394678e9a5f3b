import os

import pytest

from core.runs import files, history
from core.runs.history import HistoryPart, read_on, visible
from core.runs.layout import RunLayout


def row(attempt, epoch, **more):
    return {"attempt": attempt, "epoch": epoch, **more}


@pytest.fixture
def layout(tmp_path):
    layout = RunLayout(tmp_path / "20260131-142501-9f3a1c")
    files.make_folder(layout.attempts_dir)
    return layout


def test_a_run_without_a_history_has_no_rows(layout):
    assert read_on(layout.history) == HistoryPart()
    assert history.history(layout) == []


def test_only_what_was_appended_is_read_again(layout):
    path = layout.history
    files.append_row(path, row(1, 1))
    first = read_on(path)
    assert first.rows == (row(1, 1),)
    assert first.offset == path.stat().st_size
    # What has been read is never looked at again: a change there goes unseen.
    data = path.read_bytes()
    with path.open("r+b") as file:
        file.write(b"#" * (len(data) - 1))
    files.append_row(path, row(1, 2))
    second = read_on(path, first)
    assert second.rows == (row(1, 1), row(1, 2))
    assert second.offset == path.stat().st_size
    assert read_on(path, second) is second


def test_a_torn_last_line_waits_for_its_newline(layout):
    path = layout.history
    path.write_bytes(b'{"attempt":1,"epoch":1}\n{"attempt":1,"ep')
    first = read_on(path)
    assert first.rows == (row(1, 1),)
    assert first.offset == 24
    with path.open("ab") as file:
        file.write(b'och":2}\n')
    second = read_on(path, first)
    assert second.rows == (row(1, 1), row(1, 2))
    assert second.bad == 0


@pytest.mark.parametrize("keeps_inode", [True, False])
def test_a_shorter_or_another_file_is_read_from_its_start(layout, keeps_inode):
    path = layout.history
    for epoch in (1, 2, 3):
        files.append_row(path, row(1, epoch))
    before = read_on(path)
    if keeps_inode:
        path.write_bytes(b'{"attempt":2,"epoch":1}\n')
    else:
        other = path.with_name("other")
        other.write_bytes(b"".join(b'{"attempt":2,"epoch":%d}\n' % epoch for epoch in range(9)))
        os.replace(other, path)
    after = read_on(path, before)
    assert {one["attempt"] for one in after.rows} == {2}
    assert after.offset == path.stat().st_size


def test_a_file_that_has_gone_has_no_rows(layout):
    files.append_row(layout.history, row(1, 1))
    before = read_on(layout.history)
    layout.history.unlink()
    assert read_on(layout.history, before) == HistoryPart()


def test_lines_that_are_no_row_of_an_epoch_are_skipped_and_counted(layout):
    layout.history.write_bytes(
        b'{"attempt":1,"epoch":1}\n'
        b"\0\0\0\0\n"
        b'{"epoch":2}\n'
        b'{"attempt":1,"epoch":"2"}\n'
        b'{"attempt":true,"epoch":2}\n'
        b'{"attempt":1,"epoch":2.5}\n'
        b'{"attempt":1,"epoch":2}\n'
    )
    first = read_on(layout.history)
    assert first.rows == (row(1, 1), row(1, 2))
    assert first.bad == 5
    files.append_row(layout.history, {"note": "?"})
    assert read_on(layout.history, first).bad == 6


def test_rows_from_which_a_later_attempt_began_again_are_hidden():
    rows = [row(1, 1), row(1, 2), row(1, 3), row(1, 4), row(2, 3)]
    assert visible(rows, {1: 1, 2: 3}) == [row(1, 1), row(1, 2), row(2, 3)]
    assert visible(rows, {1: 1, 2: 3, 3: 1}) == []
    assert visible(rows, {1: 1, 2: 3, 3: 3}) == [row(1, 1), row(1, 2)]


def test_of_one_epoch_the_highest_attempt_wins_whatever_the_order():
    rows = [row(2, 1, x="b"), row(1, 1, x="a"), row(1, 2)]
    assert visible(rows, {}) == [row(2, 1, x="b"), row(1, 2)]


def test_of_one_epoch_written_twice_the_last_row_counts():
    # A row whose checkpoint could not be written on a full disk is written again.
    assert visible([row(1, 1, x="a"), row(1, 1, x="b")], {1: 1}) == [row(1, 1, x="b")]


def test_rows_come_by_rising_epoch():
    assert [one["epoch"] for one in visible([row(1, 3), row(1, 1), row(1, 2)], {})] == [1, 2, 3]


def test_attempts_are_told_by_number_and_exits_are_none(layout):
    files.write_json(layout.attempt(1), {"from_epoch": 1, "host": "ada"})
    files.write_json(layout.exit(1), {"code": 0})
    files.write_json(layout.attempt(12), {"from_epoch": 5})
    files.write_json(layout.attempt(10_000), {"from_epoch": 7})
    for name in ("1.json", "000a.json", "0002.json.123.tmp", "\u00b2\u00b2\u00b2\u00b2.json"):
        (layout.attempts_dir / name).write_text("{}")
    found = history.attempts(layout)
    assert sorted(found) == [1, 12, 10_000]
    assert found[1]["host"] == "ada"
    assert history.from_epochs(layout) == {1: 1, 12: 5, 10_000: 7}


def test_a_damaged_attempt_file_still_counts_as_an_attempt(layout):
    layout.attempt(1).write_bytes(b"")
    files.write_json(layout.attempt(2), {"from_epoch": "3"})
    assert history.attempts(layout) == {1: {}, 2: {"from_epoch": "3"}}
    assert history.from_epochs(layout) == {}


def test_a_run_without_attempts_has_none(tmp_path):
    assert history.attempts(RunLayout(tmp_path / "none")) == {}


def test_a_run_s_history_is_what_its_attempts_left_visible(layout):
    files.write_json(layout.attempt(1), {"from_epoch": 1})
    for epoch in (1, 2, 3):
        files.append_row(layout.history, row(1, epoch))
    with layout.history.open("ab") as file:
        file.write(b'{"attempt":1,"epoch":4')
    files.write_json(layout.attempt(2), {"from_epoch": 3})
    assert history.history(layout) == [row(1, 1), row(1, 2)]
    files.end_torn_line(layout.history)
    files.append_row(layout.history, row(2, 3))
    assert history.history(layout) == [row(1, 1), row(1, 2), row(2, 3)]


def test_what_one_attempt_wrote_in_order_is_given_as_it_is(layout):
    rows = [{"attempt": 2, "epoch": epoch, "loss": 0.5} for epoch in (1, 2, 3)]
    found = history.visible(rows, {1: 1, 2: 1})
    assert found == rows and found[0] is rows[0] and found is not rows


@pytest.mark.parametrize(
    ("pairs", "from_epochs", "left"),
    [
        ([(1, 1), (1, 2), (1, 2)], {1: 1}, [(1, 1), (1, 2)]),  # written twice: the later line
        ([(1, 2), (1, 1)], {1: 1}, [(1, 1), (1, 2)]),
        ([(1, 1), (1, 2)], {1: 1, 2: 2}, [(1, 1)]),  # an attempt that has not got to a row yet
        ([(1, 1), (2, 2)], {}, [(1, 1), (2, 2)]),
        ([], {1: 1}, []),
    ],
)
def test_what_is_not_plain_is_sorted_out(pairs, from_epochs, left):
    rows = [
        {"attempt": attempt, "epoch": epoch, "line": line}
        for line, (attempt, epoch) in enumerate(pairs)
    ]
    found = history.visible(rows, from_epochs)
    assert [(row["attempt"], row["epoch"]) for row in found] == left
    if pairs and pairs[-1] == pairs[-2]:
        assert found[-1]["line"] == 2
