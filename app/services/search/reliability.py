"""How well probabilities hold for pairs of which the library knows the truth; kept out of learning.

What a library knows: who is seen together in one frame and whom the user rejected are two people;
far-apart pictures of one sighting and confirmed pairs are one person. Each fifth of them is judged
by curves learnt from the other four. Such pairs are of one person far more often than any two of
the library; they are weighted so that as many are as in the library.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from app.core.queries import LIKELY, UNLIKELY
from app.services.search.match_curve import DoubleArray, Evidence, MatchCurve, learn_curve

_FOLDS = 5
_BINS = 10


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Pairs of about the same probability.

    Attributes:
        probability: their mean.
        same: the weighted share of them that shows one person.
        weight: their weighted share of all pairs.
        pairs: how many there are.
    """

    probability: float
    same: float
    weight: float
    pairs: int


@dataclass(frozen=True, slots=True)
class Reliability:
    """Probabilities against the truth, over held-out pairs.

    Attributes:
        bins: by rising probability, those with pairs.
        expected_error: mean distance of probability and truth over the bins, weighted.
        likely_of_same: share of the pairs of one person that count as likely.
        unlikely_of_different: share of the pairs of two people that count as unlikely.
        same: how many pairs of one person there are.
        different: how many pairs of two.
    """

    bins: tuple[ReliabilityBin, ...]
    expected_error: float
    likely_of_same: float
    unlikely_of_different: float
    same: int
    different: int


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """What is known about the probabilities of a library.

    Attributes:
        sightings: how many are compared.
        pairs: how many pairs were counted.
        curve: of all pairs; None: there is not enough data.
        ways: how many pairs of cameras have a curve of their own.
        reliability: None where there is no curve.
    """

    sightings: int
    pairs: int
    same: int
    different: int
    curve: MatchCurve | None
    ways: int
    reliability: Reliability | None


def held_out(evidence: Evidence, share: float) -> Reliability:
    """The reliability of curves of some evidence, of which enough is there.

    Args:
        evidence: what the library knows.
        share: of all pairs, estimated, that show one person.
    """
    found: list[tuple[DoubleArray, DoubleArray]] = []
    for fold in range(_FOLDS):
        parts = {
            name: _split(getattr(evidence, name), fold)
            for name in ("apart", "same", "confirmed", "rejected")
        }
        kept = {name: each for name, (each, _) in parts.items()}
        curve = learn_curve(
            replace(
                evidence,
                apart=kept["apart"],
                same=kept["same"],
                confirmed=kept["confirmed"],
                rejected=kept["rejected"],
            )
        )
        judged = {name: curve.at(out) for name, (_, out) in parts.items()}
        found.append(
            (
                np.concatenate([judged["same"], judged["confirmed"]]),
                np.concatenate([judged["apart"], judged["rejected"]]),
            )
        )
    same, different = (np.concatenate(each) for each in zip(*found, strict=True))
    return reliability(same, different, share)


def reliability(same: DoubleArray, different: DoubleArray, share: float) -> Reliability:
    """Of the probabilities (n,) of pairs of one person and (m,) of two, weighted by `share`."""
    probabilities = np.concatenate([same, different])
    is_same = np.arange(len(probabilities)) < len(same)
    weights = np.where(is_same, share / len(same), (1 - share) / len(different))
    place = np.minimum((probabilities * _BINS).astype(int), _BINS - 1)
    bins, error = [], 0.0
    for each in np.unique(place).tolist():
        there = place == each
        weight = float(weights[there].sum())
        told = float((weights * probabilities)[there].sum()) / weight
        true = float((weights * is_same)[there].sum()) / weight
        error += weight * abs(told - true)
        bins.append(ReliabilityBin(told, true, weight, int(there.sum())))
    return Reliability(
        tuple(bins),
        error,
        float((same >= LIKELY).mean()),
        float((different < UNLIKELY).mean()),
        len(same),
        len(different),
    )


def _split(values: DoubleArray, fold: int) -> tuple[DoubleArray, DoubleArray]:
    """What is learnt from, and what is kept out: neighbours, which belong to one sighting."""
    parts = np.array_split(values, _FOLDS)
    kept = [part for number, part in enumerate(parts) if number != fold]
    return np.concatenate(kept), parts[fold]
