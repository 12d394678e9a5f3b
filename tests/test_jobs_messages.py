"""Messages: what goes in comes out, and what is none of ours is refused."""

import ast
import io
from pathlib import Path

import numpy as np
import pytest

from core.exceptions import InvalidParameter
from core.jobs import answer_process, answers, messages
from core.jobs.messages import LARGEST_ARRAY, LARGEST_HEADER, read_message, write_message

ARRAYS = {
    "images": np.random.default_rng(0).integers(0, 256, (3, 1, 4, 5), dtype=np.uint8),
    "labels": np.array([[2, -1]], np.int64),
    "probabilities": np.array([0.25, np.nan, np.inf]),
    "counts": np.zeros((0, 6), np.float32),
}


def written(header, arrays):
    stream = io.BytesIO()
    write_message(stream, header, arrays)
    return stream.getvalue()


def announced(text):
    return io.BytesIO(len(text).to_bytes(8, "little") + text)


def test_header_and_arrays_come_back_and_the_next_message_follows():
    stream = io.BytesIO(written({"top": 3, "text": "ü"}, ARRAYS) + written({}, {}))
    header, arrays = read_message(stream)
    assert header == {"top": 3, "text": "ü"}
    assert list(arrays) == list(ARRAYS)
    for name, values in ARRAYS.items():
        assert arrays[name].dtype == values.dtype
        np.testing.assert_array_equal(arrays[name], values)
    assert read_message(stream) == ({}, {})


def test_an_array_that_lies_otherwise_in_memory_comes_back_equal():
    turned = ARRAYS["images"][:, :, ::-1].transpose(0, 1, 3, 2)
    _, arrays = read_message(io.BytesIO(written({}, {"images": turned})))
    assert np.array_equal(arrays["images"], turned)


@pytest.mark.parametrize("kept", [0, 5, 20, -1])
def test_a_torn_message_says_that_the_other_side_is_gone(kept):
    with pytest.raises(EOFError):
        read_message(io.BytesIO(written({"top": 3}, ARRAYS)[:kept]))


@pytest.mark.parametrize(
    "values", [np.zeros(2, np.float16), np.zeros(2, object), np.zeros(2, ">f8"), np.zeros(2, "U3")]
)
def test_an_array_of_another_type_is_not_written(values):
    with pytest.raises(InvalidParameter, match="images must be one of"):
        written({}, {"images": values})


@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"header": 3, "arrays": []}',
        b'{"header": {}, "arrays": [{"name": "images"}]}',
        b'{"header": {}, "arrays": [{"name": "images", "type": "|O", "shape": [1]}]}',
        b'{"header": {}, "arrays": [{"name": "images", "type": "|u1", "shape": [-1]}]}',
        b'{"header": {}, "arrays": [{"name": "images", "type": "|u1", "shape": ["1"]}]}',
        b'{"header": {}, "arrays": [{"name": "images", "type": "<f8", "shape": [%d]}]}'
        % LARGEST_ARRAY,
    ],
)
def test_what_is_no_message_of_ours_is_refused_before_its_arrays_are_read(text):
    with pytest.raises(InvalidParameter):
        read_message(announced(text))


def test_an_endless_header_is_refused():
    with pytest.raises(InvalidParameter, match="A header must have at most"):
        read_message(io.BytesIO((LARGEST_HEADER + 1).to_bytes(8, "little")))


@pytest.mark.parametrize("module", [messages, answers, answer_process])
def test_nothing_that_is_read_can_run_code(module):
    names = set()
    for node in ast.walk(ast.parse(Path(module.__file__).read_text())):
        if isinstance(node, ast.Import):
            names |= {one.name.partition(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module).partition(".")[0])
    assert names & {"pickle", "marshal", "shelve", "multiprocessing", "dill", "joblib"} == set()
