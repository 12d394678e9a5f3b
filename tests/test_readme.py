"""README and CONTRIBUTING against the program: commands, pages, paths, pictures, and the examples as they are written."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from PIL import Image

from core.cli import cli
from core.jobs.people import People
from core.runs.store import Store

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()

MOST_PICTURE_BYTES = 3_000_000
MADE_BY_READER = re.compile(r"<|stripes|class_confidence|\.venv|FILE|PATH|ID")
"""In paths that need not exist here: the reader's own."""


def commands(group=cli, above=()):
    """Yield the words of each command there is, such as ("runs", "list")."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*above, name))
        else:
            yield (*above, name)


def blocks(language):
    """Return the code blocks of a language in the README."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def documented():
    """Return the words of each command that a line of a code block of the README names."""
    found = set()
    for line in re.findall(r"^petridish (.+)$", README, re.MULTILINE):
        group, _, rest = line.partition(" ")
        if isinstance(cli.commands.get(group), click.Group):
            shown = re.split(r"\s{3,}", rest)[0].split(" | ")
            found |= {(group, part.split()[0]) for part in shown}
        else:
            found.add((group,))
    return found


def test_each_command_is_documented_and_each_one_documented_exists():
    assert documented() == set(commands())


@pytest.mark.parametrize("option", sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", README))))
def test_each_option_in_the_readme_exists(option):
    known = {"--slow"}
    pages = subprocess_options()
    for words in commands():
        command = cli
        for word in words:
            command = command.commands[word]
        known |= {text for one in command.params for text in (*one.opts, *one.secondary_opts)}
    assert option in known | pages


def test_each_format_of_an_export_is_documented():
    (option,) = (
        one for one in cli.commands["runs"].commands["export"].params if "--to" in one.opts
    )
    paragraph = README.partition("`petridish runs export --to` takes")[2].partition("\n\n")[0]
    assert set(option.type.choices) <= set(re.findall(r"`(\w+)`", paragraph))


def subprocess_options():
    text = (ROOT / "dashboard/serve.py").read_text()
    return set(re.findall(r'add_argument\("(--[a-z-]+)"', text))


def test_each_page_is_documented_in_the_order_of_the_sidebar():
    titles = re.findall(r'st\.Page\([^)]*title="(\w+)"', (ROOT / "dashboard/app.py").read_text())
    assert len(titles) >= 9
    places = [README.index(f"- **{title}**: ") for title in titles]
    assert places == sorted(places)
    views = {path.stem for path in (ROOT / "dashboard/views").glob("*.py")} - {"__init__"}
    assert {title.lower() for title in titles} == views


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_each_path_named_exists(text):
    named = re.findall(
        r"`([\w.<>/-]+)`|\]\(([\w./-]+?)(?:#[\w-]+)?\)|^# (core/[\w/.]+)$", text, re.M
    )
    paths = {one for found in named for one in found if one}
    folders = ("core/", "dashboard/", "tests/", "benchmarks/", ".ci/", ".streamlit/")
    paths = {
        one for one in paths if one.startswith(folders) or one.endswith((".md", ".toml", ".png"))
    }
    paths = {one for one in paths if not MADE_BY_READER.search(one)} - {".streamlit/secrets.toml"}
    assert len(paths) > 3
    assert [one for one in sorted(paths) if not (ROOT / one).exists()] == []


def test_each_link_within_the_readme_has_its_heading():
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", README, flags=re.M | re.S), re.M
    )
    anchors = {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}
    assert set(re.findall(r"\]\(#([\w-]+)\)", README)) <= anchors


def test_pictures_are_small_and_have_words_for_who_cannot_see_them():
    pictures = re.findall(r"!\[(.*?)\]\((.*?)\)", README)
    assert len(pictures) >= 3
    assert all(len(words) > 30 for words, _ in pictures)
    folder = ROOT / "dashboard/screenshots"
    assert {(ROOT / path).parent for _, path in pictures} == {folder}
    assert sum(path.stat().st_size for path in folder.iterdir()) < MOST_PICTURE_BYTES


def test_the_first_screen_is_a_sentence_a_picture_and_two_commands():
    first = README.split("\n\n")
    assert first[0].startswith("# ") and first[1].count(".") == 1
    assert first[2].startswith("![") and first[3].startswith("```\npython bootstrap.py demo")
    assert first[3].count("python bootstrap.py") == 2


def test_the_file_of_people_in_the_readme_is_valid():
    (text,) = blocks("json")
    assert People.checked(json.loads(text)).role_of("ada@example.org") == "admin"


def test_the_python_example_has_ten_lines_and_runs(tmp_path, monkeypatch, capsys):
    (example,) = (text for text in blocks("python") if not text.startswith("# core/"))
    body = example.split("\n\n")[-1].strip().splitlines()
    assert len(body) <= 10
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(example.replace('max_epochs": 10', 'max_epochs": 2'), "README", "exec"), names)
    assert len(names["store"].runs()) == 1
    assert names["config"].augmentation.steps[0].name == "shift"
    assert "accuracy" in capsys.readouterr().out
    assert "plotly" in (tmp_path / "confusion.html").read_text()[:10_000]


