"""Bringing data sets in and taking them out by the command line."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.datasets.fashion import SOURCES


@pytest.fixture
def pictures(tmp_path):
    """Two folders of six RGB pictures each."""
    generator = np.random.default_rng(0)
    for name, level in (("dark", 40), ("light", 180)):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(6):
            pixels = generator.integers(level, level + 40, (9, 9, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{number}.png")
    return tmp_path / "pictures"


def test_an_imported_folder_is_listed_shown_trained_on_and_removed(petridish, facts, pictures):
    status, out, err = petridish("datasets", "import", pictures, "--name", "lights")
    assert status == 0, err
    assert "images    12" in out
    assert "100% Done" in err
    assert {"name": "lights", "kind": "image-folder"} in facts("datasets", "list")
    shown = facts("datasets", "show", "lights")
    assert (shown["images"], shown["channels"], shown["classes"]) == (12, 3, 2)
    assert shown["class_names"] == ["dark", "light"]
    assert sum(shown["splits"].values()) == 12

    train = ["train", "--dataset", "lights", "--variant", "conv-base-padded", "--wait"]
    sizes = ["--set", "training.batch_size=4", "--set", "training.max_epochs=2"]
    status, out, err = petridish(*train, *sizes)
    assert status == 0, err
    run_id = out.strip()
    assert facts("runs", "show", run_id)["config"]["dataset"]["name"] == "lights"

    assert petridish("datasets", "remove", "lights") == (0, "", "")
    status, out, err = petridish("datasets", "show", "lights")
    assert (status, out) == (2, "")
    assert err.startswith("petridish: No data set is called 'lights'.")
    assert facts("evaluate", run_id)[0]["samples"] == shown["splits"]["test"]


def test_a_hostile_zip_is_refused_and_leaves_nothing(petridish, facts, tmp_path, pictures):
    hostile = tmp_path / "hostile.zip"
    with zipfile.ZipFile(hostile, "w") as archive:
        archive.write(pictures / "dark" / "0.png", "../dark/0.png")
    status, out, err = petridish("datasets", "import", hostile, "--name", "lights")
    assert (status, out) == (2, "")
    assert err.splitlines()[-1].startswith("petridish: ")
    assert "../dark/0.png" in err
    assert "lights" not in [row["name"] for row in facts("datasets", "list")]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Lights!", "The name of a data set must be 1 to 40 of a-z, 0-9 and '-'; got 'Lights!'."),
        ("digits", "'digits' is the name of a built-in data set. Choose another."),
    ],
)
def test_a_name_that_is_not_allowed_is_refused(petridish, pictures, name, message):
    status, out, err = petridish("datasets", "import", pictures, "--name", name)
    assert (status, out, err.splitlines()[-1]) == (2, "", f"petridish: {message}")


def test_an_option_out_of_bounds_names_the_bounds(petridish, pictures):
    call = ["datasets", "import", pictures, "--name", "lights", "--size", "2"]
    status, _, err = petridish(*call)
    assert (status, err) == (2, "petridish: size must lie in [4, 512]; got 2.\n")


def test_what_is_built_in_needs_no_fetching_and_cannot_be_removed(petridish):
    message = "petridish: The data set 'digits' needs no fetching: it is made here when needed.\n"
    assert petridish("datasets", "fetch", "digits") == (2, "", message)
    message = "petridish: 'digits' is built in and cannot be removed.\n"
    assert petridish("datasets", "remove", "digits") == (2, "", message)


def test_fashion_is_fetched_from_a_folder(petridish, facts):
    package = next((one for one in SOURCES if Path(one).is_dir()), None)
    if package is None:
        pytest.skip("Debian's dataset-fashion-mnist is not installed")
    status, out, err = petridish("datasets", "show", "fashion")
    assert (status, out) == (2, "")
    assert err.endswith("Fetch it once: petridish datasets fetch fashion\n")
    status, out, err = petridish("datasets", "fetch", "fashion", "--from", package)
    assert (status, out) == (0, ""), err
    shown = facts("datasets", "show", "fashion")
    assert shown["splits"] == {"train": 31_500, "validation": 10_500, "test": 10_500}
    assert os.listdir(os.environ["PETRIDISH_DATA"])


def test_who_may_only_look_on_brings_no_data_in_and_only_an_admin_takes_some_out(
    petridish, facts, pictures, tmp_path, monkeypatch
):
    people = tmp_path / "people.json"
    monkeypatch.setenv("PETRIDISH_PEOPLE", str(people))
    people.write_text('{"default": "viewer"}')
    status, out, err = petridish("datasets", "import", pictures, "--name", "lights")
    assert (status, out) == (2, "") and err.startswith("petridish: Importing data sets is off:")
    people.write_text('{"default": "student"}')
    assert petridish("datasets", "import", pictures, "--name", "lights")[0] == 0
    status, out, err = petridish("datasets", "remove", "lights")
    assert (status, out) == (2, "") and "only an administrator may" in err
    assert {"name": "lights", "kind": "image-folder"} in facts("datasets", "list")
