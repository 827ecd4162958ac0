"""What re-ranking computed of single crops, kept for later pairs and searches."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from reid_models.interfaces import PairParts


class PartsCache:
    """Parts of the crops seen last, up to a number of bytes."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._used = 0
        self._parts: OrderedDict[bytes, PairParts] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: bytes) -> PairParts | None:
        """What is remembered, or None."""
        with self._lock:
            if key in self._parts:
                self._parts.move_to_end(key)
            return self._parts.get(key)

    def put(self, key: bytes, parts: PairParts) -> None:
        """Remembers; what was not asked for the longest is forgotten."""
        with self._lock:
            if key in self._parts:
                return
            self._parts[key] = parts
            self._used += _bytes_of(parts)
            while self._used > self._size:
                self._used -= _bytes_of(self._parts.popitem(last=False)[1])


def _bytes_of(parts: PairParts) -> int:
    return sum(part.nbytes for part in parts)


def key_of(image: NDArray[np.uint8], camera: str | None = None) -> bytes:
    """Tells crops apart by their pixels and cameras."""
    found = hashlib.blake2b(f"{image.shape} {camera!r}".encode(), digest_size=16)
    found.update(np.ascontiguousarray(image).data)
    return found.digest()
