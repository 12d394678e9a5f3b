"""Imported: a data set of the user's own, as `core.datasets.importing` has put it into the data folder.

A reader (`core.datasets.raw` has their interface) is needed only once; nothing is known here of the files that it was
read from.

    DATA/imported/NAME/images.npy, labels.npy      as in `RawData`; counts.npy and parts.npy where there are any
    DATA/imported/NAME/dataset.json                kind, label space, notes, source, SHA-256 of these files; made last
    DATA/imported/NAME/splits/<settings>/          kept splits (`core.datasets.cache`), disposable
"""

import difflib
import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import Field, model_validator

from core.datasets.base import SPLITS, Dataset, DatasetSource, Split
from core.datasets.cache import cached_splits
from core.datasets.raw import PARTS, UNLABELLED
from core.datasets.splits import completed_rows, drawn_rows
from core.exceptions import InvalidInput
from core.labels import LabelRules, LabelSpace

NAME_PATTERN = r"^[a-z0-9-]{1,40}$"
FACTS = "dataset.json"

# Raised when the same settings give another split, so that no kept splits of before are read.
VERSION = 1


class Imported(DatasetSource):
    """A data set that was imported under a name of the user's choice."""

    kind: ClassVar[str] = "imported"
    name: str = Field(
        pattern=NAME_PATTERN, description="Name under which the data set was imported."
    )
    validation_share: float = Field(
        0.2,
        gt=0,
        lt=1,
        description="Share of all labelled images that is validation, unless the source says which are.",
    )
    test_share: float = Field(
        0.2,
        gt=0,
        lt=1,
        description="Share of all labelled images that is test, unless the source says which are.",
    )
    split_seed: int = Field(
        42,
        ge=0,
        le=2**32 - 1,
        description="Decides which images are train, validation and test; the images stay the same.",
    )
    stratified: bool = Field(
        True,
        description="Whether each class has the same share of every split; groups of classes where there are any.",
    )

    @model_validator(mode="after")
    def _leaves_train(self) -> Self:
        if self.validation_share + self.test_share >= 1:
            raise ValueError(
                "validation_share and test_share must leave something for train: together below 1; got"
                f" {self.validation_share:g} and {self.test_share:g}."
            )
        return self

    def load(self, data_dir: Path) -> Dataset:
        """Return the data set, split on the first call and memory-mapped on later ones.

        The rows of each split are those of scikit-learn (`core.datasets.splits`), in the order of the source.

        Raises:
            InvalidInput: nothing is imported under this name, its files are damaged, or it cannot be split so.
        """
        folder, facts = imported_folder(self.name, data_dir), imported_facts(self.name, data_dir)
        if set(SPLITS) <= set(facts["fixed_parts"]):
            chosen = "fixed"
        else:
            kind = "stratified" if self.stratified else "plain"
            chosen = f"{kind}-{self.validation_share}-{self.test_share}-seed{self.split_seed}"
        space = _known(LabelSpace.from_json(facts["space"]))
        splits = cached_splits(
            folder / "splits" / f"{chosen}-v{VERSION}", partial(self._splits, folder, facts, space)
        )
        return Dataset(self.name, space, splits)

    def notes(self, data_dir: Path) -> list[str]:
        """Return what was decided when it was imported, in sentences."""
        return list(imported_facts(self.name, data_dir)["notes"])

    def unlabelled(self, data_dir: Path) -> NDArray[np.uint8]:
        """Return the images that are in no split, because their class is not known: (N, C, H, W), N may be 0.

        Raises:
            InvalidInput: as `load`.
        """
        folder, facts = imported_folder(self.name, data_dir), imported_facts(self.name, data_dir)
        arrays = _arrays(folder, facts)
        return arrays["images"][~_labelled(arrays)]

    def _splits(self, folder: Path, facts: dict[str, Any], space: LabelSpace) -> dict[str, Split]:
        arrays = _arrays(folder, facts)
        images, labels, counts = arrays["images"], arrays["labels"], arrays.get("counts")
        rows = self._rows(arrays, space)
        return {
            name: Split(
                images[rows[name]],
                labels[rows[name]],
                None if counts is None else counts[rows[name]],
            )
            for name in SPLITS
        }

    def _rows(self, arrays: dict[str, NDArray], space: LabelSpace) -> dict[str, NDArray[np.int64]]:
        strata, names = None, space.class_names
        if self.stratified:
            strata = arrays["labels"]
            if space.class_groups is not None:
                names = tuple(dict.fromkeys(space.class_groups))
                of_class = np.array([names.index(group) for group in space.class_groups])
                strata = np.where(strata >= 0, of_class[strata], UNLABELLED)
        labelled = np.flatnonzero(_labelled(arrays))
        drawing = (self.validation_share, self.test_share, self.split_seed)
        if "parts" in arrays:
            parts = arrays["parts"][labelled]
            fixed = {name: labelled[parts == PARTS.index(name)] for name in SPLITS}
            return completed_rows(fixed, *drawing, strata, names)
        strata = None if strata is None else strata[labelled]
        rows = drawn_rows(len(labelled), *drawing, strata, names)
        return {name: labelled[chosen] for name, chosen in rows.items()}


