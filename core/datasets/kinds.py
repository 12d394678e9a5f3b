"""KINDS: what can be imported, by the name of its kind; each reader is a file of its own.

The order is that in which an unnamed source is tried: the most particular first.
"""

from pathlib import Path

from core.datasets import arrays, gsn, idx, image_folder, pixel_csv
from core.datasets.raw import Reader
from core.exceptions import InvalidInput
from core.registry import Registry

KINDS: Registry[Reader] = Registry(
    "kind of source",
    {
        "gsn": Reader(gsn.recognises, gsn.read, gsn.WHAT),
        "idx": Reader(idx.recognises, idx.read, idx.WHAT),
        "arrays": Reader(arrays.recognises, arrays.read, arrays.WHAT),
        "pixel-csv": Reader(pixel_csv.recognises, pixel_csv.read, pixel_csv.WHAT),
        "image-folder": Reader(image_folder.recognises, image_folder.read, image_folder.WHAT),
    },
)


def recognised(path: Path) -> str:
    """Return the name of the kind that a file or folder looks like.

    Raises:
        InvalidInput: it looks like none.
    """
    for name, reader in KINDS.items():
        if reader.recognises(path):
            return name
    known = "; ".join(f"{name}: {reader.what}" for name, reader in KINDS.items())
    raise InvalidInput(
        f"{path.name!r} does not look like anything that can be imported ({known})."
        " Name the kind, if it is one of these."
    )
