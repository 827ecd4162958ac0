"""Figures of a ranking and of a set of vectors: CMC, mAP, mINP, compactness, intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float32]
DoubleArray = NDArray[np.float64]

CMC_RANKS = (1, 5, 10, 20)
# Random numbers of a bootstrap that are held at once.
_DRAWN_AT_ONCE = 1 << 22
# Vectors whose differences from their centres are held at once.
_VECTORS_AT_ONCE = 1 << 12


@dataclass(frozen=True)
class QueryScores:
    """What each query of a trial reached; those without any match are not among them.

    Attributes:
        queries: int64 (V,), rows of the queries that count, ascending.
        average_precision: float64 (V,), mean over the matches of the precision at their ranks.
        first_rank: int64 (V,), rank of the first match, from 0.
        inverse_penalty: float64 (V,), matches / (rank of the last one + 1); mINP's terms
            (arXiv:2001.04193).
    """

    queries: IntArray
    average_precision: DoubleArray
    first_rank: IntArray
    inverse_penalty: DoubleArray

    def cmc(self, ranks: int = 50) -> DoubleArray:
        """Share of queries with a match among the first 1, 2, …: float64 (ranks,)."""
        firsts = np.bincount(np.minimum(self.first_rank, ranks), minlength=ranks + 1)
        return np.asarray(firsts[:ranks].cumsum() / len(self.queries))

    def columns(self) -> dict[str, DoubleArray]:
        """Figures by name whose means over the queries are reported, float64 (V,) each."""
        shares = {f"rank{rank}": (self.first_rank < rank).astype(np.float64) for rank in CMC_RANKS}
        return {"mAP": self.average_precision, **shares, "mINP": self.inverse_penalty}


def query_scores(queries: IntArray, ranks: IntArray) -> QueryScores:
    """Scores from where the matches of each query stand.

    Args:
        queries: int64 (M,), the row of the query of each match, in any order.
        ranks: int64 (M,), rank of the match among what the query is searched in, from 0.
    """
    order = np.lexsort((ranks, queries))
    queries, ranks = queries[order], ranks[order]
    rows, first, counts = np.unique(queries, return_index=True, return_counts=True)
    matches = np.arange(len(ranks)) - np.repeat(first, counts) + 1  # up to this one
    precision = np.add.reduceat(matches / (ranks + 1), first) if len(first) else np.zeros(0)
    last = ranks[first + counts - 1]
    return QueryScores(rows, precision / counts, ranks[first], counts / (last + 1))


def mean_figures(trials: Sequence[QueryScores]) -> dict[str, float]:
    """mAP, mINP and CMC as fractions of 1: means over the queries, then over the trials.

    Args:
        trials: at least one, each with a query that counts.
    """
    columns = [trial.columns() for trial in trials]
    return {
        name: float(np.mean([column[name].mean() for column in columns])) for name in columns[0]
    }


def bootstrap_intervals(
    trials: Sequence[QueryScores], draws: int = 1000, level: float = 0.95, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """How far the figures would move with other queries from the same source.

    Queries are drawn with replacement. Of several trials, the means of the bounds: they repeat
    the same images, so more of them do not narrow an interval.

    Args:
        trials: as of `mean_figures`.
        draws: how often.
        level: share of the draws between the bounds.
        seed: of the draws.
    """
    bounds = [_bounds(trial, draws, level, seed) for trial in trials]
    names = trials[0].columns()
    return {
        name: (float(low), float(high))
        for name, (low, high) in zip(names, np.mean(bounds, axis=0).T, strict=True)
    }


def _bounds(trial: QueryScores, draws: int, level: float, seed: int) -> DoubleArray:
    """Lower and upper bounds of all columns, float64 (2, columns)."""
    values = np.stack(list(trial.columns().values()), axis=1)  # (V, columns)
    generator, count = np.random.default_rng(seed), len(values)
    means = []
    step = max(1, _DRAWN_AT_ONCE // count)
    for start in range(0, draws, step):
        rows = generator.integers(0, count, (min(step, draws - start), count))
        places = np.arange(len(rows))[:, None] * count
        times = np.bincount((rows + places).ravel(), minlength=rows.size).reshape(rows.shape)
        means.append(times @ values / count)  # (draws, columns)
    tail = 50 * (1 - level)
    return np.asarray(np.percentile(np.concatenate(means), [tail, 100 - tail], axis=0))


def compactness(features: FloatArray, identities: IntArray) -> float:
    """Mean over identities of the mean distance to the identity's centre; lower is tighter.

    Of X-ReID (arXiv:2302.02075, Fig. 6). Its values, below 1, make sense for vectors of length 1
    only, so those are what is measured.

    Args:
        features: float32 (N, D), of any length.
        identities: int64 (N,).
    """
    unit = _unit(features)
    labels, centres, counts = _centres(unit, identities)
    distances = np.sqrt(_squared_distances(unit, centres, labels))
    return float((np.bincount(labels, distances) / counts).mean())


def calinski_harabasz(features: FloatArray, identities: IntArray) -> float:
    """Spread between identities over spread inside them, by degrees of freedom; higher is better.

    Of vectors of length 1, as `compactness`. Infinite where identities have no spread; NaN where
    there are fewer than two identities, or as many as vectors.

    Args:
        features: float32 (N, D), of any length.
        identities: int64 (N,).
    """
    unit = _unit(features)
    labels, centres, counts = _centres(unit, identities)
    groups, count = len(counts), len(unit)
    if groups < 2 or groups == count:
        return float("nan")
    inside = float(_squared_distances(unit, centres, labels).sum())
    offsets = centres - unit.mean(axis=0, dtype=np.float64)
    between = float(counts @ np.square(offsets).sum(axis=1))
    if inside == 0:
        return float("inf")
    return between / (groups - 1) / (inside / (count - groups))


def _unit(features: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.maximum(lengths, 1e-12), np.float32)


def _squared_distances(unit: FloatArray, centres: DoubleArray, labels: IntArray) -> DoubleArray:
    """Of each vector to the centre of its label, (N,)."""
    found = np.empty(len(unit))
    for start in range(0, len(unit), _VECTORS_AT_ONCE):
        part = slice(start, start + _VECTORS_AT_ONCE)
        found[part] = np.square(unit[part] - centres[labels[part]]).sum(axis=1)
    return found


def _centres(unit: FloatArray, identities: IntArray) -> tuple[IntArray, DoubleArray, IntArray]:
    """Label of each vector from 0, centre of each label (I, D), and how many have it (I,)."""
    _, labels, counts = np.unique(identities, return_inverse=True, return_counts=True)
    order = np.argsort(labels, kind="stable")
    starts = np.concatenate([[0], counts.cumsum()[:-1]])
    sums = np.add.reduceat(unit[order], starts, axis=0, dtype=np.float64)
    return labels, sums / counts[:, None], counts
