"""Named arrays as bytes, equal for equal arrays, without pickle."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]


def packed(arrays: Arrays) -> bytes:
    """The arrays, in NumPy's own format."""
    data = io.BytesIO()
    np.savez_compressed(data, **arrays)  # type: ignore[arg-type, unused-ignore]
    return data.getvalue()


def unpacked(data: bytes) -> Arrays:
    """The arrays that were packed.

    Raises:
        ValueError: the bytes are damaged.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"no packed arrays: {error}") from error


def named(prefix: str, arrays: Arrays) -> Arrays:
    """The arrays under names that begin with `prefix` and a slash."""
    return {f"{prefix}/{name}": array for name, array in arrays.items()}


def those_of(prefix: str, arrays: Arrays) -> Arrays:
    """The arrays that `named` gave that prefix, under their own names."""
    start = f"{prefix}/"
    return {
        name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)
    }
