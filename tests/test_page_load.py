"""The load test's own judgement: what counts as an error, and which limits make it fail."""

import pytest
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.page_load import Measured, broken_limits, p95, problem_of


def alert(kind, words):
    said = ForwardMsg()
    said.delta.new_element.alert.format = kind
    said.delta.new_element.alert.body = words
    return said


def test_an_error_raised_on_purpose_counts_like_a_traceback():
    traceback = ForwardMsg()
    traceback.delta.new_element.exception.message = "list index out of range"
    assert problem_of(traceback) == "list index out of range"
    assert problem_of(alert(Alert.ERROR, "No run is called 'a'.")) == "No run is called 'a'."
    assert problem_of(alert(Alert.WARNING, "The images look inverted.")) is None
    text = ForwardMsg()
    text.delta.new_element.markdown.body = "fine"
    assert problem_of(text) is None


@pytest.mark.parametrize(
    ("found", "growth", "broken"),
    [
        (Measured({"data": [0.1] * 99 + [3.0]}), 299_000_000, []),
        (Measured({"data": [0.1], "runs": [0.6]}), 0, ["p95 600 ms; at most 500 ms"]),
        (Measured({"data": [0.1]}, ["data: no"]), 0, ["1 errors; there may be none"]),
        (Measured({"data": [0.1]}), 301_000_000, ["memory grew by 301 MB; at most 300 MB"]),
        (Measured(), 0, ["no answer"]),
    ],
)
def test_each_limit_is_judged(found, growth, broken):
    assert broken_limits(found, growth) == broken


def test_of_few_answers_the_slowest_is_not_left_out():
    assert p95([0.1, 0.2]) == 0.2
    assert p95([float(one) for one in range(1, 101)]) == 95.0
