"""The import rules of pyproject.toml, and what they are for: processes that start without torch."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WITHOUT_TORCH = [
    f"core.runs.{path.stem}"
    for path in sorted((ROOT / "core" / "runs").glob("*.py"))
    if path.stem != "__init__"
] + [
    f"core.jobs.{name}"
    for name in ("runner", "slots", "permissions", "answers")
    if (ROOT / "core" / "jobs" / f"{name}.py").exists()
]


def test_the_import_contracts_are_kept():
    command = [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_folder_of_modules_is_a_package():
    # The contracts do not see modules in a folder without __init__.py.
    folders = {
        path.parent for name in ("core", "dashboard") for path in (ROOT / name).rglob("*.py")
    }
    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


@pytest.mark.parametrize("module", WITHOUT_TORCH)
def test_a_module_of_the_runner_starts_without_torch_and_streamlit(module):
    program = f"import sys, {module}; print(*({{'torch', 'streamlit'}} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_the_map_of_the_library_imports_nothing():
    program = (
        "import sys; before = set(sys.modules); import core; print(*set(sys.modules) - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["core"]


def test_no_module_under_dashboard_is_named_like_a_library():
    # Streamlit puts dashboard/ first on the path, where such a module would hide the library.
    ours = {path.stem for path in (ROOT / "dashboard").iterdir()} - {"__init__", "__pycache__"}
    libraries = set(importlib.metadata.packages_distributions()) | sys.stdlib_module_names
    assert ours & libraries == set()
