"""What a video file says of itself before it is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from app.core.entities import StartSource
from app.core.name_reading import start_from_name
from app.vision.presentation import Timeline

# Containers whose header says how long the video is; elsewhere the length is an estimate.
_ANNOUNCING = frozenset({"mov", "matroska", "flv", "asf", "mxf", "avi", "nut"})
# Recorders without a clock write the epoch of their format: 1904, 1970, 1980.
_EARLIEST_YEAR = 2000


@dataclass(frozen=True, slots=True)
class Announced:
    """How much footage there is according to the file.

    Attributes:
        duration_s: seconds from the first frame to the end, or None.
        frame_count: or None.
        binding: `duration_s` is from the header, so that less than it means that some is missing.
        count_binding: the same of `frame_count`.
    """

    duration_s: float | None
    frame_count: int | None
    binding: bool
    count_binding: bool


def announced(
    container: InputContainer, stream: VideoStream, formats: frozenset[str], timeline: Timeline
) -> Announced:
    """Reads how long the video is.

    Args:
        container: the opened file.
        stream: its pictures.
        formats: FFmpeg's names of the container.
        timeline: where the first decoded frame lies.
    """
    ends: list[Fraction] = []  # seconds on the container's clock
    first_s = timeline.first * timeline.time_base
    if stream.duration and stream.time_base:
        ends.append(first_s + stream.duration * stream.time_base)
    if container.duration:
        start = container.start_time or 0
        ends.append(Fraction(start + container.duration, av.time_base))
    tagged_s = _seconds(stream.metadata.get("DURATION", ""))
    if tagged_s:
        ends.append(Fraction(tagged_s))
    # The longer one may count what an edit list hides, or sound that goes on.
    duration_s = float(min(ends) - first_s) if ends else 0.0
    binding = bool(formats & _ANNOUNCING)
    return Announced(
        duration_s=duration_s if duration_s > 0 else None,
        frame_count=stream.frames or None,
        binding=binding,
        # MP4 counts the frames that an edit list hides, too.
        count_binding=binding and "mov" not in formats,
    )


def recording_start(
    path: Path, container: InputContainer, duration_s: float | None, zone: ZoneInfo
) -> tuple[datetime | None, StartSource]:
    """When the recording began, in UTC: by its name, its metadata, or the file's time."""
    named = start_from_name(path.as_posix(), zone)
    if named is not None:
        return named, StartSource.FILE_NAME
    written = _creation_time(container)
    if written is not None:
        return written, StartSource.CONTAINER
    try:
        changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        # A file is last changed when its recording ends.
        return changed - timedelta(seconds=duration_s or 0.0), StartSource.FILE_TIME
    except (OSError, OverflowError, ValueError):  # gone, or a header of a million years
        return None, StartSource.UNKNOWN


def _creation_time(container: InputContainer) -> datetime | None:
    tags = [container.metadata, *(stream.metadata for stream in container.streams.video)]
    for key in ("com.apple.quicktime.creationdate", "creation_time"):
        for tag in tags:
            try:
                moment = datetime.fromisoformat(tag.get(key, ""))
            except ValueError:
                continue
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            latest = datetime.now(UTC) + timedelta(days=1)
            if moment.year >= _EARLIEST_YEAR and moment <= latest:
                return moment.astimezone(UTC)
    return None


def _seconds(text: str) -> float | None:
    """Reads Matroska's ``00:00:15.000000000``."""
    try:
        hours, minutes, seconds = text.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return None
