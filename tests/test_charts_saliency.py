import numpy as np
import pandas as pd

from core.charts.saliency import saliency

IMAGE = np.arange(6, dtype=np.uint8).reshape(1, 2, 3)


def table_of(**panels):
    rows, columns = np.indices((2, 3))
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "panel": name,
                    "row": rows.ravel(),
                    "column": columns.ravel(),
                    "value": np.ravel(values),
                }
            )
            for name, values in panels.items()
        ],
        ignore_index=True,
    )


def test_each_map_lies_over_the_image_and_all_share_one_scale_from_zero():
    first, second = np.arange(6) / 10, np.arange(6) / 5
    fig = saliency(table_of(one=first, two=second), IMAGE)
    kinds = [trace.type for trace in fig.data]
    assert kinds == ["image", "image", "image", "heatmap", "heatmap"]
    maps = fig.data[3:]
    np.testing.assert_allclose(maps[0].z, first.reshape(2, 3), rtol=1e-6)
    assert {(one.zmin, one.zmax, one.zsmooth) for one in maps} == {(0, 1.0, False)}
    assert [one.showscale for one in maps] == [True, False]
    assert maps[0].colorscale[0][1].endswith(",0.000)")  # nothing covers nothing
    np.testing.assert_array_equal(np.asarray(fig.data[0].z)[..., 2], IMAGE[0])


def test_colour_images_stay_coloured_and_names_are_no_markup():
    image = np.arange(18, dtype=np.uint8).reshape(3, 2, 3)
    fig = saliency(table_of(**{"<b>x": np.zeros(6)}), image)
    np.testing.assert_array_equal(np.asarray(fig.data[0].z), image.transpose(1, 2, 0))
    assert [one.text for one in fig.layout.annotations] == ["the image", "&lt;b&gt;x"]


def test_falls_of_a_probability_too_small_to_matter_do_not_fill_the_scale():
    fig = saliency(table_of(one=np.full(6, 1e-6)), IMAGE, "occlusion")
    assert fig.data[-1].zmax == 0.05
    assert saliency(table_of(one=np.zeros(6)), IMAGE).data[-1].zmax == 1


def test_without_a_map_the_image_stands_alone():
    empty = table_of(one=np.zeros(6)).iloc[:0]
    assert [trace.type for trace in saliency(empty, IMAGE).data] == ["image"]
