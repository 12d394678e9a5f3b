"""Importing and what comes of it: names, files set aside, splits, unlabelled images, removal, damage."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from core.datasets.base import SPLITS
from core.datasets.imported import Imported, imported_facts, imported_names
from core.datasets.importing import checked_name, import_dataset, remove_dataset
from core.datasets.kinds import KINDS, recognised
from core.datasets.raw import ImportOptions, empty_images
from core.exceptions import InvalidInput, InvalidParameter, UnknownName

NUM_IMAGES = 60


def content(num_images: int = NUM_IMAGES, side: int = 6, num_classes: int = 3) -> dict:
    images = np.random.default_rng(3).integers(0, 256, (num_images, side, side), dtype=np.uint8)
    return {"images": images, "labels": np.arange(num_images) % num_classes}


@pytest.fixture
def source(tmp_path) -> Path:
    path = tmp_path / "my images.npz"
    np.savez(path, **content())
    return path


@pytest.fixture
def data(tmp_path) -> Path:
    return tmp_path / "data"


def imported(source, data, name="mine", **options) -> Path:
    return import_dataset(source, name, None, ImportOptions(**options), data)


def left_in(data: Path) -> list[str]:
    folder = data / "imported"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_an_imported_set_loads_under_its_name(source, data):
    folder = imported(source, data)
    assert folder == data / "imported" / "mine"
    assert imported_names(data) == ["mine"]
    dataset = Imported(name="mine").load(data)
    assert dataset.name == "mine"
    assert tuple(dataset.splits) == SPLITS
    assert {name: len(split) for name, split in dataset.splits.items()} == {
        "train": 36,
        "validation": 12,
        "test": 12,
    }
    assert dataset.image_shape == (1, 6, 6)
    assert dataset.space.class_names == ("0", "1", "2")


def test_the_rows_are_those_of_scikit_learns_two_stratified_calls(source, data):
    imported(source, data)
    dataset = Imported(name="mine", split_seed=7).load(data)
    images, labels = content()["images"], content()["labels"]
    rest, test = train_test_split(
        np.arange(NUM_IMAGES), test_size=0.2, random_state=7, stratify=labels
    )
    train, validation = train_test_split(
        rest, test_size=0.25, random_state=7, stratify=labels[rest]
    )
    for name, rows in {"train": train, "validation": validation, "test": test}.items():
        rows = np.sort(rows)
        np.testing.assert_array_equal(dataset.split(name).images[:, 0], images[rows])
        np.testing.assert_array_equal(dataset.split(name).labels, labels[rows])


def test_the_split_is_part_of_the_fingerprint_and_another_seed_splits_anew(source, data):
    imported(source, data)
    first = Imported(name="mine").load(data).fingerprint
    assert Imported(name="mine").load(data).fingerprint == first
    settings = (
        {"split_seed": 1},
        {"test_share": 0.3},
        {"validation_share": 0.3},
        {"stratified": False},
    )
    others = [Imported(name="mine", **one).load(data).fingerprint for one in settings]
    assert len({first, *others}) == 5


def test_a_kept_split_needs_no_scikit_learn_and_its_pixels_are_mapped(source, data):
    imported(source, data)
    images = Imported(name="mine").load(data).split("train").images
    assert isinstance(images.base, np.memmap)
    program = (
        "import pathlib, sys; from core.datasets.imported import Imported;"
        "Imported(name='mine').load(pathlib.Path(sys.argv[1])); print('sklearn' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, str(data)], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "False"


def test_the_facts_name_the_source_without_its_folder(source, data, tmp_path):
    folder = imported(source, data)
    facts = imported_facts("mine", data)
    assert facts["schema"] == 1
    assert facts["kind"] == "arrays"
    assert facts["source"] == "my images.npz"
    assert facts["shape"] == [NUM_IMAGES, 1, 6, 6]
    assert facts["fixed_parts"] == []
    assert set(facts["sha256"]) == {"images.npy", "labels.npy"}
    assert str(tmp_path) not in (folder / "dataset.json").read_text()
    assert {path.name for path in folder.iterdir()} == {"images.npy", "labels.npy", "dataset.json"}


def test_parts_that_the_source_fixes_are_kept(tmp_path, data):
    images, labels = content()["images"], content()["labels"]
    path = tmp_path / "parts.npz"
    np.savez(path, x_train=images[:40], y_train=labels[:40], x_test=images[40:], y_test=labels[40:])
    imported(path, data)
    assert imported_facts("mine", data)["fixed_parts"] == ["train", "test"]
    dataset = Imported(name="mine").load(data)
    np.testing.assert_array_equal(dataset.split("test").images[:, 0], images[40:])
    assert len(dataset.split("validation")) == 12  # a fifth of all 60, out of the 40
    assert len(dataset.split("train")) == 28


def test_a_source_that_fixes_all_parts_is_split_once_whatever_the_seed(tmp_path, data):
    images, labels = content()["images"], content()["labels"]
    path = tmp_path / "parts.npz"
    parts = {"train": slice(0, 40), "val": slice(40, 50), "test": slice(50, 60)}
    np.savez(
        path,
        **{f"{part}_images": images[rows] for part, rows in parts.items()},
        **{f"{part}_labels": labels[rows] for part, rows in parts.items()},
    )
    folder = imported(path, data)
    first = Imported(name="mine").load(data)
    assert Imported(name="mine", split_seed=1).load(data).fingerprint == first.fingerprint
    assert [len(split) for split in first.splits.values()] == [40, 10, 10]
    assert len(list((folder / "splits").iterdir())) == 1


def test_unlabelled_images_are_in_no_split(tmp_path, data):
    source = tmp_path / "folder"
    images = content()["images"]
    for folder in ("train/a", "train/b", "unlabelled"):
        (source / folder).mkdir(parents=True)
    from PIL import Image

    for number, image in enumerate(images[:40]):
        Image.fromarray(image).save(source / "train" / "ab"[number % 2] / f"{number:02d}.png")
    for number, image in enumerate(images[40:45]):
        Image.fromarray(image).save(source / "unlabelled" / f"{number:02d}.png")
    imported(source, data)
    chosen = Imported(name="mine")
    assert sum(len(split) for split in chosen.load(data).splits.values()) == 40
    np.testing.assert_array_equal(chosen.unlabelled(data)[:, 0], images[40:45])
    assert "5 images have no label and are in no split." in imported_facts("mine", data)["notes"]


def test_a_set_without_unlabelled_images_has_none(source, data):
    imported(source, data)
    assert Imported(name="mine").unlabelled(data).shape == (0, 1, 6, 6)


def test_shapes_files_are_stratified_by_their_pairs(tmp_path, data, data_dir):
    """A hundred images have too few of most of the 135 classes, but enough of the 15 pairs."""
    from PIL import Image

    from core.datasets.shapes import Shapes

    split = Shapes(images=400).load(data_dir).split("train")
    source = tmp_path / "gsn"
    (source / "images").mkdir(parents=True)
    rows = ["name,squares,circles,up,right,down,left"]
    for number, (image, counts) in enumerate(zip(split.images, split.counts, strict=True)):
        Image.fromarray(image[0]).convert("RGBA").save(source / "images" / f"{number}.png")
        rows.append(",".join([f"{number}.png", *map(str, counts)]))
    (source / "labels.csv").write_text("\n".join(rows))
    imported(source, data)
    assert imported_facts("mine", data)["kind"] == "gsn"
    dataset = Imported(name="mine", validation_share=0.1).load(data)
    assert [len(one) for one in dataset.splits.values()] == [256, 32, 32]
    np.testing.assert_array_equal(dataset.split("test").images, split.images[288:])
    assert dataset.split("validation").counts.sum(axis=1).tolist() == [10] * 32
    pairs = {dataset.space.class_groups[label] for label in dataset.split("validation").labels}
    assert len(pairs) == 15


@pytest.mark.parametrize("name", ["", "Mine", "my images", "../mine", "mine\n", "a" * 41, "ümlaut"])
def test_a_name_of_another_form_is_refused(source, data, name):
    with pytest.raises(
        InvalidParameter,
        match=r"^The name of a data set must be 1 to 40 of a-z, 0-9 and '-'; got ",
    ):
        imported(source, data, name)
    assert left_in(data) == []


def test_a_built_in_name_is_refused(source, data):
    with pytest.raises(
        InvalidParameter, match=r"^'shapes' is the name of a built-in data set\. Choose another\.$"
    ):
        imported(source, data, "shapes")


def test_a_taken_name_is_refused_and_the_set_stays(source, data):
    imported(source, data)
    with pytest.raises(
        InvalidParameter,
        match=r"^A data set 'mine' is there already\. Choose another name, or remove it first\.$",
    ):
        imported(source, data)
    assert checked_name("other", data) == "other"
    Imported(name="mine").load(data)


def test_an_unknown_kind_is_answered_with_the_nearest(source, data):
    with pytest.raises(
        UnknownName, match=r"^No kind of source is called 'array'\. Did you mean 'arrays'\?$"
    ):
        import_dataset(source, "mine", "array", ImportOptions(), data)


def test_a_source_that_is_not_there_is_refused(tmp_path, data):
    with pytest.raises(
        InvalidInput, match=r"^'nowhere\.npz' cannot be read: No such file or directory\.$"
    ):
        imported(tmp_path / "nowhere.npz", data)


def test_a_source_of_no_known_kind_is_refused_with_all_kinds(tmp_path, data):
    path = tmp_path / "letter.doc"
    path.write_bytes(b"\xd0\xcf\x11\xe0")
    with pytest.raises(InvalidInput, match=r"^'letter\.doc' does not look like anything") as caught:
        imported(path, data)
    assert all(f"{kind}: " in str(caught.value) for kind in KINDS)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes")
def test_a_pipe_is_refused_at_once(tmp_path, data):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidInput, match=r"^'pipe' is neither a file nor a folder\.$"):
        imported(tmp_path / "pipe", data)


def test_a_broken_source_leaves_nothing_behind(source, data):
    source.write_bytes(source.read_bytes()[:300])
    with pytest.raises(InvalidInput, match="damaged"):
        imported(source, data)
    assert left_in(data) == []


def test_a_source_that_changes_while_it_is_read_is_refused(source, data):
    def progress(share, what):
        with source.open("ab") as file:
            file.write(b"more")

    with pytest.raises(
        InvalidInput,
        match=r"^'my images\.npz' changed while it was read\. Import it again when it is whole\.$",
    ):
        import_dataset(source, "mine", "arrays", ImportOptions(), data, progress)
    assert left_in(data) == []


def test_a_folder_that_changes_while_it_is_read_is_refused(tmp_path, data):
    from PIL import Image

    source = tmp_path / "folder"
    for name in "ab":
        (source / name).mkdir(parents=True)
        for number in range(9):
            Image.fromarray(content()["images"][number]).save(source / name / f"{number}.png")

    def progress(share, what):
        shutil.copy(source / "a" / "0.png", source / "a" / "new.png")

    with pytest.raises(InvalidInput, match=r"^'folder' changed while it was read\."):
        import_dataset(source, "mine", None, ImportOptions(), data, progress)
    assert left_in(data) == []


def test_an_import_that_is_broken_off_leaves_nothing_behind(source, data):
    def progress(share, what):
        if share > 0.9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_dataset(source, "mine", None, ImportOptions(), data, progress)
    assert left_in(data) == []


def test_of_two_imports_under_one_name_the_slower_is_refused(source, data):
    def progress(share, what):
        if share == 0.95 and not (data / "imported").exists():
            imported(source, data)

    with pytest.raises(InvalidParameter, match=r"^A data set 'mine' is there already\."):
        import_dataset(source, "mine", None, ImportOptions(), data, progress)
    assert left_in(data) == ["mine"]
    Imported(name="mine").load(data)


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="permissions do not bind this user"
)
def test_a_data_folder_that_cannot_be_written_is_refused(source, data):
    data.mkdir(mode=0o500)
    with pytest.raises(InvalidInput, match=r"^The data set cannot be kept: Permission denied\.$"):
        imported(source, data)


def test_a_file_in_the_place_of_the_data_folder_is_refused(source, data):
    data.write_text("in the way")
    with pytest.raises(InvalidInput, match=r"^The data set cannot be kept: "):
        imported(source, data)


def test_one_class_only_is_refused(tmp_path, data):
    path = tmp_path / "one.npz"
    np.savez(path, images=content()["images"], labels=np.zeros(NUM_IMAGES, int))
    with pytest.raises(
        InvalidInput,
        match=r"^All 60 labelled images of 'one\.npz' are of one class, '0'; at least two are needed",
    ):
        imported(path, data)


def test_images_that_are_too_large_are_refused_with_their_size(tmp_path, data):
    path = tmp_path / "large.npz"
    np.savez(path, images=np.zeros((4, 3, 513), np.uint8), labels=[0, 1, 0, 1])
    with pytest.raises(
        InvalidInput,
        match=r"^Images must be 4 to 512 pixels wide and high; those of 'large\.npz' are 513x3\.",
    ):
        imported(path, data)


def test_constant_nearly_black_and_missing_are_noted(tmp_path, data):
    path = tmp_path / "dark.npz"
    images = (content()["images"] > 127).astype(np.uint8)
    images[3:5] = 1
    np.savez(path, images=images, labels=content()["labels"] * 2)
    imported(path, data)
    assert imported_facts("mine", data)["notes"] == [
        "2 of 5 classes have no image: '1', '3'.",
        "2 of 60 images have one value in every pixel.",
        "The largest pixel value is 1 of 255, so the images are nearly black.",
    ]


def test_all_constant_images_are_noted(tmp_path, data):
    path = tmp_path / "flat.npz"
    np.savez(path, images=np.full((60, 6, 6), 200, np.uint8), labels=content()["labels"])
    imported(path, data)
    assert imported_facts("mine", data)["notes"] == ["All 60 images have one value in every pixel."]


def test_a_thousand_classes_with_names_in_any_script_come_back(tmp_path, data):
    path = tmp_path / "many.npz"
    scripts = ("кошка", "猫", "قطة", "बिल्ली", "γάτα")
    names = np.array([f"{scripts[one % 5]} {one}" for one in range(1000)])
    np.savez(path, images=content(6000)["images"], labels=np.tile(names, 6))
    imported(path, data)
    dataset = Imported(name="mine").load(data)
    assert set(dataset.space.class_names) == set(names)
    for split in dataset.splits.values():
        assert len(np.unique(split.labels)) == 1000


def test_a_class_with_too_few_images_for_every_split_is_refused_at_loading(tmp_path, data):
    path = tmp_path / "rare.npz"
    labels = np.array(["ant"] * 30 + ["bee"] * 28 + ["cat"] * 2)
    np.savez(path, images=content()["images"], labels=labels)
    imported(path, data)
    with pytest.raises(InvalidInput, match=r"too few of 'cat' \(2 images\)\. Add images"):
        Imported(name="mine").load(data)
    assert len(Imported(name="mine", stratified=False).load(data).split("train")) == 36


def test_shares_that_leave_nothing_for_train_are_refused():
    with pytest.raises(
        InvalidParameter,
        match=r"must leave something for train: together below 1; got 0\.5 and 0\.5",
    ):
        Imported.checked({"name": "mine", "validation_share": 0.5, "test_share": 0.5})
    with pytest.raises(InvalidParameter, match=r"^test_share must lie in \(0, 1\); got 1\.0\.$"):
        Imported.checked({"name": "mine", "test_share": 1.0})


def test_settings_round_trip_through_json():
    chosen = Imported(name="mine", split_seed=3, validation_share=0.1)
    assert Imported.checked(chosen.model_dump(mode="json")) == chosen
    for setting, field in Imported.model_fields.items():
        assert field.description and field.description.endswith("."), setting


def test_a_removed_set_says_what_to_do(source, data):
    imported(source, data)
    Imported(name="mine").load(data)
    remove_dataset("mine", data)
    assert imported_names(data) == []
    assert left_in(data) == []
    message = r"^The data set 'mine' is not here \(any more\): import it again under this name\.$"
    with pytest.raises(InvalidInput, match=message):
        Imported(name="mine").load(data)
    with pytest.raises(InvalidInput, match=message):
        Imported(name="mine").unlabelled(data)
    imported(source, data)
    Imported(name="mine").load(data)


def test_splits_in_use_outlive_a_removal(source, data):
    imported(source, data)
    split = Imported(name="mine").load(data).split("train")
    before = split.images.copy()
    remove_dataset("mine", data)
    np.testing.assert_array_equal(split.images, before)


def test_the_same_import_gives_the_same_fingerprint_again(source, data):
    imported(source, data)
    first = Imported(name="mine").load(data).fingerprint
    remove_dataset("mine", data)
    imported(source, data)
    assert Imported(name="mine").load(data).fingerprint == first


def test_what_is_not_imported_cannot_be_removed(source, data):
    imported(source, data)
    with pytest.raises(
        UnknownName, match=r"^No imported data set is called 'mina'\. Did you mean 'mine'\?$"
    ):
        remove_dataset("mina", data)
    with pytest.raises(UnknownName):
        remove_dataset("../imported/mine", data)
    with pytest.raises(InvalidInput, match=r"^'shapes' is built in and cannot be removed\.$"):
        remove_dataset("shapes", data)


@pytest.mark.parametrize("file_name", ["images.npy", "labels.npy", "dataset.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "one byte"])
def test_damage_is_noticed_when_splits_are_made(source, data, file_name, damage):
    path = imported(source, data) / file_name
    whole = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(b"" if damage == "empty" else b"?" + whole[1:])
    with pytest.raises(InvalidInput) as caught:
        Imported(name="mine").load(data)
    if (file_name, damage) == ("dataset.json", "missing"):
        assert "is not here (any more)" in str(caught.value)
    else:
        assert str(caught.value) == (
            f"The data set 'mine' is damaged ({file_name} is not what was imported):"
            " remove it and import it again under this name."
        )


@pytest.mark.parametrize("facts", ["[]", "null", "{}", '{"space": {"class_names": 3}}'])
def test_facts_of_something_else_are_damage(source, data, facts):
    (imported(source, data) / "dataset.json").write_text(facts)
    with pytest.raises(InvalidInput, match=r"^The data set 'mine' is damaged \(dataset\.json"):
        Imported(name="mine").load(data)
    remove_dataset("mine", data)


def test_what_a_killed_import_left_aside_is_deleted_after_a_day(source, data):
    stale, fresh = data / "imported" / ".part-old", data / "imported" / ".part-new"
    for folder in (stale, fresh):
        folder.mkdir(parents=True)
        (folder / "images.npy").write_bytes(b"half")
    os.utime(stale, (0, 0))
    assert imported_names(data) == []
    imported(source, data)
    assert left_in(data) == [".part-new", "mine"]


def test_facts_are_json_that_others_can_read(source, data):
    folder = imported(source, data)
    assert json.loads((folder / "dataset.json").read_text()) == imported_facts("mine", data)


def test_progress_never_goes_back_and_ends_with_everything(source, data):
    told: list[float] = []
    import_dataset(
        source, "mine", None, ImportOptions(), data, lambda share, what: told.append(share)
    )
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_every_kind_says_what_it_is():
    for reader in KINDS.values():
        assert reader.what[0] == "a", reader.what
    assert set(KINDS) == {"gsn", "idx", "arrays", "pixel-csv", "image-folder"}


def test_no_reader_claims_what_is_not_there(tmp_path):
    for reader in KINDS.values():
        assert not reader.recognises(tmp_path / "nowhere")
    with pytest.raises(InvalidInput):
        recognised(tmp_path)


def test_large_images_are_kept_out_of_memory_and_larger_ones_refused():
    assert isinstance(empty_images(1100, 1, 512, 512), np.memmap)
    assert not isinstance(empty_images(10, 1, 28, 28), np.memmap)
    with pytest.raises(InvalidInput, match=r"^The pixels of an import take at most 2,048 MiB; "):
        empty_images(10_000, 3, 512, 512)


def test_a_slip_in_a_name_is_answered_with_the_nearest(source, data):
    imported(source, data, "flowers")
    for slip, meant in (("flower", "flowers"), ("shaeps", "shapes")):
        with pytest.raises(InvalidInput, match=rf"under this name\. Did you mean '{meant}'\?$"):
            Imported(name=slip).load(data)
