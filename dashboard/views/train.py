"""Train: choose data set, variant, seeds and settings, see what that changes, and queue it."""

import streamlit as st

from core.config import RunConfig, parsed_seeds
from core.variants import VARIANTS, run_config
from dashboard import data
from dashboard.widgets.errors import errors_shown
from dashboard.widgets.settings_form import (
    differences_from_variant,
    settings_form,
    shown_differences,
)
from dashboard.widgets.start import fitting_variants, start_card, unfit_note

st.title("Train", anchor=False)
data_column, variant_column, seeds_column = st.columns([2, 3, 2])
dataset = data_column.selectbox(
    "Data set", data.dataset_names(), key="dataset", persist_state="session"
)
with st.spinner("Reading the data set ..."):
    variants, reasons = fitting_variants(dataset)
variant = variant_column.selectbox(
    "Variant", variants, key=f"variant-{dataset}", persist_state="session", help=unfit_note(reasons)
)
seeds_text = seeds_column.text_input(
    "Seeds",
    "0",
    key="seeds",
    persist_state="session",
    help="One run per seed, such as 3, 0-4 or 0,2,5. Equal seeds give equal weights and order.",
)
st.caption(VARIANTS[variant].description)
plain = run_config({"name": dataset}, variant)
form_column, card_column = st.columns([7, 3], gap="medium")
card = card_column.container(border=True)
key = f"{dataset}-{variant}"
with card, errors_shown(with_links=False):
    with form_column:
        st.markdown("**Training**")
        training = settings_form(plain.training, f"{key}-training", "training")
        st.markdown(f"**Network** ({plain.model.name})")
        model = settings_form(plain.model, f"{key}-model", "model")
        st.markdown(f"**Data set** ({dataset})")
        source = settings_form(plain.dataset, f"{key}-dataset", "dataset")
    config = RunConfig.checked(
        {"dataset": source, "variant": variant, "model": model, "training": training}
    )
    start_card(config, parsed_seeds(seeds_text), "card")
    shown_differences(differences_from_variant(config.to_json()), variant)
