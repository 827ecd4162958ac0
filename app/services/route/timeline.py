"""What a timeline shows: when each camera has footage, how many people it saw, and one person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from app.core.entities import Camera, Video, VideoStatus
from app.core.queries import Band, Hit, Query, TrackletQuery, examples, sought_tracklet
from app.services.people.catalog import CameraEntry
from app.services.people.judgement import judgement_about
from app.services.route.route import Routes
from app.storage.library import Library

DoubleArray = NDArray[np.float64]

# A video of unknown length is still to be seen.
_UNKNOWN_S = 1.0
# So many hits are shown where nothing tells likely ones.
_FIRST_HITS = 20
# Videos whose sightings are counted between two events.
_CHUNK = 300


class Reading(StrEnum):
    """How far a stretch of footage has come."""

    READ = "read"
    WAITING = "waiting"
    FAILED = "failed"
    EXCLUDED = "excluded"


_REST = {
    VideoStatus.PENDING: Reading.WAITING,
    VideoStatus.INGESTING: Reading.WAITING,
    VideoStatus.FAILED: Reading.FAILED,
    VideoStatus.EXCLUDED: Reading.EXCLUDED,
}
"""What becomes of the part of a video that is not read."""


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """A camera's footage over time, in POSIX seconds by corrected clocks.

    Attributes:
        videos: those whose time is known, by start.
        first_s: float64 (n,), when each begins, rising.
        last_s: float64 (n,), when each ends.
        stretches: float64 (m, 2) of each kind of reading: begin and end.
        undated: how many other videos the camera has.
        is_guessed: whether some of the times are only the dates of files.
    """

    camera: Camera
    videos: tuple[Video, ...]
    first_s: DoubleArray
    last_s: DoubleArray
    stretches: dict[Reading, DoubleArray]
    undated: int
    is_guessed: bool

    def at(self, time_s: float) -> tuple[Video, float] | None:
        """The video that shows a moment, and seconds into it; of several, what began last."""
        there = np.flatnonzero((self.first_s <= time_s) & (time_s <= self.last_s))
        if not len(there):
            return None
        video = self.videos[int(there[-1])]
        return video, (time_s - float(self.first_s[there[-1]])) / video.camera.clock.rate

    def between(self, first_s: float, last_s: float) -> list[Video]:
        """Videos that have a part between two moments."""
        there = np.flatnonzero((self.first_s <= last_s) & (first_s <= self.last_s))
        return [self.videos[row] for row in there.tolist()]


@dataclass(frozen=True, slots=True, eq=False)
class Density:
    """How many people a camera saw, as stretches of some seconds with at least one.

    Attributes:
        first_s: float64 (n,), POSIX seconds at which each stretch begins.
        last_s: float64 (n,), at which it ends.
        people: int64 (n,), how many sightings there are in it.
    """

    first_s: DoubleArray
    last_s: DoubleArray
    people: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Mark:
    """A sighting of the person sought, or a hit.

    Attributes:
        time_s: seconds into its video at which it begins.
        first_s: the same in POSIX seconds.
        last_s: when it ends.
        is_confirmed: whether it was confirmed; else it is undecided.
        contradictions: what does not fit to other sightings, as sentences.
    """

    tracklet_id: int
    camera_id: int
    video_id: int
    time_s: float
    first_s: float
    last_s: float
    is_confirmed: bool
    contradictions: tuple[str, ...] = ()


def lanes_of(entries: Iterable[CameraEntry]) -> tuple[Lane, ...]:
    """A lane for each camera."""
    return tuple(_lane(entry) for entry in entries)


def densities(
    library: Library, lanes: Sequence[Lane], video_ids: Collection[int], bin_s: float
) -> Iterator[dict[int, Density] | None]:
    """Job: how many people each camera saw in some videos; None while it is not done.

    Args:
        library: is asked for counts only, never for all tracklets.
        lanes: where the videos are.
        video_ids: which of them.
        bin_s: seconds of a stretch.

    Yields:
        At the end, densities by camera id.
    """
    wanted = sorted(set(video_ids))
    counted = []
    for start in range(0, len(wanted), _CHUNK):
        counted.append(library.sighting_counts(wanted[start : start + _CHUNK], bin_s))
        yield None
    begins, ends = (
        np.concatenate([np.zeros((0, 3), np.int64), *(each[side] for each in counted)])
        for side in (0, 1)
    )
    found = {}
    for lane in lanes:
        columns = [(np.zeros(0), np.zeros(0), np.zeros(0, np.int64))]
        for video, first_s in zip(lane.videos, lane.first_s.tolist(), strict=True):
            coming, going = _of_video(begins, video.id), _of_video(ends, video.id)
            if len(coming):
                columns.append(_present(coming, going, first_s, bin_s, video.camera.clock.rate))
        found[lane.camera.id] = Density(*map(np.concatenate, zip(*columns, strict=True)))
        yield None
    yield found


def marks(
    library: Library, routes: Routes, query: Query | None, hits: Sequence[Hit]
) -> Iterator[tuple[Mark, ...]]:
    """Job: the person's confirmed sightings and the hits to be decided on, whose time is known.

    Args:
        library: with the sightings.
        routes: tells contradictions.
        query: whom a search is for, or None.
        hits: its ranking. Those that are likely or unclear are shown; if that is not known, the
            first.

    Yields:
        First without contradictions, then with them.
    """
    first = None if query is None else sought_tracklet(query)
    confirmed: set[int] = set()
    identity = None
    if query is not None:
        confirmed = {
            each.tracklet_id for each in examples(query) if isinstance(each, TrackletQuery)
        }
    if first is not None:
        identity = library.identity_ids([first]).get(first)
    if identity is not None:
        confirmed |= {each.id for each in library.tracklets_of_person(identity)}
    offered = _offered(hits)
    times = library.sighting_times(confirmed | set(offered))
    judgement = None if first is None else judgement_about(library, first)
    videos = library.videos_by_id({each.video_id for each in times})
    found = []
    for each in times:
        video = videos[each.video_id]
        begin, end = video.moment(each.first_time_s), video.moment(each.last_time_s)
        said = None if judgement is None else judgement.of(each.tracklet_id, each.identity_id)
        if begin is None or end is None or said == "different":
            continue
        found.append(
            Mark(
                each.tracklet_id, video.camera.id, video.id, each.first_time_s,
                begin.timestamp(), end.timestamp(), each.tracklet_id in confirmed,
            )
        )  # fmt: skip
    found.sort(key=lambda mark: (mark.first_s, mark.tracklet_id))
    yield tuple(found)
    if identity is None:
        return
    said_of: dict[int, list[str]] = defaultdict(list)
    for contradiction in routes.of(identity).contradictions:
        for seen in (contradiction.one, contradiction.other):
            said_of[seen.tracklet.id].append(contradiction.words())
    if said_of:
        yield tuple(
            replace(mark, contradictions=tuple(said_of.get(mark.tracklet_id, ()))) for mark in found
        )


def _offered(hits: Sequence[Hit]) -> list[int]:
    if any(hit.band is not None for hit in hits):
        return [hit.tracklet_id for hit in hits if hit.band in (Band.LIKELY, Band.UNCLEAR)]
    return [hit.tracklet_id for hit in hits[:_FIRST_HITS]]


def _lane(entry: CameraEntry) -> Lane:
    dated = []
    stretches: dict[Reading, list[tuple[float, float]]] = {kind: [] for kind in Reading}
    for video in entry.videos:
        start = video.moment(0.0)
        if start is None:
            continue
        first_s, rate = start.timestamp(), video.camera.clock.rate
        length_s = video.info.duration_s or video.committed_s or _UNKNOWN_S
        rest = _REST.get(video.status)
        read_s = length_s if rest is None else min(video.committed_s, length_s)
        if read_s > 0:
            stretches[Reading.READ].append((first_s, first_s + rate * read_s))
        if rest is not None and read_s < length_s:
            stretches[rest].append((first_s + rate * read_s, first_s + rate * length_s))
        dated.append((first_s, first_s + rate * length_s, video.id, video))
    dated.sort(key=lambda each: each[:3])
    return Lane(
        entry.camera,
        tuple(each[3] for each in dated),
        np.array([each[0] for each in dated], np.float64),
        np.array([each[1] for each in dated], np.float64),
        {kind: np.array(some, np.float64).reshape(-1, 2) for kind, some in stretches.items()},
        len(entry.videos) - len(dated),
        any(not each[3].info.clock_known for each in dated),
    )


def _of_video(counts: NDArray[np.int64], video_id: int) -> NDArray[np.int64]:
    """The rows of one video."""
    first, last = np.searchsorted(counts[:, 0], [video_id, video_id + 1])
    return counts[first:last]


def _present(
    begins: NDArray[np.int64], ends: NDArray[np.int64], start_s: float, bin_s: float, rate: float
) -> tuple[DoubleArray, DoubleArray, NDArray[np.int64]]:
    """Begin, end and number of people of those stretches of a video that show somebody."""
    bins = int(ends[:, 1].max()) + 2
    people = np.zeros(bins, np.int64)
    people[begins[:, 1]] += begins[:, 2]
    people[ends[:, 1] + 1] -= ends[:, 2]
    people = np.cumsum(people)
    there = np.flatnonzero(people > 0)
    first_s = np.asarray(start_s + rate * bin_s * there, np.float64)
    return first_s, first_s + rate * bin_s, people[there]
