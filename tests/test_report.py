import re

import numpy as np
import pytest

from core.charts import style
from core.labels import LabelSpace
from core.predictions import Predictions
from core.report import SECTIONS


def drawn(num_samples, num_classes):
    rng = np.random.default_rng(0)
    return Predictions(
        LabelSpace(tuple(f"class {label}" for label in range(num_classes))),
        np.arange(num_samples),
        rng.integers(0, num_classes, num_samples),
        rng.normal(size=(num_samples, num_classes)).astype(np.float32),
    )


def broken():
    predictions = drawn(5, 3)
    logits = np.full_like(predictions.logits, np.nan)
    return Predictions(predictions.space, predictions.sample_ids, predictions.labels, logits)


each_section = pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)


@each_section
def test_a_section_draws_an_empty_table_as_a_quiet_note_with_named_axes(section):
    fig = section.chart(section.table(drawn(9, 3)).iloc[:0])
    assert len(fig.data) == 0
    assert fig.layout.annotations[0].text
    assert fig.layout.xaxis.title.text
    assert fig.layout.yaxis.title.text


@each_section
@pytest.mark.parametrize(
    "predictions", [drawn(0, 3), drawn(50, 1), drawn(300, 10), drawn(900, 135), broken()]
)
@pytest.mark.parametrize("is_dark", [False, True])
def test_a_section_draws_with_named_axes_in_both_themes(section, predictions, is_dark):
    fig = style.themed(section.draw(predictions), is_dark)
    assert fig.layout.xaxis.title.text
    assert fig.layout.yaxis.title.text
    assert fig.to_json()


@each_section
def test_a_chart_does_not_change_its_table(section):
    table = section.table(drawn(60, 4))
    before = table.copy()
    section.chart(table)
    assert table.equals(before)


@each_section
def test_a_section_is_explained_in_two_sentences(section):
    assert len(re.findall(r"\.(?: |$)", section.how_to_read)) == 2


def test_sections_have_names_of_their_own():
    assert len({section.name for section in SECTIONS}) == len(SECTIONS)
