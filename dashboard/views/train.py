"""Train: choose data set, variants and seeds, change what is to differ, see what that comes to, and queue it."""

import streamlit as st

from core.config import parsed_seeds
from core.plans import common_differences, grid
from dashboard.widgets.augmentation_choice import augmentation_choice
from dashboard.widgets.dataset_picker import dataset_picker, settings_popover
from dashboard.widgets.dataset_summary import dataset_or_help
from dashboard.widgets.differences import shown_differences
from dashboard.widgets.errors import errors_shown
from dashboard.widgets.estimate import estimate
from dashboard.widgets.grid_form import grid_form
from dashboard.widgets.run_form import run_form
from dashboard.widgets.start import number_of_runs, problems, start_buttons, worth_knowing
from dashboard.widgets.train_link import restore_link, seeds_input
from dashboard.widgets.variant_choice import chosen_variants, cloned_run, variant_choice

restore_link()
parent = cloned_run()
top = st.container(horizontal=True, vertical_alignment="bottom")
top.title("Train", anchor=False, width="content")
with top:
    settings = settings_popover(dataset_picker(key="dataset-picker"), key="dataset-settings")
loaded = dataset_or_help(settings, key="help")
if loaded is None:
    st.stop()

choice_column, seeds_column = st.columns([8, 2], gap="small")
with choice_column:
    choice = variant_choice(loaded, parent, key="train")
with seeds_column:
    seeds_text = seeds_input(key="train-seeds")
if not choice.configs:
    st.stop()

form_column, card_column = st.columns([7, 3], gap="medium")
with card_column.container(border=True), errors_shown(with_links=False):
    with form_column:
        pipeline = augmentation_choice(choice, loaded, key="train-augmentation")
        with st.container(gap="xsmall"):
            configs = choice.configs
            if len(configs) == 1:
                configs = (run_form(configs[0], loaded, key="train-form"),)
            else:
                chosen_variants(choice)
            values = grid_form(configs, key="train-grid")
    seeds = parsed_seeds(seeds_text)
    if pipeline is not None:
        values = {**values, "augmentation": [pipeline.to_json()]}
    planned = grid(configs, values, len(seeds))
    number_of_runs(planned, len(configs), len(seeds))
    is_allowed, notes = problems(planned, seeds)
    if is_allowed:
        estimate([one.config for one in planned], loaded.fingerprint, len(seeds), "train-estimate")
        start_buttons(planned, seeds, choice, "train-start")
    worth_knowing(notes)
    if len(choice.configs) == 1:
        shown_differences(common_differences(choice.recipes[0], planned), choice.origin)
