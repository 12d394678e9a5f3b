"""Fetching by name: what can be fetched, what needs no fetching, and slips."""

import pytest

from core.datasets.fetching import FETCHED, fetch_dataset
from core.exceptions import InvalidInput, UnknownName


@pytest.mark.parametrize("name", list(FETCHED))
def test_a_source_that_is_no_folder_is_refused(name, tmp_path):
    with pytest.raises(InvalidInput, match=r"^'nowhere' is no folder and no address"):
        fetch_dataset(name, tmp_path, tmp_path / "nowhere")


def test_what_is_made_here_needs_no_fetching(tmp_path):
    with pytest.raises(
        InvalidInput,
        match=r"^The data set 'digits' needs no fetching: it is made here when needed\.$",
    ):
        fetch_dataset("digits", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_name_is_answered_with_the_nearest(tmp_path):
    with pytest.raises(
        UnknownName, match=r"^No data set to fetch is called 'fasion'\. Did you mean 'fashion'\?$"
    ):
        fetch_dataset("fasion", tmp_path)
