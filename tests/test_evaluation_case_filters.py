import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.evaluation.case_filters import MOST_IDS, IdsFilter, RangeFilter, kept
from core.evaluation.case_parsing import KINDS, filters_of, parsed
from core.exceptions import InvalidParameter, UnknownName
from core.labels import LabelSpace
from core.predictions import NO_PREDICTION

SPACE = LabelSpace(("cat", "dog", "emu"), ("fur", "fur", "feathers"), ("legs",), ((4,), (4,), (2,)))
PLAIN = LabelSpace(("cat", "dog", "emu"))


def table_of(**columns):
    table = pd.DataFrame(
        {
            "sample_id": [10, 11, 12, 13],
            "true": [0, 1, 2, 2],
            "predicted": [0, 2, 2, NO_PREDICTION],
            "is_right": [True, False, True, False],
            "confidence": [0.5, 0.9, 1.0, np.nan],
            "loss": [0.1, 2.0, 0.0, np.nan],
            "margin": [0.2, -0.7, 1.0, np.nan],
            "count_error": [0.0, 1.0, 2.0, 3.0],
            "disagreement": [0.0, 0.4, 0.0, 0.2],
            "true_group": ["fur", "fur", "feathers", "feathers"],
        }
    )
    return table.assign(**columns)


PROBABILITIES = np.array([[0.5, 0.3, 0.2], [0.05, 0.05, 0.9], [0, 0, 1], [np.nan] * 3])


def ids(kind, text, **columns):
    table = table_of(**columns)
    mask, problems = kept([parsed(kind, text, SPACE)], table, PROBABILITIES)
    assert problems == []
    return table["sample_id"][mask].tolist()


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("true", "2", [12, 13]),
        ("true", "0,1", [10, 11]),
        ("predicted", "2", [11, 12]),
        ("predicted", "none", [13]),
        ("pair", "fur", [10, 11]),
        ("pair", "fur,feathers", [10, 11, 12, 13]),
        ("right", "yes", [10, 12]),
        ("right", "no", [11, 13]),
        ("confidence", "0.9..1", [11, 12]),
        ("confidence", "0.5..0.9", [10]),
        ("confidence", "..", [10, 11, 12]),
        ("loss", "1..", [11]),
        ("margin", "..0", [11]),
        ("margin", "1..1", [12]),
        ("count_error", "1..3", [11, 12]),
        ("probability", "2:0.9..", [11, 12]),
        ("probability", "0:..0.05", [12]),
        ("disagree", "yes", [11, 13]),
        ("disagree", "no", [10, 12]),
        ("ids", "12, 10", [10, 12]),
    ],
)
def test_each_filter_keeps_exactly_the_rows_that_it_means(kind, text, expected):
    assert ids(kind, text) == expected


def test_the_lower_end_is_included_and_the_upper_one_only_at_the_top_of_the_scale():
    assert ids("confidence", "0.5..0.9") == [10] and ids("confidence", "0.9..1.0") == [11, 12]
    assert ids("count_error", "0..3") == [10, 11, 12] and ids("count_error", "3..") == [13]


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        ("duplicates", "has_duplicate"),
        ("suspect", "is_suspect"),
        ("doubted", "is_doubted"),
        ("region", "region"),
    ],
)
def test_a_filter_whose_column_is_not_there_is_said_and_ignored(kind, column):
    one = parsed(kind, "easy" if kind == "region" else "yes", SPACE)
    mask, problems = kept([one], table_of(), PROBABILITIES)
    assert mask.all()
    assert problems == [f"{kind}={one.text} is ignored: it is not known of these images."]
    values = ["easy"] * 2 + ["stubborn"] * 2 if kind == "region" else [True, True, False, False]
    assert ids(kind, one.text, **{column: values}) == [10, 11]


def test_counts_that_no_head_predicted_are_not_known():
    one = parsed("count_error", "1..", SPACE)
    mask, problems = kept([one], table_of(count_error=np.nan), PROBABILITIES)
    assert mask.all() and len(problems) == 1


def test_all_filters_must_keep_a_row():
    filters, problems = filters_of({"true": "2", "right": "yes", "cell": "x"}, SPACE)
    mask, _ = kept(filters, table_of(), PROBABILITIES)
    assert (problems, mask.tolist()) == ([], [False, False, True, False])


