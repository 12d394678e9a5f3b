import pandas as pd
import pytest

from core.augmentations.pipeline import AugmentationPipeline
from core.augmentations.presets import PRESETS
from core.augmentations.preview import hits
from core.charts import style
from core.charts.augmentation_hits import augmentation_hits


def test_there_is_a_bar_per_step_and_two_that_are_none():
    table = pd.DataFrame(
        {"step": ["1 <b>zoom</b>", "none", "several"], "hit": [40, 60, 0], "num_samples": 100}
    )
    fig = augmentation_hits(table)
    (bars,) = fig.data
    assert list(bars.x) == [40, 60, 0]
    assert list(fig.layout.yaxis.ticktext) == [
        "1 &lt;b&gt;zoom&lt;/b&gt;",
        "none of them",
        "several of them",
    ]
    assert list(bars.marker.color) == [style.PALETTE[0], style.NEUTRAL, style.NEUTRAL]
    assert bars.hovertext[1] == "none of them<br><b>60 of 100 samples</b>"
    assert (fig.layout.xaxis.title.text, fig.layout.yaxis.title.text) == ("Images hit", "Step")
    assert fig.layout.xaxis.range[0] == 0 and fig.layout.xaxis.range[1] >= 100


@pytest.mark.parametrize("name", list(PRESETS))
def test_it_draws_every_preset(name):
    fig = augmentation_hits(hits(PRESETS[name].pipeline, (1, 32, 32)))
    assert len(fig.data[0].x) >= 2


def test_without_images_there_is_a_note():
    for table in (
        hits(AugmentationPipeline(), (1, 8, 8), 0),
        pd.DataFrame(columns=["num_samples"]),
    ):
        fig = augmentation_hits(table)
        assert fig.layout.annotations[0].text == "No images to count yet."
        assert fig.layout.xaxis.title.text and fig.layout.yaxis.title.text
