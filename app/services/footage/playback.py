"""What the player needs of a library: footage, and the people who stand in it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from app.core.boxes import frontmost_containing
from app.core.entities import FloatArray, Tracklet, Trajectory, Video
from app.core.errors import NotFoundError, VideoError
from app.core.ports import FrameSource
from app.language import tr
from app.services.footage.video_reader import CACHE_BYTES, VideoReader

if TYPE_CHECKING:
    from app.storage.library import Library

__all__ = ["PersonBox", "Playback", "VideoReader"]

MIN_GAP_S = 0.25
SPARSE_INTERVAL_S = 0.5
SAME_TIME_S = 0.0005
# Boxes are read from the library for a window of footage, and read anew after this time,
# because an ingest that runs adds people.
WINDOW_BEFORE_S, WINDOW_AFTER_S = 4.0, 8.0
WINDOW_AGE_S = 0.5
MOST_WINDOWS = 16


@dataclass(frozen=True, slots=True, eq=False)
class PersonBox:
    """Where a stored person is in a frame.

    Attributes:
        box: float32 (4,) xyxy in pixels of the full frame.
        identity_name: the name of the person it was confirmed to be, or None.
        interpolated: it was not detected in this frame but lies between analysed ones.
    """

    tracklet_id: int
    box: FloatArray
    identity_name: str | None
    interpolated: bool


@dataclass(frozen=True, slots=True)
class _Window:
    """People of a stretch of one video, as read from the library."""

    from_s: float
    to_s: float
    read_s: float
    max_gap_s: float
    people: list[tuple[Tracklet, Trajectory]]
    names: dict[int, str]


class Playback:
    """What the player needs of one library. Thread-safe; each of its readers belongs to one thread.

    Args:
        library: where videos and trajectories are stored.
        open_source: opens the footage of a stored video.
    """

    def __init__(self, library: Library, open_source: Callable[[Video], FrameSource]) -> None:
        self._library = library
        self._open_source = open_source
        self._windows: dict[int, _Window] = {}  # by video

    @property
    def timezone(self) -> ZoneInfo:
        """The zone in which times of this library are told."""
        return self._library.timezone

    def video(self, video_id: int) -> Video:
        """A stored video.

        Raises:
            NotFoundError: if there is none.
        """
        return self._library.video(video_id)

    def videos(self) -> list[Video]:
        """All stored videos."""
        return self._library.videos()

    def reader(self, video_id: int, cache_bytes: int = CACHE_BYTES) -> VideoReader:
        """Opens a video; the caller closes it.

        Args:
            video_id: which one.
            cache_bytes: limit of the frames that it keeps, counted as RGB.

        Raises:
            NotFoundError: if no such video is stored.
            VideoError: if its footage is missing or cannot be read.
        """
        video = self._library.video(video_id)
        try:
            return VideoReader(lambda: self._open_source(video), cache_bytes)
        except VideoError:
            if video.path.exists():
                raise
            raise VideoError(
                tr(
                    "The footage of {name} is not at {folder} any more.",
                    name=video.path.name,
                    folder=video.path.parent,
                ),
                tr(
                    "Restore the file, or tell Retrace where it is now: Library → Locate footage… "
                    "in the window, relocate on the command line."
                ),
            ) from None

    def people_at(self, video_id: int, time_s: float) -> list[PersonBox]:
        """Everyone stored who is in the frame of a time.

        Raises:
            NotFoundError: if no such video is stored.
        """
        window = self._window_around(video_id, time_s)
        found = []
        for tracklet, trajectory in window.people:
            box = trajectory.box_at(time_s, window.max_gap_s)
            if box is not None:
                nearest_s = np.abs(trajectory.time_s - time_s).min()
                name = window.names.get(tracklet.identity_id or 0)
                found.append(PersonBox(tracklet.id, box, name, bool(nearest_s > SAME_TIME_S)))
        return found

    def person_at(self, video_id: int, time_s: float, x_px: float, y_px: float) -> int | None:
        """Tracklet id of the person at a point of a frame, the smallest box if several, or None.

        Args:
            video_id: which video.
            time_s: which frame.
            x_px: horizontal position in pixels of the full frame.
            y_px: vertical position in pixels of the full frame.
        """
        people = self.people_at(video_id, time_s)
        if not people:
            return None
        found = frontmost_containing(np.stack([person.box for person in people]), x_px, y_px)
        return None if found is None else people[found].tracklet_id

    def span_of(self, tracklet_id: int, video_id: int) -> tuple[float, float] | None:
        """When somebody is first and last seen, in seconds; None if not in that video."""
        try:
            tracklet = self._library.tracklet(tracklet_id)
        except NotFoundError:
            return None
        if tracklet.video_id != video_id:
            return None
        return tracklet.first_time_s, tracklet.last_time_s

    def forget_people(self) -> None:
        """Has people read anew, after tracklets were stored or named."""
        self._windows = {}

    def _window_around(self, video_id: int, time_s: float) -> _Window:
        windows = self._windows  # one look: another thread may replace them meanwhile
        window = windows.get(video_id)
        now_s = time.monotonic()
        if (
            window is not None
            and window.from_s <= time_s <= window.to_s
            and now_s - window.read_s <= WINDOW_AGE_S
        ):
            return window
        max_gap_s = _max_gap_s(self._library.video(video_id))
        from_s, to_s = time_s - WINDOW_BEFORE_S, time_s + WINDOW_AFTER_S
        # A tracklet that ended just before the window may still reach into it.
        people = self._library.trajectories_between(video_id, from_s - max_gap_s, to_s + max_gap_s)
        names = {identity.id: identity.name for identity in self._library.identities()}
        window = _Window(from_s, to_s, now_s, max_gap_s, people, names)
        if len(windows) >= MOST_WINDOWS:
            self._windows = windows = {}
        windows[video_id] = window
        return window


def _max_gap_s(video: Video) -> float:
    """Across which time without a box a person is still taken to be there."""
    info = video.info
    if (
        info.frame_count
        and info.duration_s
        and info.duration_s >= info.frame_count * SPARSE_INTERVAL_S
    ):
        return MIN_GAP_S  # less than the distance of two frames: each shows its own boxes only
    return max(MIN_GAP_S, 2.5 / video.analysed_fps) if video.analysed_fps else MIN_GAP_S
