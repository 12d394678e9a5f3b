"""The part "Data" of a script: how it reads or makes the images of its run, and divides them the same way.

Every script computes the fingerprint of what it has and says whether that is what the run was trained on.
"""

from fractions import Fraction

import numpy as np

from core.datasets import digits, fashion, shapes
from core.datasets.base import DatasetSource
from core.datasets.digits import Digits
from core.datasets.fashion import Fashion, FashionOfficial
from core.datasets.imported import Imported
from core.datasets.shapes import Shapes
from core.exceptions import InvalidParameter
from core.export.script_sources import Sources, told
from core.labels import LabelSpace

_SPLIT = '''
class Split(NamedTuple):
    """Images (N, C, H, W) uint8, labels (N,) int64 and counts (N, T) uint8 of one split."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    counts: NDArray[np.uint8] | None = None
'''

_FINGERPRINT = '''
def fingerprint(data: dict[str, Split]) -> str:
    """Return the SHA-256 over names, pixels, labels and split of everything."""
    digest = hashlib.sha256(repr((CLASS_NAMES, COUNT_NAMES)).encode())
    for name, split in sorted(data.items()):
        digest.update(f"{name}{split.images.shape}".encode())
        digest.update(np.ascontiguousarray(split.images).data)
        digest.update(np.ascontiguousarray(split.labels, dtype="<i8").data)
        if split.counts is not None:
            digest.update(np.ascontiguousarray(split.counts).data)
    return digest.hexdigest()
'''

_DIGITS = '''
def load_data() -> dict[str, Split]:
    """Return the digits of scikit-learn, {share}, the classes in equal shares."""
    table = load_digits()
    images = np.rint(table.images * (255 / {largest})).astype(np.uint8)[:, None]
    labels = table.target.astype(np.int64)
    rest, test = train_test_split(
        np.arange(len(labels)), test_size=0.2, random_state=SPLIT_SEED, stratify=labels
    )
    train, validation = train_test_split(
        rest, test_size=0.25, random_state=SPLIT_SEED, stratify=labels[rest]
    )
    rows = {{"train": np.sort(train), "validation": np.sort(validation), "test": np.sort(test)}}
    return {{name: Split(images[chosen], labels[chosen]) for name, chosen in rows.items()}}
'''

_SHAPES = '''
def named_classes() -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...]]:
    """Return the names of the classes, pairs of types times the count of the first, and the counts that they imply."""
    names, counts = [], []
    for first, second in PAIRS:
        for num_first in NAMED_FIRST_COUNTS:
            num_second = FIGURES_PER_IMAGE - num_first
            names.append(f"{_counted(num_first, first)} + {_counted(num_second, second)}")
            row = [0] * len(TYPE_NAMES)
            row[first], row[second] = num_first, num_second
            counts.append(tuple(row))
    return tuple(names), tuple(counts)


CLASS_NAMES, CLASS_COUNTS = named_classes()
COUNT_NAMES = TYPE_NAMES


def load_data() -> dict[str, Split]:
    """Return generated images; the last tenth is test, another tenth validation."""
    labels, figures = _drawn_figures(NUM_IMAGES, DATA_SEED, FIRST_COUNTS)
    class_counts = np.array(CLASS_COUNTS, dtype=np.uint8)
    return {
        name: Split(_images(figures[rows]), labels[rows], class_counts[labels[rows]])
        for name, rows in _split_rows(NUM_IMAGES, DATA_SEED).items()
    }
'''

_IDX = '''
DATA_HELP = "folder with the four files of Fashion-MNIST, gzipped or plain (train-images-idx3-ubyte.gz, ...)"


def read_idx(folder: Path, name: str, num_dimensions: int) -> NDArray[np.uint8]:
    """Return the values of an IDX file."""
    packed = folder / f"{name}.gz"
    content = gzip.decompress(packed.read_bytes()) if packed.exists() else (folder / name).read_bytes()
    shape = struct.unpack_from(f">{num_dimensions}I", content, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * num_dimensions).reshape(shape)


def read_everything(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return all 70,000 images (N, 1, 28, 28) and their labels, the official train part first."""
    if (folder / "fashion").is_dir():
        folder = folder / "fashion"
    parts = ("train", "t10k")
    images = np.concatenate([read_idx(folder, f"{part}-images-idx3-ubyte", 3) for part in parts])
    labels = np.concatenate([read_idx(folder, f"{part}-labels-idx1-ubyte", 1) for part in parts])
    return images[:, None], labels.astype(np.int64)
'''

