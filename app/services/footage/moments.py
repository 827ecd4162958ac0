"""Which footage shows a moment, camera by camera."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core.entities import Camera, Video


@dataclass(frozen=True, slots=True)
class View:
    """What a camera recorded at a moment.

    Attributes:
        video: the footage that shows it; None if there is none.
        time_s: the moment, in seconds after the video's first frame.
        next_utc: where there is none, when the camera's next footage begins, if there is any.
    """

    camera: Camera
    video: Video | None = None
    time_s: float = 0.0
    next_utc: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Stretch:
    start_utc: datetime
    end_utc: datetime
    video: Video


class Moments:
    """The footage of a library in the order of time, by the corrected clocks of its cameras.

    Args:
        videos: all of them; those whose time of day or length is unknown are never found.
    """

    def __init__(self, videos: Iterable[Video]) -> None:
        self._cameras: dict[int, Camera] = {}
        self._stretches: dict[int, list[_Stretch]] = {}
        for video in videos:
            self._cameras[video.camera.id] = video.camera
            stretches = self._stretches.setdefault(video.camera.id, [])
            start, length_s = video.moment(0.0), video.info.duration_s or video.committed_s
            if start is not None and length_s:
                end = video.moment(length_s) or start
                stretches.append(_Stretch(start, end, video))
        for stretches in self._stretches.values():
            stretches.sort(key=lambda each: (each.start_utc, each.video.id))
        self._longest = max(
            (each.end_utc - each.start_utc for some in self._stretches.values() for each in some),
            default=timedelta(),
        )

    def views(self, moment: datetime, *, besides: int) -> list[View]:
        """What all cameras but one recorded at a moment, in the order of their names.

        Args:
            moment: aware.
            besides: id of the camera that is left out.
        """
        cameras = sorted(self._cameras.values(), key=lambda camera: camera.name)
        return [self._view(camera, moment) for camera in cameras if camera.id != besides]

    def _view(self, camera: Camera, moment: datetime) -> View:
        stretches = self._stretches[camera.id]
        following = bisect_right(stretches, moment, key=lambda each: each.start_utc)
        # Recordings may overlap: the one that began last and still runs is the one to see.
        for stretch in reversed(stretches[:following]):
            if moment <= stretch.end_utc:
                return View(camera, stretch.video, _time_in(stretch.video, moment))
            if moment - stretch.start_utc > self._longest:
                break
        later = stretches[following].start_utc if following < len(stretches) else None
        return View(camera, next_utc=later)


def _time_in(video: Video, moment: datetime) -> float:
    """Seconds after a video's first frame at which its camera's corrected clock says a time."""
    start, later = video.moment(0.0), video.moment(1.0)
    assert start is not None
    assert later is not None
    # A clock that drifts is linear in time.
    return max(0.0, (moment - start) / (later - start))
