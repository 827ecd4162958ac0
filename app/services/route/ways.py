"""What is known of the ways between cameras: how long people take, and which views overlap."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from app.core.entities import Camera
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
class Way:
    """What is known of the way between two cameras, in either direction.

    Attributes:
        one: a camera.
        other: the other one, behind it in natural order of the names.
        pairs: how many pairs of sightings it was learnt from.
        shortest_s: learnt, as all times from the end of one sighting to the start of the other.
        median_s: learnt.
        longest_s: learnt.
        overlaps: whether both cameras may see somebody at the same time.
    """

    one: Camera
    other: Camera
    pairs: int
    shortest_s: float
    median_s: float
    longest_s: float
    overlaps: bool

    @property
    def limit_s(self) -> float | None:
        """A shorter time is not credible; None where too little is known.

        It is below the shortest time seen, the more so the fewer people were seen.
        """
        if self.overlaps or self.pairs < _FEWEST_PAIRS:
            return None
        return self.shortest_s * self.pairs / (self.pairs + _UNSEEN_PAIRS)


Ways = dict[frozenset[int], Way]
"""By the ids of both cameras."""


def known_ways(library: Library, search: Search, without: Collection[int] = ()) -> Ways:
    """What is known of every way between two cameras.

    It takes up to some seconds where transit times are not learnt yet.

    Args:
        library: with the cameras.
        search: learns transit times.
        without: ids of tracklets of which nothing counts: nobody is evidence of himself.

    Raises:
        LibraryError: the library cannot be read.
        ModelError: an embedder was named that has not made the library's vectors.
    """
    learnt = {frozenset((way.one, way.other)): way for way in search.transit_times().ways(without)}
    cameras = library.cameras()
    return {
        ends: _way(one, other, learnt[ends])
        for place, one in enumerate(cameras)
        for other in cameras[place + 1 :]
        if (ends := frozenset((one.id, other.id))) in learnt
    }


def _way(one: Camera, other: Camera, learnt: LearntWay) -> Way:
    shortest_s, median_s, longest_s = map(learnt.quantile_s, (_CHANCE, 0.5, 1 - _CHANCE))
    return Way(one, other, len(learnt), shortest_s, median_s, longest_s, learnt.overlaps)