_FASHION = '''
def load_data(folder: Path) -> dict[str, Split]:
    """Return 52,500 of the images, shuffled, padded to 32x32, and divided 60/20/20."""
    images, labels = read_everything(folder)
    order = np.random.RandomState(42).permutation(len(images))
    rest, test = train_test_split(np.arange(52_500), test_size=0.2, random_state=SPLIT_SEED)
    train, validation = train_test_split(rest, test_size=0.25, random_state=SPLIT_SEED)
    data = {}
    for name, rows in {"train": train, "validation": validation, "test": test}.items():
        chosen = order[np.sort(rows)]
        padded = np.pad(images[chosen], ((0, 0), (0, 0), (2, 2), (2, 2)))
        data[name] = Split(padded, labels[chosen])
    return data
'''

_OFFICIAL = '''
def load_data(folder: Path) -> dict[str, Split]:
    """Return the official parts; validation is 10,000 of the train images, the classes in equal shares."""
    images, labels = read_everything(folder)
    train, validation = train_test_split(
        np.arange(60_000), test_size=10_000, random_state=SPLIT_SEED, stratify=labels[:60_000]
    )
    rows = {"train": np.sort(train), "validation": np.sort(validation), "test": np.arange(60_000, 70_000)}
    return {name: Split(images[chosen], labels[chosen]) for name, chosen in rows.items()}
'''

_IMPORTED = '''
NAME = "{name}"
DATA_HELP = (
    f"folder imported/{{NAME}} below Petridish's folder of data sets, with images.npy and labels.npy; that folder is "
    "$PETRIDISH_DATA where it is set, else petridish in your cache folder, and may be given as well"
)
PARTS = ("train", "validation", "test", "unlabelled")


def load_data(folder: Path) -> dict[str, Split]:
    """Return the images of the folder, divided as the source says or else by scikit-learn."""
    if (folder / "imported" / NAME).is_dir():
        folder = folder / "imported" / NAME
    arrays = {{path.stem: np.load(path, allow_pickle=False) for path in folder.glob("*.npy")}}
    if not {{"images", "labels"}} <= arrays.keys():
        sys.exit(f"--data must be the {{DATA_HELP}}. There are none in {{folder}}.")
    labels, counts = arrays["labels"], arrays.get("counts")
    parts = arrays.get("parts", np.full(len(labels), len(PARTS)))  # without parts, all are to be divided
    labelled = np.flatnonzero((labels >= 0) & (parts != PARTS.index("unlabelled")))
    strata = {strata}
    rows = {{name: labelled[parts[labelled] == PARTS.index(name)] for name in PARTS[:3]}}
    if "parts" in arrays:
        for name, share in (("test", {test_share}), ("validation", {validation_share})):
            if not len(rows[name]):
                size = math.ceil(Fraction(str(share)) * len(labelled))
                rows["train"], rows[name] = divided(rows["train"], size, strata)
    else:
        rest, rows["test"] = divided(labelled, {test_share}, strata)
        rows["train"], rows["validation"] = divided(rest, {of_rest}, strata)
    return {{
        name: Split(
            arrays["images"][chosen], labels[chosen], None if counts is None else counts[chosen]
        )
        for name, chosen in ((name, np.sort(chosen)) for name, chosen in rows.items())
    }}


def divided(
    rows: NDArray[np.int64], size: float, strata: NDArray[np.int64] | None
) -> list[NDArray[np.int64]]:
    """Draw some rows, a number or a share, each class in equal shares; return the others and these."""
    kept = None if strata is None else strata[rows]
    return train_test_split(rows, test_size=size, random_state=SPLIT_SEED, stratify=kept)
'''


