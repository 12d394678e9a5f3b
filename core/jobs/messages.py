"""Messages between a server and a process of its own: a JSON header and arrays, through a pipe.

Length first, then the header, then the bytes of the arrays that it announces. Plain numbers only: nothing that is read
can run code. What the messages say is the business of `answers` and `answer_process`.
"""

import struct
from collections.abc import Mapping
from math import prod
from typing import Any, BinaryIO

import numpy as np
import orjson
from numpy.typing import NDArray

from core.exceptions import InvalidParameter

LARGEST_HEADER = 2**22
LARGEST_ARRAY = 2**28
"""Bytes; a longer announcement is no message of ours."""

_LENGTH = struct.Struct("<Q")
_TYPES = frozenset({"|u1", "<i8", "<f4", "<f8"})


def write_message(
    stream: BinaryIO, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Write a message and flush.

    Args:
        stream: a pipe.
        header: fit for JSON.
        arrays: by name: uint8, int64, float32 or float64.

    Raises:
        InvalidParameter: an array has another type, or is too large.
        OSError: nobody reads any more.
    """
    announced = [_announced(name, values) for name, values in arrays.items()]
    text = orjson.dumps({"header": header, "arrays": announced})
    stream.write(_LENGTH.pack(len(text)) + text)
    for values in arrays.values():
        stream.write(values.tobytes())  # in row-major order, whatever the order in memory
    stream.flush()


def read_message(stream: BinaryIO) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Wait for a message; return its header and its arrays by name.

    Raises:
        EOFError: the other side is gone.
        InvalidParameter: it is no message of ours.
    """
    (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
    if length > LARGEST_HEADER:
        raise InvalidParameter(f"A header must have at most {LARGEST_HEADER} bytes; got {length}.")
    try:
        message = orjson.loads(_exactly(stream, length))
        header, announced = dict(message["header"]), list(message["arrays"])
        described = [(str(one["name"]), str(one["type"]), tuple(one["shape"])) for one in announced]
    except (ValueError, KeyError, TypeError):
        raise InvalidParameter("A message must begin with its header as JSON.") from None
    return header, {name: _array(stream, kind, shape) for name, kind, shape in described}


def _announced(name: str, values: NDArray[Any]) -> dict[str, Any]:
    kind = values.dtype.str
    if kind not in _TYPES or values.nbytes > LARGEST_ARRAY:
        raise InvalidParameter(
            f"{name} must be one of {', '.join(sorted(_TYPES))} and at most {LARGEST_ARRAY} bytes; "
            f"got {kind} and {values.nbytes}."
        )
    return {"name": name, "type": kind, "shape": values.shape}


def _array(stream: BinaryIO, kind: str, shape: tuple[Any, ...]) -> NDArray[Any]:
    is_shape = all(isinstance(one, int) and one >= 0 for one in shape)
    size = prod(shape) * np.dtype(kind).itemsize if kind in _TYPES and is_shape else None
    # Before any memory is asked for.
    if size is None or size > LARGEST_ARRAY:
        raise InvalidParameter(f"No array of ours is {kind[:10]!r} of shape {shape[:8]}.")
    return np.frombuffer(_exactly(stream, size), dtype=kind).reshape(shape)


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise EOFError
    return data
