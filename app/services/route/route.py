"""The route of a person: confirmed sightings in order of time, and what contradicts what."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from app.core.entities import Camera, Identity, Tracklet, Video
from app.core.queries import gap_text
from app.core.way_limits import WayLimits
from app.language import listed, tr, trn
from app.services.route.ways import Way, Ways, known_ways, set_limits
from app.services.search.search import Search
from app.storage.library import Library

# File names tell whole seconds, and clocks are set by hand: so much proves nothing.
_CLOCK_SLACK_S = 1.0


class Conflict(StrEnum):
    """Why two sightings are hardly of one person."""

    TWO_BOXES = "two_boxes"
    TWO_PLACES = "two_places"
    TOO_FAST = "too_fast"
    TOO_SLOW = "too_slow"


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A sighting with its video.

    Attributes:
        first_utc: corrected time of its first box; None where the clock is unknown.
        last_utc: corrected time of its last box.
    """

    tracklet: Tracklet
    video: Video
    first_utc: datetime | None
    last_utc: datetime | None

    @property
    def clock_known(self) -> bool:
        """Whether the recorder told the time; a file's own date is a guess."""
        return self.video.info.clock_known


@dataclass(frozen=True, slots=True, eq=False)
class Contradiction:
    """Two sightings of a route that are hardly of one person.

    Attributes:
        one: the earlier one, or that of the lower id where their times are unknown.
        gap_s: from the end of one to the start of the other; below 0 where they overlap.
        way: what is known of the way between their cameras; None: nothing, or it is one camera.
        is_sure: whether both clocks are known; two boxes of one frame need none.
    """

    conflict: Conflict
    one: Seen
    other: Seen
    gap_s: float
    way: Way | None
    is_sure: bool

    def words(self) -> str:
        """Such as ``cam1 and cam3 at once, for 4 s``."""
        here, there = (each.video.camera.name for each in (self.one, self.other))
        if self.conflict is Conflict.TWO_BOXES:
            return tr("two boxes in one frame of {camera}", camera=here)
        if self.conflict is Conflict.TWO_PLACES:
            said = tr(
                "{camera} and {other} at once, for {duration}",
                camera=here,
                other=there,
                duration=gap_text(-self.gap_s),
            )
        else:
            gap = tr("{seconds:.1f} s", seconds=max(self.gap_s, 0.0))
            said = tr(
                "{camera} to {other} in {gap}, {limit}",
                camera=here, other=there, gap=gap, limit=self._limit_words(),
            )  # fmt: skip
        return said if self.is_sure else tr("{said}, or a file's date is wrong", said=said)

    def _limit_words(self) -> str:
        assert self.way is not None, "of an unknown way no time is too long or too short"
        limits, learnt = self.way.limits, self.way.learnt
        if self.conflict is Conflict.TOO_SLOW:
            return tr("where at most {seconds:g} s are set", seconds=limits.max_s)
        if limits.min_s is not None:
            return tr("where at least {seconds:g} s are set", seconds=limits.min_s)
        assert learnt is not None, "nothing is too short where nothing is set or learnt"
        return tr("where nobody took less than {seconds:.1f} s", seconds=learnt.shortest_s)


@dataclass(frozen=True, slots=True, eq=False)
class Leg:
    """What lies between two sightings that follow each other.

    Attributes:
        gap_s: from the end of one to the start of the other; below 0 where they overlap.
        way: what is known of the way between their cameras; None: nothing, or it is one camera.
    """

    one: Seen
    other: Seen
    gap_s: float
    way: Way | None


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """Where a person went.

    Attributes:
        sightings: in order of their first times, those of unknown time last.
        legs: between those of known time.
        contradictions: in order of the later sighting.
    """

    person: Identity
    sightings: tuple[Seen, ...]
    legs: tuple[Leg, ...]
    contradictions: tuple[Contradiction, ...]

    def remarks(self) -> list[str]:
        """What to keep in mind when reading it, as sentences."""
        undated = sum(each.first_utc is None for each in self.sightings)
        dated = [each for each in self.sightings if each.first_utc is not None]
        guessed = {each.video.camera.name for each in dated if not each.clock_known}
        raw = {each.video.camera.name for each in dated if each.video.camera.clock.is_raw}
        said = []
        if undated:
            said.append(
                trn(
                    "The time of {count} sighting is not known: it stands at the end.",
                    "The times of {count} sightings are not known: they stand at the end.",
                    undated,
                )
            )
        if guessed:
            said.append(
                tr(
                    "Only the files' dates tell the time of {cameras}: the order may be wrong.",
                    cameras=listed(sorted(guessed)),
                )
            )
        timed = [each for each in self.contradictions if each.conflict is not Conflict.TWO_BOXES]
        if raw - guessed and timed:
            said.append(
                tr(
                    "The clocks of {cameras} are not corrected: a wrong one makes contradictions.",
                    cameras=listed(sorted(raw - guessed)),
                )
            )
        return said


