import subprocess
import sys

import plotly.graph_objects as go
import pytest

from core.charts import style
from core.exceptions import UnknownName
from core.variants import SUITES, VARIANTS


def luminance(colour):
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", style.PALETTE)
@pytest.mark.parametrize("page", ["#FFFFFF", "#0E1117"])
def test_every_colour_is_seen_on_the_light_and_the_dark_page(colour, page):
    dark, light = sorted((luminance(colour), luminance(page)))
    assert (light + 0.05) / (dark + 0.05) >= 2.2


@pytest.mark.parametrize("suite", sorted(SUITES))
def test_variants_that_are_shown_together_differ_in_colour(suite):
    names = {one.variant for one in SUITES[suite].entries}
    assert len({style.variant_colour(name) for name in names}) == len(names)


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_every_variant_that_comes_along_has_a_colour_of_its_own_choice(name):
    assert name in style.KNOWN_VARIANTS


def test_a_variant_keeps_its_colour_in_another_process():
    code = "from core.charts.style import variant_colour; print(variant_colour('my-variant'))"
    for seed in ("1", "2"):
        answer = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=True,
        )
        assert answer.stdout.strip() == style.variant_colour("my-variant")


def test_splits_differ_by_their_dash():
    assert style.dash("train") == "dash"
    assert style.dash("validation") == "solid"
    assert style.dash("train_eval") == "dot"
    with pytest.raises(UnknownName, match=r"No split is called 'trian'\. Did you mean 'train'\?"):
        style.dash("trian")


def test_numbers_read_as_the_product_says():
    assert style.percent(0.8724) == "87.2 %"
    assert style.percent(float("nan")) == "undefined"
    assert style.significant(0.50449) == "0.504"
    assert style.significant(1.5) == "1.50"
    assert style.significant(123456.0) == "123000"
    assert style.significant(float("nan")) == "undefined"
    assert style.samples(1) == "1 sample"
    assert style.samples(1234) == "1,234 samples"


def test_names_are_shown_literally():
    assert style.text("<b>T-shirt</b> & 'top'") == "&lt;b&gt;T-shirt&lt;/b&gt; &amp; 'top'"


def test_theming_makes_another_figure_and_leaves_the_first_alone():
    fig = style.figure("Epoch", "Accuracy (%)").add_scatter(x=[1], y=[2])
    before = fig.to_json()
    dark = style.themed(fig, is_dark=True)
    assert isinstance(dark, go.Figure)
    assert fig.to_json() == before
    assert dark.layout.template.layout.font.color == "#FAFAFA"
    assert style.themed(dark, is_dark=False).to_json() == before


@pytest.mark.parametrize("is_dark", [True, False])
def test_the_page_shines_through(is_dark):
    layout = style.themed(go.Figure(), is_dark).layout.template.layout
    assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0,0,0,0)"


def test_an_unknown_metric_is_named_by_its_key():
    assert style.metric_title("accuracy") == "Accuracy (%)"
    assert style.metric_title("some_new_metric") == "Some new metric"


def test_what_is_shown_together_has_distinct_colours_as_long_as_there_are_any():
    keys = {f"label {number}": f"mine {number}" for number in range(14)}
    keys["base"] = "conv-base"
    found = style.distinct_colours(keys)
    assert len(set(found.values())) == 15
    assert found["base"] == style.variant_colour("conv-base")
    assert style.distinct_colours({"only": "mine 3"})["only"] == style.variant_colour("mine 3")
    assert len(style.distinct_colours(keys | {"more": "x", "yet more": "y"})) == 17


def test_equal_keys_share_a_colour():
    assert len(set(style.distinct_colours({"a": "mine", "b": "mine"}).values())) == 1


@pytest.mark.parametrize("is_dark", [True, False])
def test_differences_have_a_scale_with_its_own_middle(is_dark):
    layout = style.themed(go.Figure(), is_dark).layout.template.layout
    places = [place for place, _ in layout.colorscale.diverging]
    assert places == [0, 0.25, 0.5, 0.75, 1]


def test_a_long_name_is_broken_at_its_spaces_and_cut_where_it_takes_too_many_lines():
    assert style.broken("conv-base <b> wide", 10) == "conv-base<br>&lt;b&gt; wide"
    assert style.broken("one two three four", 5, most_lines=2) == "one<br>two…"
    assert style.broken("one two three", 8, most_lines=1) == "one two…"
