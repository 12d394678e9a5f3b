"""Digits: scikit-learn's 1,797 handwritten digits of 8x8 pixels, which need no download.

Apart from other sources of the same pixels because scikit-learn is slow to import: it is asked once, and the splits
are kept.
"""

from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from core.datasets.base import Dataset, DatasetSource, Split
from core.datasets.cache import cached_splits
from core.labels import LabelRules, LabelSpace

_LARGEST_VALUE = 16
"""The images hold counts of dark pixels in a block of 4x4, so 0 to 16."""

RULES = LabelRules(
    unsafe={
        "horizontal_flip": "a mirrored 2 looks like a 5, and most mirrored digits are none",
        "vertical_flip": "an upset 2 looks like a 5, and most upset digits are none",
        "quarter_turn": "a turned 6 is a 9",
    }
)

# Raised when the same settings give other pixels or another split, so that no cache of before is read.
VERSION = 1


class Digits(DatasetSource):
    """Real handwritten digits, white on black, as scikit-learn ships them."""

    kind: ClassVar[str] = "built-in"
    name: Literal["digits"] = Field("digits", description="Name of the data set.")
    split_seed: int = Field(
        42,
        ge=0,
        le=2**32 - 1,
        description="Decides which images are train, validation and test; the images stay the same.",
    )

    def load(self, data_dir: Path) -> Dataset:
        """Return the data set, 60/20/20 with the classes in equal shares, and keep it in `data_dir`.

        Images are (N, 1, 8, 8). Each split keeps the order of scikit-learn's table.

        Source: Alpaydin and Kaynak 1998, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository
        (its test part).
        """
        space = LabelSpace(class_names=tuple("0123456789"), rules=RULES)
        folder = data_dir / f"digits-seed{self.split_seed}-v{VERSION}"
        return Dataset(self.name, space, cached_splits(folder, self._splits))

    def _splits(self) -> dict[str, Split]:
        # Importing scikit-learn takes 3.6 s of CPU (shared 2-core AMD EPYC), so later calls must not need it.
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        table: Any = load_digits()  # scikit-learn declares no types
        images = np.rint(table.images * (255 / _LARGEST_VALUE)).astype(np.uint8)[:, None]
        labels = table.target.astype(np.int64)
        rest, test = train_test_split(
            np.arange(len(labels)), test_size=0.2, random_state=self.split_seed, stratify=labels
        )
        train, validation = train_test_split(
            rest, test_size=0.25, random_state=self.split_seed, stratify=labels[rest]
        )
        rows = {"train": np.sort(train), "validation": np.sort(validation), "test": np.sort(test)}
        return {name: Split(images[chosen], labels[chosen]) for name, chosen in rows.items()}