class Routes:
    """Reads routes from one library."""

    def __init__(self, library: Library, search: Search) -> None:
        self._library = library
        self._search = search

    def ways(self, *, every: bool = False) -> Ways:
        """What is known of the ways between two cameras; see `known_ways`."""
        return known_ways(self._library, self._search, every=every)

    def set_limits(self, one: Camera, other: Camera, limits: WayLimits) -> None:
        """Sets what holds for a way; see `set_limits`."""
        set_limits(self._library, one, other, limits)

    def of(self, identity_id: int) -> Route:
        """The route of a person; it takes up to some seconds where transit times are not learnt.

        Raises:
            NotFoundError: there is no such person.
            LibraryError: the library cannot be read.
            ModelError: an embedder was named that has not made the library's vectors.
        """
        person = self._library.identity(identity_id)
        seen = self._seen(self._library.tracklets_of_person(identity_id))
        ways = known_ways(self._library, self._search, [each.tracklet.id for each in seen])
        dated = [each for each in seen if each.first_utc is not None]
        legs = [
            Leg(one, other, _gap_s(one, other), _way(one, other, ways))
            for one, other in pairwise(dated)
        ]
        found = [*self._two_boxes(seen), *_two_places(dated, ways), *_too_fast(dated, ways)]
        found += _too_slow(legs)
        order = {each.tracklet.id: place for place, each in enumerate(seen)}
        found.sort(key=lambda each: (order[each.other.tracklet.id], order[each.one.tracklet.id]))
        return Route(person, tuple(seen), tuple(legs), tuple(found))

    def _seen(self, tracklets: Sequence[Tracklet]) -> list[Seen]:
        videos = self._library.videos_by_id({each.video_id for each in tracklets})
        found = []
        for tracklet in tracklets:
            video = videos[tracklet.video_id]
            first, last = map(video.moment, (tracklet.first_time_s, tracklet.last_time_s))
            found.append(Seen(tracklet, video, first, last))
        return sorted(found, key=_place)

    def _two_boxes(self, seen: Sequence[Seen]) -> Iterator[Contradiction]:
        """Pairs that a frame shows at once; a span alone may hold an absence."""
        frames: dict[int, NDArray[np.int32]] = {}
        for one, other in combinations(seen, 2):
            if one.video.id == other.video.id and _meet(one.tracklet, other.tracklet):
                for each in (one.tracklet.id, other.tracklet.id):
                    if each not in frames:
                        frames[each] = self._library.trajectory(each).frame_index
                if len(np.intersect1d(frames[one.tracklet.id], frames[other.tracklet.id])):
                    gap_s = other.tracklet.first_time_s - one.tracklet.last_time_s
                    yield Contradiction(Conflict.TWO_BOXES, one, other, gap_s, None, True)


def _two_places(dated: Sequence[Seen], ways: Ways) -> Iterator[Contradiction]:
    """Pairs in two cameras at once whose views are not known to overlap."""
    going_on: list[Seen] = []
    for other in dated:
        going_on = [one for one in going_on if _gap_s(one, other) < -_CLOCK_SLACK_S]
        for one in going_on:
            way = _way(one, other, ways)
            apart = one.video.camera.id != other.video.camera.id and not (way and way.overlaps)
            if apart and _gap_s(other, one) < -_CLOCK_SLACK_S:
                yield _contradiction(Conflict.TWO_PLACES, one, other, -_together_s(one, other), way)
        going_on.append(other)


def _too_fast(dated: Sequence[Seen], ways: Ways) -> Iterator[Contradiction]:
    """Pairs with less time between than anybody took; of each camera, who left it last counts."""
    left_last: dict[int, Seen] = {}
    for other in dated:
        here = other.video.camera.id
        for camera_id, one in left_last.items():
            way, gap_s = _way(one, other, ways), _gap_s(one, other)
            limit_s = None if way is None or camera_id == here else way.limit_s
            if limit_s is not None and -_CLOCK_SLACK_S <= gap_s < limit_s - _CLOCK_SLACK_S:
                yield _contradiction(Conflict.TOO_FAST, one, other, gap_s, way)
        known = left_last.get(here)
        if known is None or _moment(known.last_utc) < _moment(other.last_utc):
            left_last[here] = other


def _too_slow(legs: Sequence[Leg]) -> Iterator[Contradiction]:
    """Legs that take longer than was set."""
    for leg in legs:
        most_s = None if leg.way is None else leg.way.limits.max_s
        if most_s is not None and leg.gap_s > most_s + _CLOCK_SLACK_S:
            yield _contradiction(Conflict.TOO_SLOW, leg.one, leg.other, leg.gap_s, leg.way)


def _contradiction(
    conflict: Conflict, one: Seen, other: Seen, gap_s: float, way: Way | None
) -> Contradiction:
    is_sure = one.clock_known and other.clock_known
    return Contradiction(conflict, one, other, gap_s, way, is_sure)


def _way(one: Seen, other: Seen, ways: Ways) -> Way | None:
    return ways.get(frozenset((one.video.camera.id, other.video.camera.id)))


def _gap_s(one: Seen, other: Seen) -> float:
    """From the end of one to the start of the other; both of known time."""
    return (_moment(other.first_utc) - _moment(one.last_utc)).total_seconds()


def _together_s(one: Seen, other: Seen) -> float:
    """For how long one is going on while the other, which begins later, is seen."""
    end = min(_moment(one.last_utc), _moment(other.last_utc))
    return (end - _moment(other.first_utc)).total_seconds()


def _moment(time_utc: datetime | None) -> datetime:
    assert time_utc is not None, "only sightings of known time are compared"
    return time_utc


def _meet(one: Tracklet, other: Tracklet) -> bool:
    return one.first_time_s <= other.last_time_s and other.first_time_s <= one.last_time_s


def _place(seen: Seen) -> tuple[float, int, float, int]:
    at_s = math.inf if seen.first_utc is None else seen.first_utc.timestamp()
    return at_s, seen.video.id, seen.tracklet.first_time_s, seen.tracklet.id
