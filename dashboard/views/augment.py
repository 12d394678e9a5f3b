"""Augment: build a pipeline, and see what it does to images and their labels before a network does."""

import streamlit as st

from dashboard.widgets.answers_section import answers_section
from dashboard.widgets.augmented import Augmented, image_choice, restore_link
from dashboard.widgets.before_after_section import before_after_section
from dashboard.widgets.copies_section import copies_section
from dashboard.widgets.dataset_picker import dataset_picker, settings_popover
from dashboard.widgets.dataset_summary import dataset_or_help
from dashboard.widgets.hits_section import hits_section
from dashboard.widgets.pipeline_editor import pipeline_editor
from dashboard.widgets.pipeline_in_url import epoch_in_url, pipeline_in_url, seed_in_url
from dashboard.widgets.pipeline_picker import pipeline_json, pipeline_picker, train_button
from dashboard.widgets.refusals import refusals
from dashboard.widgets.strength_section import strength_section

VIEWS = {
    "before-after": ("Before and after", before_after_section),
    "strength": ("Strength", strength_section),
    "hits": ("How often", hits_section),
    "copies": ("Copies", copies_section),
    "answers": ("Answers", answers_section),
}

restore_link()
top = st.container(horizontal=True, vertical_alignment="bottom")
top.title("Augment", anchor=False, width="content")
with top:
    name = dataset_picker(key="dataset-picker")
    settings = settings_popover(name, key="dataset-settings")

loaded = dataset_or_help(settings, key="help")
if loaded is None:
    st.stop()

pipeline, seed, epoch = pipeline_in_url(loaded), seed_in_url(), epoch_in_url()
refused = pipeline.refusals(loaded.dataset.image_shape, loaded.dataset.space)
with top:
    pipeline_picker(pipeline)
    pipeline_json(pipeline, key="json")

left, right = st.columns([3, 7], gap="medium")
with left:
    pipeline_editor(pipeline, refused, loaded, seed, epoch)
with right:
    bar = st.container(horizontal=True, vertical_alignment="center")
    view = bar.segmented_control(
        "Look at",
        list(VIEWS),
        format_func=lambda name: VIEWS[name][0],
        required=True,
        default="before-after",
        key="view",
        bind="query-params",
        label_visibility="collapsed",
    )
    bar.space("stretch")
    with bar:
        train_button(pipeline, name)
    images = image_choice(loaded)
    look = Augmented(loaded, *images, pipeline, refused, seed, epoch)
    refusals(look, view)
    VIEWS[view][1](look)
