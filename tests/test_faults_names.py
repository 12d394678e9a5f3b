"""Names, tags and notes of every kind: no text becomes a path, a command or a broken table, and what can be shown is kept."""

import io
import zipfile

import orjson
import pytest

from core.exceptions import InvalidParameter
from core.jobs.submit import submit
from core.runs.archive import write_zip
from core.runs.edits import annotate, rename, tag
from core.runs.store import Store
from core.runs.text import MOST_CHARACTERS, clean_text

NAMES = {
    "accents": ("Überprüfung à la carte", None),
    "Chinese": ("卷积网络 第三次", None),
    "emoji": ("👩\u200d🔬 run 🎉", "👩🔬 run 🎉"),
    "combining": ("n" + "\u0303" * 50, None),
    "right to left": ("\u202e\u05d0\u05d1\u05d2 txt.exe\u202c", "\u05d0\u05d1\u05d2 txt.exe"),
    "control": ("a\x00b\x1b[31mc\r\nd\te\x7f", "ab[31mcde"),
    "HTML": ("<script>alert(1)</script><img src=x onerror=alert(1)>", None),
    "Markdown": ("**bold** [x](javascript:alert(1)) $\\frac{1}{0}$ :material/bug:", None),
    "path": ("../../etc/passwd", None),
    "absolute path": ("/tmp/x; rm -rf ~", None),
    "formula": ("=HYPERLINK(A1)", None),
    "shell": ("$(touch pwned) `id` && | ; * ? ~ {a,b}", None),
    "format": ("%s %d {0} {name!r} %(x)s \\n", None),
    "JSON": ('"}],"state":"finished', None),
    "an id": ("20260131-142501-9f3a1c", None),
    "none": ("None", None),
    "only spaces": ("   ", ""),
    "nothing that can be shown": ("\u200b\u202e\x00", ""),
    "a lone surrogate": ("a\ud800b", "ab"),
    "10,000 characters": ("long " * 2000, ("long " * 40).strip()),
}
"""What somebody typed, and what a page shows of it where that is something else."""


class Idle:
    """An executor that starts nothing."""

    name = "idle"

    def submit(self, run, attempt):
        return f"{run.id}-{attempt}"


def tree(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def stored_in(file):
    with zipfile.ZipFile(file) as archive:
        return [name for name in archive.namelist() if "run.json" in name]


@pytest.fixture(scope="module")
def dataset(short_config, data_dir):
    return short_config.dataset.load(data_dir)


@pytest.mark.parametrize("kind", NAMES)
def test_a_run_may_be_called_anything(tmp_path, dataset, short_config, kind):
    name, shown = NAMES[kind]
    shown = name if shown is None else shown
    store = Store(tmp_path / "runs")
    plain = submit(store, Idle(), dataset, short_config, 0, owner="ada", device="cpu")
    run = submit(store, Idle(), dataset, short_config, 0, owner="ada", device="cpu", name=name)
    run = store.run(run.id)
    assert run.damaged is None
    assert (run.name or "") == shown
    assert len(run.name or "") <= MOST_CHARACTERS
    assert orjson.loads(orjson.dumps(run.row()))["name"] == run.name
    assert "\n" not in run.title
    # The name is in no path: both folders are alike.
    assert tree(run.layout.path) == tree(plain.layout.path)
    assert {path.name for path in store.root.iterdir()} == {run.id, plain.id}
    file = io.BytesIO()
    write_zip(file, [run])
    assert stored_in(file) == [f"{run.id}/run.json"]


@pytest.mark.parametrize("kind", NAMES)
def test_a_name_a_note_and_a_tag_may_be_anything_that_fits(tmp_path, finished_copy, kind):
    name, _ = NAMES[kind]
    (run,) = finished_copy.runs()
    before = tree(tmp_path)
    if len(name) > MOST_CHARACTERS:
        for edit in (rename, annotate):
            with pytest.raises(InvalidParameter, match="must have at most 200 characters"):
                edit(run, name, by="ada")
        name = name[:40]
    rename(run, name, by="ada")
    annotate(run, name, by="ada")
    text = clean_text(name.encode(errors="ignore").decode()[:40])
    if text:
        tag(run, [name[:40]], by="ada")
    now = finished_copy.run(run.id)
    assert now.damaged is None
    if text:
        assert now.name
        assert now.name.isprintable()
        assert now.note.isprintable()
        assert now.tags
        assert all(one.isprintable() for one in now.tags)
    else:
        assert (now.note, now.tags) == (None, [])
    orjson.dumps(now.row())
    assert {*tree(tmp_path)} - {*before} <= {f"copied/{run.id}/edit.json"}
