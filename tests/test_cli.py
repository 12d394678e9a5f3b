import subprocess
import sys
from pathlib import Path

import click
import orjson
import pytest

from core.cli import cli

PETRIDISH = Path(sys.executable).with_name("petridish")

NO_ID = "20260131-142501-9f3a1c"

ROOT = Path(__file__).parent.parent


def commands(group=cli, path=()):
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


EVERY_COMMAND = list(commands())


def test_the_commands_are_those_that_are_promised():
    groups = {"datasets": "list show", "variants": "list show"}
    groups["runs"] = (
        "list show history log stop pause resume retry kill delete restore rename tag note export import fsck"
    )
    wanted = {("demo",), ("dashboard",), ("train",), ("evaluate",), ("compare",), ("serve",)}
    for group, verbs in groups.items():
        wanted |= {(group,)} | {(group, verb) for verb in verbs.split()}
    assert wanted <= set(EVERY_COMMAND)


@pytest.mark.parametrize("path", [(), *EVERY_COMMAND], ids=" ".join)
def test_each_command_explains_itself_and_its_options(petridish, path):
    status, out, err = petridish(*path, "--help")
    assert (status, err) == (0, "")
    assert out.startswith(f"Usage: petridish {' '.join(path)}".rstrip())
    assert petridish(*path, "-h") == (0, out, "")
    command = cli
    for name in path:
        command = command.commands[name]
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


def test_help_imports_nothing_slow():
    program = (
        "import sys\n"
        "from core.cli import main\n"
        f"for path in {[(), *EVERY_COMMAND]!r}:\n"
        "    main([*path, '--help'])\n"
        "slow = {'torch', 'pandas', 'numpy', 'scipy', 'sklearn', 'streamlit', 'plotly', 'pydantic'}\n"
        "print(*sorted(slow & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stderr.split() == []
    assert done.stdout.count("Usage: petridish") == len(EVERY_COMMAND) + 1


@pytest.mark.parametrize("command", [[PETRIDISH], [sys.executable, "-m", "core"]])
def test_the_script_and_the_module_are_the_same_command(command):
    done = subprocess.run(
        [*command, "datasets", "list", "--json"], capture_output=True, text=True, cwd=ROOT
    )
    assert (done.returncode, done.stderr) == (0, "")
    rows = orjson.loads(done.stdout)
    assert {"name": "digits", "kind": "built-in"} in rows
    assert {"name": "shapes", "kind": "generated"} in rows


def test_the_version_is_told(petridish):
    assert petridish("--version") == (0, "petridish, version 0.1.0\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "No such command 'trian'. (Did you mean one of: 'train', 'variants'?)"),
        (["runs", "lst"], "No such command 'lst'. Did you mean 'list'?"),
        (["runs", "list", "--jsn"], "No such option '--jsn'. Did you mean '--json'?"),
        (["runs", "show"], "Missing argument 'ID'."),
        (["evaluate"], "Missing argument 'ID...'."),
        (["datasets", "show", "digts"], "No data set is called 'digts'. Did you mean 'digits'?"),
        (
            ["variants", "show", "dense-bse"],
            "No variant or suite is called 'dense-bse'. Did you mean 'dense-base'?",
        ),
        (
            ["variants", "show", "dense-base", "--dataset", "digit"],
            "No data set is called 'digit'. Did you mean 'digits'?",
        ),
        (
            ["variants", "list", "--dataset", "digit"],
            "No data set is called 'digit'. Did you mean 'digits'?",
        ),
        (
            ["train"],
            "Name what to train: --variant NAME (may be repeated) or --suite NAME.",
        ),
        (
            ["train", "--suite", "demo", "--variant", "dense-base"],
            "Take either --variant or --suite, not both. Name what to train: --variant NAME (may be repeated) or --suite NAME.",
        ),
        (["train", "--variant", "dense-base"], "Name the data set: --dataset NAME."),
        (
            ["train", "--dataset", "digts", "--variant", "dense-base"],
            "No data set is called 'digts'. Did you mean 'digits'?",
        ),
        (
            ["train", "--dataset", "digits", "--variant", "dens-base"],
            "No variant is called 'dens-base'. Did you mean 'dense-base'?",
        ),
        (["train", "--suite", "demoo"], "No suite is called 'demoo'. Did you mean 'demo'?"),
        (
            [
                "train",
                "--dataset",
                "digits",
                "--variant",
                "dense-base",
                "--set",
                "training.epochs=3",
            ],
            "No setting is called 'training.epochs'. Did you mean 'training.max_epochs'?",
        ),
        (
            ["train", "--dataset", "digits", "--variant", "dense-base", "--set", "max_epochs=3"],
            "No setting is called 'max_epochs'. Did you mean 'training.max_epochs'?",
        ),
        (
            [
                "train",
                "--dataset",
                "digits",
                "--variant",
                "dense-base",
                "--set",
                "training.max_epochs",
            ],
            "Write GROUP.NAME=VALUE; got 'training.max_epochs'.",
        ),
        (
            [
                "train",
                "--dataset",
                "digits",
                "--variant",
                "dense-base",
                "--set",
                "training.max_epochs=0",
            ],
            "training.max_epochs must lie in [1, 1000]; got 0.",
        ),
        (
            [
                "train",
                "--dataset",
                "digits",
                "--variant",
                "dense-base",
                "--set",
                "training.patience=true",
            ],
            "training.patience must be a number, not true or false; got True.",
        ),
        (
            ["train", "--dataset", "digits", "--variant", "dense-base", "--set", "model.name=dnse"],
            "No model is called 'dnse'. Did you mean 'dense'?",
        ),
        (
            ["train", "--dataset", "digits", "--variant", "dense-base", "--seeds", "x"],
            "seeds must look like 3, 0-4 or 0,2,5; got 'x'.",
        ),
        (
            ["train", "--dataset", "digits", "--variant", "dense-base", "--seeds", "0-1000"],
            "seeds must name at most 1,000 seeds; got '0-1000'.",
        ),
        (
            ["train", "--dataset", "digits", "--variant", "dense-base", "--device", "tpu"],
            "Invalid value for '--device': 'tpu' is not one of 'auto', 'cpu', 'cuda', 'mps'.",
        ),
        (["demo", "--json"], "--json needs --until-done: a dashboard prints no facts."),
        (["runs", "show", NO_ID], f"No run is called '{NO_ID}'."),
        (["runs", "history", "x"], "No run is called 'x'."),
        (["runs", "log", ".."], "No run is called '..'."),
        (["runs", "stop", NO_ID], f"No run is called '{NO_ID}'."),
        (["runs", "resume", NO_ID], f"No run is called '{NO_ID}'."),
        (["evaluate", NO_ID], f"No run is called '{NO_ID}'."),
    ],
)
def test_bad_input_is_answered_in_one_line_and_nothing_is_written(
    petridish, elsewhere, tmp_path, arguments, message
):
    assert petridish(*arguments) == (2, "", f"petridish: {message}\n")
    assert list(elsewhere.iterdir()) == []
    assert not (tmp_path / "nowhere").exists()


