"""The data map of the page Errors: easy, ambiguous and stubborn images; what the lasso takes becomes a filter."""

import pandas as pd
import streamlit as st

from core.charts.data_map import data_map as map_chart
from core.evaluation.case_filters import MOST_IDS
from core.evaluation.data_map import LEAST_CONFIDENCE, LEAST_VARIABILITY, REGIONS, inside
from core.exceptions import CoreError
from dashboard import errors_data
from dashboard.widgets.case_chips import put_filter, put_filters
from dashboard.widgets.case_choice import Look, open_image, validation_button
from dashboard.widgets.cell import IMAGE_KEY
from dashboard.widgets.figure import figure
from dashboard.widgets.markdown import escaped

HEIGHT = 320
HOW_TO_READ = (
    "Each point is an image. High up are those of whose true class the run was sure on average, to the right those over which "
    "it changed its mind from epoch to epoch. **Easy** images teach little more, **ambiguous** ones teach most, and among the "
    "**stubborn** ones at the lower left are wrong labels and odd images. Draw around points to see these images; a click "
    "opens one. After Swayamdipta et al. 2020, with fixed bounds in place of thirds."
)
COLUMNS = ("variability", "mean_confidence")


def case_map(look: Look, key: str) -> None:
    """Show the map of the leading run, and how many images each region holds.

    Args:
        look: what is looked at.
        key: of the widgets.
    """
    if not look.epochs:
        st.info(
            "A data map needs outputs of every epoch, which are stored of validation and of a slice of train. Choose one of "
            "these splits above.",
            icon=":material/scatter_plot:",
        )
        validation_button(f"{key}-validation")
        return
    try:
        table = errors_data.dynamics_table(look.lead, look.split)
    except CoreError as error:
        st.warning(f"There is no data map: {escaped(error)}", icon=":material/error:")
        return
    asked = st.query_params.get(IMAGE_KEY, "")
    left, right = st.columns([7, 2], gap="medium")
    with left:
        figure(
            map_chart(
                table,
                (LEAST_VARIABILITY, LEAST_CONFIDENCE),
                int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else None,
            ),
            key,
            alt="Mean probability of the true class against its variability, a point per image.",
            how_to_read=HOW_TO_READ,
            table=table,
            height=HEIGHT,
            on_pick=lambda picked: open_image(int(picked[0])),
            on_region=lambda x, y: _take(table, x, y),
        )
    with right:
        _regions(table, key)
    if len(look.epochs) < 4:
        st.caption(
            f"Of {len(look.epochs)} epochs variability says little; train longer for a map to rely on."
        )


def _regions(table: pd.DataFrame, key: str) -> None:
    """Show how many images each region holds, each a door to them."""
    counts = table["region"].value_counts()
    for region, words in REGIONS.items():
        st.button(
            f"{region.capitalize()}: {counts.get(region, 0):,}",
            key=f"{key}-{region}",
            on_click=put_filter,
            args=("region", region),
        )
        st.caption(f"{words.capitalize()}.")


def _take(table: pd.DataFrame, x: list[float], y: list[float]) -> None:
    """Make the images inside of what was drawn the ids filter; of very many those nearest to the middle of it."""
    rows = table[inside(table, x, y, COLUMNS)]
    if rows.empty:
        return
    if len(rows) > MOST_IDS:
        away = (rows[COLUMNS[0]] - rows[COLUMNS[0]].median()) ** 2
        away += (rows[COLUMNS[1]] - rows[COLUMNS[1]].median()) ** 2
        rows = rows.loc[away.sort_values(kind="stable").index[:MOST_IDS]]
    take_ids(rows["sample_id"].tolist())


def take_ids(ids: list[int]) -> None:
    """Make samples that were drawn around the only filter; of more than a link can hold the first ones, in the order given."""
    put_filters({"ids": ",".join(str(int(one)) for one in ids[:MOST_IDS])})
