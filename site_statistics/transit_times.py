"""How long people take from one camera to another, learnt from their own footage without labels.

Whoever is each other's nearest neighbour across two cameras is nearly always one person, and so
the times between such pairs show how long the way takes. The idea is st-ReID's (arXiv:1812.03282),
which takes its pairs from labels. What is added to a cosine:

    WEIGHT · SCALE · log(p(gap | one person) / p(gap | any two)), clipped

Both densities are histograms of seconds, smoothed by Gaussians of several widths at once, since a
way that takes 20 s varies by some, and one that takes half an hour by minutes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
DoubleArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# One unit of log-odds is worth so much cosine, times a weight that must stay at or below .5: at 1,
# people who come back are pushed down.
SCALE, WEIGHT = 0.08, 0.5
# Log-odds beyond this count as this.
CLIP = 3.0
# Seconds up to which times are told apart, in either direction; whatever is longer is one.
HORIZON_S = 7200
# What a pair that a user confirmed counts, beside 1 of one that was only found.
CONFIRMED = 3.0
# So many pairs of a pair of cameras are invented, with gaps like those of any two people …
_PRIOR_PAIRS = 30.0
# … and with so many real ones, the log-odds count half.
_HALF_TRUSTED = 10.0
# Standard deviations of the Gaussians, in seconds.
_WIDTHS_S = (4.0, 16.0, 64.0, 256.0)
# A second each, and what is beyond the horizon at either end.
_BINS = 2 * HORIZON_S + 3
_FFT = 1 << 14  # at least the bins and four of the largest deviations
# Sightings in which neighbours are searched, in stretches that follow each other in time.
_STRETCH, _STRETCHES = 3000, 4


@dataclass(frozen=True, slots=True, eq=False)
class Sightings:
    """Who was seen where and when, row by row.

    Attributes:
        ids: int64 (n,), such as of tracklets.
        cameras: int64 (n,).
        first_s: float64 (n,), seconds on a clock that all cameras share; NaN where it is unknown.
        last_s: float64 (n,), likewise.
    """

    ids: IntArray
    cameras: IntArray
    first_s: DoubleArray
    last_s: DoubleArray

    def __len__(self) -> int:
        return len(self.ids)

    def at(self, rows: Any) -> Sightings:
        """Some of them, by numbers or a mask."""
        return Sightings(self.ids[rows], self.cameras[rows], self.first_s[rows], self.last_s[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Sightings that follow each other in time, with their vectors, float32 (n, D) of length 1."""

    sightings: Sightings
    vectors: FloatArray


