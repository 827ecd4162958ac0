"""A trajectory as one compact binary: 32 bytes for each box, exact to the bit."""

from __future__ import annotations

import struct

import numpy as np

from app.core.entities import Trajectory

_HEADER = struct.Struct("<B3xI")  # format version, number of boxes
_VERSION = 1
# Column by column, little-endian, the widest first so that every column is aligned.
_COLUMNS = (
    ("time_s", "<f8", 1),
    ("frame_index", "<i4", 1),
    ("boxes", "<f4", 4),
    ("scores", "<f4", 1),
)
_BOX_BYTES = 32


def encode(trajectory: Trajectory) -> bytes:
    """The trajectory as bytes."""
    columns = (getattr(trajectory, name).astype(kind).tobytes() for name, kind, _ in _COLUMNS)
    return _HEADER.pack(_VERSION, len(trajectory)) + b"".join(columns)


def decode(data: bytes) -> Trajectory:
    """The trajectory that was encoded.

    Raises:
        ValueError: the bytes are cut or of an unknown format version.
    """
    if len(data) < _HEADER.size:
        raise ValueError(f"a trajectory of {len(data)} bytes has no header")
    version, count = _HEADER.unpack_from(data)
    if version != _VERSION or len(data) != _HEADER.size + count * _BOX_BYTES:
        raise ValueError(f"no trajectory: version {version}, {count} boxes in {len(data)} bytes")
    arrays = {}
    offset = _HEADER.size
    for name, kind, width in _COLUMNS:
        column = np.frombuffer(data, kind, count * width, offset)
        offset += column.nbytes
        # A copy in the machine's own byte order, which the caller may write to.
        arrays[name] = column.astype(column.dtype.newbyteorder("="))
    arrays["boxes"] = arrays["boxes"].reshape(count, 4)
    return Trajectory(**arrays)
