import orjson
import pytest

from core.augmentations import AUGMENTATIONS
from core.augmentations.expansion import FixedExpansion
from core.augmentations.intensity import GaussianNoise
from core.augmentations.mixing import Mixup
from core.augmentations.occlusion import Cutout, GridMask
from core.augmentations.pipeline import UNKNOWN_CLASSES, AugmentationPipeline
from core.augmentations.presets import PRESETS
from core.augmentations.shifts import RandomCrop, Shift
from core.augmentations.symmetries import HorizontalFlip, QuarterTurn, Symmetry, VerticalFlip
from core.augmentations.warp import Affine, Elastic, Rotation
from core.augmentations.zoom import Zoom, ZoomRange
from core.datasets.digits import Digits
from core.datasets.shapes import label_space
from core.exceptions import InvalidParameter
from core.labels import LabelRules, LabelSpace, Moves, swapped

PLAIN = LabelSpace(tuple("abc"))
UNKNOWN = LabelSpace(tuple("abc"), rules=LabelRules(is_declared=False))
SHAPES = (1, 28, 28)


def refusal(values):
    with pytest.raises(InvalidParameter) as raised:
        AugmentationPipeline.checked(values)
    return str(raised.value)


def refused(step, shape=SHAPES, space=PLAIN):
    with pytest.raises(InvalidParameter) as raised:
        AugmentationPipeline(steps=(Symmetry(), step)).check(shape, space)
    return str(raised.value)


@pytest.mark.parametrize("name", list(PRESETS))
def test_every_preset_survives_json(name):
    pipeline = PRESETS[name].pipeline
    again = AugmentationPipeline.checked(orjson.loads(orjson.dumps(pipeline.to_json())))
    assert again == pipeline
    assert PRESETS[name].name == name and PRESETS[name].description


def test_the_json_names_version_copies_and_steps():
    pipeline = AugmentationPipeline(
        expansion=FixedExpansion(k=3), steps=(Zoom(probability=0.5), HorizontalFlip())
    )
    assert pipeline.to_json() == {
        "schema_version": 1,
        "expansion": {
            "copies": ["original", "flip", "zoom", "flip-of-zoom"],
            "k": 3,
            "is_forced": False,
        },
        "steps": [
            {"name": "zoom", "probability": 0.5, "is_forced": False, "k": 2},
            {"name": "horizontal-flip", "probability": 0.0, "is_forced": False},
        ],
    }


def test_an_empty_pipeline_is_the_identity():
    assert AugmentationPipeline.checked({}) == AugmentationPipeline()
    assert AugmentationPipeline().is_identity
    assert AugmentationPipeline(steps=(HorizontalFlip(),)).is_identity
    assert not AugmentationPipeline(steps=(HorizontalFlip(probability=0.1),)).is_identity
    assert not AugmentationPipeline(expansion=FixedExpansion()).is_identity


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"steps": [{"name": "zoom"}, {"name": "horisontal-flip"}]},
            "steps: step 2: No augmentation is called 'horisontal-flip'. Did you mean 'horizontal-flip'?",
        ),
        (
            {"steps": [{"name": "zoom", "probabillity": 1}]},
            "steps: step 1 (zoom): No setting is called 'probabillity'. Did you mean 'probability'?",
        ),
        (
            {"steps": [{"name": "zoom", "k": 17}]},
            "steps: step 1 (zoom): k must lie in [1, 16]; got 17.",
        ),
        (
            {"steps": [{"name": "invert"}, {"name": "gaussian-noise", "probability": 1.5}]},
            "steps: step 2 (gaussian-noise): probability must lie in [0, 1]; got 1.5.",
        ),
        (
            {"steps": [{"name": "gaussian-noise", "probability": -0.1}]},
            "steps: step 1 (gaussian-noise): probability must lie in [0, 1]; got -0.1.",
        ),
        (
            {"steps": [{"name": "random-erasing", "most_area": 1.2}]},
            "steps: step 1 (random-erasing): most_area must lie in (0, 1]; got 1.2.",
        ),
        (
            {"steps": [{"name": "zoom-range", "least_pixels": 4, "most_pixels": 1}]},
            "steps: step 1 (zoom-range): most_pixels: must not be below least_pixels, 4; got 1.",
        ),
        (
            {"steps": [{"probability": 1}]},
            "steps: step 1 must be an object with the name of an augmentation; got {'probability': 1}.",
        ),
        (
            {"steps": ["zoom"]},
            "steps: step 1 must be an object with the name of an augmentation; got 'zoom'.",
        ),
        ({"steps": "zoom"}, "steps must be a list; got 'zoom'."),
        ({"schema_version": 0}, "schema_version must lie in [1, inf); got 0."),
        ({"stepz": []}, "No setting is called 'stepz'. Did you mean 'steps'?"),
        ({"expansion": {"k": 99}}, "expansion: k must lie in [1, 16]; got 99."),
        (
            {"schema_version": 2, "rotations": [], "steps": [{"name": "later"}]},
            "schema_version: a later version of Petridish wrote this pipeline (schema 2; this one reads up to 1). "
            "Update Petridish.",
        ),
    ],
)
def test_bad_json_is_refused_with_step_and_setting(values, message):
    assert refusal(values) == message