def data_part(
    source: DatasetSource, space: LabelSpace, features: set[str], sources: Sources
) -> tuple[str, str]:
    """Return the settings of the data, and the functions that give them.

    Args:
        source: settings of the data set.
        space: its classes and counts.
        features: of the script; "has_files" is added if it needs a folder.
        sources: takes over what the functions use.

    Returns:
        Lines for the part "Settings", and the text of the part "Data": `Split`, `load_data`, `fingerprint`.

    Raises:
        InvalidParameter: a script cannot hold this data set.
    """
    sources.import_from("typing", "NamedTuple")
    sources.import_from("numpy.typing", "NDArray")
    sources.imports.setdefault("hashlib", set()).add((None, "hashlib"))
    sources.imports.setdefault("numpy", set()).add((None, "np"))
    seed = f"SPLIT_SEED = {getattr(source, 'split_seed', 0)}\n"
    match source:
        case Digits():
            sources.import_from("sklearn.datasets", "load_digits")
            settings, text = seed, _DIGITS.format(share="60/20/20", largest=digits._LARGEST_VALUE)
        case Shapes():
            sources.add(shapes._drawn_figures, shapes._images, shapes._split_rows, shapes._counted)
            chosen = (
                shapes.NAMED_FIRST_COUNTS
                if source.has_single_figures
                else shapes.DRAWN_FIRST_COUNTS
            )
            settings = f"NUM_IMAGES = {source.images}\nDATA_SEED = {source.seed}\nFIRST_COUNTS = {chosen}\n"
            text = _SHAPES
            return settings, f"{_SPLIT.strip()}\n\n\n{sources.new_text()}\n\n{text}\n{_FINGERPRINT}"
        case Fashion() | FashionOfficial():
            features.add("has_files")
            for module in ("gzip", "struct"):
                sources.imports.setdefault(module, set()).add((None, module))
            assert space.class_names == fashion.CLASS_NAMES
            settings = seed
            text = _IDX + "\n" + (_FASHION if isinstance(source, Fashion) else _OFFICIAL)
        case Imported():
            features.add("has_files")
            sources.import_from("fractions", "Fraction")
            sources.imports.setdefault("math", set()).add((None, "math"))
            settings, text = seed, _imported(source, space)
        case _:
            raise InvalidParameter(f"A plain script cannot yet hold the data set {source.name!r}.")
    sources.import_from("sklearn.model_selection", "train_test_split")
    names = f"CLASS_NAMES = {_listed(space.class_names)}\nCOUNT_NAMES = {space.count_names!r}\n"
    if space.class_counts is not None:
        names += f"CLASS_COUNTS = {_listed(space.class_counts)}\n"
    return settings, f"{names}\n\n{_SPLIT.strip()}\n\n{text}\n{_FINGERPRINT}"


def _imported(source: Imported, space: LabelSpace) -> str:
    strata = "labels" if source.stratified else "None"
    if source.stratified and space.class_groups is not None:
        groups = list(dict.fromkeys(space.class_groups))
        numbers = np.array([groups.index(one) for one in space.class_groups]).tolist()
        strata = (
            f"np.where(labels >= 0, np.array({numbers})[labels], -1)  # the groups of the classes"
        )
    rest = 1 - Fraction(str(source.test_share))
    return _IMPORTED.format(
        name=source.name,
        strata=strata,
        test_share=source.test_share,
        validation_share=source.validation_share,
        of_rest=float(Fraction(str(source.validation_share)) / rest),
    )


def folder_note(source: DatasetSource) -> str | None:
    """Return which folder a script is to be given, a sentence; None where it needs none or the user has their own files.

    By its place below the folder of data sets: where that lies on this machine is nobody else's business.
    """
    if not isinstance(source, Imported):
        return None
    return (
        f"Start the script with --data FOLDER, the folder imported/{source.name} below Petridish's folder of data sets "
        "($PETRIDISH_DATA where it is set, else petridish in your cache folder); to train elsewhere, take a copy along."
    )


def _listed(values: tuple) -> str:
    lines = "".join(f"    {told(value)},\n" for value in values)
    return f"(\n{lines})"
