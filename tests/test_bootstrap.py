"""bootstrap.py as users run it, copied into empty folders. Nothing is installed or fetched."""

import ast
import os
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import bootstrap

SCRIPT = Path(bootstrap.__file__)
posix = pytest.mark.skipif(os.name == "nt", reason="POSIX signals and links")


@pytest.fixture
def root(tmp_path):
    """A folder with bootstrap.py, what its stamp reads, and a `core` that exits with 7."""
    shutil.copy(SCRIPT, tmp_path)
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'petridish'\n")
    (tmp_path / "constraints.txt").write_text("torch==2.13.0\n")
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "__main__.py").write_text(
        "import os, sys\nprint(sys.argv[1:], os.getcwd())\nsys.exit(7)\n"
    )
    return tmp_path


@pytest.fixture
def finished(root):
    """The same folder with a finished environment (without packages: nothing here needs any)."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / ".venv"], check=True)
    Path(bootstrap.stamp_path(root)).write_text(bootstrap.stamp(root), encoding="utf-8")
    return root


def without_index():
    """Variables for a process whose pip finds no package index: nothing listens on that port."""
    kept = {name: os.environ[name] for name in os.environ if not name.startswith(("PIP_", "UV_"))}
    refused = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "0"}
    return kept | refused | {"PIP_CONFIG_FILE": os.devnull}


def run(root, *arguments, **options):
    command = [sys.executable, root / "bootstrap.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, **options)


def test_a_wrong_command_shows_the_usage_and_sets_nothing_up(root):
    done = run(root, "dmeo")
    assert done.returncode == 2
    assert "No job is called 'dmeo'." in done.stderr
    assert "demo | test | dashboard" in done.stderr
    assert not (root / ".venv").exists()


def test_no_command_shows_the_usage(root):
    done = run(root)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: python bootstrap.py demo | test | dashboard")


def test_help_is_no_error(root):
    assert run(root, "--help").returncode == 0


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 6, 15), (3, 10, 13), (3, 14, 0), (4, 0, 0)])
def test_a_wrong_python_is_named_with_the_remedy(version):
    problem = bootstrap.version_problem(version)
    assert problem.startswith(
        f"Petridish needs Python 3.11, 3.12 or 3.13; this is {version[0]}.{version[1]}."
    )
    assert "python3.12 bootstrap.py demo" in problem
    assert "\n" not in problem


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 1), (3, 13, 9)])
def test_the_pythons_of_pyproject_are_accepted(version):
    assert bootstrap.version_problem(version) is None
    declared = tomllib.loads((SCRIPT.parent / "pyproject.toml").read_text(encoding="utf-8"))
    assert declared["project"]["requires-python"] == ">=3.11,<3.14"


def test_old_pythons_can_read_the_script():
    source = SCRIPT.read_text(encoding="ascii")
    tree = ast.parse(source, feature_version=(3, 7))
    newer = (ast.JoinedStr, ast.AnnAssign, ast.AsyncFunctionDef, ast.Nonlocal, ast.YieldFrom)
    assert not [node for node in ast.walk(tree) if isinstance(node, newer)]


@pytest.mark.parametrize("name", ["python2.7", "python3.6", "python3.8", "python3.9", "python3.10"])
def test_an_old_python_gets_the_message(name, root):
    old = shutil.which(name)
    if old is None or subprocess.run([old, "-c", ""], capture_output=True).returncode != 0:
        pytest.skip(f"{name} is not installed")
    done = subprocess.run([old, root / "bootstrap.py", "demo"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("Petridish needs Python 3.11, 3.12 or 3.13; this is ")
    assert done.stderr.count("\n") == 1


def test_a_finished_environment_skips_straight_to_the_job(finished, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    done = run(finished, "dashboard", "--port", "8600", cwd=elsewhere)
    assert done.stdout == f"['dashboard', '--port', '8600'] {os.path.realpath(finished)}\n"
    assert done.stderr == ""
    assert done.returncode == 7  # the job's own exit status


def test_a_finished_environment_is_usable(finished):
    assert bootstrap.is_usable(finished)


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_changed_requirements_need_an_update_but_no_new_environment(name, finished):
    with (finished / name).open("a") as file:
        file.write("# changed\n")
    assert not bootstrap.is_usable(finished)
    assert bootstrap.is_usable(finished, lines=1)


def test_an_environment_without_stamp_is_not_usable(finished):
    Path(bootstrap.stamp_path(finished)).unlink()
    assert not bootstrap.is_usable(finished, lines=1)


@posix
def test_a_moved_environment_is_not_usable(finished, tmp_path_factory):
    moved = tmp_path_factory.mktemp("moved") / "copy"
    shutil.copytree(finished, moved, symlinks=True)
    assert not bootstrap.is_usable(moved, lines=1)


@posix
def test_an_environment_of_another_python_is_not_usable(finished):
    stamp = Path(bootstrap.stamp_path(finished))
    _, requirements = stamp.read_text(encoding="utf-8").splitlines()
    stamp.write_text(f"3.11.99 at {os.path.realpath(finished)}\n{requirements}\n", encoding="utf-8")
    assert not bootstrap.is_usable(finished, lines=1)


@posix
def test_a_python_that_is_gone_is_noticed(finished):
    python = Path(bootstrap.python_path(finished))
    python.unlink()
    python.symlink_to(finished / "removed-by-an-upgrade")
    assert not bootstrap.is_usable(finished, lines=1)


@posix
def test_a_python_that_does_not_run_is_noticed(finished):
    python = Path(bootstrap.python_path(finished))
    python.unlink()
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    assert not bootstrap.is_usable(finished, lines=1)


def test_a_missing_venv_module_is_said_with_the_remedy(root):
    # As on Debian without python3-venv, which takes ensurepip out of the standard library.
    program = (
        "import runpy, sys; sys.modules['ensurepip'] = None; sys.argv = ['bootstrap.py', 'demo'];"
        "runpy.run_path('bootstrap.py', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == (
        "This Python lacks the venv module. Install it (Debian, Ubuntu: apt install python3-venv), "
        "then run the command again.\n"
    )
    assert not (root / ".venv").exists()


def test_without_a_network_one_line_says_so_and_leaves_no_stamp(root):
    half_made = root / ".venv" / "lib" / "half-made"
    half_made.mkdir(parents=True)
    done = run(root, "demo", env=without_index())
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("No network, or a package index without the pinned versions:")
    assert "Traceback" not in done.stderr
    assert not half_made.exists()  # the environment was made anew
    assert Path(bootstrap.python_path(root)).exists()
    assert not bootstrap.is_usable(root, lines=1)  # so that the next run makes it anew


@posix
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_set_up_ends_without_a_traceback(number, status, root):
    # A test run in the background may ignore Ctrl-C, and its children with it: reset that first.
    command = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL);"
        "os.execv(sys.executable, [sys.executable, 'bootstrap.py', 'demo'])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", command],
        cwd=root,
        env=without_index(),
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr.readline().startswith("Setting up Petridish in .venv")
        process.send_signal(number)
        rest = process.stderr.read()
    assert process.returncode == status
    assert "Traceback" not in rest
    assert not Path(bootstrap.stamp_path(root)).exists()


@posix
def test_a_second_bootstrap_waits_for_the_first(root):
    with bootstrap.lock(root / ".bootstrap.lock"):
        second = subprocess.Popen(
            [sys.executable, "bootstrap.py", "demo"], cwd=root, stderr=subprocess.PIPE, text=True
        )
        with second:
            assert second.stderr.readline().startswith("Another bootstrap.py is setting up here")
            second.terminate()
    assert second.returncode == 143
    assert not (root / ".venv").exists()


@posix
def test_a_bootstrap_that_waited_uses_what_the_first_made(finished):
    stamp = Path(bootstrap.stamp_path(finished))
    written = stamp.read_text(encoding="utf-8")
    stamp.unlink()
    with bootstrap.lock(finished / ".bootstrap.lock"):
        second = subprocess.Popen(
            [sys.executable, "bootstrap.py", "demo"],
            cwd=finished,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert second.stderr.readline().startswith("Another bootstrap.py is setting up here")
        stamp.write_text(written, encoding="utf-8")
    out, err = second.communicate()
    assert out.startswith("['demo']")
    assert err == ""
    assert second.returncode == 7


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said_in_one_line(root):
    root.chmod(0o555)
    try:
        done = run(root, "demo")
    finally:
        root.chmod(0o755)
    assert done.returncode == 1
    assert done.stderr.startswith("No permission to write:")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        (
            "ERROR: Could not install packages due to an OSError: "
            "[Errno 28] No space left on device\n",
            "The disk is full",
        ),
        (
            "error: Failed to install: numpy-2.4.6.whl\n"
            "  Caused by: No space left on device (os error 28)",
            "The disk is full",
        ),
        ("ERROR: [WinError 112] There is not enough space on the disk", "The disk is full"),
        ("OSError: [Errno 122] Disk quota exceeded: '.venv/lib'", "The disk is full"),
        (
            "ERROR: Could not install packages due to an OSError: "
            "[Errno 13] Permission denied: '/x'\n",
            "No permission to write",
        ),
        ("[Errno 30] Read-only file system: '.bootstrap.lock'", "No permission to write"),
        (
            "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError(: "
            "[Errno -3] Temporary failure in name resolution')': /simple/torch/\n"
            "ERROR: Could not find a version that satisfies torch (from versions: none)\n"
            "ERROR: No matching distribution found for torch\n",
            "No network",
        ),
        (
            "ERROR: Cannot install torch because these package versions have conflicting "
            "dependencies.\nERROR: ResolutionImpossible: for help visit the documentation",
            "No network",
        ),
        ("urllib3.exceptions.ReadTimeoutError: HTTPSConnectionPool: Read timed out.", "No network"),
        ("error: subprocess-exited-with-error", "Setting up failed. Try again"),
        ("", "Setting up failed. Try again"),
    ],
)
def test_what_pip_said_becomes_one_line_with_a_remedy(output, cause):
    said = bootstrap.explained(output)
    assert said.startswith(cause)
    assert "\n" not in said


def test_the_first_error_is_quoted():
    output = "WARNING: x\nERROR: No matching distribution found\nERROR: second\n[notice] y\n"
    assert bootstrap.explained(output).endswith("ERROR: No matching distribution found")
