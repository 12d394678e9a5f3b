import pytest

from core.exceptions import InvalidParameter, RunStateError, UnknownName
from core.runs import trash

WEEK = 7 * 24 * 3600 * 10**9


@pytest.fixture
def store(finished_copy):
    return finished_copy


@pytest.fixture
def run(store):
    (run,) = store.runs()
    return run


def test_a_deleted_run_is_gone_from_the_list_and_comes_back_whole(store, run):
    before = {path.relative_to(run.layout.path): path.stat().st_ino for path in run.layout.path.rglob("*")}  # fmt: skip
    gone = trash.discard(run.layout, now=5)
    assert store.runs() == []
    assert gone.path == store.root / ".trash" / f"{run.id}-5"
    assert trash.trashed(store.layout) == [gone]
    assert trash.restore(store.layout, run.id) == run.id
    after = {path.relative_to(run.layout.path): path.stat().st_ino for path in run.layout.path.rglob("*")}  # fmt: skip
    assert after == before
    assert store.run(run.id).row() == run.row()
    assert trash.trashed(store.layout) == []


def test_the_run_deleted_last_of_several_with_one_id_comes_back(store, run):
    trash.discard(run.layout, now=9)
    for moment in (10, 8):
        run.layout.path.mkdir()
        (run.layout.path / str(moment)).touch()
        trash.discard(run.layout, now=moment)
    trash.restore(store.layout, run.id[:10])
    assert [path.name for path in run.layout.path.iterdir()] == ["10"]
    assert [one.deleted for one in trash.trashed(store.layout)] == [9, 8]


def test_a_run_does_not_come_back_in_place_of_another(store, run):
    trash.discard(run.layout)
    run.layout.path.mkdir()
    with pytest.raises(RunStateError) as raised:
        trash.restore(store.layout, run.id)
    assert str(raised.value) == (
        f"Run {run.id} exists; the deleted one of that id stays in the trash. Delete the other one first."
    )
    assert len(trash.trashed(store.layout)) == 1


def test_what_was_deleted_more_than_a_week_ago_is_removed_for_good(store, run):
    trash.discard(run.layout, now=1000)
    assert trash.purge(store.layout, now=1000 + WEEK) == []
    assert trash.purge(store.layout, now=0) == []  # a clock that was set back
    assert trash.purge(store.layout, now=1001 + WEEK) == [run.id]
    assert list(store.layout.trash_dir.iterdir()) == []


def test_purging_follows_no_link_and_touches_nothing_of_another_name(store, run, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept").touch()
    store.layout.trash_dir.mkdir()
    (store.layout.trash_dir / f"{run.id}-1").symlink_to(tmp_path / "outside")
    (store.layout.trash_dir / "notes").touch()
    assert trash.purge(store.layout) == [run.id]
    assert (tmp_path / "outside" / "kept").exists()
    assert [path.name for path in store.layout.trash_dir.iterdir()] == ["notes"]


def test_what_is_not_in_the_trash_cannot_be_restored(store, run):
    with pytest.raises(UnknownName) as raised:
        trash.restore(store.layout, run.id)
    assert str(raised.value) == f"No deleted run is called {run.id!r}."
    for last in "ab":
        other = store.root / f"20260131-142501-9f3a1{last}"
        other.mkdir()
        trash.discard(type(run.layout)(other))
    with pytest.raises(InvalidParameter) as raised:
        trash.restore(store.layout, "20260131")
    assert str(raised.value) == (
        "run '20260131' must be the beginning of one id only; it begins 20260131-142501-9f3a1a, 20260131-142501-9f3a1b."
    )
