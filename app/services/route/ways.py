"""What is known of the ways between cameras: how long people take, and which views overlap."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from itertools import combinations

from app.core.entities import Camera
from app.core.errors import UsageError
from app.core.queries import gap_text
from app.core.way_limits import WayLimits
from app.language import tr
from app.services.search.search import Search
from app.storage.library import Library
from site_statistics.transit_times import LearntWay

# The fastest and the slowest twentieth are left out: some of the pairs are of two people.
_CHANCE = 0.05
# Fewer pairs prove nothing, …
_FEWEST_PAIRS = 3
# … and so many more would be needed to see somebody who is still a little faster.
_UNSEEN_PAIRS = 2


@dataclass(frozen=True, slots=True)
class LearntTimes:
    """How long others took, from the end of one sighting to the beginning of the other.

    Attributes:
        pairs: how many pairs of sightings it was learnt from, at least one.
        overlap: whether both cameras saw people at the same time.
    """

    pairs: int
    shortest_s: float
    median_s: float
    longest_s: float
    overlap: bool


@dataclass(frozen=True, slots=True)
class Way:
    """What is known of the way between two cameras, in either direction.

    Attributes:
        one: a camera.
        other: the other one, behind it in natural order of the names.
        learnt: what the library tells; None: nothing.
        limits: what was set, which counts more.
    """

    one: Camera
    other: Camera
    learnt: LearntTimes | None
    limits: WayLimits

    @property
    def overlaps(self) -> bool:
        """Whether both cameras may see somebody at the same time."""
        if self.limits.min_s is not None:
            return self.limits.min_s == 0
        return self.learnt is not None and self.learnt.overlap

    @property
    def limit_s(self) -> float | None:
        """A shorter time is not credible; None where too little is known.

        What is learnt is below the shortest time seen, the more so the fewer people were seen.
        """
        if self.overlaps:
            return None
        if self.limits.min_s is not None:
            return self.limits.min_s
        learnt = self.learnt
        if learnt is None or learnt.pairs < _FEWEST_PAIRS:
            return None
        return learnt.shortest_s * learnt.pairs / (learnt.pairs + _UNSEEN_PAIRS)

    def words(self) -> str:
        """How long it usually takes, such as ``8 s–20 s``; empty if nothing was learnt."""
        learnt = self.learnt
        if self.overlaps:
            return tr("views overlap")
        if learnt is None:
            return ""
        if learnt.shortest_s == learnt.longest_s:
            return gap_text(learnt.shortest_s)
        return f"{gap_text(learnt.shortest_s)}–{gap_text(learnt.longest_s)}"


Ways = dict[frozenset[int], Way]
"""By the ids of both cameras."""


def known_ways(
    library: Library, search: Search, without: Collection[int] = (), *, every: bool = False
) -> Ways:
    """What is known of the ways between two cameras, in natural order of their names.

    It takes up to some seconds where transit times are not learnt yet.

    Args:
        library: with the cameras.
        search: learns transit times.
        without: ids of tracklets of which nothing counts: nobody is evidence of himself.
        every: whether ways of which nothing is known are among them.

    Raises:
        LibraryError: the library cannot be read.
        ModelError: an embedder was named that has not made the library's vectors.
    """
    learnt = {frozenset((way.one, way.other)): way for way in search.transit_times().ways(without)}
    limits = library.way_limits()
    found: Ways = {}
    for one, other in combinations(library.cameras(), 2):
        ends = frozenset((one.id, other.id))
        if every or ends in learnt or ends in limits:
            times = _times(learnt[ends]) if ends in learnt else None
            found[ends] = Way(one, other, times, limits.get(ends, WayLimits()))
    return found


def set_limits(library: Library, one: Camera, other: Camera, limits: WayLimits) -> None:
    """Sets what holds for a way, or takes it away where nothing is said in it.

    Raises:
        UsageError: it is one camera, or the limits contradict each other.
    """
    least, most = limits.span_s
    if one.id == other.id:
        raise UsageError(tr("A way needs two cameras."))
    if (limits.min_s or 0.0) < 0 or most < 0 or math.isnan(least) or math.isnan(most):
        raise UsageError(tr("A time between two cameras is not below 0."))
    if least > most:
        raise UsageError(
            tr("The shortest time between {one} and {other} is longer than the longest.",
               one=one.name, other=other.name)
        )  # fmt: skip
    is_said = limits != WayLimits()
    library.set_way_limits(one.id, other.id, limits if is_said else None)


def _times(learnt: LearntWay) -> LearntTimes:
    shortest_s, median_s, longest_s = map(learnt.quantile_s, (_CHANCE, 0.5, 1 - _CHANCE))
    return LearntTimes(len(learnt), shortest_s, median_s, longest_s, learnt.overlaps)