def test_more_steps_than_anyone_needs_are_refused():
    assert refusal({"steps": [{"name": "invert"}] * 33}).startswith(
        "steps must have at most 32 entries; got "
    )


@pytest.mark.parametrize("step", [QuarterTurn(probability=1), Symmetry(probability=1)])
def test_turns_of_images_that_are_not_square_are_refused(step):
    assert refused(step, shape=(1, 20, 30)) == (
        f"step 2 ({step.name}): quarter turns need square images; these have 20 rows and 30 columns."
    )
    AugmentationPipeline(steps=(HorizontalFlip(probability=1),)).check((1, 20, 30), PLAIN)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (Cutout(side=9), "step 2 (cutout): side must be at most 8 for images of 8x10 pixels; got 9."),
        (GridMask(cell=9), "step 2 (grid-mask): cell must be at most 8 for images of 8x10 pixels; got 9."),
        (Zoom(k=4), "step 2 (zoom): k must be at most 3 for images of 8x10 pixels; got 4."),
        (
            ZoomRange(most_pixels=4),
            "step 2 (zoom-range): most_pixels must be at most 3 for images of 8x10 pixels; got 4.",
        ),
        (Shift(pixels=8), "step 2 (shift): pixels must be below 8 for images of 8x10 pixels; got 8."),
        (
            RandomCrop(padding=8),
            "step 2 (random-crop): padding must be below 8 for images of 8x10 pixels; got 8.",
        ),
    ],
)  # fmt: skip
def test_a_step_larger_than_the_image_is_refused(step, message):
    assert refused(step.model_copy(update={"probability": 1.0}), shape=(1, 8, 10)) == message


def test_a_fixed_zoom_larger_than_the_image_is_refused():
    with pytest.raises(InvalidParameter) as raised:
        AugmentationPipeline(expansion=FixedExpansion(k=4)).check((1, 8, 8), PLAIN)
    assert str(raised.value) == ("expansion: k must be at most 3 for images of 8x8 pixels; got 4.")


def test_a_step_that_hits_nothing_is_not_refused():
    AugmentationPipeline(steps=(Symmetry(), Cutout(side=100), Zoom())).check(
        (1, 8, 10), label_space()
    )


@pytest.mark.parametrize("kind", [Zoom, ZoomRange, Shift, RandomCrop, Rotation, Affine, Elastic])
def test_what_moves_figures_out_of_the_image_is_refused_for_shapes_unless_forced(kind):
    message = refused(kind(probability=0.5), space=label_space())
    assert message == (
        f"step 2 ({kind(probability=1).name}) is refused for this data set: it can move figures out of the image, and "
        "then the counts would no longer be true. Remove it, or set is_forced to apply it all the same."
    )
    forced = AugmentationPipeline(steps=(kind(probability=0.5, is_forced=True),))
    forced.check(SHAPES, label_space())
    assert forced.to_json()["steps"][0]["is_forced"] is True
    assert forced.notes(label_space()) == [
        f"step 1 ({forced.steps[0].name}) is forced although it can move figures out of the image, and then the counts "
        "would no longer be true."
    ]


