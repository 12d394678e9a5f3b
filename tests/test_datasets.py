"""What holds for every data set in the registry, and for Dataset itself."""

from pathlib import Path

import numpy as np
import pytest

from core.datasets import DATASETS
from core.datasets.base import SPLITS, Dataset, Split
from core.datasets.fashion import SOURCES
from core.datasets.fetching import FETCHED, fetch_dataset
from core.exceptions import InvalidParameter, UnknownName
from core.labels import LabelSpace

NAMES = list(DATASETS)


def loaded(name, folder):
    """Load a data set with its default settings, its files brought from Debian's package where it needs any."""
    if name in FETCHED:
        package = next((one for one in SOURCES if Path(one).is_dir()), None)
        if package is None:
            pytest.skip("Debian's dataset-fashion-mnist is not installed")
        fetch_dataset(name, folder, package)
    return DATASETS[name]().load(folder)


@pytest.mark.parametrize("name", NAMES)
def test_it_loads_with_whole_and_consistent_splits(name, data_dir):
    dataset = loaded(name, data_dir)
    assert dataset.name == name
    assert tuple(dataset.splits) == SPLITS
    for split in dataset.splits.values():
        assert split.images.dtype == np.uint8
        assert split.images.shape == (len(split), *dataset.image_shape)
        assert split.labels.dtype == np.int64
        assert split.labels.shape == (len(split),)
        assert split.labels.min() >= 0
        assert split.labels.max() < dataset.space.num_classes
        if dataset.space.num_counts:
            assert split.counts.dtype == np.uint8
            assert split.counts.shape == (len(split), dataset.space.num_counts)
        else:
            assert split.counts is None


@pytest.mark.parametrize("name", NAMES)
def test_the_pixels_use_the_whole_range(name, data_dir):
    images = loaded(name, data_dir).split("train").images
    assert images.min() == 0
    assert images.max() == 255


@pytest.mark.parametrize("name", NAMES)
def test_its_label_space_names_each_class_once(name, data_dir):
    space = loaded(name, data_dir).space
    assert len(set(space.class_names)) == space.num_classes
    assert LabelSpace.from_json(space.to_json()) == space


@pytest.mark.parametrize("name", NAMES)
def test_its_settings_round_trip_through_json(name):
    source = DATASETS[name]()
    assert source.name == name
    assert DATASETS[name].checked(source.model_dump(mode="json")) == source
    assert DATASETS[name].model_validate_json(source.model_dump_json()) == source


@pytest.mark.parametrize("name", NAMES)
def test_it_is_the_same_again_kept_or_made(name, data_dir, tmp_path):
    first = loaded(name, data_dir).fingerprint
    assert loaded(name, data_dir).fingerprint == first
    assert loaded(name, tmp_path).fingerprint == first


@pytest.mark.parametrize("name", NAMES)
def test_no_image_is_there_twice(name, data_dir):
    dataset = loaded(name, data_dir)
    seen = [{image.tobytes() for image in split.images} for split in dataset.splits.values()]
    assert len(set.union(*seen)) == sum(map(len, seen))


@pytest.mark.parametrize("name", NAMES)
def test_each_setting_says_what_it_means(name):
    assert DATASETS[name].kind
    for setting, field in DATASETS[name].model_fields.items():
        assert field.description, setting
        assert field.description.endswith("."), setting


@pytest.mark.parametrize("name", NAMES)
def test_its_arrays_cannot_be_written(name, data_dir):
    for split in loaded(name, data_dir).splits.values():
        assert not split.images.flags.writeable
        assert not split.labels.flags.writeable


def test_an_unknown_data_set_is_answered_with_the_nearest():
    with pytest.raises(
        UnknownName, match=r"^No data set is called 'shape'\. Did you mean 'shapes'\?$"
    ):
        DATASETS["shape"]


def test_an_unknown_split_is_answered_with_the_nearest(data_dir):
    dataset = DATASETS["digits"]().load(data_dir)
    with pytest.raises(UnknownName, match=r"^No split is called 'tset'\. Did you mean 'test'\?$"):
        dataset.split("tset")


def test_settings_out_of_bounds_are_refused():
    with pytest.raises(InvalidParameter, match=r"^images must lie in \[100, 1e\+06\]; got 99\.$"):
        DATASETS["shapes"].checked({"images": 99})
    with pytest.raises(
        InvalidParameter, match=r"^No setting is called 'sed'\. Did you mean 'seed'"
    ):
        DATASETS["shapes"].checked({"sed": 1})


def tiny(pixel: int = 0, label: int = 0, class_name: str = "a") -> Dataset:
    split = Split(np.full((2, 1, 2, 2), pixel, np.uint8), np.full(2, label, np.int64))
    return Dataset("tiny", LabelSpace((class_name, "b")), dict.fromkeys(SPLITS, split))


def test_the_fingerprint_tells_pixels_labels_and_names_apart():
    assert tiny().fingerprint == tiny().fingerprint
    for other in (tiny(pixel=1), tiny(label=1), tiny(class_name="c")):
        assert other.fingerprint != tiny().fingerprint