def test_sample_ids_that_are_not_there_are_counted():
    mask, problems = kept([IdsFilter((12, 99, 1000))], table_of(), PROBABILITIES)
    assert mask.tolist() == [False, False, True, False]
    assert problems == ["2 sample ids of the link (99, 1000) are not among these images."]


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (
            "true",
            "3",
            "true must be numbers of classes in [0, 3) with commas between them; got '3'.",
        ),
        ("true", "none", "got 'none'"),
        ("true", "", "got ''"),
        ("predicted", "-1", "got '-1'"),
        ("pair", "scales", "pair must be among fur, feathers; got 'scales'."),
        ("region", "hard", "region must be among easy, ambiguous, stubborn; got 'hard'."),
        ("right", "maybe", "right must be yes or no; got 'maybe'."),
        ("confidence", "0.5", "confidence must be LOW..HIGH"),
        ("confidence", "nan..", "got 'nan..'"),
        ("loss", "2..1", "got '2..1'"),
        ("probability", "0.5..", "probability must be CLASS:LOW..HIGH with a class in [0, 3)"),
        ("probability", "9:0..1", "got '9:0..1'"),
        ("ids", "1,x", "ids must be 1 to 600 sample ids"),
        ("ids", ",".join(map(str, range(MOST_IDS + 1))), "ids must be 1 to 600"),
        ("ids", "٣", "got '٣'"),
    ],
)
def test_a_text_that_breaks_its_rule_is_refused_with_the_rule(kind, text, message):
    with pytest.raises(InvalidParameter) as caught:
        parsed(kind, text, SPACE)
    assert message in str(caught.value)


def test_what_a_data_set_does_not_have_cannot_be_filtered_by():
    with pytest.raises(InvalidParameter, match="the classes of this data set have no groups"):
        parsed("pair", "fur", PLAIN)
    with pytest.raises(InvalidParameter, match="this data set has no counts"):
        parsed("count_error", "1..", PLAIN)
    with pytest.raises(UnknownName, match="No filter is called 'colour'"):
        parsed("colour", "red", PLAIN)


def test_one_impossible_filter_leaves_the_others():
    filters, problems = filters_of({"true": "1", "predicted": "7", "loss": "x"}, SPACE)
    assert [one.kind for one in filters] == ["true"]
    assert [problem.split()[0] for problem in problems] == ["predicted", "loss"]


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("true", "0", "true cat"),
        ("predicted", "none,1", "predicted no prediction or dog"),
        ("right", "no", "wrong"),
        ("confidence", "0.9..", "confidence from 90 %"),
        ("confidence", "..0.5", "confidence below 50 %"),
        ("confidence", "..", "confidence: any"),
        ("loss", "1..2", "loss 1 nats to 2 nats"),
        ("probability", "2:0.25..0.5", "probability of emu 25 % to 50 %"),
        ("disagree", "yes", "runs disagree"),
        ("ids", "7", "sample 7"),
        ("ids", "7,8", "2 chosen images"),
        ("region", "easy", "region easy"),
        ("pair", "fur", "pair fur"),
    ],
)
def test_a_chip_says_in_words_what_a_filter_keeps(kind, text, words):
    assert parsed(kind, text, SPACE).words(SPACE) == words


def test_many_classes_are_not_all_named_on_a_chip():
    space = LabelSpace(tuple("abcdef"))
    assert parsed("true", "0,1,2,3,4", space).words(space) == "true a, b or 3 more"


numbers = some.integers(0, 1000).map(lambda number: number / 1000)
texts = some.one_of(
    some.tuples(some.sampled_from(["true", "predicted"]), some.sampled_from(["0", "2,1", "0,1,2"])),
    some.tuples(
        some.sampled_from(["confidence", "loss", "margin", "count_error"]),
        some.tuples(numbers, numbers).map(lambda ends: f"{min(ends)}..{max(ends)}"),
    ),
    some.tuples(
        some.just("probability"),
        some.tuples(some.integers(0, 2), numbers).map(lambda both: f"{both[0]}:{both[1]}.."),
    ),
    some.tuples(some.sampled_from(["right", "disagree"]), some.sampled_from(["yes", "no"])),
    some.tuples(
        some.just("ids"),
        some.lists(some.integers(0, 99), min_size=1).map(lambda all_: ",".join(map(str, all_))),
    ),
)


@given(texts)
def test_the_text_of_a_filter_gives_the_same_filter_again(given_text):
    kind, text = given_text
    one = parsed(kind, text, SPACE)
    assert parsed(kind, one.text, SPACE) == one


@given(some.sampled_from(list(KINDS)), some.text(max_size=30))
def test_no_text_raises_anything_but_a_refusal(kind, text):
    filters, problems = filters_of({kind: text}, SPACE)
    assert len(filters) + len(problems) == 1
    for one in filters:
        one.words(SPACE)


def test_numbers_beyond_a_scale_are_its_ends():
    assert parsed("confidence", "-3..7", SPACE) == RangeFilter("confidence", -3, 7)
    assert parsed("confidence", "-3..7", SPACE).text == ".."
    assert parsed("loss", "0..inf", SPACE).high == math.inf