@pytest.mark.parametrize(
    "name",
    [name for name, kind in AUGMENTATIONS.items() if not set(kind.effects) & {"displacement", "mixing"}],
)  # fmt: skip
def test_everything_else_but_mixing_is_allowed_for_shapes(name):
    step = AUGMENTATIONS[name](probability=0.5)
    AugmentationPipeline(steps=(step,)).check(SHAPES, label_space())


@pytest.mark.parametrize("is_forced", [False, True])
def test_mixing_is_refused_where_there_are_counts_even_if_forced(is_forced):
    step = Mixup(probability=0.5, is_forced=is_forced)
    assert refused(step, space=label_space()) == (
        "step 2 (mixup) is refused: mixing gives labels that are shares of classes, and the counts of a mixture are not "
        "true. Remove it."
    )
    AugmentationPipeline(steps=(step,)).check(SHAPES, PLAIN)


def test_turned_digits_are_refused_with_the_reason(data_dir):
    space = Digits().load(data_dir).space
    assert refused(QuarterTurn(probability=0.1), shape=(1, 8, 8), space=space) == (
        "step 2 (quarter-turn) is refused for this data set: a turned 6 is a 9. Remove it, or set is_forced to apply it "
        "all the same."
    )
    AugmentationPipeline(steps=(Zoom(probability=1, k=1),)).check((1, 8, 8), space)


def test_all_refusals_are_listed_with_their_steps_and_whether_force_helps():
    pipeline = AugmentationPipeline(
        expansion=FixedExpansion(),
        steps=(HorizontalFlip(probability=1), Mixup(probability=1), Zoom(probability=1)),
    )
    found = pipeline.refusals(SHAPES, label_space())
    assert [(one.step, one.can_be_forced) for one in found] == [(None, True), (1, False), (2, True)]
    assert found[0].message.startswith("expansion is refused for this data set: it can move")


def test_notes_say_which_labels_and_counts_change():
    pipeline = AugmentationPipeline(
        steps=(GaussianNoise(probability=1), VerticalFlip(probability=0.5), HorizontalFlip())
    )
    assert pipeline.notes(label_space()) == [
        "step 2 (vertical-flip) changes labels: 80 of 135 classes become another, such as '1 square + 9 up' that becomes "
        "'1 square + 9 down'.",
        "step 2 (vertical-flip) changes counts: those of up, down change places.",
    ]
    assert pipeline.notes(PLAIN) == []


def test_a_class_pair_that_swaps_is_named():
    space = LabelSpace(
        ("left arrow", "right arrow"),
        rules=LabelRules(
            Moves(horizontal_flip=swapped(2, (0, 1))), unsafe={"quarter_turn": "no arrow points up"}
        ),
    )
    assert AugmentationPipeline(steps=(HorizontalFlip(probability=1),)).notes(space) == [
        "step 1 (horizontal-flip) changes labels: 2 of 2 classes become another, such as 'left arrow' that becomes "
        "'right arrow'."
    ]


@pytest.mark.parametrize(
    "pipeline",
    [
        AugmentationPipeline(steps=(HorizontalFlip(probability=0.5), QuarterTurn(probability=1))),
        AugmentationPipeline(steps=(Symmetry(probability=1),)),
        AugmentationPipeline(steps=(Rotation(probability=1, degrees=90),)),
        AugmentationPipeline(steps=(Affine(probability=1, degrees=180),)),
        AugmentationPipeline(expansion=FixedExpansion()),
    ],
)
def test_of_classes_that_nobody_declared_mirroring_and_turning_is_noted_once(pipeline):
    assert pipeline.notes(UNKNOWN) == [UNKNOWN_CLASSES]
    assert pipeline.notes(PLAIN) == []


@pytest.mark.parametrize(
    "step",
    [
        HorizontalFlip(),
        Rotation(probability=1, degrees=10),
        Affine(probability=1),
        RandomCrop(probability=1),
        Cutout(probability=1),
    ],
)
def test_what_neither_mirrors_nor_turns_far_is_not_noted(step):
    assert AugmentationPipeline(steps=(step,)).notes(UNKNOWN) == []
