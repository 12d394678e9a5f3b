"""The same real images, written in every form that can be imported, give the same pixels and labels."""

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.datasets.fashion import CLASS_NAMES, SOURCES
from core.datasets.imported import Imported
from core.datasets.importing import import_dataset
from core.datasets.raw import ImportOptions

NUM_IMAGES = 600


@pytest.fixture(scope="module")
def fashion():
    """600 images of Fashion-MNIST and their labels, read by nothing of ours."""
    package = next((Path(one) for one in SOURCES if Path(one).is_dir()), None)
    if package is None:
        pytest.skip("Debian's dataset-fashion-mnist is not installed")
    pixels = gzip.decompress((package / "t10k-images-idx3-ubyte.gz").read_bytes())[16:]
    labels = gzip.decompress((package / "t10k-labels-idx1-ubyte.gz").read_bytes())[8:]
    images = np.frombuffer(pixels, np.uint8).reshape(-1, 28, 28)[:NUM_IMAGES]
    return images, np.frombuffer(labels, np.uint8)[:NUM_IMAGES]


def write_csv(folder, images, labels):
    header = ",".join([*(f"pix{one}" for one in range(1, 785)), "label"])
    rows = np.column_stack([images.reshape(len(images), -1), labels])
    np.savetxt(folder / "train.csv", rows, fmt="%d", delimiter=",", header=header, comments="")
    (folder / "class_names.txt").write_text("\n".join(CLASS_NAMES) + "\n")
    return folder


def write_folder(folder, images, labels):
    # A slash cannot stand in a folder's name.
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        place = folder / "pictures" / f"{label} {CLASS_NAMES[label].replace('/', ' ')}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{number:05d}.png")
    return folder / "pictures"


def write_zip(folder, images, labels):
    pictures = write_folder(folder, images, labels)
    with zipfile.ZipFile(folder / "pictures.zip", "w") as archive:
        for path in sorted(pictures.rglob("*.png")):
            archive.write(path, path.relative_to(pictures))
    return folder / "pictures.zip"


def write_npz(folder, images, labels):
    np.savez(folder / "data.npz", images=images, labels=labels.astype(np.int64))
    return folder / "data.npz"


def write_idx(folder, images, labels):
    size = len(images).to_bytes(4, "big")
    side = (28).to_bytes(4, "big")
    header = bytes([0, 0, 8, 3]) + size + side + side
    (folder / "some-images-idx3-ubyte").write_bytes(header + images.tobytes())
    (folder / "some-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1]) + size + labels.tobytes())
    return folder


def sorted_samples(images, labels):
    """Return (label, pixels) of each sample in an order that does not depend on the source's."""
    return sorted(
        (int(label), image.tobytes()) for image, label in zip(images, labels, strict=True)
    )


@pytest.mark.parametrize("write", [write_csv, write_folder, write_zip, write_npz, write_idx])
def test_every_route_gives_the_same_pixels(tmp_path, fashion, write):
    source = tmp_path / "source"
    source.mkdir()
    path = write(source, *fashion)
    import_dataset(path, "fashion-part", None, ImportOptions(), tmp_path / "data")
    dataset = Imported(name="fashion-part").load(tmp_path / "data")
    images = np.concatenate([split.images[:, 0] for split in dataset.splits.values()])
    labels = np.concatenate([split.labels for split in dataset.splits.values()])
    assert sorted_samples(images, labels) == sorted_samples(*fashion)
    assert dataset.image_shape == (1, 28, 28)
    assert dataset.space.num_classes == 10
