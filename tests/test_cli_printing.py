import subprocess
import sys
import time
from pathlib import Path

import orjson

from core.cli.printing import print_facts
from core.runs import files
from core.runs.state import RunState, write_state

PETRIDISH = Path(sys.executable).with_name("petridish")


def test_a_terminal_is_sent_no_control_characters(petridish, finished_copy):
    (run,) = finished_copy.runs()
    files.write_json(run.layout.edit_json, {"name": "red\x1b[31m\nnext\u202e"})
    write_state(run.layout, RunState("failed", message="bell\a\x1b]0;title\a"))
    run.layout.log.write_text("plain\x1b[2J\n")
    for verb in (["list"], ["show", run.id], ["log", run.id]):
        _, out, _ = petridish("runs", *verb, "--runs", finished_copy.root)
        assert out
        assert all(one.isprintable() or one == "\n" for one in out), verb


def test_every_fact_is_one_json_document(facts, finished_store, finished_run, data_dir):
    for call in (
        ["datasets", "list"],
        ["datasets", "show", "digits", "--data", data_dir],
        ["variants", "list"],
        ["variants", "list", "--dataset", "digits", "--data", data_dir],
        ["variants", "show", "demo"],
        ["variants", "show", "dense-base", "--dataset", "digits", "--data", data_dir],
        ["runs", "list", "--runs", finished_store.root],
        ["runs", "show", finished_run.id, "--runs", finished_store.root],
        ["runs", "history", finished_run.id, "--runs", finished_store.root],
        ["runs", "log", finished_run.id, "--runs", finished_store.root],
        ["evaluate", finished_run.id, "--runs", finished_store.root],
    ):
        assert facts(*call)


def test_a_reader_that_has_seen_enough_is_no_error(store):
    template = {"schema": 1, "config": {"dataset": {"name": "digits"}, "variant": "x" * 200}}
    for number in range(1000):
        folder = store.root / f"20260131-{number:06d}-9f3a1c"
        folder.mkdir(parents=True)
        (folder / "run.json").write_bytes(orjson.dumps(template))
        (folder / "state.json").write_bytes(b'{"state": "finished"}')
    with subprocess.Popen(
        [PETRIDISH, "runs", "list", "--runs", store.root],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as listing:
        assert listing.stdout.readline().startswith("id")
        listing.stdout.close()
        assert listing.stderr.read() == ""
        assert listing.wait() == 1


def test_people_read_moments_as_local_time_and_programs_as_seconds(petridish, facts, finished_copy):
    (run,) = finished_copy.runs()
    _, out, _ = petridish("runs", "show", run.id, "--runs", finished_copy.root)
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.created))
    assert ["created", *moment.split()] in [line.split() for line in out.splitlines()]
    assert "e+09" not in out
    assert facts("runs", "show", run.id, "--runs", finished_copy.root)["created"] == run.created


def test_sentences_stand_on_a_line_each(capsys):
    print_facts(False, {"notes": ["One was left out.", "Two were shrunk."], "counts": [1, 2]})
    assert capsys.readouterr().out == (
        "notes:\n  One was left out.\n  Two were shrunk.\ncounts  1, 2\n"
    )


def test_settings_too_long_for_a_line_get_a_line_each(capsys):
    long = {f"setting_{place}": place for place in range(10)}
    steps = [{"name": "shift", "pixels": 2}, {"name": "mixup", "alpha": 0.5}]
    print_facts(False, {"id": "a", "short": {"k": 1}, "config": {"training": long, "steps": steps}})
    lines = capsys.readouterr().out.splitlines()
    assert lines[:6] == ["id      a", "short   k=1", "config:", "  training:"] + [
        f"    setting_{place}  {place}" for place in range(2)
    ]
    assert lines[-4:] == [
        "  steps:",
        "    name   pixels  alpha",
        "    shift  2       -",
        "    mixup  -       0.5",
    ]


def test_what_is_empty_is_a_dash(capsys):
    print_facts(False, {"tags": [], "changes": {}})
    assert capsys.readouterr().out == "tags     -\nchanges  -\n"
