"""A tracklet's vector: the mean of its crops'."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.core.entities import FloatArray
from app.core.errors import ModelError


def mean_vectors(vectors: FloatArray, counts: Sequence[int]) -> FloatArray:
    """Means of consecutive rows, float32 (n, D), L2-normalised.

    Args:
        vectors: float32 (crops, D), the crops of a tracklet beside each other.
        counts: how many crops each of the n tracklets has, at least one.

    Raises:
        ModelError: the network returned something that is no number.
    """
    starts = np.cumsum([0, *counts[:-1]])
    sums = np.add.reduceat(vectors, starts, axis=0)  # (n, D)
    if not np.isfinite(sums).all():
        raise ModelError(
            "The embedder returned values that are no numbers.", "Choose another embedder."
        )
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.asarray(sums / np.maximum(norms, 1e-12), np.float32)
