"""How probable it is that two sightings show one person, by how similar they are.

Nobody has labelled a user's library, but it holds most of what is needed:

- most pairs of sightings show two people, so the distribution of all similarities is, up to the
  few pairs of one person, that of different people (an empirical null, Efron 2004);
- who is seen together in one frame is surely not one person, which shows how that distribution
  decays where the pairs of one person hide the rest of it;
- pictures of one sighting that lie far apart in time surely show one person, and so do confirmed
  pairs; rejected ones do not.

The probability at a similarity s is the complement of the local false discovery rate,

    P(s) = 1 − expected number of pairs of different people at s / number of pairs at s,

made monotone by isotonic regression and smooth by a logistic one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DoubleArray = NDArray[np.float64]
CountArray = NDArray[np.int64]

_BINS = 1000
EDGES: DoubleArray = np.linspace(-1, 1, _BINS + 1)
"""Borders of the bins in which similarities are counted, (1001,)."""
_MIDDLES = (EDGES[:-1] + EDGES[1:]) / 2

LEAST_PAIRS, LEAST_APART, LEAST_SAME = 400, 50, 10
"""With fewer pairs in all, of people seen together, or of one person, nothing can be said."""
# No probability is lower or higher: what was counted does not say more.
FLOOR, CEILING = 0.002, 0.99
# A sighting has about so many others of the same person.
_OTHERS = 5
# The share of pairs that may show one person; decides how deep in the tail it is looked.
_LEAST_SHARE, _MOST_SHARE = 0.0005, 0.05
# Of people seen together so many may be mistakes of the tracker: one person with two boxes.
_MISTAKES = 0.03
# For scikit-learn, whose solvers like numbers of about 1 and want a regularisation.
_SCALE, _UNREGULARISED = 10.0, 1e6
_LEAST_STEEPNESS = 0.1
# Pairs that are pooled before they say anything.
_POOLED = 20
# Far-apart pictures of one sighting count as so many pairs: they are more alike than pictures of
# two cameras, but say what is to be expected above all that was seen.
_INVENTED = 2.0
# A pair that the user decided counts as so many: it is known, not estimated.
_DECIDED = 3.0


@dataclass(frozen=True, slots=True)
class MatchCurve:
    """Probability by similarity: 1 / (1 + exp(−steepness · (similarity − even))).

    Attributes:
        even: the similarity at which both are equally probable.
        steepness: above 0.
        pairs: how many pairs it was learnt from.
        share: estimated share of pairs that show one person.
    """

    even: float
    steepness: float
    pairs: int
    share: float

    def at(self, similarities: NDArray[np.floating]) -> DoubleArray:
        """Probabilities, float64 of the same shape, FLOOR..CEILING."""
        logits = self.steepness * (np.asarray(similarities, np.float64) - self.even)
        return np.asarray((1 / (1 + np.exp(-logits.clip(-50, 50)))).clip(FLOOR, CEILING))


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a curve is learnt from.

    Attributes:
        any_two: int64 (1000,), how many pairs there are in each bin of `EDGES`, as searches
            compare them.
        apart: float64 (n,), similarities of sightings seen together in one frame.
        same: float64 (n,), similarities of far-apart pictures of one sighting each.
        confirmed: float64 (n,), similarities of pairs that the user confirmed.
        rejected: likewise, rejected.
        sightings: how many a search compares with.
    """

    any_two: CountArray
    apart: DoubleArray
    same: DoubleArray
    confirmed: DoubleArray
    rejected: DoubleArray
    sightings: int

    def is_enough(self) -> bool:
        """Whether a curve can be learnt from it."""
        return (
            int(self.any_two.sum()) >= LEAST_PAIRS
            and len(self.apart) >= LEAST_APART
            and len(self.same) >= LEAST_SAME
        )


def learn_curve(evidence: Evidence) -> MatchCurve:
    """The curve of some evidence; `is_enough` must hold."""
    # Not at the top: it takes a second, in every start of the program.
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import LogisticRegression

    counts = evidence.any_two.astype(np.float64)
    begin, expected = _different(counts, evidence)
    same = np.histogram(evidence.same, EDGES)[0] * (_INVENTED / len(evidence.same))
    confirmed = _DECIDED * np.histogram(evidence.confirmed, EDGES)[0]
    rejected = _DECIDED * np.histogram(evidence.rejected, EDGES)[0]
    weights = counts + same + confirmed + rejected
    surplus = counts - expected + same + confirmed
    middles, weights, surplus = _pooled(_MIDDLES[begin:], weights[begin:], surplus[begin:])
    rising = IsotonicRegression().fit_transform(middles, surplus / weights, sample_weight=weights)
    shares = np.asarray(rising, np.float64).clip(0, 1)
    # Each pool is so many pairs of one person and so many of two.
    logistic = LogisticRegression(C=_UNREGULARISED, max_iter=1000).fit(
        _SCALE * np.concatenate([middles, middles])[:, None],
        np.repeat([True, False], len(middles)),
        sample_weight=np.concatenate([weights * shares, weights * (1 - shares)]),
    )
    steepness = max(_SCALE * float(logistic.coef_[0, 0]), _LEAST_STEEPNESS)
    return MatchCurve(
        float(-logistic.intercept_[0] / steepness),
        steepness,
        int(counts.sum()),
        float(min((weights * shares).sum() / counts.sum(), 1.0)),
    )


def _different(counts: DoubleArray, evidence: Evidence) -> tuple[int, DoubleArray]:
    """Where the tail begins, and how many pairs of different people to expect in each bin.

    The tail is exponential. How fast it decays is the smaller of two estimates, for both err to
    the same side: among all pairs there are some of one person, and among people seen together
    some whom the tracker took for two.
    """
    share = float(np.clip(_OTHERS / max(evidence.sightings, 1), _LEAST_SHARE, _MOST_SHARE))
    rising = counts.cumsum() / counts.sum()

    def quantile(part: float) -> float:
        return float(np.interp(part, rising, EDGES[1:]))

    together = max(share, _MISTAKES)
    low, high = np.quantile(evidence.apart, [1 - 4 * together, 1 - together])
    decay = min(quantile(1 - share) - quantile(1 - 4 * share), high - low) / np.log(4)
    decay = max(float(decay), 1e-3)
    begin = int(np.searchsorted(EDGES, quantile(1 - 4 * share)))
    middle = max(int(np.searchsorted(EDGES, quantile(1 - 2 * share))), begin + 1)
    left = np.exp(-(EDGES[begin:] - EDGES[begin]) / decay)  # 1 at the beginning
    scale = counts[begin:middle].sum() / (1 - left[middle - begin])
    expected = counts.copy()
    expected[begin:] = scale * (left[:-1] - left[1:])
    return begin, expected


def _pooled(
    middles: DoubleArray, weights: DoubleArray, surplus: DoubleArray
) -> tuple[DoubleArray, DoubleArray, DoubleArray]:
    """Neighbouring bins joined from the top down, until each weighs enough."""
    group = np.zeros(len(weights), np.int64)
    gathered, number = 0.0, 0
    for place in range(len(weights) - 1, -1, -1):
        if gathered >= _POOLED:
            gathered, number = 0.0, number + 1
        group[place] = number
        gathered += weights[place]
    if gathered < _POOLED and number:  # the lowest joins its neighbour
        group[group == number] = number - 1
    order = group.max() - group
    sums = [
        np.bincount(order, each).astype(np.float64)
        for each in (weights * middles, weights, surplus)
    ]
    return sums[0] / sums[1], sums[1], sums[2]