def test_bad_input_is_one_line_of_the_process_too(petridish_process, elsewhere):
    done = petridish_process("datasets", "show", "digts")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "petridish: No data set is called 'digts'. Did you mean 'digits'?\n"
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("group", [(), ("runs",), ("datasets",), ("variants",)])
def test_a_group_without_a_verb_lists_its_verbs(petridish, group):
    status, out, err = petridish(*group)
    assert (status, out) == (2, "")
    assert "Commands:" in err


def test_a_wrong_wait_is_bad_input(petridish, monkeypatch):
    monkeypatch.setenv("PETRIDISH_WAITS", '{"stall": -1}')
    assert petridish("runs", "list") == (
        2,
        "",
        "petridish: PETRIDISH_WAITS: stall must lie in (0, inf); got -1.\n",
    )


def test_a_file_in_the_place_of_the_runs_folder_is_bad_input(petridish, elsewhere, monkeypatch):
    (elsewhere / "file").write_text("")
    assert petridish("runs", "list", "--runs", "file") == (
        2,
        "",
        "petridish: Invalid value for '--runs': Directory 'file' is a file.\n",
    )
    monkeypatch.setenv("PETRIDISH_RUNS", "file")
    message = "petridish: The runs folder cannot be read: Not a directory.\n"
    assert petridish("runs", "list") == (2, "", message)
    message = "petridish: The runs folder is no folder. Choose another with --runs.\n"
    assert petridish("serve") == (2, "", message)
