"""Distances after k-reciprocal re-ranking, from features, without a matrix of all pairs."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.evaluation.distances import FeatureDistances, chunks, middle, nearest, products
from trainer.reranking import IntArray, JaccardDistances, RerankSettings

# Where all distances take no more than 256 MB, they are kept instead of computed again.
_KEPT = 1 << 26
# Numbers of vectors that are gathered at once to compute distances of pairs: 64 MB.
_GATHERED = 1 << 24


class RerankedDistances:
    """(1 − λ) · Jaccard distance + λ · distance as a share of the query's largest one.

    As published, the neighbours are those among queries and gallery together: the distances of
    one query hang on the others, so results are transductive.
    """

    def __init__(self, query: Tensor, gallery: Tensor, settings: RerankSettings) -> None:
        """Searches all neighbours, O(N²·D) time, and encodes them.

        Args:
            query: float32 (Q, D), as `prepared` returns them.
            gallery: float32 (G, D), on the same device.
            settings: k1, k2 and λ.
        """
        self.queries, self.gallery = len(query), len(gallery)
        self._weight = settings.weight
        self._pairs = _Pairs(torch.cat([query, gallery]))
        neighbors = self._pairs.neighbors(max(settings.k1 + 1, settings.k2))
        self._jaccard = JaccardDistances(neighbors, self._pairs.shares, self.queries, settings)

    def rows(self, first: int, last: int) -> Tensor:
        """As `Distances.rows`, 0..1."""
        found = self._pairs.rows(first, last)[:, self.queries :]
        found = found / self._pairs.largest[first:last, None]
        jaccard = torch.from_numpy(self._jaccard.rows(first, last)).to(found.device)
        return found.mul_(self._weight).add_(jaccard, alpha=1 - self._weight)


class _Pairs:
    """Distances inside one set of N vectors.

    Attributes:
        largest: float32 (N,), distance to the farthest of the set; known after `neighbors`.
    """

    def __init__(self, vectors: Tensor) -> None:
        vectors = vectors - middle(vectors)
        self._vectors = vectors
        self._distances = FeatureDistances(vectors, vectors)
        self._kept: Tensor | None = None
        if len(vectors) ** 2 <= _KEPT:
            squares = vectors.square().sum(dim=1)  # (N,)
            self._kept = products(vectors, vectors).mul_(-2).add_(squares)
            self._kept.add_(squares[:, None]).clamp_(min=0).fill_diagonal_(0)
        self.largest = vectors.new_ones(len(vectors))

    def rows(self, first: int, last: int) -> Tensor:
        """Distances of vectors `first` to `last` − 1 to all, float32 (n, N); not to be changed."""
        if self._kept is not None:
            return self._kept[first:last]
        found = self._distances.rows(first, last)
        # Rounding must not push a vector out of its own list.
        found.diagonal(first).zero_()
        return found

    def neighbors(self, k: int) -> IntArray:
        """The k nearest of each, itself included, nearest first: int64 (N, min(k, N))."""
        found = []
        for first, last in chunks(self._distances):
            rows = self.rows(first, last)
            largest = rows.amax(dim=1)
            self.largest[first:last] = largest.where(largest > 0, 1.0)
            found.append(nearest(rows, min(k, len(self._vectors)))[1].cpu())
        return np.asarray(torch.cat(found).numpy())

    def shares(self, rows: IntArray, columns: IntArray) -> NDArray[np.float32]:
        """Distances of pairs as shares of the row's largest, float32 (n,)."""
        device, step = self._vectors.device, max(1, _GATHERED // self._vectors.shape[1])
        found = torch.empty(len(rows), device=device)
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            left, right = (torch.from_numpy(each[part]).to(device) for each in (rows, columns))
            if self._kept is not None:
                found[part] = self._kept[left, right]
            else:
                difference = self._vectors[left] - self._vectors[right]  # (n, D)
                found[part] = difference.square_().sum(dim=1)
            found[part] /= self.largest[left]
        return np.asarray(found.cpu().numpy())
