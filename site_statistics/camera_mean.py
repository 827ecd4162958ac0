"""What all vectors of a camera have in common, and how much of it is taken off each.

The light and colours of a camera move all vectors made in it the same way. Subtracting their mean
brings cameras closer together (arXiv:2502.10195); the mean of few people, however, is those people.
So only a share is subtracted, which grows with the number of people seen:

    unit(v − w · (camera mean − mean of the camera means)), w = n / (n + 30)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

# With so many people, half of the mean is subtracted.
HALF_APPLIED = 30
# Sums are kept in multiples of 2⁻⁴⁰: whole numbers, whose sum does not depend on the order. Values
# of −1..1 leave room for four million vectors a camera.
_UNIT = 2.0**40
# A vector that is all but equal to what is subtracted keeps its length.
_SHORTEST = 1e-6
# Rows that are corrected at once.
_AT_ONCE = 4096


@dataclass(frozen=True, slots=True, eq=False)
class CameraMeans:
    """What is subtracted from the vectors of each camera.

    Attributes:
        cameras: int64 (C,), rising.
        people: int64 (C,), how many vectors of each camera there are.
        offsets: float32 (C, D), w · (camera mean − mean of the camera means).
    """

    cameras: IntArray
    people: IntArray
    offsets: FloatArray

    @property
    def shares(self) -> NDArray[np.float64]:
        """Which share of each camera's mean is applied, w in 0..1: float64 (C,)."""
        return shares_of(self.people)

    def rows_of(self, cameras: IntArray) -> IntArray:
        """The row of each camera, int64 (n,); −1 for one without vectors."""
        if not len(self.cameras):
            return np.full(len(cameras), -1, np.int64)
        rows = np.searchsorted(self.cameras, cameras).clip(max=len(self.cameras) - 1)
        return np.where(self.cameras[rows] == cameras, rows, -1)

    def corrected(self, vectors: FloatArray, cameras: IntArray) -> FloatArray:
        """Vectors without what their camera adds, of length 1.

        Args:
            vectors: float32 (n, D), of length 1.
            cameras: int64 (n,); of a camera without vectors, as of an unknown one, the mean is
                taken to be the mean of all camera means, so that nothing is subtracted.

        Returns:
            float32 (n, D).
        """
        found = np.array(vectors, np.float32)
        if not len(self.cameras):
            return found
        rows = self.rows_of(cameras)
        for first in range(0, len(found), _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            known = rows[part] >= 0
            found[part][known] -= self.offsets[rows[part][known]]
            found[part] *= reciprocal(np.linalg.norm(found[part], axis=1))[:, None]
        return found

    def scales_of(self, vectors: FloatArray, rows: IntArray) -> FloatArray:
        """1 / the length of each vector after the subtraction, float32 (n,).

        Args:
            vectors: float32 (n, D), of length 1.
            rows: int64 (n,), as of `rows_of`, none of them −1.
        """
        squares = np.square(self.offsets, dtype=np.float64).sum(axis=1)  # (C,)
        found = np.empty(len(vectors), np.float32)
        for first in range(0, len(found), _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            # |v − o|² = |v|² − 2 v·o + |o|²
            products = np.einsum("ij,ij->i", vectors[part], self.offsets[rows[part]])
            lengths = np.sqrt(np.maximum(1 - 2 * products + squares[rows[part]], 0))
            found[part] = reciprocal(lengths)
        return found


class CameraSums:
    """Sums of the vectors of each camera, exact whatever was added and removed before.

    Equal vectors give equal means, bit for bit, in whichever order they came.
    """

    def __init__(self) -> None:
        self._people: dict[int, int] = {}
        self._sums: dict[int, NDArray[np.int64]] = {}

    def add(self, vectors: FloatArray, cameras: IntArray) -> None:
        """Takes vectors in, float32 (n, D) of length 1, with their cameras, int64 (n,)."""
        self._change(vectors, cameras, 1)

    def remove(self, vectors: FloatArray, cameras: IntArray) -> None:
        """Takes out vectors that were added."""
        self._change(vectors, cameras, -1)

    def means(self) -> CameraMeans:
        """What is to be subtracted now; no cameras where there are no vectors."""
        if not self._people:
            nothing = np.zeros(0, np.int64)
            return CameraMeans(nothing, nothing, np.zeros((0, 0), np.float32))
        cameras = np.array(sorted(self._people), np.int64)
        people = np.array([self._people[camera] for camera in cameras.tolist()], np.int64)
        sums = np.stack([self._sums[camera] for camera in cameras.tolist()])
        means = sums / _UNIT / people[:, None]  # (C, D)
        offsets = shares_of(people)[:, None] * (means - means.mean(axis=0))
        return CameraMeans(cameras, people, offsets.astype(np.float32))

    def _change(self, vectors: FloatArray, cameras: IntArray, sign: int) -> None:
        for camera in np.unique(cameras).tolist():
            own = vectors[cameras == camera].astype(np.float64)
            added = sign * np.rint(own * _UNIT).astype(np.int64).sum(axis=0)
            self._sums[camera] = self._sums.get(camera, 0) + added
            self._people[camera] = self._people.get(camera, 0) + sign * len(own)
            if not self._people[camera]:
                del self._people[camera], self._sums[camera]


def shares_of(people: IntArray) -> NDArray[np.float64]:
    """The share w = n / (n + 30) of each count: float64 (C,) from int64 (C,)."""
    return people / (people + HALF_APPLIED)


def reciprocal(lengths: NDArray[np.floating]) -> FloatArray:
    """1 / length, float32 (n,); 1 where there is no length to speak of."""
    return np.asarray(1 / np.where(lengths < _SHORTEST, 1, lengths), np.float32)
