"""A tracklet's vector: the mean of its crops', good crops weighing more."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.core.entities import FloatArray
from app.core.errors import ModelError
from app.language import tr

# A crop that is all covered or out of focus still counts a little: it may be the only one.
LEAST_WEIGHT = 0.05


def mean_vectors(
    vectors: FloatArray, counts: Sequence[int], qualities: Sequence[float]
) -> FloatArray:
    """Weighted means of consecutive rows, float32 (n, D), L2-normalised.

    Args:
        vectors: float32 (crops, D), the crops of a tracklet beside each other.
        counts: how many crops each of the n tracklets has, at least one.
        qualities: of each crop, 0..1: its weight.

    Raises:
        ModelError: the network returned something that is no number.
    """
    starts = np.cumsum([0, *counts[:-1]])
    weights = np.maximum(np.asarray(qualities, np.float32), LEAST_WEIGHT)
    sums = np.add.reduceat(vectors * weights[:, None], starts, axis=0)  # (n, D)
    if not np.isfinite(sums).all():
        raise ModelError(
            tr("The embedder returned values that are not numbers."), tr("Choose another embedder.")
        )
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.asarray(sums / np.maximum(norms, 1e-12), np.float32)
