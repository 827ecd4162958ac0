"""Small things that the index does with arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from app.core.entities import FloatArray, IntArray

DoubleArray = NDArray[np.float64]
S = TypeVar("S", bound=np.generic)

# Room for more, by which rows and vectors grow when they are full.
_GROWTH = 1.5


def nearest_in_time(
    each: Sequence[tuple[DoubleArray, FloatArray]],
) -> tuple[DoubleArray, FloatArray]:
    """Of gaps and log-odds to several examples, (n,) each, those to the nearest in time."""
    gaps, log_odds = np.stack([gaps for gaps, _ in each]), np.stack([odds for _, odds in each])
    nearest = np.nan_to_num(np.abs(gaps), nan=np.inf).argmin(axis=0)[None]  # (1, n)
    return (
        np.take_along_axis(gaps, nearest, axis=0)[0],
        np.take_along_axis(log_odds, nearest, axis=0)[0],
    )


def with_room(store: NDArray[S], in_use: int, wanted: int) -> NDArray[S]:
    """The array, or a longer one with the same beginning, (at least `wanted`, …)."""
    if wanted <= len(store):
        return store
    grown = np.empty((max(wanted, int(_GROWTH * in_use)), *store.shape[1:]), store.dtype)
    grown[:in_use] = store[:in_use]
    return grown


def best_rows(scores: FloatArray, ids: IntArray, k: int) -> IntArray:
    """Places of the k highest, best first, ties by id, int64 (k,)."""
    if k < 1:
        return np.empty(0, np.int64)
    lowest = np.partition(scores, len(scores) - k)[len(scores) - k]
    # All that tie with the last one: which of them is taken must not be left to chance.
    candidates = np.flatnonzero(scores >= lowest)
    order = np.lexsort((ids[candidates], -scores[candidates]))[:k]
    return candidates[order]
