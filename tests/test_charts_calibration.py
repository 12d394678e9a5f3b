import pandas as pd

from core.charts.calibration import calibration

TABLE = pd.DataFrame(
    {
        "bin_low": [0.0, 0.5],
        "bin_high": [0.5, 1.0],
        "confidence": [float("nan"), 0.8],
        "accuracy": [float("nan"), 0.6],
        "count": [0, 1200],
    }
)


def test_each_bin_with_samples_has_a_bar_beside_the_diagonal():
    bars, diagonal = calibration(TABLE).data
    assert list(bars.x) == [0.75]
    assert list(bars.y) == [0.6]
    assert list(bars.text) == ["1,200"]
    assert (diagonal.x, diagonal.y) == ((0, 1), (0, 1))


def test_the_hover_says_bin_accuracy_and_samples():
    hover = calibration(TABLE).data[0].hovertext[0]
    for words in ("50.0 % to 100.0 %", "mean 80.0 %", "accuracy <b>60.0 %</b>", "1,200 samples"):
        assert words in hover


def test_axes_are_in_percent():
    layout = calibration(TABLE).layout
    assert (layout.xaxis.title.text, layout.yaxis.title.text) == ("Confidence (%)", "Accuracy (%)")
    assert layout.xaxis.tickformat == layout.yaxis.tickformat == ".0%"


def test_bins_without_any_sample_give_a_note():
    assert calibration(TABLE.iloc[:1]).layout.annotations[0].text.startswith("No predictions")