def _known(space: LabelSpace) -> LabelSpace:
    """Return the space, said to be undeclared where its files say nothing of what flips and turns do to labels."""
    if space.rules != LabelRules():
        return space
    return replace(space, rules=LabelRules(is_declared=False))


def imported_names(data_dir: Path) -> list[str]:
    """Return the names of the imported data sets, sorted."""
    folder = data_dir / "imported"
    if not folder.is_dir():
        return []
    return sorted(
        one.name
        for one in folder.iterdir()
        if not one.name.startswith(".") and (one / FACTS).is_file()
    )


def imported_folder(name: str, data_dir: Path) -> Path:
    """Return where a data set of this name is, or would be."""
    return data_dir / "imported" / name


def imported_facts(name: str, data_dir: Path) -> dict[str, Any]:
    """Return what dataset.json says.

    Returns:
        schema 1, name, kind (of the source), source (its file name), created (Unix seconds), shape [N, C, H, W], space
        (as `LabelSpace.to_json`), fixed_parts (names of the parts that the source fixes), notes (sentences), sha256
        ({file name: hexadecimal digits}).

    Raises:
        InvalidInput: nothing is imported under this name, or its dataset.json is damaged.
    """
    try:
        facts = orjson.loads((imported_folder(name, data_dir) / FACTS).read_bytes())
        LabelSpace.from_json(facts["space"])
        if not {"sha256", "fixed_parts", "notes", "kind"} <= facts.keys():
            raise KeyError
    except (FileNotFoundError, NotADirectoryError):
        raise _gone(name, data_dir) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise _damaged(name, FACTS) from None
    return facts


def _arrays(folder: Path, facts: dict[str, Any]) -> dict[str, NDArray]:
    """Return the arrays, memory-mapped, by the name of the file without its ending; all are checked."""
    arrays = {}
    try:
        for file_name, sha256 in facts["sha256"].items():
            with (folder / file_name).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                    raise _damaged(folder.name, file_name)
            array = np.load(folder / file_name, mmap_mode="r", allow_pickle=False)
            arrays[file_name.removesuffix(".npy")] = array
    except FileNotFoundError as error:
        if not folder.exists():  # removed while we were reading
            raise _gone(folder.name, folder.parents[1]) from None
        raise _damaged(folder.name, Path(error.filename).name) from None
    return arrays


def _labelled(arrays: dict[str, NDArray]) -> NDArray[np.bool_]:
    labelled = arrays["labels"] != UNLABELLED
    if "parts" in arrays:
        labelled = labelled & (arrays["parts"] != PARTS.index("unlabelled"))
    return np.asarray(labelled)


def _gone(name: str, data_dir: Path) -> InvalidInput:
    from core.datasets import DATASETS  # which has this module in turn

    # A config takes any name for that of an imported set, so a slip in a built-in one ends up here as well.
    near = difflib.get_close_matches(name, [*DATASETS, *imported_names(data_dir)], n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return InvalidInput(
        f"The data set {name!r} is not here (any more): import it again under this name.{hint}"
    )


def _damaged(name: str, file_name: str) -> InvalidInput:
    return InvalidInput(
        f"The data set {name!r} is damaged ({file_name} is not what was imported):"
        " remove it and import it again under this name."
    )
