"""What a user says of cameras: their names, which videos are theirs, how their clocks go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.core.camera_clock import DAY_S, CameraClock, Mark, solve_clock
from app.core.clock import parse_zone
from app.core.entities import Camera, Video
from app.core.errors import UsageError
from app.language import tr
from app.services.footage.stored_footage import check_moment
from app.services.search.search import Search
from app.storage.library import Library

# Recorders whose battery is empty begin in 1970.
_LARGEST_OFFSET_S = 100 * 365.25 * DAY_S


@dataclass(frozen=True, slots=True)
class MarkedEvent:
    """One event, as two videos show it.

    Attributes:
        video_id: of the camera whose clock is to be corrected.
        time_s: when it is seen there.
        other_id: a video of a camera whose clock is believed.
        other_time_s: when it is seen there.
    """

    video_id: int
    time_s: float
    other_id: int
    other_time_s: float


@dataclass(frozen=True, slots=True)
class SolvedClock:
    """What marks tell of a clock.

    Attributes:
        uncertainty_s: half a frame of both cameras, and what the marks disagree by.
        events: how many there were.
    """

    clock: CameraClock
    uncertainty_s: float
    events: int

    def words(self) -> str:
        """How sure it is; a single event agrees with itself whatever was marked."""
        if self.events == 1:
            return tr(
                "Found within {within_s:.2f} s if the event was marked right: mark another one to "
                "check it.",
                within_s=self.uncertainty_s,
            )
        return tr(
            "Found within {within_s:.2f} s from {count} events.",
            within_s=self.uncertainty_s,
            count=self.events,
        )


class Cameras:
    """Names and clocks of one library's cameras. Nothing is analysed again for them.

    Args:
        library: whose cameras.
        search: told of what has changed.
    """

    def __init__(self, library: Library, search: Search) -> None:
        self._library = library
        self._search = search

    def set_clock(self, camera: Camera, clock: CameraClock) -> None:
        """Corrects a camera's times: everything shown, filtered and exported follows.

        Raises:
            UsageError: the clock's zone does not exist.
        """
        self._note_clock(camera, clock)
        self._search.reset()

    def solve(self, camera: Camera, events: Sequence[MarkedEvent]) -> SolvedClock:
        """The clock of a camera by events that another camera saw as well.

        Args:
            camera: whose clock is to be corrected; its zone is kept.
            events: at least one.

        Raises:
            UsageError: a video belongs to the wrong camera, its time of day is not known, or it has
                no such moment.
            NotFoundError: there is no such video.
        """
        marks, frame_s = [], 0.0
        for event in events:
            own, other = self._library.video(event.video_id), self._library.video(event.other_id)
            if own.camera.id != camera.id or other.camera.id == camera.id:
                raise UsageError(
                    tr(
                        "A mark needs a video of {camera} and one of another camera; "
                        "{own} is of {own_camera}, {other} of {other_camera}.",
                        camera=camera.name,
                        own=own.path.name,
                        own_camera=own.camera.name,
                        other=other.path.name,
                        other_camera=other.camera.name,
                    ),
                    tr("Name the video of {camera} first.", camera=camera.name),
                )
            check_moment(own, event.time_s)
            check_moment(other, event.other_time_s)
            raw, true = own.raw_moment(event.time_s), other.moment(event.other_time_s)
            if raw is None or true is None:
                unknown = own if raw is None else other
                raise UsageError(
                    tr("The time of day of {name} is not known.", name=unknown.path.name),
                    tr("Mark the event in a video with a known start."),
                )
            marks.append(Mark(raw, true))
            frame_s = max(frame_s, _frame_s(own) + _frame_s(other))
        clock = solve_clock(marks, camera.clock.zone)
        misfit_s = max(
            abs((clock.corrected(mark.raw_utc) - mark.true_utc).total_seconds()) for mark in marks
        )
        return SolvedClock(clock, frame_s / 2 + misfit_s, len(events))

    def rename(self, camera: Camera, name: str) -> None:
        """Gives a camera another name; footage that names the old one belongs to it, too.

        Raises:
            UsageError: the name is empty, or another camera's.
        """
        self._note_name(camera, name)
        self._search.reset()

    def change(self, camera: Camera, name: str, clock: CameraClock) -> None:
        """Name and clock in one go, or neither.

        Raises:
            UsageError: the name is empty or another camera's, or the zone does not exist.
        """
        with self._library.transaction():
            self._note_clock(camera, clock)
            if name.strip() != camera.name:
                self._note_name(camera, name)
        # Not before it is stored: a search would learn what was.
        self._search.reset()

    def merge(self, cameras: Sequence[Camera], into: Camera) -> None:
        """Makes several cameras one: `into`, with its name and clock."""
        with self._library.transaction():
            for camera in cameras:
                if camera.id != into.id:
                    self._library.merge_cameras(camera.id, into.id)
        self._search.reset()

    def split(self, camera: Camera, videos: Sequence[Video], name: str) -> None:
        """Gives some of a camera's videos to a new camera, which keeps its clock.

        Raises:
            UsageError: the name is empty or another camera's, or the videos are none or all.
        """
        name = name.strip()
        self._check_new(name, besides=None)
        own = {video.id for video in self._library.videos() if video.camera.id == camera.id}
        moved = [video.id for video in videos]
        if not moved or not own > set(moved):
            raise UsageError(
                tr(
                    "{count} of the {total} videos of {camera} cannot be split off.",
                    count=len(moved),
                    total=len(own),
                    camera=camera.name,
                ),
                tr("Name some of its videos, but not all; to change its name, rename it."),
            )
        self._library.split_camera(moved, name)
        self._search.reset()

    def _note_clock(self, camera: Camera, clock: CameraClock) -> None:
        if clock.zone:
            parse_zone(clock.zone)
        self._library.set_clock(camera.id, clock)

    def _note_name(self, camera: Camera, name: str) -> None:
        name = name.strip()
        self._check_new(name, besides=camera)
        self._library.rename_camera(camera.id, name)

    def _check_new(self, name: str, besides: Camera | None) -> None:
        if not name:
            raise UsageError(tr("A camera needs a name."))
        for other in self._library.cameras():
            is_same = besides is not None and other.id == besides.id
            if other.name.casefold() == name.casefold() and not is_same:
                raise UsageError(
                    tr('There is already a camera "{name}".', name=other.name),
                    tr("Choose another name, or merge the two."),
                )


def changed(
    clock: CameraClock,
    zone: str | None = None,
    offset_s: float | None = None,
    drift_s_per_day: float | None = None,
    videos: Sequence[Video] = (),
) -> CameraClock:
    """A clock with what a user typed; None keeps a value.

    Args:
        clock: as it was.
        zone: an IANA name or offset; empty: the library's.
        offset_s: to be added to the recorder's time.
        drift_s_per_day: to be added for each day after the first of `videos`.
        videos: of the camera.

    Raises:
        UsageError: an offset of more than a hundred years, a drift of more than half a day a day,
            or a drift without a video whose time of day is known.
    """
    if zone is not None:
        clock = replace(clock, zone=zone)
    if not abs(offset_s or 0.0) <= _LARGEST_OFFSET_S:  # NaN is not, either
        raise UsageError(
            tr("An offset cannot be more than 100 years."), tr("Check it: 200 means seconds.")
        )
    if not abs(drift_s_per_day or 0.0) <= DAY_S / 2:
        raise UsageError(
            tr("A drift cannot be more than 12 hours per day."), tr("Give it in seconds a day.")
        )
    if offset_s is not None:
        clock = replace(clock, offset_s=offset_s)
    if drift_s_per_day is not None:
        infos = [video.info for video in videos]
        starts = [
            clock.raw(info.start_utc, info.start_local)
            for info in infos
            if info.start_utc is not None
        ]
        reference = min(starts, default=None) if drift_s_per_day else None
        clock = replace(clock, drift_s_per_day=drift_s_per_day, reference_utc=reference)
        if drift_s_per_day and reference is None:
            raise UsageError(tr("A drift needs a video whose time of day is known."))
    return clock


def _frame_s(video: Video) -> float:
    return 1 / video.info.fps if video.info.fps > 0 else 0.0