def stretches(
    first_s: DoubleArray, longest: int = _STRETCH, most: int = _STRETCHES
) -> list[IntArray]:
    """Rows to learn from: all of known time in order of time, or evenly chosen stretches of it.

    Args:
        first_s: float64 (n,), NaN where unknown.
        longest: rows of a stretch: comparing all with all takes their square.
        most: how many stretches.
    """
    known = np.argsort(first_s, kind="stable")[: int(np.isfinite(first_s).sum())]
    count = -(-len(known) // longest)
    if count <= most:
        return [part for part in np.array_split(known, max(count, 1)) if len(part)]
    firsts = np.linspace(0, len(known) - longest, most).astype(int)
    return [known[first : first + longest] for first in firsts.tolist()]


def mutual_nearest(vectors: FloatArray, cameras: IntArray) -> IntArray:
    """Pairs that are each other's nearest among all of their two cameras, int64 (m, 2) rows.

    Args:
        vectors: float32 (n, D), of length 1.
        cameras: int64 (n,).
    """
    rows = [np.flatnonzero(cameras == camera) for camera in np.unique(cameras)]
    found = [np.zeros((0, 2), np.int64)]
    for place, some in enumerate(rows):
        for others in rows[place + 1 :]:
            cosines = vectors[some] @ vectors[others].T
            nearest, back = cosines.argmax(axis=1), cosines.argmax(axis=0)
            mutual = np.flatnonzero(back[nearest] == np.arange(len(some)))
            found.append(np.stack([some[mutual], others[nearest[mutual]]], axis=1))
    return np.concatenate(found)


def gaps_between(
    first_s: DoubleArray,
    last_s: DoubleArray,
    others_first_s: DoubleArray,
    others_last_s: DoubleArray,
) -> DoubleArray:
    """Seconds from the end of one to the beginning of the other; of any shapes that broadcast.

    Returns:
        Above 0 where the others come later, below 0 where they came earlier, 0 where both are seen
        at the same time, NaN where a time is unknown.
    """
    later, earlier = others_first_s - last_s, others_last_s - first_s
    gaps = np.where(later > 0, later, np.where(earlier < 0, earlier, 0.0))
    return np.where(np.isnan(later) | np.isnan(earlier), np.nan, gaps)


@dataclass(frozen=True, slots=True, eq=False)
class LearntWay:
    """What people took between two cameras, in either direction.

    Attributes:
        one: the camera of the lower id.
        other: the other camera.
        gaps_s: float64 (n,), ascending, at least 0; 0 where both cameras saw somebody at once.
    """

    one: int
    other: int
    gaps_s: DoubleArray

    def __len__(self) -> int:
        return len(self.gaps_s)

    @property
    def overlaps(self) -> bool:
        """Whether both cameras see one place: at least two people, and a tenth of all."""
        at_once = int(np.count_nonzero(self.gaps_s == 0))
        return at_once >= max(2, len(self) / 10)

    def quantile_s(self, share: float) -> float:
        """The gap that a share of people, 0..1, stay below; the nearest that was seen."""
        return float(np.quantile(self.gaps_s, share, method="nearest"))


class TransitTimes:
    """What was learnt about the ways between cameras.

    Attributes:
        pairs: how many pairs of sightings it was learnt from.
        camera_pairs: how many pairs of cameras these link.
    """

    def __init__(
        self,
        learnt_from: Sequence[Stretch] = (),
        everybody: Sightings | None = None,
        confirmed: Collection[tuple[int, int]] = (),
        rejected: Collection[tuple[int, int]] = (),
        limits: Mapping[frozenset[int], tuple[float, float]] | None = None,
    ) -> None:
        """Learns.

        Args:
            learnt_from: where pairs are looked for, times known.
            everybody: where confirmed pairs are looked up.
            confirmed: ids of two sightings of one person each.
            rejected: ids of two sightings of different people each: no pair, however alike.
            limits: shortest and longest credible gap between two cameras, whatever is learnt.
        """
        self._limits = dict(limits or {})
        self._learnt_from = [each.sightings for each in learnt_from]
        self._backgrounds: dict[tuple[int, int], DoubleArray] = {}
        sure = {frozenset(pair) for pair in confirmed}
        known = sure | {frozenset(pair) for pair in rejected}
        found = [_found(each, known) for each in learnt_from]
        if everybody is not None:
            found.append(_confirmed(everybody, sure))
        self._one = _joined([one for one, _, _ in found])
        self._other = _joined([other for _, other, _ in found])
        self._weights = np.concatenate([np.zeros(0), *(weights for _, _, weights in found)])
        self._gaps = gaps_between(
            self._one.first_s, self._one.last_s, self._other.first_s, self._other.last_s
        )
        self.pairs = len(self._weights)
        cameras = np.stack([self._one.cameras, self._other.cameras], axis=1)
        self.camera_pairs = len(np.unique(cameras, axis=0))

    def log_odds(self, sought: Sightings, others: Sightings) -> tuple[DoubleArray, FloatArray]:
        """How much a gap speaks for one person.

        What was learnt from the one sought does not count: nobody is evidence of himself.

        Args:
            sought: one row.
            others: n rows.

        Returns:
            Gaps in seconds, float64 (n,), as of `gaps_between`; and log-odds float32 (n,) in
            −CLIP..CLIP, 0 where a time or the way is unknown, and within one camera; −CLIP beyond
            the limits of a way.
        """
        gaps = gaps_between(sought.first_s, sought.last_s, others.first_s, others.last_s)
        found = np.zeros(len(others), np.float32)
        if np.isnan(gaps).all():
            return gaps, found
        here, sought_id = int(sought.cameras[0]), int(sought.ids[0])
        for there in self._linked(here):
            rows = np.flatnonzero((others.cameras == there) & np.isfinite(gaps))
            if len(rows):
                low, high = min(here, there), max(here, there)
                bins = _bins(gaps[rows] if here == low else -gaps[rows])
                found[rows] = self._odds(low, high, sought_id, bins)
        for ends, (shortest, longest) in self._limits.items():
            if here in ends:
                (there,) = ends - {here}
                away = np.abs(gaps)
                beyond = (others.cameras == there) & ((away < shortest) | (away > longest))
                found[beyond] = -CLIP
        return gaps, found

    def ways(self, without: Collection[int] = ()) -> list[LearntWay]:
        """What was learnt of each pair of cameras.

        Args:
            without: ids of sightings of which nothing counts: nobody is evidence of himself.
        """
        mine = np.array(sorted(without), np.int64)
        counts = ~(np.isin(self._one.ids, mine) | np.isin(self._other.ids, mine))
        counts &= np.isfinite(self._gaps)
        ends = np.stack([self._one.cameras, self._other.cameras], axis=1)
        return [
            LearntWay(one, other, np.sort(np.abs(self._gaps[counts & (ends == pair).all(axis=1)])))
            for pair in np.unique(ends[counts], axis=0)
            for one, other in [pair.tolist()]
        ]

    def _linked(self, camera: int) -> list[int]:
        one, other = self._one.cameras, self._other.cameras
        found = np.concatenate([other[one == camera], one[other == camera]])
        return [int(each) for each in np.unique(found)]

    def _odds(self, low: int, high: int, without_id: int, bins: IntArray) -> FloatArray:
        """Log-odds of gaps on the way from camera `low` to `high`, float32 (n,)."""
        chosen = (self._one.cameras == low) & (self._other.cameras == high)
        chosen &= (self._one.ids != without_id) & (self._other.ids != without_id)
        weights = self._weights[chosen]
        total = float(weights.sum())
        background = self._background(low, high)[bins]
        density = _smoothed(_bins(self._gaps[chosen]), weights)[bins]
        ratio = (density + _PRIOR_PAIRS * background) / ((total + _PRIOR_PAIRS) * background)
        trusted = total / (total + _HALF_TRUSTED)
        return np.asarray((trusted * np.log(ratio)).clip(-CLIP, CLIP), np.float32)

    def _background(self, low: int, high: int) -> DoubleArray:
        """How often any two of two cameras are so far apart in time: sums to 1, none is 0."""
        found = self._backgrounds.get((low, high))
        if found is None:
            counts = np.zeros(_BINS)
            for each in self._learnt_from:
                some, others = each.at(each.cameras == low), each.at(each.cameras == high)
                gaps = gaps_between(
                    some.first_s[:, None], some.last_s[:, None], others.first_s, others.last_s
                )
                counts += np.bincount(_bins(gaps.ravel()), minlength=_BINS)
            density = _smoothed(np.arange(_BINS), counts) + 1e-9
            found = self._backgrounds[low, high] = density / density.sum()
        return found


def bonus(log_odds: FloatArray) -> FloatArray:
    """What log-odds add to a cosine, float32 (n,), at most WEIGHT · SCALE · CLIP either way."""
    return np.asarray(WEIGHT * SCALE * log_odds, np.float32)


_Pairs = tuple[Sightings, Sightings, DoubleArray]
"""Two sightings of one person each, the one of the lower camera first, and what they count."""


def _found(stretch: Stretch, known: Collection[frozenset[int]]) -> _Pairs:
    """Mutual nearest neighbours, without the pairs of ids about which more is known."""
    sightings = stretch.sightings
    rows = mutual_nearest(stretch.vectors, sightings.cameras)
    if known:
        ids = sightings.ids[rows].tolist()
        rows = rows[np.array([frozenset(pair) not in known for pair in ids], np.bool_)]
    return sightings.at(rows[:, 0]), sightings.at(rows[:, 1]), np.ones(len(rows))


def _confirmed(everybody: Sightings, sure: Collection[frozenset[int]]) -> _Pairs:
    """Confirmed pairs of two cameras whose times are known."""
    row_of = {each: row for row, each in enumerate(everybody.ids.tolist())} if sure else {}
    pairs = [[row_of[each] for each in pair if each in row_of] for pair in map(sorted, sure)]
    rows = np.array(sorted(pair for pair in pairs if len(pair) == 2), np.int64).reshape(-1, 2)
    timed = np.isfinite(everybody.first_s[rows]).all(axis=1)
    cameras = everybody.cameras[rows]
    rows, cameras = (each[timed & (cameras[:, 0] != cameras[:, 1])] for each in (rows, cameras))
    rows = np.take_along_axis(rows, np.argsort(cameras, axis=1), axis=1)
    one, other = everybody.at(rows[:, 0]), everybody.at(rows[:, 1])
    return one, other, np.full(len(rows), CONFIRMED)


def _joined(parts: Sequence[Sightings]) -> Sightings:
    none = Sightings(*(np.zeros(0, np.int64),) * 2, *(np.zeros(0),) * 2)
    every = [none, *parts]
    return Sightings(
        np.concatenate([each.ids for each in every]),
        np.concatenate([each.cameras for each in every]),
        np.concatenate([each.first_s for each in every]),
        np.concatenate([each.last_s for each in every]),
    )


def _bins(gaps_s: DoubleArray) -> IntArray:
    """The bin of each gap, int64 (n,); that of −x mirrors that of x."""
    limited = np.rint(gaps_s).clip(-HORIZON_S - 1, HORIZON_S + 1)
    return np.asarray(limited, np.int64) + HORIZON_S + 1


def _smoothed(bins: IntArray, weights: DoubleArray) -> DoubleArray:
    """Weights by bin, each spread by all Gaussians alike, (bins,); beyond the horizon as it is."""
    counts: DoubleArray = np.bincount(bins, weights, minlength=_BINS).astype(np.float64)
    spread = np.fft.irfft(np.fft.rfft(counts[1:-1], _FFT) * _kernel(), _FFT)[: _BINS - 2]
    counts[1:-1] = np.maximum(spread, 0)  # rounding makes tiny negatives
    return counts


@cache
def _kernel() -> NDArray[np.complex128]:
    """The mean of the Gaussians, of sum 1, as its Fourier transform."""
    seconds = np.minimum(np.arange(_FFT), _FFT - np.arange(_FFT))
    gaussians = [np.exp(-0.5 * (seconds / width) ** 2) for width in _WIDTHS_S]
    mean = np.mean([each / each.sum() for each in gaussians], axis=0)
    return np.fft.rfft(mean)
