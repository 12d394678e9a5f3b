"""Mistakes: the wrong answers with the largest loss as a gallery whose thumbnails are one embedded picture.

Separate because it is the one part that looks at pixels. It leaves out where the images come from.
"""

import base64

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.charts.style import percent, significant
from core.datasets.sheet import reduced, sheet
from core.evaluation.samples import samples
from core.hand_in.markup import Markup, element
from core.predictions import Predictions

NUM_SHOWN, COLUMNS = 24, 8
SIDE = 100
"""Pixels on the screen that the longer side of a thumbnail comes near."""
LARGEST_SIDE = 84
"""Pixels of an image that the picture keeps; larger ones are made smaller by a whole factor. Ten galleries of
photographs are then below 8 MB."""


def worst_mistakes(predictions: Predictions, num_shown: int = NUM_SHOWN) -> pd.DataFrame:
    """Return the wrong answers with the largest loss, the worst first: rows of `core.evaluation.samples.samples`.

    Samples without a prediction have no loss and are left out.
    """
    table = samples(predictions)
    return table[~table["is_right"]].nlargest(num_shown, "loss")


def gallery(mistakes: pd.DataFrame, images: NDArray[np.uint8]) -> Markup:
    """Return mistakes as tiles: true class, image, predicted class with its confidence.

    Args:
        mistakes: rows of `worst_mistakes`, at least one.
        images: (N, C, H, W), as many in their order.
    """
    longest = max(images.shape[2:])
    small = reduced(images, -(-longest // LARGEST_SIDE))
    height, width = small.shape[2:]
    scale = max(1, SIDE // max(height, width))
    columns = min(COLUMNS, len(small))
    rows = -(-len(small) // columns)
    picture = base64.b64encode(sheet(small, columns)).decode()
    size = f"{scale * columns * width}px {scale * rows * height}px"
    tiles = []
    for place, row in enumerate(mistakes.to_dict("records")):
        left, top = place % columns * width * scale, place // columns * height * scale
        true, said = f"true: {row['true_name']}", f"said: {row['predicted_name']}"
        words = f"{said} ({percent(row['confidence'])})".replace(" %", "\N{NO-BREAK SPACE}%")
        image = element(
            "div",
            class_="image",
            role="img",
            aria_label=f"Sample {row['sample_id']}, {true}, {words}",
            title=f"sample {row['sample_id']}, loss {significant(row['loss'])}",
            style=f"width:{scale * width}px;height:{scale * height}px;background-size:{size};"
            f"background-position:-{left}px -{top}px",
        )
        tiles.append(element("div", true, image, words, class_="case"))
    tile = max(scale * width, 110)
    style = f"--tile:{tile}px;--sheet:url(data:image/png;base64,{picture})"
    return element("div", *tiles, class_="gallery", style=style)
