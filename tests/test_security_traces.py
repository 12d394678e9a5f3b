"""What a run leaves behind, trained by the real command: no shell, no secret, no file that others may read."""

import json
import os
import stat
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import psutil
import pytest

from core.runs.store import Store

SECRETS = {
    "PETRIDISH_FAKE_TOKEN": "token-5f1d0c9a7b3e",
    "AWS_SECRET_ACCESS_KEY": "secret-77ab31c9d2f0",
    "HF_TOKEN": "hf-90817263544536",
    "DATABASE_URL": "postgres://ada:password-1a2b3c4d@db",
}
HOSTILE = "$(touch pwned) `touch pwned`; touch pwned | touch pwned & ' \" \\ > pwned"
SHELLS = {"sh", "bash", "dash", "zsh", "ksh", "fish", "busybox"}


def related(root):
    """Return the processes of a runs folder, and all that they started."""
    found = {}
    for process in psutil.process_iter():
        try:
            if any(str(root) in part for part in process.cmdline()):
                for one in (process, *process.children(recursive=True)):
                    found[one.pid] = one.name()
        except psutil.Error:
            continue
    return found


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """The folder in which a run of a hostile name was trained and exported, and the names of all its processes."""
    folder = tmp_path_factory.mktemp("traces")
    runs, seen = folder / "runs", {}
    petridish = [str(Path(sys.executable).with_name("petridish"))]
    where = ["--runs", str(runs)]
    environment = os.environ | SECRETS | {"PETRIDISH_WAITS": '{"runner_idle": 0.5}'}
    before = os.umask(0o022)
    try:
        command = [*petridish, "train", "--dataset", "digits", "--variant", "dense-base"]
        command += ["--set", "training.max_epochs=2", "--name", HOSTILE, "--device", "cpu"]
        with (folder / "output").open("wb") as output:
            training = subprocess.Popen(
                [*command, "--wait", *where, "--data", str(folder / "data")],
                cwd=folder, env=environment, stdout=output, stderr=output,
            )  # fmt: skip
            while training.poll() is None:
                seen |= related(runs)
                time.sleep(0.05)
        assert training.returncode == 0, (folder / "output").read_text()
        (run,) = Store(runs).runs()
        for kind in ("zip", "csv"):
            export = [
                *petridish,
                "runs",
                "export",
                run.id,
                str(folder / f"out.{kind}"),
                "--to",
                kind,
            ]
            subprocess.run([*export, *where], cwd=folder, env=environment, check=True)
        give_up = time.monotonic() + 60
        while related(runs) and time.monotonic() < give_up:
            time.sleep(0.1)
    finally:
        os.umask(before)
    return folder, run, set(seen.values())


def test_a_name_that_a_shell_would_obey_is_a_name(left):
    folder, run, _ = left
    assert run.state.state == "finished"
    assert run.name == HOSTILE
    assert not list(folder.rglob("pwned"))


def test_no_shell_is_among_the_processes(left):
    _, _, names = left
    assert names and not names & SHELLS


def test_secrets_of_the_environment_are_in_no_file(left):
    folder, _, _ = left
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 15
    for path in files:
        content = path.read_bytes()
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                content += b"".join(map(archive.read, archive.namelist()))
        told = [name for name, value in SECRETS.items() if value.encode() in content]
        assert told == [], path


def test_neither_history_nor_export_names_the_folders_of_this_machine(left):
    folder, run, _ = left
    with zipfile.ZipFile(folder / "out.zip") as archive:
        content = b"".join(map(archive.read, archive.namelist()))
    assert str(folder).encode() not in content + (folder / "out.csv").read_bytes()
    assert str(folder) not in json.dumps(run.spec)


def test_files_of_a_run_are_for_owner_and_group_only(left):
    folder, _, _ = left
    open_ones = {}
    for path in (folder / "runs").rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & ~(0o750 if path.is_dir() else 0o640):
            open_ones[str(path.relative_to(folder))] = oct(mode)
    assert open_ones == {}
