"""Video files, decoded frame by frame with exact presentation times (PyAV)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo
from fractions import Fraction
from itertools import chain
from pathlib import Path

from av.video.frame import VideoFrame

from app.core.entities import Image, VideoInfo
from app.core.errors import TruncatedVideoError
from app.language import tr
from app.vision.containers import Traits
from app.vision.geometry import Geometry, geometry_of, pixel_aspect
from app.vision.header import Announced, announced, counted, recording_start
from app.vision.presentation import Timeline
from app.vision.reading import Reading, TimedFrame, frame_rate
from app.vision.unreadable import nothing_decodable

logger = logging.getLogger(__name__)

# A time that stands a rounding error before a frame means that frame.
TOLERANCE_S = 0.001
# Up to here, decoding from the start is as quick as a seek.
_NEAR_S = 1.0
# How far before the target to seek: the nearest key frame may not suffice (open GOP, refresh).
_SEEK_BACK_S = (0.0, 1.0, 5.0, 20.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Decoded:
    """A `DecodedFrame`; converts when asked, also after the file has been closed."""

    index: int
    time_s: float
    frame: VideoFrame
    geometry: Geometry
    pixel_aspect: Fraction

    def image(self) -> Image:
        return self.geometry.picture(self.frame, self.pixel_aspect)


class VideoFile:
    """A `FrameSource` over one file; see `open_video`. Each pass opens the file anew."""

    def __init__(
        self,
        info: VideoInfo,
        traits: Traits,
        timeline: Timeline,
        header: Announced,
        geometry: Geometry,
    ) -> None:
        """Takes what `open_video` learned from the header and the first frame."""
        self.info = info
        self.skipped_packets = 0
        """Damaged packets that the latest pass left out."""
        self._traits = traits
        self._timeline = timeline
        self._announced = header
        self._geometry = geometry
        self._rising_until: int | None = None

    def frames(self, start_s: float = 0.0, start_index: int = 0) -> Iterator[_Decoded]:
        """See `app.core.ports.FrameSource.frames`; damaged packets are passed over.

        Raises:
            TruncatedVideoError: after the last frame, if the header announces more, or the file
                breaks off.
            VideoError: the file is gone, or nothing can be decoded.
        """
        reading, timed = self._begin(start_s)
        index, end_s = start_index, None
        try:
            for index, (ticks, frame) in enumerate(timed, start_index):
                time_s = self._timeline.seconds(ticks)
                aspect = pixel_aspect(reading.stream)
                yield _Decoded(index, time_s, frame, self._geometry, aspect)
                end_s = self._timeline.seconds(self._timeline.end(ticks, frame))
        finally:
            self.skipped_packets = reading.skipped_packets
            reading.close()
        if end_s is None:
            raise nothing_decodable(self.info.path)
        if reading.skipped_packets:
            logger.info("%s: left out %d damaged packets", self.info.path, reading.skipped_packets)
        counted = index + 1 if start_s <= 0 or start_index > 0 else None
        if self._timeline.basis == "dts":  # AVI counts a picture as often as it is shown
            counted = round(end_s * self.info.fps)
        shortfall = self._shortfall(reading, end_s, counted)
        if shortfall:
            raise TruncatedVideoError(
                f"{self.info.path.name} {shortfall}.",
                tr("Copy it again from the recorder; what could be read is kept."),
            )

    def close(self) -> None:
        """Does nothing: a pass closes the file when it ends or is dropped."""

    def _begin(self, start_s: float) -> tuple[Reading, Iterator[TimedFrame]]:
        """A pass through the file and its frames from the one shown at `start_s` on."""
        path, timeline = self.info.path, self._timeline
        target = timeline.ticks(max(0.0, start_s) + TOLERANCE_S)
        if start_s > _NEAR_S and self._may_seek(target):
            last_seen = None
            for back_s in _SEEK_BACK_S:
                reading = Reading(path, timeline, self.info.view)
                timed = reading.frames_from(timeline.ticks(start_s - back_s))
                around = _around(timed, target)
                if around and around[0][0] <= target and not reading.clock_restarted:
                    # The last frame of the file is believed when two seeks agree on it.
                    if len(around) > 1 or around[0][0] == last_seen:
                        return reading, chain(around, timed)
                    last_seen = around[0][0]
                reading.close()
            logger.info("%s: cannot seek to %.3f s, reading from the start", path, start_s)
        reading = Reading(path, timeline, self.info.view)
        timed = reading.frames()
        return reading, chain(_around(timed, target), timed)

    def _may_seek(self, target: int) -> bool:
        if self._timeline.basis == "dts":
            return self._traits.counts_packets and self._timeline.delay is not None
        if self._timeline.basis == "count":
            return False
        if self._traits.is_indexed:
            return True
        return self._traits.is_joinable and self._has_one_clock(target)

    def _has_one_clock(self, target: int) -> bool:
        """Whether times only rise up to a moment, so that a seek finds the right one."""
        if self._rising_until is None or self._rising_until < target:
            reading = Reading(self.info.path, self._timeline, self.info.view)
            self._rising_until = reading.rising_until(target)
            reading.close()
        return self._rising_until >= target

    def _shortfall(self, reading: Reading, end_s: float, counted: int | None) -> str:
        """How the video is incomplete, as the rest of a sentence, or empty."""
        if reading.problem:
            return tr(
                "cannot be read beyond {end:.1f} s: {problem}",
                end=end_s,
                problem=reading.problem,
            )
        told = self._announced
        if told.binding and told.duration_s is not None:
            sound_s = reading.sound_until_s - self._timeline.first * self._timeline.time_base
            missing_s = told.duration_s - max(end_s, float(sound_s))
            if missing_s > max(0.5, 3 / self.info.fps, told.duration_s / 100):
                return tr(
                    "ends after {end:.1f} s of the {announced:.1f} s that its header announces",
                    end=end_s,
                    announced=told.duration_s,
                )
        if told.count_binding and told.frame_count and counted is not None:
            missing = told.frame_count - counted - reading.skipped_packets
            if missing > max(5, told.frame_count / 20):
                return tr(
                    "holds {count} of the {total} frames that its header announces",
                    count=counted,
                    total=told.frame_count,
                )
        return (
            tr("breaks off within a frame after {end:.1f} s", end=end_s)
            if reading.breaks_off
            else ""
        )


def open_video(
    path: Path,
    camera: str,
    zone: tzinfo,
    rate_fps: float | None = None,
    size_px: tuple[int, int] | None = None,
    view: int = 0,
) -> VideoFile:
    """Opens a video file and decodes its first frame.

    Args:
        path: any file that FFmpeg reads.
        camera: name of the viewpoint.
        zone: zone of a start time in the file's name.
        rate_fps: frames a second of a bare stream, None: as its headers say.
        size_px: width and height of the pictures, None: those of the first frame, upright and
            with square pixels.
        view: which of the file's video streams, from 0, the main one first.

    Raises:
        VideoError: the file is out of reach, no video, damaged, or nothing can be decoded.
    """
    reading = Reading(path, view=view)
    try:
        first, timeline = reading.first_frame(rate_fps)
        header = announced(reading.container, reading.stream, reading.traits, timeline)
        if timeline.basis == "count":
            header = counted(path, timeline)
        start = recording_start(path, reading.container, timeline, header.duration_s, zone)
        geometry = geometry_of(first, reading.stream)
        if size_px is not None:
            geometry = geometry.resized(size_px)
        info = VideoInfo(
            path=path,
            camera=camera,
            width_px=geometry.upright_px[0],
            height_px=geometry.upright_px[1],
            fps=float(1 / (timeline.period * timeline.time_base))
            if timeline.basis != "pts"
            else float(frame_rate(reading.stream)),
            frame_count=header.frame_count,
            duration_s=header.duration_s,
            start_utc=start.utc,
            start_source=start.source,
            start_local=start.local,
            view=view,
            views=reading.views,
        )
    finally:
        reading.close()
    return VideoFile(info, reading.traits, timeline, header, geometry)


def _around(timed: Iterator[TimedFrame], target: int) -> list[TimedFrame]:
    """The frame shown at a moment and the one that follows; either may be missing."""
    held: list[TimedFrame] = []
    for ticks, frame in timed:
        if ticks > target:
            return [*held, (ticks, frame)]
        held = [(ticks, frame)]
    return held
