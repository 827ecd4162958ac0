"""k-reciprocal re-ranking in sparse form (Zhong et al., arXiv:1701.08398)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from trainer.errors import TrainerError

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class RerankSettings:
    """The three numbers of the method; the defaults are its author's.

    Attributes:
        k1: length of the neighbour lists, without the image itself.
        k2: images whose encodings are averaged; 1: none.
        weight: λ, share of the original distance in the final one.
    """

    k1: int = 20
    k2: int = 6
    weight: float = 0.3

    def __post_init__(self) -> None:
        if self.k1 < 1 or self.k2 < 1 or not 0 <= self.weight <= 1:
            raise TrainerError(
                f"Re-ranking with k1,k2,lambda = {self} is not possible.",
                "Use k1 and k2 from 1, and lambda from 0 to 1, such as 20,6,0.3.",
            )

    def __str__(self) -> str:
        return f"{self.k1},{self.k2},{self.weight:g}"


class JaccardDistances:
    """Jaccard distances between queries and gallery, by the neighbours they share.

    Rows of queries and gallery are numbered together, N = Q + G, queries first. Each has an
    encoding: exp(−distance) over its expanded reciprocal neighbours, of sum 1. Only what is not 0
    is stored, some dozens of N values a row, so memory grows with N and not with N².
    """

    def __init__(
        self,
        neighbors: IntArray,
        distances: Callable[[IntArray, IntArray], FloatArray],
        queries: int,
        settings: RerankSettings,
    ) -> None:
        """Encodes all rows.

        Args:
            neighbors: int (N, min(max(k1 + 1, k2), N)), nearest first; each row among its own,
                unless more than k1 others are just as near.
            distances: (rows, columns), int64 (n,) each → float32 (n,), distance of these pairs as
                a share of the largest of their row.
            queries: Q.
            settings: k1 and k2.
        """
        k1, k2 = settings.k1, settings.k2
        count = len(neighbors)
        near = _reciprocal(neighbors[:, : k1 + 1])
        # Python rounds half to even, as the published code does.
        half = _reciprocal(neighbors[:, : round(k1 / 2) + 1])
        pattern = _expanded(near, half)
        rows = np.repeat(np.arange(count), np.diff(pattern.indptr))
        weights = np.exp(-distances(rows, pattern.indices.astype(np.int64)))
        sums = np.bincount(rows, weights, minlength=count)
        pattern.data = np.asarray(weights / sums[rows], np.float32)
        if k2 > 1:
            pattern = csr_array(_means(neighbors[:, :k2]) @ pattern)
        self._queries = pattern[:queries]
        self._gallery = pattern[queries:].tocsc()

    def rows(self, first: int, last: int) -> FloatArray:
        """Distances of queries `first` to `last` − 1 to the gallery, float32 (n, G)."""
        shared = np.stack([self._shared(query) for query in range(first, last)])
        return np.asarray(1 - shared / (2 - shared), np.float32)

    def _shared(self, query: int) -> NDArray[np.float64]:
        """Σ of the smaller of two encodings' values, (G,): sums over what both know."""
        queries, gallery = self._queries, self._gallery
        own = slice(queries.indptr[query], queries.indptr[query + 1])
        columns = queries.indices[own]
        starts, stops = gallery.indptr[columns], gallery.indptr[columns + 1]
        places = _ranges(starts.astype(np.int64), stops - starts)
        smaller = np.minimum(gallery.data[places], np.repeat(queries.data[own], stops - starts))
        sums = np.bincount(gallery.indices[places], smaller, minlength=gallery.shape[0])
        return np.asarray(sums, np.float64)


def _reciprocal(neighbors: IntArray) -> csr_array:
    """Who has each other in their lists: 1 at (i, j) if so, float32 (N, N)."""
    count, k = neighbors.shape
    lists = csr_array(
        (
            np.ones(count * k, np.float32),
            neighbors.ravel().astype(np.int32),
            np.arange(0, count * k + 1, k, dtype=np.int32),
        ),
        shape=(count, count),
    )
    return csr_array(lists.multiply(lists.T))


def _expanded(near: csr_array, half: csr_array) -> csr_array:
    """Each set with those of its members that share over two thirds of theirs with it; Eq. (5)."""
    shared = csr_array(near.multiply(near @ half.T)).tocoo()  # members, as members of `near`
    sizes = np.diff(half.indptr)[shared.col]
    joined = 3 * shared.data > 2 * sizes
    members = csr_array(
        (np.ones(int(joined.sum()), np.float32), (shared.row[joined], shared.col[joined])),
        shape=near.shape,
    )
    found = csr_array(near + members @ half)
    found.sort_indices()
    return found


def _means(neighbors: IntArray) -> csr_array:
    """Matrix that averages the rows of each list, float32 (N, N)."""
    count, k = neighbors.shape
    return csr_array(
        (
            np.full(count * k, 1 / k, np.float32),
            neighbors.ravel().astype(np.int32),
            np.arange(0, count * k + 1, k, dtype=np.int32),
        ),
        shape=(count, count),
    )


def _ranges(starts: IntArray, lengths: IntArray) -> IntArray:
    """starts[0], starts[0] + 1, … (lengths[0] of them), starts[1], …: int64 (sum of lengths,)."""
    ends = lengths.cumsum()
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - ends + lengths, lengths)