FOLLOWED = """
from pathlib import Path
import core
assert Path(core.__file__).is_relative_to(Path.cwd()), core.__file__
from core.jobs.inline import InlineExecutor
from core.jobs.submit import submit
from core.report import SECTIONS
from core.runs.store import Store
from core.variants import VARIANTS, run_config
assert "dense-tiny" in VARIANTS
steps = {"steps": [{"name": "posterise", "probability": 1, "levels": 3}]}
config = run_config({"name": "stripes", "images": 900}, "dense-tiny", {"augmentation": steps})
dataset = config.dataset.load(Path("data"))
assert len(dataset.splits["test"]) == 300
store = Store(Path("runs"))
run = submit(store, InlineExecutor(store, Path("data")), dataset, config, seed=0)
run = store.run(run.id)
assert run.state.state == "finished", run.state
(section,) = (one for one in SECTIONS if one.name == "class_confidence")
fig = section.draw(run.predictions("test"))
assert list(fig.data[0].x) == ["lying", "standing"], fig.data
assert all(0.5 <= value <= 1 for value in fig.data[0].y)
from core.augmentations.intensity import Posterise
import torch
images = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
assert len(Posterise(levels=4).apply(images, {}).unique()) == 4
"""


def test_what_the_readme_says_to_add_works_as_it_stands(tmp_path):
    shutil.copytree(ROOT / "core", tmp_path / "core", ignore=shutil.ignore_patterns("__pycache__"))
    for text in blocks("python"):
        if text.startswith("# core/"):
            path = tmp_path / text.splitlines()[0][2:]
            before = path.read_text() + "\n\n" if path.exists() else ""
            path.write_text(before + text)
    for text in blocks("diff"):
        add_lines(tmp_path, text.splitlines())
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FOLLOWED],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def add_lines(root, lines):
    """Do what a block of the README says: lines with a plus come beneath the line above them, which is there once."""
    path = root / lines[0][2:]
    found = path.read_text().splitlines()
    at = None
    for line in lines[1:]:
        if line.startswith("+"):
            assert at is not None, lines
            at += 1
            found.insert(at, line[1:])
        else:
            assert found.count(line[1:]) == 1, (path.name, line)
            at = found.index(line[1:])
    path.write_text("\n".join(found) + "\n")


@pytest.mark.slow
def test_the_way_from_a_folder_of_images_to_a_report_works_as_it_is_written(tmp_path):
    text = README.partition("## From a folder of images to a report")[2]
    block = re.search(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [line.partition(" #")[0].strip() for line in block[1].splitlines()]
    verbs = ["datasets import", "train", "compare", "predict", "report"]
    assert len(lines) == len(verbs)
    make_images(tmp_path / "PATH", ["lying", "standing"], 60)
    make_images(tmp_path, ["other-images"], 9)
    ids = []
    said = {}
    for line, verb in zip(lines, verbs, strict=True):
        assert line.startswith(f"petridish {verb} ")
        for name, value in (("ID2", ids[-1:]), ("ID", ids[:1])):
            line = re.sub(rf"\b{name}\b", "".join(value), line)
        if verb == "train":
            line += " --set training.max_epochs=2"
        done = subprocess.run(
            [sys.executable, "-m", "core", *line.split()[1:]],
            cwd=tmp_path,
            env=os.environ
            | {
                "OMP_NUM_THREADS": "1",
                "PYTHONPATH": str(ROOT),
                "PETRIDISH_DATA": str(tmp_path / "data"),
            }
            | {"PETRIDISH_RUNS": "runs", "PETRIDISH_WAITS": '{"runner_idle": 1}'},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        said[verb] = done.stdout + done.stderr
        if verb == "train":
            ids = [run.id for run in Store(tmp_path / "runs").runs()]

    # As it says: two variants with seeds 0 to 2 each, on few images with a batch that is cut down, and that is said.
    runs = Store(tmp_path / "runs").runs()
    assert {(run.variant, run.seed) for run in runs} == {
        (variant, seed) for variant in ("conv-base", "dense-base") for seed in range(3)
    }
    assert all(run.state.state == "finished" and run.dataset == "my-data" for run in runs)
    told = re.search(
        r"Batch size (\d+) instead of \d+: .* only (\d+) training images", said["train"]
    )
    assert told and {run.config["training"]["batch_size"] for run in runs} == {int(told[1])}
    assert 4 * int(told[1]) <= int(told[2]) < 120
    assert "conv-base" in said["compare"] and "dense-base" in said["compare"]
    with (tmp_path / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 9 and {row["label"] for row in rows} <= {"0", "1"}
    assert all(row["ID"].startswith("other-images") or row["ID"].endswith(".png") for row in rows)
    report = (tmp_path / "report.html").read_text()
    assert ids[0] in report and ids[-1] in report
    assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=[\"']https?:", report)


def make_images(folder, classes, number):
    """Write a folder of grey 12x12 images for each class: bright stripes, upright where it is the second."""
    draw = np.random.default_rng(0)
    for place, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for at in range(number):
            image = draw.integers(0, 60, (12, 12), dtype=np.uint8)
            image[draw.integers(12)] = 255
            Image.fromarray(image.T if place else image).save(folder / name / f"{at:03}.png")
