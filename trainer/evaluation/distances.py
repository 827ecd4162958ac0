"""Distances between queries and gallery, a chunk of rows at a time, on a processor or a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from reid_models.layers.neighbors import product
from trainer.errors import TrainerError

Metric = Literal["euclidean", "cosine"]

# Distances held at once: 64 MB.
ROWS_TIMES_COLUMNS = 1 << 24


class Distances(Protocol):
    """Anything that ranks a gallery for each query.

    Attributes:
        queries: Q.
        gallery: G.
    """

    queries: int
    gallery: int

    def rows(self, first: int, last: int) -> Tensor:
        """Distances of queries `first` to `last` − 1, float32 (n, G); the caller's to change."""
        ...


class FeatureDistances:
    """Squared Euclidean distances between vectors, computed when asked for."""

    def __init__(self, query: Tensor, gallery: Tensor) -> None:
        """Nothing is computed yet.

        Args:
            query: float32 (Q, D), as `prepared` returns them.
            gallery: float32 (G, D), on the same device.
        """
        self.queries, self.gallery = len(query), len(gallery)
        centre = middle(gallery)
        query, gallery = query - centre, gallery - centre
        # (−2q, |q|², 1) · (g, 1, |g|²): one product and no further pass over its result.
        squares, ones = query.square().sum(dim=1, keepdim=True), query.new_ones(len(query), 1)
        self._left = torch.cat([-2 * query, squares, ones], dim=1)  # (Q, D + 2)
        squares, ones = gallery.square().sum(dim=1, keepdim=True), gallery.new_ones(len(gallery), 1)
        self._right = torch.cat([gallery, ones, squares], dim=1)  # (G, D + 2)

    def rows(self, first: int, last: int) -> Tensor:
        """As `Distances.rows`; never below 0."""
        return products(self._left[first:last], self._right).clamp_(min=0)


class ReorderedDistances:
    """Distances by which some of each query's gallery come first, in a given order.

    All others follow in their old order.
    """

    def __init__(self, base: Distances, heads: Tensor) -> None:
        """Computes nothing yet.

        Args:
            base: distances from 0 up.
            heads: int64 (Q, K), rows of the gallery, best first.
        """
        self.queries, self.gallery = base.queries, base.gallery
        self._base, self._heads = base, heads

    def rows(self, first: int, last: int) -> Tensor:
        """As `Distances.rows`; the heads have −K, …, −1."""
        found = self._base.rows(first, last)
        heads = self._heads[first:last].to(found.device)
        length = heads.shape[1]
        places = torch.arange(-length, 0, dtype=found.dtype, device=found.device)
        return found.scatter_(1, heads, places.expand(len(heads), -1))


def prepared(features: NDArray[np.float32], metric: Metric, device: torch.device) -> Tensor:
    """Vectors whose squared Euclidean distances rank as `metric` says.

    Of vectors of length 1, that is twice the cosine distance.

    Args:
        features: float32 (N, D).
        metric: "cosine" scales them to length 1; a vector of zeros stays.
        device: where they are to be compared.

    Returns:
        float32 (N, D), on the device.

    Raises:
        TrainerError: no vectors, or one with values that are NaN, infinite or too large to square.
    """
    if features.ndim != 2 or 0 in features.shape:
        raise TrainerError(
            f"Features of the shape {features.shape} cannot be ranked.",
            "Hand over at least one vector a side, in the shape (N, D).",
        )
    vectors = torch.as_tensor(features, dtype=torch.float32, device=device)
    if not all(bound.isfinite() for bound in vectors.aminmax()):  # NaN is both bounds
        raise TrainerError(
            "A feature has NaN or infinite values.",
            "Extract the features again; if that does not help, the network's weights are broken.",
        )
    if not vectors.square().sum(dim=1).amax().mul(4).isfinite():  # |q − g|² ≤ 4 · the largest |v|²
        raise TrainerError(
            "Features are so large that their distances are beyond float32.",
            "Scale all of them by one small factor; rankings do not change.",
        )
    return normalize(vectors, dim=1) if metric == "cosine" else vectors


def middle(vectors: Tensor) -> Tensor:
    """A point (D,) amid vectors (N, D), to be subtracted before they are multiplied.

    Then what all have in common takes no digits from what they differ in. Not the mean: of values
    that occur, differences of whole numbers stay whole, and ties exact.
    """
    return vectors[:1000].median(dim=0).values


def chunks(distances: Distances) -> Iterator[tuple[int, int]]:
    """First row, and the one after the last, of chunks of bounded size."""
    step = max(1, ROWS_TIMES_COLUMNS // max(1, distances.gallery))
    for first in range(0, distances.queries, step):
        yield first, min(first + step, distances.queries)


def nearest(rows: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k smallest of each row, smallest first, equal ones by their column.

    Args:
        rows: float32 (n, N).
        k: at most N.

    Returns:
        Values float32 (n, k) and columns int64 (n, k).
    """
    more = min(k + 1, rows.shape[1])
    values, columns = rows.topk(more, dim=1, largest=False)
    if more > k:
        # Which of those that are equal to the last one are taken is left to chance.
        unsure = (values[:, k - 1] == values[:, k]).nonzero()[:, 0]
        values, columns = values[:, :k], columns[:, :k]
        for row in unsure.tolist():
            values[row], columns[row] = (part[:k] for part in rows[row].sort(stable=True))
    columns, order = columns.sort(dim=1)
    values, order_of_values = values.gather(1, order).sort(dim=1, stable=True)
    return values, columns.gather(1, order_of_values)


def products(left: Tensor, right: Tensor) -> Tensor:
    """`left @ right.T` in true float32, (n, N)."""
    if left.device.type != "cpu":
        return product(left, right)
    # NumPy's BLAS is faster than torch's on AMD's processors, and knows that x @ x.T is symmetric.
    return torch.from_numpy(left.numpy() @ right.numpy().T)


def nearest_of_all(distances: Distances, k: int) -> Tensor:
    """The k nearest of the gallery for each query, int64 (Q, k), see `nearest`."""
    k = min(k, distances.gallery)
    found = [nearest(distances.rows(*rows), k)[1].cpu() for rows in chunks(distances)]
    return torch.cat(found)
